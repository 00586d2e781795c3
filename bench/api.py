"""The public Python API: `bench.run`, `bench.load` and `bench.validate`, as the package's own names. Described in docs/python.md.

Nothing here writes to the terminal. It works in a notebook, too: where an event loop runs already, the run has a thread of its own.
"""

import asyncio
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from bench.catalog import REGISTRY
from bench.clock import Clock
from bench.errors import Exit, SpecError, UsageError
from bench.execute.progress import BlockStarted, Event, SeatDied, Stopped, TrialDone
from bench.interrupts import ask_all
from bench.outcome import Reason
from bench.pipeline import Ended, Means, RunOptions, conclude, regrade
from bench.pipeline import run as run_spec
from bench.plan.select import Choice
from bench.records.compare import RunComparison
from bench.records.estimate import Summary
from bench.records.exchange import Completion
from bench.records.gate import GateResult
from bench.records.grade import Grade
from bench.records.run import Manifest
from bench.records.sample import Sample
from bench.records.selection import SelectionResult
from bench.records.source import Diagnostic
from bench.serving.cache import default_folder
from bench.session import Asked, Resuming
from bench.spec.load import load_spec
from bench.store.layout import RunLayout, find_run
from bench.store.pending import is_deciding
from bench.store.reader import read_grades, read_manifest, read_plan, read_samples, read_summary
from bench.troubles import told

__all__ = ["Run", "load", "run", "validate"]

Result = TypeVar("Result")
Row = dict[str, Any]
_LOOK_S = 0.1  # between two looks for a Ctrl-C while another thread works


class Run:
    """A run's folder, read. Rows are plain dictionaries, one per line of a table: `pandas.DataFrame(run.estimates())`."""

    def __init__(self, layout: RunLayout, *, code: Exit | None = None, reasons: Sequence[Reason] = ()) -> None:
        """Made by `bench.run` and `bench.load`."""
        self._layout = layout
        self.code = code  # of `bench.run`; None where the run was only loaded
        self.reasons = tuple(reasons)

    def __repr__(self) -> str:
        """What it is, on one line."""
        return f"<bench run {self.manifest.run_id} of {self.manifest.spec_name}: {self.manifest.status}>"

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self._layout.folder

    @property
    def manifest(self) -> Manifest:
        """What the run is: its spec, machine, packages and sessions. Raises: RunFolderError."""
        return read_manifest(self._layout)

    @property
    def summary(self) -> Summary:
        """Everything a report shows, as one record; summarised now where that was never done. Raises: RunFolderError."""
        if not self._layout.summary.exists():
            self.report()
        return read_summary(self._layout)

    @property
    def gates(self) -> tuple[GateResult, ...]:
        """Each gate of each model, with its outcome and the reason."""
        return self.summary.gates

    @property
    def selection(self) -> SelectionResult | None:
        """The decision, where the spec asks for one."""
        return self.summary.selection

    def models(self) -> list[Row]:
        """A row for each model and variant: its state, how many trials were answered, how they came, what serving took."""
        statuses = {(each.model_id, each.variant_id): msgspec.to_builtins(each) for each in self.summary.models}
        rows = []
        for counts in self.summary.counts:
            status = statuses.get((counts.model_id, counts.variant_id), {})
            endpoint = status.pop("endpoint", None) or {}
            rows.append({**status, **endpoint, **{name: value for name, value in msgspec.to_builtins(counts).items() if name != "failures"}})
        return rows

    def estimates(self, *metrics: str) -> list[Row]:
        """A row for each figure with its interval, of these metrics or of all; `model_id`, `prompt_id` and so on say what it is about."""
        wanted = [each for each in self.summary.estimates if not metrics or each.metric in metrics]
        return [_flat(each, "group") for each in wanted]

    def comparisons(self) -> list[Row]:
        """A row for each two models and metric: the difference, its interval and the verdict on the first."""
        return [_flat(each, "a", "b") for each in self.summary.comparisons]

    def costs(self) -> list[Row]:
        """A row for each amount, with its formula; where `grader_id` is not None, it is what a judge's work cost, and `model_id` is the judge."""
        of_models = [{**msgspec.to_builtins(each), "grader_id": None} for each in self.summary.costs]
        return [*of_models, *({**msgspec.to_builtins(each.cost), "grader_id": each.grader_id} for each in self.summary.judge_costs)]

    def samples(self) -> Iterator[Sample]:
        """Every attempt as it was recorded, one at a time: a long run has a million."""
        return read_samples(self._layout)

    def grades(self) -> Iterator[Grade]:
        """Every grade of an answer, one at a time."""
        return read_grades(self._layout)

    def answers(self) -> Iterator[Row]:
        """A row for each measured trial that is decided: what was asked of whom, the answer or the failure, and its times in seconds."""
        trials = {trial.id: trial for block in read_plan(self._layout).blocks for trial in block.trials if not trial.is_warmup}
        for sample in self.samples():
            trial = trials.get(sample.trial_id)
            if trial is None or not is_deciding(sample):
                continue
            outcome, timing = sample.outcome, sample.timing
            is_answer = isinstance(outcome, Completion)
            yield {
                "trial_id": trial.id, "model_id": trial.model_id, "variant_id": trial.variant_id, "prompt_id": trial.prompt_id, "round": trial.round,
                "text": outcome.text if isinstance(outcome, Completion) else None,
                "failure": None if isinstance(outcome, Completion) else outcome.kind,
                "message": None if isinstance(outcome, Completion) else outcome.message,
                "ttft_s": timing.first_token_s - timing.scheduled_s if is_answer and timing.first_token_s is not None else None,
                "latency_s": timing.finished_s - timing.scheduled_s if is_answer else None,
                "prompt_tokens": outcome.usage.prompt_tokens if isinstance(outcome, Completion) else None,
                "completion_tokens": outcome.usage.completion_tokens if isinstance(outcome, Completion) else None,
                "transport": sample.transport,
            }  # fmt: skip

    @property
    def reports(self) -> dict[str, Path]:
        """The rendered reports that lie in the folder, by their file names."""
        return {path.name: path for path in sorted(self.folder.glob("report.*"))}

    def report(self, *formats: str) -> tuple[Path, ...]:
        """Summarise and render again, in these formats or in the spec's; the files written. Nothing is measured.

        Raises: RunFolderError, SpecError, MissingExtension.
        """

        def work() -> tuple[Path, ...]:
            regrade(self._layout, REGISTRY)
            _, written = conclude(self._layout, REGISTRY, formats=formats or None)
            told(self._layout, REGISTRY, _nothing)
            return written

        return _apart(work)

    def compare(self, base: "Run | str | Path", *, metrics: Sequence[str] = (), across_machines: bool = False) -> RunComparison:
        """What this run does otherwise than `base`: another run, or a baseline's file.

        Raises: NotComparable, RunFolderError, UsageError.
        """

        def work() -> RunComparison:
            from bench.compare.compare import Asked as Question  # noqa: PLC0415 - brings numpy
            from bench.comparing import against, found_side  # noqa: PLC0415

            which = str(base.folder if isinstance(base, Run) else base)
            first, second = (found_side(each, self.folder.parent, REGISTRY, tuple(metrics)) for each in (which, str(self.folder)))
            return against(first, second, Question(metrics=tuple(metrics), across_machines=across_machines))

        return _apart(work)


def load(which: str | Path = "latest", *, runs: str | Path = "runs") -> Run:
    """A run that was made before: by its folder, its id, a spec's name, or the latest.

    Raises: RunFolderError when there is none.
    """
    return Run(RunLayout(find_run(Path(runs), str(which))))


def run(  # noqa: PLR0913 - the options of `bench run`, each by its name
    spec: str | Path,
    *,
    overrides: Mapping[str, Any] | None = None,
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
    quick: bool = False,
    runs: str | Path = "runs",
    resume: bool | str = False,
    retry_failed: bool = False,
    allow_commands: bool = False,
    offline: bool = False,
    workers: int = 1,
    selftest: bool | None = None,
    environ: Mapping[str, str] | None = None,
    progress: Callable[[str], None] | None = None,
) -> Run:
    """Run a spec's file, as `bench run` does with the options of the same names; the run, with `code` and `reasons`.

    `overrides`: dotted paths and their values (`{"rounds": 1}`, as `--set rounds=1`). `resume`: True for the latest run of the spec, or which one.
    `progress` is told what happens, in words; it may be called from another thread.

    Raises: BenchError (SpecError, UsageError, RunFolderError, MissingExtension); a gate that fails or a model that is absent is none: see `code`.
    """
    if isinstance(spec, str | Path) and not Path(spec).is_file():
        raise UsageError(f"there is no file {spec}", hint="give the path of a spec")
    words = tuple(f"{path}={json.dumps(value)}" for path, value in (overrides or {}).items())
    known = os.environ if environ is None else environ
    loaded = load_spec(Path(spec), extensions=REGISTRY, environ=known, overrides=words)
    resuming = Resuming(which="latest" if resume is True else str(resume), retry_failed=retry_failed) if resume else None
    choice = Choice() if resuming is not None else Choice(only=tuple(only), skip=tuple(skip), quick=quick)
    options = RunOptions(
        asked=Asked(command=("bench.run", str(spec)), choice=choice, overrides=words),
        runs=Path(runs),
        cache_folder=default_folder(known),
        environ=known,
        resume=resuming,
        allow_commands=allow_commands,
        workers=workers,
        offline=offline,
        selftest=selftest,
    )
    ended: Ended = _apart(
        lambda: run_spec(Means(loaded=loaded, options=options, registry=REGISTRY, progress=_Told(progress or _nothing), clock=Clock()))
    )
    return Run(RunLayout(ended.folder), code=ended.code, reasons=ended.reasons)


def validate(spec: str | Path, *, overrides: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None) -> tuple[Diagnostic, ...]:
    """Everything that is to be said of a spec, errors and warnings, each with its place; nothing when it is fine. Nothing is opened or run."""
    words = tuple(f"{path}={json.dumps(value)}" for path, value in (overrides or {}).items())
    try:
        return load_spec(Path(spec), extensions=REGISTRY, environ=os.environ if environ is None else environ, overrides=words).warnings
    except SpecError as error:
        return error.diagnostics


def _flat(record: msgspec.Struct, *holders: str) -> Row:
    """A record as a row: what it holds inside stands beside the rest; of several holders with their name before it."""
    row: Row = msgspec.to_builtins(record)
    for holder in holders:
        inside = row.pop(holder, None) or {}
        row.update({name if len(holders) == 1 else f"{holder}_{name}": value for name, value in inside.items()})
    return row


def _apart(work: Callable[[], Result]) -> Result:
    """The result of work that has event loops of its own: in a thread where one runs already. Ctrl-C then asks it for a clean end."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return work()
    with ThreadPoolExecutor(1, "bench-run") as threads:
        working = threads.submit(work)
        while True:
            try:
                return working.result(_LOOK_S)
            except TimeoutError:
                if working.done():
                    raise
            except KeyboardInterrupt:
                if working.done() or not ask_all():
                    raise


def _nothing(_words: str) -> None:
    """Tell nobody."""


class _Told:
    """Tells a callable what happens, in words."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._n = self._of = 0

    def notify(self, event: Event) -> None:
        match event:
            case BlockStarted():
                self._n, self._of = 0, len(event.block.trials)
            case TrialDone():
                self._n += 1
                if self._n == self._of or self._n % max(1, self._of // 10) == 0:
                    self._tell(f"{event.trial.model_id}: {self._n} of {self._of}")
            case SeatDied():
                self._tell(f"{event.model_id}: its server died: {event.reason}")
            case Stopped():
                self._tell(f"stopped: {event.message}")

    def transferred(self, what: str, done: int, total: int | None) -> None:
        if total is not None and done == total:
            self._tell(f"{what}: fetched, {total / 1e6:.0f} MB")

    def status(self, status: Any) -> None:
        self._tell(f"{status.model_id} [{status.variant_id}]: {status.state}{f': {status.reason}' if status.reason else ''}")

    def judged(self, what: str, done: int, of: int) -> None:
        if done == of:
            self._tell(f"{what}: {done} of {of}")

    def note(self, text: str) -> None:
        self._tell(text)
