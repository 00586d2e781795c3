"""The process's own streams. A reader may leave (`| head`, `| grep -q`): the command goes on, and its exit code is its own."""

import io
import os
import sys
from pathlib import Path
from typing import Any

_WINDOWS_GONE = 22  # EINVAL: what Windows says of a pipe that nobody reads any more


class _Forgiving(io.FileIO):
    """A pipe or file to write to. What nobody will read any more goes nowhere; where it cannot be written, that is told once."""

    def write(self, data: Any, /) -> int:
        """As its parent's. Raises: UsageError for a full disk and the like."""
        try:
            return super().write(data)
        except OSError as error:
            self._forget()
            if not isinstance(error, BrokenPipeError) and (sys.platform != "win32" or error.errno != _WINDOWS_GONE):
                from bench.errors import UsageError  # noqa: PLC0415 - `bench --help` stays free of records

                name = "standard error" if self.fileno() == 2 else "standard output"
                raise UsageError(f"{name} cannot be written: {error.strerror}", hint="make room where it goes, or let it go elsewhere") from error
        return len(data)

    def _forget(self) -> None:
        """Let what comes go nowhere: Python writes what is left once more when it ends."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)


def settle() -> None:
    """Make the process's own streams bear a reader that leaves, or none at all, and a name that the terminal's encoding cannot show."""
    if sys.stdin is None:
        sys.stdin = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115 - as below
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed before the start (`>&-`): what is opened next would take its number
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - for as long as the process lives
            continue
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
        # What a test or an embedding program has put in their place stays; a terminal has no reader that could leave.
        if stream is not getattr(sys, f"__{name}__") or not isinstance(stream, io.TextIOWrapper) or stream.isatty():
            continue
        stream.flush()
        raw: io.RawIOBase = _Forgiving(stream.fileno(), "wb", closefd=False)
        settled = io.TextIOWrapper(
            io.BufferedWriter(raw),
            encoding=stream.encoding,
            errors="backslashreplace",
            line_buffering=stream.line_buffering,
            write_through=stream.write_through,
        )
        setattr(sys, name, settled)
