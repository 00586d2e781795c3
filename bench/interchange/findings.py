"""What becomes of a foreign file's values: each finding points at the line it speaks of."""

from collections.abc import Iterator
from typing import Any

import msgspec

from bench.records.source import Diagnostic
from bench.spec.diagnostics import visible
from bench.spec.marked import Marked, Path

LEFT_OUT = "not-carried-over"
DIFFERS = "carried-over-differently"
SECRET = "inline-secret"  # noqa: S105 - the code of a finding: renderers hide the rest of its line
_LENGTH = 300  # characters of a message: it quotes what a stranger wrote


class Spot(msgspec.Struct, frozen=True):
    """A value in a foreign file, and where it stands."""

    tree: Marked
    path: Path = ()

    @property
    def value(self) -> Any:
        """The value itself; None when there is none."""
        return self.tree.get(self.path)

    @property
    def line(self) -> int:
        """The line it stands in; 0 when that is unknown."""
        mark = self.tree.mark(self.path)
        return 0 if mark is None else (mark.key or mark.value)[0]

    def at(self, *steps: str | int) -> "Spot":
        """What stands below it, whether it exists or not."""
        return Spot(self.tree, (*self.path, *steps))

    def entries(self) -> Iterator[tuple[str, "Spot"]]:
        """The entries of a mapping; none when it is none."""
        if isinstance(self.value, dict):
            yield from ((key, self.at(key)) for key in self.value)

    def items(self) -> "Iterator[Spot]":
        """The items of a list; the value alone when it is no list, nothing when it is missing."""
        if isinstance(self.value, list):
            yield from (self.at(index) for index in range(len(self.value)))
        elif self.value is not None:
            yield self


class Findings:
    """Collects what is not carried over, and what comes to mean something a little different. The same is said once."""

    def __init__(self) -> None:
        """Start with nothing found."""
        self._found: dict[tuple[Any, ...], Diagnostic] = {}
        self._differences: set[str] = set()

    @property
    def all(self) -> tuple[Diagnostic, ...]:
        """Every finding, in the order it was made."""
        return tuple(self._found.values())

    def left_out(self, spot: Spot, what: str, hint: str | None = None, *, code: str = LEFT_OUT) -> str:
        """A value has no counterpart. Returns the line for a comment in the spec."""
        return self._add(spot, Diagnostic(code=code, severity="warning", message=what, hint=hint))

    def differs(self, spot: Spot, what: str, hint: str | None = None) -> str:
        """A value is carried over and means something a little different; each difference is said at its first place only."""
        if what in self._differences:
            return ""
        self._differences.add(what)
        return self._add(spot, Diagnostic(code=DIFFERS, severity="note", message=what, hint=hint))

    def _add(self, spot: Spot, given: Diagnostic) -> str:
        key_stands = bool(spot.path) and isinstance(spot.path[-1], str)
        what = _short(given.message)
        found = spot.tree.diagnose(spot.path, given.code, what, hint=given.hint, severity=given.severity, at="key" if key_stands else "value")
        self._found.setdefault((found.position, found.pointer, found.code, found.message), found)
        file = found.position.file if found.position is not None else ""
        return visible(f"{file}, line {spot.line}: {what}" if file else what)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LENGTH else line[: _LENGTH - 1] + "…"


def quoted(value: Any, limit: int = 40) -> str:
    """A stranger's word inside a message: one line, bounded."""
    line = " ".join(str(value).split())
    return f"`{line if len(line) <= limit else line[: limit - 1] + '…'}`"
