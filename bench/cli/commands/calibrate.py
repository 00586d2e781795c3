"""Hold a run's graders against what people said of its answers (`bench annotate`), correct its scores by their labels, and say what to label next.

Nothing is measured or asked; the run's reports are rendered again with what people say.
"""

import argparse
import sys
from pathlib import Path

from bench.catalog import REGISTRY
from bench.cli.console import line
from bench.errors import Exit, UsageError
from bench.pipeline import conclude, regrade
from bench.records.calibration import Calibration
from bench.report.console import section
from bench.report.people import bent
from bench.store.layout import RunLayout, find_run


def configure(options: argparse.ArgumentParser) -> None:
    """Options of `bench calibrate`."""
    options.add_argument("run", nargs="?", default="latest", metavar="RUN", help="a run's folder, its id, a spec's name, or `latest` (default)")
    options.add_argument("--runs", type=Path, default=Path("runs"), metavar="FOLDER", help="where runs are kept (default: runs)")
    options.add_argument("--next", type=int, default=40, metavar="N", help="how many items to name for labelling next (default and most: 40)")


def execute(options: argparse.Namespace) -> int:
    """Print what people say; the exit code."""
    layout = RunLayout(find_run(options.runs, options.run))
    regrade(layout, REGISTRY)
    view, _ = conclude(layout, REGISTRY)
    found, shown = view.summary.calibration, view.section("people")
    if found is None or shown is None:
        raise UsageError("nobody labelled an answer of this run", hint=f"start with: bench annotate {layout.folder} --annotator NAME")
    sys.stdout.write(section(shown) + "\n")
    for sentence in bent(found):
        sys.stdout.write(f"{sentence}\n")
    _next(found, layout, options.next)
    return int(Exit.OK)


def _next(found: Calibration, layout: RunLayout, n: int) -> None:
    more = found.people.items + 40
    line(f"\nto correct means better, label more that chance chooses: bench annotate {layout.folder} --annotator NAME -n {more}")
    if found.label_next[:n]:
        line("to learn where graders go wrong, label those in doubt (they correct no mean): bench annotate RUN --annotator NAME --items")
        sys.stdout.write(",".join(found.label_next[:n]) + "\n")
