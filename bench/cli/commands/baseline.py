"""Keep a run in few numbers beside its spec, to compare later runs with: store, list, show, promote.

A baseline is a file of some kilobytes to commit (baselines/<spec>.json): it holds numbers of each prompt and model, and no prompt and no answer.
`bench compare baseline` compares the latest run with it.
"""

import argparse
import sys
from pathlib import Path

from bench.catalog import REGISTRY
from bench.cli.commands.compare import add_how, compared, grade_what_is_not, headline, written
from bench.cli.console import line, plain
from bench.errors import Exit, RunFolderError, UsageError
from bench.records.baseline import Baseline
from bench.records.compare import Change, RunComparison
from bench.report.numbers import count
from bench.store.baselines import FOLDER, list_baselines, path_of, read_baseline, write_baseline


def configure(options: argparse.ArgumentParser) -> None:
    """Options of `bench baseline` and its parts."""
    parts = options.add_subparsers(dest="part", metavar="COMMAND", required=True)
    store = parts.add_parser("store", help="write a run's baseline; one of another run is not replaced")
    promote = parts.add_parser("promote", help="replace the baseline by a run's, unless something has become worse")
    shown = parts.add_parser("show", help="print a baseline's numbers")
    listed = parts.add_parser("list", help="list the baselines")
    for each in (store, promote):
        each.add_argument("run", nargs="?", default="latest", metavar="RUN", help="a run's folder, its id, a spec's name, or `latest` (default)")
        each.add_argument("--runs", type=Path, default=Path("runs"), metavar="FOLDER", help="where runs are kept (default: runs)")
        each.add_argument("--as", dest="name", metavar="NAME", help="a further baseline of the spec, e.g. for another machine")
    shown.add_argument("which", metavar="BASELINE", help="the path of its file, or a spec's name")
    for each in (store, promote, shown, listed):
        each.add_argument("--baselines", type=Path, default=FOLDER, metavar="FOLDER", help="where baselines are kept (default: baselines)")
    store.add_argument("--replace", action="store_true", help="replace what is there without comparing")
    promote.add_argument("--accept-worse", action="store_true", help="promote though something has become worse, or nothing can be compared")
    add_how(promote)


def execute(options: argparse.Namespace) -> int:
    """Do the part that was asked for."""
    return {"store": _store, "promote": _promote, "show": _show, "list": _list}[options.part](options)


def _store(options: argparse.Namespace) -> int:
    made, path = _made(options)
    if path.exists() and not options.replace and (there := read_baseline(path)) != made:
        raise UsageError(
            f"{path} is of run {there.run_id} already", hint="`bench baseline promote RUN` compares before it replaces; `--replace` does not"
        )
    return _write(path, made)


def _promote(options: argparse.Namespace) -> int:
    made, path = _made(options)
    if not path.exists():
        raise UsageError(f"there is no {path} to replace", hint=f"`bench baseline store {options.run}` writes the first one")
    if not options.accept_worse:
        found = compared(options, str(path), options.run)
        sys.stdout.write(written(found, "text"))
        _refuse(found)
    return _write(path, made)


def _refuse(found: RunComparison) -> None:
    """Raise UsageError where something has become worse."""
    worse = [change for change in (*found.changes, *found.levels, *found.aspects) if change.verdict == "worse"]
    if worse:
        named = ", ".join(f"{_figure(change)} of {change.model_id}" for change in worse[:5])
        raise UsageError(f"the run is worse than the baseline ({headline(found)}): {named}", hint="`--accept-worse` promotes it all the same")


def _figure(change: Change) -> str:
    name = change.aspect_id or change.metric
    return name if change.statistic in {None, "rate", "value"} else f"{name}:{change.statistic}"


def _made(options: argparse.Namespace) -> tuple[Baseline, Path]:
    from bench.comparing import found_side  # noqa: PLC0415 - brings numpy, which `--help` can do without

    if options.run.endswith(".json"):
        raise UsageError(f"{options.run} is no run", hint="a baseline is made of a run: its folder, its id, a spec's name, or `latest`")
    grade_what_is_not(options.run, options.runs)
    run = found_side(options.run, options.runs, REGISTRY).side.run
    if not any(model.answers for model in run.models):
        raise RunFolderError(f"run {run.run_id} has no answers to keep", hint="`bench report RUN` says why")
    return run, path_of(options.baselines, run.spec_name, options.name)


def _write(path: Path, made: Baseline) -> int:
    size = write_baseline(path, made)
    if made.status != "finished":
        line(f"note: run {made.run_id} is {made.status}; what it did not come to is not in its baseline")
    if made.client_saturated:
        line("note: the measuring client could not keep up in this run: its times hold that delay, and later runs may look better than they are")
    if busy := [f"{model.model_id} ({'; '.join(dict.fromkeys(model.contention.values()))})" for model in made.models if model.contention]:
        line(f"note: other work took part of the machine while {', '.join(busy)} was measured: a gate on what it may have spoilt can fail, not pass")
    prompts = len({each.prompt_id for model in made.models for each in model.answers})
    line(f"{size:,} bytes: {count(len(made.models), 'model with its variant', 'models with their variants')}, {count(prompts, 'prompt')}")
    sys.stdout.write(f"{path}\n")
    return int(Exit.OK)


def _list(options: argparse.Namespace) -> int:
    paths = list_baselines(options.baselines)
    if not paths:
        line(f"there is no baseline in {options.baselines}; `bench baseline store RUN` writes one")
    for path in paths:
        try:
            found = read_baseline(path)
        except RunFolderError as error:
            line(error.message)
            continue
        told = (path, found.spec_name, found.spec_version, found.run_id, f"{len(found.models)} models", f"{path.stat().st_size:,} bytes")
        sys.stdout.write(plain("  ".join(map(str, told))) + "\n")
    return int(Exit.OK)


def _show(options: argparse.Namespace) -> int:
    from bench.report.baseline import as_text  # noqa: PLC0415 - brings templates

    path = Path(options.which) if options.which.endswith(".json") else path_of(options.baselines, options.which)
    sys.stdout.write(as_text(read_baseline(path)))
    return int(Exit.OK)
