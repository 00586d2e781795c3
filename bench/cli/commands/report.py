"""Render a run's reports again, from the lines of its folder: nothing is measured, nothing is sent.

A run that was killed has a report, too: of what it measured until then. The same run gives the same bytes, so reports can be committed and compared.
"""

import argparse
import sys
from pathlib import Path

from bench.catalog import REGISTRY
from bench.cli.console import line
from bench.errors import worst
from bench.extensions.printing import aside
from bench.pipeline import conclude, regrade
from bench.report.console import tables
from bench.store.layout import RunLayout, find_run
from bench.troubles import told


def configure(options: argparse.ArgumentParser) -> None:
    """Options of `bench report`."""
    options.add_argument("run", nargs="?", default="latest", metavar="RUN", help="a run's folder, its id, a spec's name, or `latest` (default)")
    options.add_argument("--runs", type=Path, default=Path("runs"), metavar="FOLDER", help="where runs are kept (default: runs)")
    options.add_argument("--formats", metavar="LIST", help="formats to render, separated by commas (default: the spec's)")
    options.add_argument("--template", type=Path, metavar="FILE", help="a Jinja template of your own for the Markdown report")
    options.add_argument("--show", action="store_true", help="print the tables as well")


def execute(options: argparse.Namespace) -> int:
    """Render, and print the paths that were written."""
    layout = RunLayout(find_run(options.runs, options.run))
    formats = tuple(word.strip() for word in options.formats.split(",") if word.strip()) if options.formats else None
    regrade(layout, REGISTRY)
    with aside():
        view, written = conclude(layout, REGISTRY, formats=formats, template=options.template)
        broken = told(layout, REGISTRY, line)
    if options.show:
        sys.stdout.write(tables(view) + "\n")
    for path in written:
        sys.stdout.write(f"{path}\n")
    return int(worst(*(reason.code for reason in broken)))
