"""Where a value stands in a text a person wrote, and what is wrong with it."""

from typing import Literal

import msgspec

Severity = Literal["error", "warning", "note"]


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """A place in a file. Lines and columns count from 1; columns count characters, not bytes."""

    file: str
    line: int
    column: int


class Diagnostic(msgspec.Struct, frozen=True, kw_only=True):
    """One finding about a spec: what, where, and what to do next.

    `pointer` is the JSON pointer (RFC 6901) of the value inside its file; `code` is stable, lower-case and hyphenated.
    """

    code: str
    severity: Severity
    message: str
    position: Position | None = None
    pointer: str = ""
    hint: str | None = None


class SourceFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that a spec is made of: its path relative to the spec's folder (posix form) and its bytes as given.

    `shown` is the path as people see it, from where the program was started; empty: the same as `path`.
    """

    path: str
    content: bytes
    shown: str = ""

    @property
    def text(self) -> str:
        """The content as text; undecodable bytes are shown as replacement characters."""
        return self.content.decode("utf-8-sig", errors="replace")
