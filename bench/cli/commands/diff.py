"""Say what changed between two versions of a spec, and what that means: by identity, not by line.

  bench diff OLD NEW                  two files, or two folders; each may be REVISION:PATH of git
  bench diff REVISION:PATH            a file or folder of a revision, and what stands at the same path now
  bench diff --base REVISION [PATH…]  all specs here that changed since REVISION

Each change is cosmetic, policy, scope, measurement or treatment; what keeps its results and what must run again is told by the trials' own ids.
Runs no code of a spec, opens no connection, checks nothing out.
"""

import argparse
import sys
from pathlib import Path

import msgspec

from bench.catalog import REGISTRY
from bench.diffing import Ground, compare_base, compare_places
from bench.errors import Exit, UsageError
from bench.records.diff import DiffReport
from bench.report import spec_diff


def configure(options: argparse.ArgumentParser) -> None:
    """Options of `bench diff`."""
    options.add_argument("specs", nargs="*", metavar="SPEC", help="OLD and NEW: files, folders, or REVISION:PATH; with --base, where to look")
    options.add_argument("--base", metavar="REVISION", help="compare the working tree with where it parted from this revision, e.g. origin/main")
    options.add_argument(
        "--format", choices=("text", "json", "markdown"), default="text", help="text for people, json for programs, markdown for a comment"
    )
    options.add_argument("--check-version", action="store_true", help="end with 1 when a spec's `version` did not rise as its changes ask")
    options.add_argument(
        "--runs", type=Path, default=Path("runs"), metavar="FOLDER", help="earlier runs, for what running again takes (default: runs)"
    )


def execute(options: argparse.Namespace) -> int:
    """Print the diff."""
    report = _report(options)
    if options.format == "json":
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(report, order="deterministic"), indent=2).decode() + "\n")
    else:
        sys.stdout.write(spec_diff.text(report) if options.format == "text" else spec_diff.markdown(report))
    wrong = [one for one in report.specs if one.version is not None and not one.version.is_enough]
    if any(one.is_broken for one in report.specs):
        return int(Exit.USAGE)
    if not options.check_version or not wrong:
        return int(Exit.OK)
    for one in wrong:
        sys.stderr.write(spec_diff.complaint(one) + "\n")
    return int(Exit.GATE_FAILED)


def _report(options: argparse.Namespace) -> DiffReport:
    ground = Ground(registry=REGISTRY, runs=options.runs)
    if options.base is not None:
        return compare_base(options.base, [Path(spec) for spec in options.specs], ground)
    if not 1 <= len(options.specs) <= 2:
        raise UsageError("two versions are needed", hint="name OLD and NEW, or `REVISION:PATH`, or use --base REVISION")
    return compare_places(options.specs[0], options.specs[1] if len(options.specs) == 2 else None, ground)
