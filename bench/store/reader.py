"""Reads a run folder back. Damage is never read over: it is an error with file and line, except the torn last line that a crash leaves."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from bench.errors import RunFolderError
from bench.records.annotation import Annotation
from bench.records.estimate import Summary
from bench.records.grade import Grade, PairGrade
from bench.records.judging import Interrogation, JudgeRecord
from bench.records.machine import ClientHealth
from bench.records.plan import Plan
from bench.records.run import Manifest
from bench.records.sample import Sample
from bench.records.selftest import SelfTest
from bench.records.serving import ModelStatus
from bench.records.telemetry import TelemetryLine
from bench.store.layout import RunLayout, by_number
from bench.store.plan_lines import PlanHeader, PlanLine, plan_from_lines

Record = TypeVar("Record", bound=msgspec.Struct)
Note = Callable[[str], None]
# An answer of a few million characters with all its stamps stays far below this; a longer line is damage, and is not read into memory.
_LINE_BYTES = 1 << 27


def quiet(_text: str) -> None:
    """Take a note and drop it."""


def read_lines(path: Path, kind: type[Record], note: Note = quiet) -> Iterator[Record]:
    """The records of one file, in order. A torn last line (one without its newline) is told to `note` and skipped.

    Raises: RunFolderError with the line's number for any other line that is no `kind`.
    """
    decoder = msgspec.json.Decoder(kind)
    for number, line in raw_lines(path, note):
        yield _decode(decoder, kind, path, number, line)


def raw_lines(path: Path, note: Note) -> Iterator[tuple[int, bytes]]:
    """The whole lines of a file, with their numbers and newlines; a torn last line is told to `note` and skipped.

    Raises: RunFolderError when the file cannot be read, or a line is longer than any record.
    """
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(_LINE_BYTES):
                number += 1
                if not line.endswith(b"\n"):
                    if len(line) == _LINE_BYTES:
                        raise _damaged(path, number, "record", f"longer than {_LINE_BYTES} bytes")
                    note(f"{path}:{number}: the last line is torn and was skipped; what it said counts as not done")
                    return
                yield number, line
    except OSError as error:
        raise RunFolderError(f"cannot read {path}: {error.strerror or error}", hint="check that this is a run folder and may be read") from error


def _decode(decoder: msgspec.json.Decoder[Record], kind: type[Record], path: Path, number: int, line: bytes) -> Record:
    try:
        return decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _damaged(path, number, kind.__name__, str(error)) from error


def decode_line(decoder: msgspec.json.Decoder[Record], kind: type[msgspec.Struct], where: tuple[Path, int], line: bytes) -> Record:
    """The record in a line that begins at an offset of a file.

    Raises: RunFolderError with the line's number when it is no `kind`.
    """
    try:
        return decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        path, offset = where
        with path.open("rb") as file:
            number = 1 + sum(file.read(min(1 << 20, offset - start)).count(b"\n") for start in range(0, offset, 1 << 20))
        raise _damaged(path, number, kind.__name__.strip("_"), str(error)) from error


def read_manifest(layout: RunLayout) -> Manifest:
    """What the run is.

    Raises: RunFolderError when the folder is no run or the file is damaged.
    """
    return _read_whole(layout.manifest, Manifest)


def read_summary(layout: RunLayout) -> Summary:
    """What was inferred when the run was last summarised.

    Raises: RunFolderError when it was not, or the file is damaged.
    """
    return _read_whole(layout.summary, Summary)


def read_selftest(layout: RunLayout) -> SelfTest | None:
    """How wrong the client is on the machine of this run; None where that was not measured.

    Raises: RunFolderError when the file is damaged.
    """
    return _read_whole(layout.selftest, SelfTest) if layout.selftest.exists() else None


def read_plan(layout: RunLayout) -> Plan:
    """All planned trials.

    Raises: RunFolderError when the plan is damaged or not whole (it appears at once, so nothing of it may be torn).
    """
    path = layout.plan
    raw = raw_lines(path, quiet)  # a cut shows in the number of trials
    _, first = next(raw, (1, b""))
    header = _decode(msgspec.json.Decoder(PlanHeader), PlanHeader, path, 1, first)
    decoder = msgspec.json.Decoder(PlanLine)
    return plan_from_lines(header, (_decode(decoder, PlanLine, path, number, line) for number, line in raw))


def read_samples(layout: RunLayout, note: Note = quiet) -> Iterator[Sample]:
    """All samples, session by session in the order they were written."""
    return _read_folder(layout.samples, Sample, note)


def read_health(layout: RunLayout, note: Note = quiet) -> Iterator[ClientHealth]:
    """How the measuring process kept up, block by block."""
    return _read_folder(layout.telemetry, ClientHealth, note)


def read_machine(layout: RunLayout, note: Note = quiet) -> dict[str, tuple[TelemetryLine, ...]]:
    """What each session read of the machine, by the name of its worker.

    Raises: RunFolderError with the line's number for a line that is no `TelemetryLine`.
    """
    decoder = msgspec.json.Decoder(TelemetryLine)
    found: dict[str, tuple[TelemetryLine, ...]] = {}
    for path in sorted(layout.machine.glob("*.jsonl"), key=by_number):
        lines = []
        for number, line in raw_lines(path, note):
            try:
                lines.append(decoder.decode(line))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise _damaged(path, number, "TelemetryLine", str(error)) from error
        found[path.stem] = tuple(lines)
    return found


def read_grades(layout: RunLayout, note: Note = quiet) -> Iterator[Grade]:
    """All grades, grader by grader."""
    return _read_folder(layout.grades, Grade, note)


def read_pairs(layout: RunLayout, note: Note = quiet) -> Iterator[PairGrade]:
    """All comparisons of two answers, grader by grader."""
    return _read_folder(layout.pairs, PairGrade, note)


def read_judges(layout: RunLayout) -> tuple[JudgeRecord, ...]:
    """The judges that graded the run, or tried to, in the order of their names.

    Raises: RunFolderError when a record is damaged.
    """
    return tuple(_read_whole(path, JudgeRecord) for path in sorted(layout.judging.glob("*/judge.json")))


def read_judge(layout: RunLayout, grader_id: str) -> JudgeRecord | None:
    """The record of one grader; None when it has not tried.

    Raises: RunFolderError when it is damaged.
    """
    path = layout.judge_of(grader_id)
    return _read_whole(path, JudgeRecord) if path.exists() else None


def read_questions(layout: RunLayout, grader_id: str, note: Note = quiet) -> Iterator[Interrogation]:
    """What a judge was asked, answer by answer; of an answer that was judged again the last line holds."""
    path = layout.questions_of(grader_id)
    return read_lines(path, Interrogation, note) if path.exists() else iter(())


def read_annotations(layout: RunLayout, note: Note = quiet) -> Iterator[Annotation]:
    """What people said, annotator by annotator."""
    return _read_folder(layout.annotations, Annotation, note)


def read_statuses(layout: RunLayout, note: Note = quiet) -> tuple[ModelStatus, ...]:
    """What became of each model in each variant: its last line. In the order of their first lines; empty before any was served."""
    last: dict[tuple[str, str], ModelStatus] = {}
    if layout.models.exists():
        for status in read_lines(layout.models, ModelStatus, note):
            last[status.model_id, status.variant_id] = status
    return tuple(last.values())


def _read_folder(folder: Path, kind: type[Record], note: Note) -> Iterator[Record]:
    for path in sorted(folder.glob("*.jsonl"), key=by_number):
        yield from read_lines(path, kind, note)


def _read_whole(path: Path, kind: type[Record]) -> Record:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError as error:
        raise RunFolderError(f"{path.parent} is no run folder: it has no {path.name}", hint="give the folder that holds run.json") from error
    except OSError as error:
        raise RunFolderError(f"cannot read {path}: {error.strerror or error}", hint="check its permissions") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RunFolderError(f"{path} is no {kind.__name__}: {error}", hint=_RESTORE) from error


_RESTORE = "the file was changed or the disk lost data: restore it from a copy, or start a new run"


def _damaged(path: Path, number: int, kind: str, why: str) -> RunFolderError:
    return RunFolderError(f"{path}:{number}: this line is no {kind}: {why}", hint=_RESTORE)
