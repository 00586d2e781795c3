"""The program: text -> Spec -> Plan -> samples -> grades -> summary -> reports, one stage after the other.

Every arrow is also a file in the run folder, so each half can be run alone: `run` measures and concludes, `conclude` only reads and renders.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import msgspec

from bench import session
from bench.blocks import Measuring, measure_all
from bench.clock import Clock
from bench.errors import Exit, worst
from bench.execute.progress import Progress
from bench.execute.stop import StopRules
from bench.grading import graded_by, labels_of, look_ahead, scoring
from bench.interrupts import Interrupts
from bench.judge.grade import Checks
from bench.lean import lean
from bench.meter import Meter
from bench.outcome import Reason, outcome
from bench.protocols import ServingContext
from bench.records.judging import JudgeRecord, JudgeWork
from bench.records.plan import Plan
from bench.records.sample import Said
from bench.records.serving import ModelStatus
from bench.records.spec import Spec
from bench.records.view import View
from bench.registry import Registry
from bench.report.answers import MOST_PROMPTS
from bench.reports import render
from bench.session import Asked, Opened, Resuming
from bench.spec.load import LoadedSpec, load_spec
from bench.store.create import write_json
from bench.store.decided import Decided
from bench.store.layout import RunLayout, find_run
from bench.store.lock import RunLock
from bench.store.reader import read_health, read_judges, read_manifest, read_pairs, read_plan, read_samples, read_selftest, read_statuses
from bench.store.writer import encode, write_whole
from bench.troubles import told, try_load, with_troubles
from bench.watching import Watch, watching
from bench.workers import check


class Shown(Progress, Protocol):
    """Progress of the engine's events and of transfers."""

    def transferred(self, what: str, done: int, total: int | None) -> None:
        """So many bytes of a download have come; may be called from any thread."""

    def status(self, status: ModelStatus) -> None:
        """A model has come up, or has not, or has ended."""

    def judged(self, what: str, done: int, of: int) -> None:
        """So many of a judge's answers, or probes, are done."""

    def note(self, text: str) -> None:
        """Something about the run that its user should know."""


class RunOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What `bench run` was asked to do. `resume` None starts a new run."""

    asked: Asked
    runs: Path
    cache_folder: Path
    environ: Mapping[str, str]
    resume: Resuming | None = None
    allow_commands: bool = False
    workers: int = 1
    offline: bool = False
    selftest: bool | None = None  # None: where it costs little, see `calibrate`


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How a run ended: its exit code with every reason, its view and where it lies."""

    code: Exit
    reasons: tuple[Reason, ...]
    view: View
    folder: Path


def _tell_nobody(_folder: Path) -> None:
    """The default of `Means.on_folder`."""


class Means(msgspec.Struct, frozen=True, kw_only=True):
    """What a run works with, from its first stage to its last. `on_folder` is told the run's folder as soon as there is one.

    `weights_beside`: the folder from which `file:` weights are named, where that is not the spec's as it was loaded.
    """

    loaded: LoadedSpec
    options: RunOptions
    registry: Registry
    progress: Shown
    clock: Clock
    on_folder: Callable[[Path], None] = _tell_nobody
    weights_beside: Path | None = None


def run(means: Means) -> Ended:
    """Measure a spec, or what is left of it, and conclude.

    Raises: BenchError with its exit code; whatever was measured before is in the run folder.
    """
    _look_ahead(means)
    with ExitStack() as held:
        opened = _open(means, held)
        means.on_folder(opened.layout.folder)
        for note in opened.notes:
            means.progress.note(note)
        ended_by = None if opened.is_settled else _session(means, opened)
        view, _ = conclude(opened.layout, means.registry, plan=opened.plan)
        broken = told(opened.layout, means.registry, means.progress.note)
    code, reasons = outcome(means.loaded.spec, view.summary, ended_by)
    code, reasons = worst(code, *(reason.code for reason in broken)), (*broken, *reasons)
    return Ended(code=code, reasons=reasons, view=view, folder=opened.layout.folder)


def _look_ahead(means: Means) -> None:
    """Load every extension that only the end of a run needs: what is missing is told now, not after hours.

    Raises: MissingExtension.
    """
    spec = means.loaded.spec
    check(means.options.workers, spec, means.registry)
    means.registry.load("provider", spec.client)
    for name in spec.report.formats:
        means.registry.load("report", name)
    for declared in (spec.cost, *(model.cost for model in (*spec.models, *spec.judges))):
        if declared is not None:
            means.registry.load("cost", declared.model)
    try_load(spec, means.registry)
    look_ahead(spec, means.loaded.folder, means.registry)


def _open(means: Means, held: ExitStack) -> Opened:
    """The run's folder, new or to be continued, its lock in `held`."""
    loaded, options = means.loaded, means.options
    if options.resume is None:
        return session.start(loaded, options.asked, options.runs, means.clock, held)
    layout = RunLayout(find_run(options.runs, options.resume.which, spec_name=loaded.spec.name))
    lock = held.enter_context(RunLock(layout.folder))
    if lock.note is not None:
        means.progress.note(lock.note)
    return session.resume(loaded, layout, options.asked, means.clock, options.resume)


def _session(means: Means, opened: Opened) -> str | None:
    """Measure what is left and grade it; returns what ended the session before its time, or None. However it ends, the manifest says so."""
    layout, spec = opened.layout, means.loaded.spec
    started_s = means.clock.now_s()
    meter = Meter(spec, opened.rest, means.registry)
    try:
        with (
            watching(spec, means.registry, opened, means.clock) as watch,
            Interrupts(stop := StopRules(spec.limits, means.clock, cost_so_far=meter.total)) as interrupts,
        ):
            measure_all(_measuring(means, layout, watch), opened, meter, (stop, interrupts))
            if stop.reason is None and (found := _calibrate(means, layout, means.clock.now_s() - started_s)):
                means.progress.note(found)
            graded = graded_by(layout, means.registry, spec)
            grade(layout, graded, opened.plan, means.registry)
            if graded.judge is not None:
                judge(means, graded, (layout, opened.plan), (stop, interrupts, meter))
        ended_by = stop.reason
    except BaseException as error:
        session.break_off(opened, error, means.clock)
        raise
    session.close(opened, ended_by=ended_by, has_answers=any(sample.is_final for sample in read_samples(layout)), clock=means.clock)
    return ended_by


def _measuring(means: Means, layout: RunLayout, watch: Watch) -> Measuring:
    return Measuring(
        spec=means.loaded.spec,
        registry=means.registry,
        context=_context(means, layout),
        progress=means.progress,
        on_status=means.progress.status,
        clock=means.clock,
        watch=watch,
        workers=means.options.workers,
    )


def _calibrate(means: Means, layout: RunLayout, measured_s: float) -> str | None:
    """Say how wrong the client is; what the user should know of it, if anything."""
    with lean():
        from bench.selftest import Calibrating, calibrate  # noqa: PLC0415 - brings numpy; see `conclude`

    spec, options = means.loaded.spec, means.options
    means_of_it = Calibrating(spec=spec, provider=means.registry.load("provider", spec.client), cache=options.cache_folder, wanted=options.selftest)
    return calibrate(means_of_it, layout, measured_s)


def _context(means: Means, layout: RunLayout) -> ServingContext:
    options = means.options
    return ServingContext(
        spec_folder=means.weights_beside or means.loaded.folder,
        log_folder=layout.logs,
        cache_folder=options.cache_folder,
        environ=options.environ,
        uses_proxies=means.loaded.spec.client == "openai-sdk",
        native=means.loaded.spec.client == "wire",
        offline=options.offline,
        allow_commands=options.allow_commands,
        progress=means.progress.transferred,
    )


def grade(layout: RunLayout, spec: Spec, plan: Plan, registry: Registry) -> None:
    """Grade every decided trial by its prompt's checks: `grades/checks.jsonl`, written anew from the samples, so that it can be repeated."""
    checks = Checks(spec.prompts, registry.load)

    def grades() -> Iterator[bytes]:
        for stretch in Decided(layout, plan).stretches(Said) if checks else ():
            for kind, sample in zip(map(stretch.kinds.__getitem__, stretch.of), stretch.samples, strict=True):
                made = None if kind.is_warmup else checks.grade(kind.prompt_id, sample.trial_id, sample.outcome)
                if made is not None:
                    yield encode(made) + b"\n"

    write_whole(layout.grades_of("checks"), grades())


def judge(means: Means, spec: Spec, run_of: tuple[RunLayout, Plan], ends: tuple[StopRules, Interrupts, Meter]) -> JudgeRecord | None:
    """Have a run's answers graded by the judge that the spec names; its record, None where it came to none.

    Raises: BenchError when that spec makes no sense, RunFolderError when a line cannot be written.
    """
    from bench.judges import entry_of  # noqa: PLC0415 - as below
    from bench.judging import Judging, judge_run  # noqa: PLC0415 - brings the SDK, which takes a second

    (layout, plan), (stop, interrupts, meter) = run_of, ends

    def spent(work: JudgeWork) -> None:
        meter.judged(entry_of(spec, work.judge_id), work)
        stop.check_cost()

    return judge_run(
        Judging(
            spec=spec,
            plan=plan,
            layout=layout,
            folder=layout.judging if layout.judging_spec.exists() else means.loaded.folder,
            registry=means.registry,
            context=_context(means, layout),
            stop=stop,
            interrupts=interrupts,
            clock=means.clock,
            told=means.progress.judged,
            note=means.progress.note,
            spent=spent,
        )
    )


def regrade(layout: RunLayout, registry: Registry) -> None:
    """Grade a run whose last session ended before it could; the grades of a finished run stay as they are.

    Raises: RunFolderError when the folder is damaged, SpecError when its spec is no longer one.
    """
    if read_manifest(layout).status != "finished" or not layout.grades_of("checks").exists():
        spec = load_spec(layout.resolved, extensions=registry, environ={}).spec
        grade(layout, graded_by(layout, registry, spec), read_plan(layout), registry)


def conclude(
    layout: RunLayout, registry: Registry, *, plan: Plan | None = None, formats: Sequence[str] | None = None, template: Path | None = None
) -> tuple[View, tuple[Path, ...]]:
    """Summarise a run from its lines and render its reports: the same lines give the same bytes. Returns the view and the files written.

    `plan`: the folder's, where it has been read before.

    Raises: RunFolderError when the folder is damaged, SpecError when its spec is no longer one, BenchError when a template is wrong.
    """
    with lean():  # loaded only now: numpy and scipy take half of the time before the first request, and memory beside it
        from bench.calibrating import calibrate, grade_by_annotations  # noqa: PLC0415
        from bench.gating import gated  # noqa: PLC0415
        from bench.pricing import used  # noqa: PLC0415
        from bench.report.view import build_view  # noqa: PLC0415
        from bench.selecting import selected  # noqa: PLC0415
        from bench.summarize.pairwise import with_preferences  # noqa: PLC0415
        from bench.summarize.reading import first_answers, read_run  # noqa: PLC0415
        from bench.summarize.summary import summarize  # noqa: PLC0415

    manifest, plan = read_manifest(layout), plan or read_plan(layout)
    loaded = load_spec(layout.resolved, extensions=registry, environ={})
    spec = graded_by(layout, registry, loaded.spec)
    statuses = read_statuses(layout)
    metrics = registry.every("metric")
    grade_by_annotations(layout, spec, plan, labels_of(layout, spec))
    decided = Decided(layout, plan, scoring=scoring(layout, spec))
    seen = read_run(spec, decided, metrics)
    summary = summarize(
        manifest=manifest,
        spec=spec,
        plan=plan,
        statuses=statuses,
        seen=seen,
        health=tuple(read_health(layout)),
        metrics=metrics,
        costs=(spent := used((layout, plan, registry), spec, statuses, seen)).costs,
        selftest=read_selftest(layout),
        strangers=decided.strangers,
        judges=read_judges(layout),
    )
    calibration = calibrate(layout, spec, decided.observations(), labels_of(layout, spec))
    summary = with_preferences(msgspec.structs.replace(spent.told(summary), calibration=calibration), read_pairs(layout), plan, spec.seed)
    summary = gated(layout, registry, manifest, spec, summary)
    summary = msgspec.structs.replace(summary, selection=selected(spec, summary, seen.rows, metrics))
    summary = with_troubles(layout, registry, summary)
    write_json(layout.summary, summary)
    manifest = session.mark(layout, manifest, client_saturated=summary.client_saturated)
    places, unshown = first_answers(seen.rows, [prompt.id for prompt in spec.prompts], MOST_PROMPTS)
    view = build_view(manifest=manifest, summary=summary, spec=spec, resolved=loaded.resolved, observations=decided.observed(places), unshown=unshown)
    return view, (layout.summary, *render(layout, view, formats or spec.report.formats, template, registry))
