"""Grade a run's answers with a judge, or grade them again: with another rubric, another judge, another method. No model is asked for answers again.

Several graders stand side by side in a run. What a judge said before under the very same conditions is not asked again, so a stage that was
interrupted or killed goes on where it ended. Then the run's gates are decided again, which counts in the exit code, and the reports rendered.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path, PureWindowsPath

from msgspec import structs

from bench.catalog import REGISTRY
from bench.cli.console import line
from bench.cli.progress import console_progress
from bench.clock import Clock
from bench.errors import Exit, UsageError, worst
from bench.execute.stop import StopRules
from bench.grading import PEOPLE_GRADE, graded_by, keep_spec, look_ahead, with_grading
from bench.interrupts import Interrupts
from bench.meter import Meter
from bench.outcome import gate_reasons, judge_reasons
from bench.pipeline import Means, RunOptions, conclude, grade, judge
from bench.records.judging import JudgeRecord
from bench.records.spec import Limits, Spec
from bench.report.console import tables
from bench.serving.cache import default_folder
from bench.session import Asked
from bench.spec.diagnostics import render
from bench.spec.load import LoadedSpec, load_spec
from bench.store.layout import RunLayout, find_run
from bench.store.lock import RunLock
from bench.store.reader import read_judges, read_manifest, read_plan


def configure(options: argparse.ArgumentParser) -> None:
    """Options of `bench judge`."""
    options.add_argument("run", nargs="?", default="latest", metavar="RUN", help="a run's folder, its id, a spec's name, or `latest` (default)")
    options.add_argument("--runs", type=Path, default=Path("runs"), metavar="FOLDER", help="where runs are kept (default: runs)")
    options.add_argument("--spec", type=Path, metavar="FILE", help="grade by the aspects, rubrics and judges of this spec from now on")
    options.add_argument("--use", metavar="JUDGE", help="the judge's name (default: the spec's `judge.use`)")
    options.add_argument("--method", metavar="M", help="how it grades: aspects, score, samples, verdict, pairwise, … (default: the spec's)")
    options.add_argument("--allow-commands", action="store_true", help="let a judge with `runtime: command` be started")
    options.add_argument("--offline", action="store_true", help="download nothing; use what is in the cache")
    options.add_argument("--quiet", action="store_true", help="no progress, no tables: only the run's folder")


def execute(options: argparse.Namespace) -> int:
    """Judge, conclude, print the folder."""
    layout = RunLayout(find_run(options.runs, options.run))
    clock = Clock()
    with ExitStack() as held:
        held.enter_context(RunLock(layout.folder))
        spec = _graded_by(layout, options)
        progress = held.enter_context(console_progress(quiet=options.quiet))
        means = Means(
            loaded=spec,
            options=RunOptions(
                asked=Asked(command=("bench", *sys.argv[1:])),
                runs=options.runs,
                cache_folder=default_folder(os.environ),
                environ=os.environ,
                allow_commands=options.allow_commands,
                offline=options.offline,
            ),
            registry=REGISTRY,
            progress=progress,
            clock=clock,
            weights_beside=_weights_beside(layout, options),
        )
        plan = read_plan(layout)
        grade(layout, spec.spec, plan, REGISTRY)
        limits, meter = spec.spec.limits, Meter(spec.spec, structs.replace(plan, blocks=()), REGISTRY)
        stop = StopRules(Limits(duration_s=limits.duration_s, cost=limits.cost), clock, cost_so_far=meter.total)
        with Interrupts(stop) as interrupts:
            record = judge(means, spec.spec, (layout, plan), (stop, interrupts, meter)) if spec.spec.judge is not None else None
        if options.spec is None and _lacks_weights(spec.spec, record, means.weights_beside):
            progress.note("weights named by `file:` lie beside the spec, which is not found from here: name it, `bench judge RUN --spec FILE`")
        view, _ = conclude(layout, REGISTRY, plan=plan)
    reasons = [*judge_reasons(spec.spec, [record] if record is not None else []), *gate_reasons(view.summary.gates)]
    for reason in reasons:
        line(f"exit {int(reason.code)}: {reason.message}")
    if stop.reason is not None:
        line(f"exit {int(_ended(stop))}: {stop.message}; `bench judge` goes on where it ended")
    if not options.quiet:
        sys.stdout.write(tables(view) + "\n\n")
    sys.stdout.write(f"{layout.folder}\n")
    return int(worst(*(reason.code for reason in reasons), *([_ended(stop)] if stop.reason is not None else [])))


def _ended(stop: StopRules) -> Exit:
    return Exit.INTERRUPTED if stop.reason == "interrupt" else Exit.STOP_RULE


def _graded_by(layout: RunLayout, options: argparse.Namespace) -> LoadedSpec:
    """The run's spec with who grades it now; a new spec to grade by is kept in the run.

    Raises: UsageError when nobody is named, or somebody unknown, SpecError when the spec is wrong.
    """
    own = load_spec(layout.resolved, extensions=REGISTRY, environ={})
    if options.spec is not None:
        later = load_spec(options.spec, extensions=REGISTRY, environ=os.environ)
        sys.stderr.write(render(later.warnings, later.sources, "text"))
        _chosen(layout, with_grading(own.spec, later.spec), options)
        look_ahead(later.spec, later.folder, REGISTRY)
        keep_spec(layout, later)
    spec = _chosen(layout, graded_by(layout, REGISTRY, own.spec), options)
    return structs.replace(own, spec=spec, folder=layout.folder if options.spec is None else options.spec.resolve().parent)


def _weights_beside(layout: RunLayout, options: argparse.Namespace) -> Path | None:
    """Where the spec lies that the run was started with, seen from here: a run keeps the spec, and no weights. None where that is not known.

    Which file it was does not hang on this: a judge with other weights is another judge, whose verdicts are its own.
    """
    if options.spec is not None or layout.judging_spec.exists():
        return None
    manifest = read_manifest(layout)
    name = PureWindowsPath(manifest.spec_file).name
    words = (Path(word) for session in manifest.sessions for word in session.command if PureWindowsPath(word).name == name)
    return next((path.resolve().parent for path in words if path.is_file()), None)


def _lacks_weights(spec: Spec, record: JudgeRecord | None, beside: Path | None) -> bool:
    """Whether a judge's weights are named from a folder that is not known here."""
    if record is None or record.state != "unavailable" or beside is not None:
        return False
    judge = next((judge for judge in spec.judges if judge.id == record.judge_id), None)
    return judge is not None and judge.weights is not None and any(part.startswith("file:") for part in judge.weights.parts)


def _chosen(layout: RunLayout, spec: Spec, options: argparse.Namespace) -> Spec:
    """The spec with the judge and the method that the command line names. One without a judge grades by its checks, where none has judged the run."""
    if spec.judge is None:
        has_checks = any(aspect.check is not None for prompt in spec.prompts for aspect in prompt.aspects)
        if has_checks and options.spec is not None and not (options.use or options.method or read_judges(layout)):
            return spec
        whose = "this run's spec" if options.spec is None else f"{options.spec}"
        raise UsageError(f"{whose} has no `judge:`", hint="bench judge RUN --spec FILE, with `judges:` and `judge:` in that file")
    judges, methods = tuple(each.id for each in (*spec.judges, *spec.models)), (*REGISTRY.names("grader"), PEOPLE_GRADE)
    _known("--use", options.use, judges)  # a name that is a slip must not stand in the run as a judge that failed
    _known("--method", options.method, methods)
    wanted = {"use": options.use or spec.judge.use, "method": options.method or spec.judge.method}
    return structs.replace(spec, judge=structs.replace(spec.judge, **wanted))


def _known(option: str, given: str | None, names: Sequence[str]) -> None:
    if given is not None and given not in names:
        raise UsageError(f"{option} {given[:80]}: there is no such {'judge' if option == '--use' else 'method'}", hint=f"there is {', '.join(names)}")
