"""Names of extensions to the extensions themselves, loaded only when asked for.

Built-ins come from `catalog.py`; third parties register entry points in the group `bench.<door>`. A spec can only name what is registered here,
never a dotted path. Third-party code is first met here, and is never called but through its guard (`bench/extensions/`).
"""

import importlib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from bench.errors import ExtensionBroke, MissingExtension

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from bench.extensions.guard import Origin, Trouble, Troubles

_GROUP = "bench."


class Installed(NamedTuple):
    """An extension that an installed package registers, and whether it can be used. `why`: what is in the way."""

    door: str
    name: str
    package: str
    version: str
    state: Literal["loads", "broken", "hidden", "ambiguous", "unknown door"]
    why: str = ""


class Registry:
    """All doors. A built-in wins over an entry point of the same name; of two packages with the same name neither does."""

    def __init__(self, catalog: Mapping[str, Mapping[str, str]]) -> None:
        """Start with the built-ins: door -> name -> "module:attribute"."""
        self._catalog = catalog
        self._names: dict[str, tuple[str, ...]] = {}
        self._used: dict[str, str] = {}

    @cached_property
    def _external(self) -> dict[str, dict[str, list["EntryPoint"]]]:
        """Door -> name -> entry points, from one look through the installed packages."""
        from importlib.metadata import entry_points  # noqa: PLC0415 - 20 ms that a spec of built-ins never needs

        points = entry_points()
        found: dict[str, dict[str, list[EntryPoint]]] = {}
        for group in sorted(group for group in points.groups if group.startswith(_GROUP)):
            names = found[group.removeprefix(_GROUP)] = {}
            for point in points.select(group=group):
                names.setdefault(point.name, []).append(point)
        return found

    @cached_property
    def _troubles(self) -> "Troubles":
        from bench.extensions.guard import Troubles  # noqa: PLC0415 - only third parties' code is guarded

        return Troubles()

    def has(self, door: str, name: str) -> bool:
        """Whether this name is registered; looks at installed packages only when it is no built-in."""
        return name in self._catalog[door] or (bool(name) and name in self._external.get(door, {}))

    def names(self, door: str) -> tuple[str, ...]:
        """All registered names of a door, sorted."""
        if door not in self._names:
            self._names[door] = tuple(sorted({*self._catalog[door], *self._external.get(door, {})}))
        return self._names[door]

    def is_built_in(self, door: str, name: str) -> bool:
        """Whether it is bench's own."""
        return name in self._catalog[door]

    def load(self, door: str, name: str) -> Any:
        """The extension registered under this name: a built-in itself, a third party's behind its guard, made with the same arguments.

        Raises: MissingExtension when the name is unknown (with a near miss), when its module needs a package that is not installed, or when two
        packages register it; ExtensionBroke when a third party's module breaks.
        """
        target = self._catalog[door].get(name)
        if target is not None:
            module, _, attribute = target.partition(":")
            with _missing_packages(door, name):
                return getattr(importlib.import_module(module), attribute)
        if points := self._external.get(door, {}).get(name):
            return self._guarded(door, name, points)
        near = get_close_matches(name, self.names(door), n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"registered: {', '.join(self.names(door))}"
        raise MissingExtension(f"no {door} is registered as {name!r}", hint=hint)

    def every(self, door: str) -> dict[str, Any]:
        """One of each of a door whose extensions are made without arguments; third parties' that break are left out, and told of as a trouble."""
        found = {}
        for name in self.names(door):
            try:
                found[name] = self.load(door, name)()
            except MissingExtension as error:
                if self.is_built_in(door, name):
                    raise
                if not isinstance(error, ExtensionBroke):
                    self._tell(door, name, error)
        return found

    def problem(self, door: str, name: str, argument: Any) -> str | None:
        """What is wrong with this argument for this extension, in words; None when it can be made with it."""
        try:
            self.load(door, name)(argument)
        except ValueError as error:
            return str(error)
        return None

    def used(self) -> dict[str, str]:
        """The packages of third parties that were loaded, with their versions."""
        return dict(self._used)

    def troubles(self, *doors: str) -> "tuple[Trouble, ...]":
        """What has gone wrong with third parties' extensions of these doors (or of all) since this was last asked."""
        return self._troubles.take(doors) if "_troubles" in self.__dict__ else ()

    def installed(self) -> Iterator[Installed]:
        """Every extension of third parties, each tried."""
        for door, names in sorted(self._external.items()):
            for name, points in sorted(names.items()):
                for point in points:
                    yield self._tried(door, name, point, points)

    def _tried(self, door: str, name: str, point: "EntryPoint", points: "list[EntryPoint]") -> Installed:
        package, version = _package(point)
        whose = Installed(door, name, package, version, "loads")
        if door not in self._catalog:
            return whose._replace(state="unknown door", why=f"there is no door {door!r}; doors: {', '.join(self._catalog)}")
        if name in self._catalog[door]:
            return whose._replace(state="hidden", why="bench has one of this name itself, and uses that")
        if len(points) > 1:
            others = ", ".join(sorted({" ".join(_package(each)) for each in points if each is not point}))
            return whose._replace(state="ambiguous", why=f"{others} registers this name, too, so neither is used")
        try:
            self.load(door, name)
        except MissingExtension as error:
            return whose._replace(state="broken", why=error.message)
        return whose

    def _guarded(self, door: str, name: str, points: "list[EntryPoint]") -> Any:
        from bench.extensions.doors import behind_guard, imported  # noqa: PLC0415 - only third parties' code is guarded

        if len(points) > 1:
            owners = sorted(" ".join(_package(point)) for point in points)
            raise MissingExtension(f"{door} {name!r} is registered by several packages: {', '.join(owners)}", hint="uninstall all but one of them")
        (point,) = points
        origin = self._origin(door, name, point)
        with _missing_packages(door, name, origin.package, point.module):
            kind = imported(origin, point.load)
        self._used[origin.package] = origin.version
        return behind_guard(origin, kind)

    def _origin(self, door: str, name: str, point: "EntryPoint") -> "Origin":
        from bench.extensions.guard import Origin  # noqa: PLC0415 - only third parties' code is guarded

        package, version = _package(point)
        return Origin(door=door, name=name, package=package, version=version, troubles=self._troubles)

    def _tell(self, door: str, name: str, error: MissingExtension) -> None:
        from bench.extensions.guard import Trouble  # noqa: PLC0415 - only third parties' code is guarded

        self._troubles.add(Trouble(door=door, name=name, message=error.message, trace=""))


class _missing_packages:  # noqa: N801 - reads as a word
    """Turns a module that is not installed into a `MissingExtension`."""

    def __init__(self, door: str, name: str, package: str = "", module: str = "") -> None:
        self._label = f"{door} {name!r}{f' of {package}' if package else ''}"
        self._package, self._module = package, module

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, ModuleNotFoundError):
            if self._module and f"{self._module}.".startswith(f"{error.name}."):  # the module that the entry point names, or a package around it
                message = f"{self._label} is registered as the module {self._module!r}, which is not there"
                raise MissingExtension(message, hint=f"the entry point of {self._package} is wrong: tell its makers, or do without it") from error
            message = f"{self._label} needs the Python package {error.name!r}, which is not installed"
            raise MissingExtension(message, hint=f"install the extra or package that provides {error.name!r}") from error


def _package(point: "EntryPoint") -> tuple[str, str]:
    return (point.dist.name, point.dist.version) if point.dist else ("an unknown package", "")
