"""Names of extensions to the extensions themselves, loaded only when asked for.

Built-ins come from `catalog.py`; third parties register entry points in the group `bench.<door>`. A spec can only name what is registered here,
never a dotted path. Third-party code is first met here, and this is where its exceptions end: they become a `MissingExtension` with its name.
"""

import importlib
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bench.errors import MissingExtension

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


class Registry:
    """All doors. A built-in wins over an entry point of the same name."""

    def __init__(self, catalog: Mapping[str, Mapping[str, str]]) -> None:
        """Start with the built-ins: door -> name -> "module:attribute"."""
        self._catalog = catalog
        self._names: dict[str, tuple[str, ...]] = {}

    @cached_property
    def _external(self) -> dict[str, dict[str, "EntryPoint"]]:
        """Door -> name -> entry point, from one look through the installed packages."""
        from importlib.metadata import entry_points  # noqa: PLC0415 - 20 ms that a spec of built-ins never needs

        points = entry_points()
        return {door: {point.name: point for point in points.select(group=f"bench.{door}")} for door in self._catalog}

    def has(self, door: str, name: str) -> bool:
        """Whether this name is registered; looks at installed packages only when it is no built-in."""
        return name in self._catalog[door] or (bool(name) and name in self._external.get(door, {}))

    def names(self, door: str) -> tuple[str, ...]:
        """All registered names of a door, sorted."""
        if door not in self._names:
            self._names[door] = tuple(sorted({*self._catalog[door], *self._external.get(door, {})}))
        return self._names[door]

    def load(self, door: str, name: str) -> Any:
        """The extension registered under this name.

        Raises: MissingExtension when the name is unknown (with a near miss), when its module needs a package that is not installed, or when a
        third party's module breaks.
        """
        target = self._catalog[door].get(name)
        try:
            if target is not None:
                module, _, attribute = target.partition(":")
                return getattr(importlib.import_module(module), attribute)
            if (point := self._external.get(door, {}).get(name)) is not None:
                return _third_party(point)
        except ModuleNotFoundError as error:
            message = f"{door} {name!r} needs the Python package {error.name!r}, which is not installed"
            raise MissingExtension(message, hint=f"install the extra or package that provides {error.name!r}") from error
        near = get_close_matches(name, self.names(door), n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"registered: {', '.join(self.names(door))}"
        raise MissingExtension(f"no {door} is registered as {name!r}", hint=hint)

    def problem(self, door: str, name: str, argument: Any) -> str | None:
        """What is wrong with this argument for this extension, in words; None when it can be made with it."""
        try:
            self.load(door, name)(argument)
        except ValueError as error:
            return str(error)
        return None


def _third_party(point: "EntryPoint") -> Any:
    try:
        return point.load()
    except ModuleNotFoundError:
        raise
    except Exception as error:  # the guard around third-party code
        package = point.dist.name if point.dist else "an unknown package"
        message = f"{point.group} {point.name!r} of {package} cannot be loaded: {type(error).__name__}: {error}"
        raise MissingExtension(message, hint=f"ask the makers of {package}, or remove it") from error
