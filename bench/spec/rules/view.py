"""Looking at data that may be malformed: only what has the right shape is seen, the schema says the rest."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from bench.spec.marked import Marked, Path

if TYPE_CHECKING:  # only a type, and its page imports every record
    from bench.protocols import Extensions

Entry = tuple[Path, dict[str, Any]]


class View:
    """A spec's data as the rules see it."""

    def __init__(self, tree: Marked, extensions: "Extensions") -> None:
        """Look at this tree, with these names registered."""
        self.tree = tree
        self.data: dict[str, Any] = tree.data
        self.extensions = extensions

    def entries(self, *path: str | int) -> Iterator[Entry]:
        """The mappings in a list or mapping, with their paths."""
        holder = self.tree.get(path)
        pairs = holder.items() if isinstance(holder, dict) else enumerate(holder) if isinstance(holder, list) else ()
        yield from (((*path, key), item) for key, item in pairs if isinstance(item, dict))

    def section(self, *path: str | int) -> dict[str, Any]:
        """The mapping at a path, empty when there is none."""
        found = self.tree.get(path)
        return found if isinstance(found, dict) else {}

    @property
    def models(self) -> list[Entry]:
        """The models, where they are a list."""
        return list(self.entries("models")) if isinstance(self.data.get("models"), list) else []

    @property
    def prompts(self) -> list[Entry]:
        """The prompts, without includes that failed."""
        if not isinstance(self.data.get("prompts"), list):
            return []
        return [(path, prompt) for path, prompt in self.entries("prompts") if "include" not in prompt]

    @property
    def has_all_prompts(self) -> bool:
        """Whether every include could be read."""
        given = self.data.get("prompts")
        return isinstance(given, list) and all(isinstance(item, dict) and "include" not in item for item in given)

    def names(self, key: str) -> set[str]:
        """The names of a mapping, or the ids of a list."""
        holder = self.data.get(key)
        if isinstance(holder, dict):
            return {str(name) for name in holder}
        return {item["id"] for _, item in self.entries(key) if isinstance(item.get("id"), str)}


def text(entry: Mapping[str, Any], key: str) -> str:
    """The text at a key, empty when it is not one."""
    found = entry.get(key)
    return found if isinstance(found, str) else ""


def texts(entry: Mapping[str, Any], key: str) -> list[tuple[int, str]]:
    """The texts of a list at a key, with their indices."""
    found = entry.get(key)
    return [(index, item) for index, item in enumerate(found) if isinstance(item, str)] if isinstance(found, list) else []


def whole(entry: Mapping[str, Any], key: str, otherwise: int) -> int:
    """The whole number at a key, else the default."""
    found = entry.get(key)
    return found if isinstance(found, int) and not isinstance(found, bool) else otherwise
