"""Names of extensions to the extensions themselves, loaded only when asked for.

Built-ins come from `catalog.py`; third parties register entry points in the group `bench.<door>`. A spec can only name what is registered here,
never a dotted path.
"""

import importlib
from collections.abc import Mapping
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from bench.errors import MissingExtension


class Registry:
    """All doors. A built-in wins over an entry point of the same name."""

    def __init__(self, catalog: Mapping[str, Mapping[str, str]]) -> None:
        """Start with the built-ins: door -> name -> "module:attribute"."""
        self._catalog = catalog
        self._external: dict[str, dict[str, EntryPoint]] = {}

    def _entry_points(self, door: str) -> dict[str, EntryPoint]:
        if door not in self._external:
            self._external[door] = {point.name: point for point in entry_points(group=f"bench.{door}")}
        return self._external[door]

    def names(self, door: str) -> tuple[str, ...]:
        """All registered names of a door, sorted."""
        return tuple(sorted({*self._catalog[door], *self._entry_points(door)}))

    def load(self, door: str, name: str) -> Any:
        """The extension registered under this name.

        Raises: MissingExtension when the name is unknown (with a near miss), or its module needs a package that is not installed.
        """
        target = self._catalog[door].get(name)
        try:
            if target is not None:
                module, _, attribute = target.partition(":")
                return getattr(importlib.import_module(module), attribute)
            if (point := self._entry_points(door).get(name)) is not None:
                return point.load()
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
