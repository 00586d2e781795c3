"""The exception tree and the exit codes.

    BenchError (70)
    ├── UsageError (2)              the command line is wrong
    ├── SpecError (2)               the spec is wrong; carries every diagnostic
    ├── MissingExtension (4)        an extra or an extension is not installed
    │   └── ExtensionBroke (4)      a third party's extension raised, hung, or gave what its contract does not know
    ├── RunFolderError (5)          locked, damaged, or of another plan
    ├── NotComparable (7)           two runs that cannot be compared
    ├── SourceAbsent (3)            telemetry that this machine does not have; an error only where the spec demands it
    └── ServingError (3)            a model cannot be served; inside a run it becomes a ModelStatus

Codes that are outcomes of a run, not exceptions, stand in `Exit`.
"""

from enum import IntEnum

from bench.records.serving import ModelState
from bench.records.source import Diagnostic, SourceFile


class Exit(IntEnum):
    """Exit codes. When several apply, `worst` picks the one that the architecture puts first."""

    OK = 0
    GATE_FAILED = 1
    USAGE = 2
    NOTHING_MEASURED = 3
    MISSING_EXTENSION = 4
    RUN_FOLDER = 5
    STOP_RULE = 6
    NOT_COMPARABLE = 7
    JUDGE_UNUSABLE = 8
    GATE_UNDECIDED = 9
    MODEL_FAILED = 10
    BUG = 70
    INTERRUPTED = 130


_ORDER = (
    Exit.BUG, Exit.INTERRUPTED, Exit.USAGE, Exit.MISSING_EXTENSION, Exit.RUN_FOLDER, Exit.NOT_COMPARABLE, Exit.NOTHING_MEASURED,
    Exit.STOP_RULE, Exit.MODEL_FAILED, Exit.JUDGE_UNUSABLE, Exit.GATE_FAILED, Exit.GATE_UNDECIDED, Exit.OK,
)  # fmt: skip


def worst(*codes: Exit) -> Exit:
    """The code that comes first in the architecture's order (§6); OK when none is given."""
    return min(codes, key=_ORDER.index, default=Exit.OK)


class BenchError(Exception):
    """An expected end with a message for people. `hint` says what to do next."""

    code = Exit.BUG

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        """Keep message and hint apart, so that the console can set them apart."""
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(BenchError):
    """The command line is wrong."""

    code = Exit.USAGE


class SpecError(BenchError):
    """The spec is wrong. Holds every finding at once, and the files they point into."""

    code = Exit.USAGE

    def __init__(self, diagnostics: tuple[Diagnostic, ...], sources: tuple[SourceFile, ...]) -> None:
        """Keep the findings for a renderer."""
        errors = sum(found.severity == "error" for found in diagnostics)
        super().__init__(f"{errors} error{'s' * (errors != 1)} in the spec")
        self.diagnostics = diagnostics
        self.sources = sources


class MissingExtension(BenchError):
    """An extra or an extension is not installed; `hint` holds the install line."""

    code = Exit.MISSING_EXTENSION


class ExtensionBroke(MissingExtension):
    """A third party's extension raised, hung, or gave what its contract does not know. The message names it and its package."""

    def __init__(self, message: str, *, hint: str | None = None, is_overdue: bool = False) -> None:
        """`is_overdue`: it was given up because it did not return."""
        super().__init__(message, hint=hint)
        self.is_overdue = is_overdue


class RunFolderError(BenchError):
    """A run folder is locked, damaged, or belongs to another plan."""

    code = Exit.RUN_FOLDER


class NotComparable(BenchError):
    """Two runs cannot be compared."""

    code = Exit.NOT_COMPARABLE


class SourceAbsent(BenchError):
    """A telemetry source has nothing to read on this machine. An error only where the spec demands it (`gpu: on`, `energy: on`)."""

    code = Exit.NOTHING_MEASURED


class ServingError(BenchError):
    """A model cannot be served. `state` is the `ModelStatus.state` that it becomes inside a run."""

    code = Exit.NOTHING_MEASURED

    def __init__(self, message: str, *, hint: str | None = None, state: ModelState = "failed") -> None:
        """Add the state that this becomes."""
        super().__init__(message, hint=hint)
        self.state = state
