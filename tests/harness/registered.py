"""What is registered, as the spec stage sees it: the built-in names, and checks and cost models whose complaints never change."""

from bench.catalog import CATALOG


class Registered:
    """Names of the catalogue; an argument is wrong when it is `wrong` or a mapping with `wrong` in it."""

    def has(self, door, name):
        return name in CATALOG[door]

    def names(self, door):
        return tuple(sorted(CATALOG[door]))

    def problem(self, _door, _name, argument):
        return "this argument makes no sense" if argument == "wrong" or (isinstance(argument, dict) and "wrong" in argument) else None
