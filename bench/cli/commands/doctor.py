"""Look at this machine: Python, extras, cores, timer, GPU, energy sensors, cache, servers, extensions; what is missing, and what to do about it.

Nothing is changed. Exit code 0 unless something that every run needs is broken.
"""

import argparse
import os
import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence

import msgspec

from bench.catalog import REGISTRY
from bench.cli.doctor import extensions, hardware, places, software
from bench.cli.doctor.finding import Finding
from bench.cli.model_tables import one_line, write_json
from bench.errors import Exit, worst

_MARKS = {"ok": "ok     ", "absent": "absent ", "problem": "PROBLEM"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `bench doctor`."""
    parser.add_argument("--endpoint", action="append", default=[], metavar="URL", help="also ask this server for its models; may be repeated")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="text for people, json for programs")


def execute(options: argparse.Namespace) -> int:
    """Look, and show as it is found."""
    if options.format == "json":
        findings = list(_findings(options.endpoint))
        write_json([msgspec.to_builtins(found) for found in findings])
        return int(exit_code(findings))
    findings = []
    for found in _findings(options.endpoint):
        findings.append(found)
        sys.stdout.write(_text(found))
        sys.stdout.flush()
    problems = sum(found.state == "problem" for found in findings)
    needed = sum(found.state == "problem" and found.is_needed for found in findings)
    sys.stdout.write(f"\n{len(findings)} looked at, {problems} problem{'s' * (problems != 1)}, {needed} of them in the way of a run\n")
    return int(exit_code(findings))


def exit_code(findings: Sequence[Finding]) -> Exit:
    """4 when a needed package is missing, 3 when something else is broken that a run needs, else 0."""
    broken = [found.what for found in findings if found.state == "problem" and found.is_needed]
    return worst(*(Exit.MISSING_EXTENSION if what == "packages" else Exit.NOTHING_MEASURED for what in broken))


def _findings(endpoints: Sequence[str]) -> Iterator[Finding]:
    yield from software.examine()
    yield from hardware.examine()
    yield from places.examine(os.environ, endpoints)
    yield from extensions.examine(REGISTRY)


def _text(found: Finding) -> str:
    """`state  what: detail`, and the advice below it; wrapped to the terminal. Details may hold a server's words."""
    width = max(60, shutil.get_terminal_size((120, 24)).columns)
    lines = textwrap.wrap(f"{_MARKS[found.state]}  {found.what}: {one_line(found.detail)}", width, subsequent_indent=" " * 11, break_long_words=False)
    if found.advice:
        lines += textwrap.wrap(one_line(found.advice), width, initial_indent=" " * 9 + "→ ", subsequent_indent=" " * 11, break_long_words=False)
    return "\n".join(lines) + "\n"
