"""Compare two runs, or a run with a stored baseline: what of HEAD is better or worse than BASE, what is the same, and what cannot be told.

A run is its folder, its id, a spec's name or `latest`; a baseline is the path of its file (baselines/<spec>.json), that file in a git revision
(main:baselines/<spec>.json), or `baseline` for the one of HEAD's spec. Only prompts that the same models were asked in the same words take part.
Nothing is measured, nothing is sent.
"""

import argparse
import sys
from pathlib import Path

from bench.catalog import REGISTRY
from bench.cli.console import line
from bench.errors import Exit, NotComparable, UsageError
from bench.records.compare import RunComparison
from bench.store.baselines import FOLDER, path_of
from bench.store.layout import RunLayout, find_run
from bench.store.reader import read_manifest
from bench.store.writer import encode, write_whole

BASELINE = "baseline"


def configure(options: argparse.ArgumentParser) -> None:
    """Options of `bench compare`."""
    options.add_argument("base", metavar="BASE", help="a run, the path of a baseline, or `baseline`: the one of HEAD's spec")
    options.add_argument("head", nargs="?", default="latest", metavar="HEAD", help="a run, or the path of a baseline (default: latest)")
    options.add_argument("--runs", type=Path, default=Path("runs"), metavar="FOLDER", help="where runs are kept (default: runs)")
    options.add_argument(
        "--baselines", type=Path, default=FOLDER, metavar="FOLDER", help="where baselines are kept; also REVISION:FOLDER (default: baselines)"
    )
    options.add_argument("--format", choices=("text", "json", "markdown"), default="text", help="markdown: for a comment on a pull request")
    options.add_argument("--output", type=Path, metavar="FILE", help="write it to a file in the place of standard output")
    add_how(options)


def add_how(options: argparse.ArgumentParser) -> None:
    """What is compared, and how."""
    options.add_argument(
        "--metrics",
        metavar="LIST",
        help="compare these, separated by commas: ttft, quality, and over all answers ttft:p95, output_tps, goodput, rss_bytes, cost_per_request, …; "
        "fewer figures, more power for each",
    )
    options.add_argument(
        "--tolerance",
        action="append",
        default=[],
        metavar="METRIC=SHARE",
        help="a change that does not matter, e.g. ttft=10%% (default: times and speeds 5%%, scores 2%% (points), error_rate 1%%, aspect 5%%)",
    )
    options.add_argument("--across-machines", action="store_true", help="give verdicts on times and speeds though the machines differ")
    options.add_argument("--busy-client", action="store_true", help="give verdicts on times and speeds though the client could not keep up")
    options.add_argument("--busy-machine", action="store_true", help="give verdicts on times and speeds though other work took part of the machine")
    options.add_argument("--across-requests", action="store_true", help="pair prompts by id though they were asked in other words or settings")


def execute(options: argparse.Namespace) -> int:
    """Compare and print; the exit code says only whether there was something to compare."""
    found = compared(options, _base(options), options.head)
    figures = (*found.changes, *found.levels, *found.aspects)
    if not any(change.base is not None for change in figures):
        reasons = dict.fromkeys(f"{change.metric}: {change.reason}" for change in figures)
        raise NotComparable("nothing that was to be compared is in both", hint="; ".join((*reasons, *found.notes)) or "`bench report RUN` says why")
    _tell(found, options)
    return int(Exit.OK)


def compared(options: argparse.Namespace, base: str, head: str) -> RunComparison:
    """The comparison that was asked for.

    Raises: NotComparable, RunFolderError, UsageError.
    """
    from bench.compare.compare import Asked  # noqa: PLC0415 - brings numpy, which `--help` can do without
    from bench.compare.levels import COSTS, FACTS, RATES, is_statistic  # noqa: PLC0415
    from bench.compare.tolerance import read  # noqa: PLC0415
    from bench.comparing import against, found_side  # noqa: PLC0415

    metrics = tuple(word.strip() for word in (options.metrics or "").split(",") if word.strip())
    known = REGISTRY.names("metric")
    over_all = sorted((*FACTS, *COSTS, *RATES))
    for word in metrics:
        name, colon, statistic = word.partition(":")
        if name not in known and (colon or name not in over_all):
            raise UsageError(f"--metrics: there is no metric {name!r}", hint=f"there are {', '.join((*sorted(known), *over_all))}")
        if colon and REGISTRY.load("metric", name)().unit in {"score", "share"}:
            raise UsageError(f"--metrics {word}: scores and shares are compared prompt by prompt", hint=f"write {name}")
        if colon and not is_statistic(statistic):
            raise UsageError(
                f"--metrics {word}: there is no statistic {statistic!r}", hint="write ttft:p95; p50, p90, p95, p99, mean and max are known"
            )
    tolerances = read(options.tolerance, sorted({*known, *over_all, *metrics}))
    asked = Asked(metrics, tolerances, options.across_machines, options.across_requests, options.busy_client, options.busy_machine)
    for which in (base, head):
        grade_what_is_not(which, options.runs)
    return against(found_side(base, options.runs, REGISTRY, metrics), found_side(head, options.runs, REGISTRY, metrics), asked)


def grade_what_is_not(which: str, runs: Path) -> None:
    """Grade a run that ended before it could, as `bench report` does; a finished one, and a baseline, stay as they are."""
    from bench.pipeline import regrade  # noqa: PLC0415 - brings every stage

    if not which.endswith(".json"):
        regrade(RunLayout(find_run(runs, which)), REGISTRY)


def _base(options: argparse.Namespace) -> str:
    if options.base != BASELINE:
        return str(options.base)
    if str(options.head).endswith(".json"):
        raise UsageError("`baseline` stands for the one of a run's spec, and HEAD is no run", hint="give both files by their paths")
    manifest = read_manifest(RunLayout(find_run(options.runs, options.head)))
    return path_of(options.baselines, manifest.spec_name).as_posix()


def _tell(found: RunComparison, options: argparse.Namespace) -> None:
    text = written(found, options.format)
    if options.output is None:
        sys.stdout.write(text)
        return
    write_whole(options.output, text.encode("utf-8", "replace"))
    line(f"{headline(found)}; written to {options.output}")


def headline(found: RunComparison) -> str:
    """What the comparison comes to, in one line."""
    from bench.report import run_comparison  # noqa: PLC0415 - brings templates

    return run_comparison.headline(found)


def written(found: RunComparison, style: str) -> str:
    """The comparison in a format."""
    from bench.report import run_comparison  # noqa: PLC0415 - brings templates

    if style == "json":
        return encode(found).decode() + "\n"
    if style == "markdown":
        return run_comparison.as_markdown(found)
    return run_comparison.as_text(found)
