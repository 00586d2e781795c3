"""Decide the gates of a run again, from its summary: nothing is measured, nothing is sent, nothing in the run is changed.

The exit code is 0 when every gate passed, 1 when one failed, 9 when one is undecided (noise, or nothing to decide by), and 8 when that is the judge's
doing. Gates are those of the run's spec, or of another (--spec); a gate that names a baseline is held against another one by --baseline.
"""

import argparse
import os
import sys
from pathlib import Path

from msgspec.structs import replace

from bench.catalog import REGISTRY
from bench.cli import github
from bench.cli.console import line
from bench.cli.words import add_base, fork_of
from bench.errors import UsageError, worst
from bench.gate.ends import gate_code, gate_words
from bench.grading import graded_by
from bench.records.estimate import Summary
from bench.records.gate import GateResult, has_variants
from bench.records.source import Position
from bench.records.spec import Spec
from bench.records.view import View
from bench.report.console import section
from bench.report.gates import of_results
from bench.report.junit import JUnit
from bench.spec.diagnostics import render
from bench.spec.load import load_spec
from bench.spec.places import places_of
from bench.store.layout import RunLayout, find_run
from bench.store.reader import read_manifest, read_summary
from bench.store.writer import encode, write_whole


def configure(options: argparse.ArgumentParser) -> None:
    """Options of `bench gate`."""
    options.add_argument("run", nargs="?", default="latest", metavar="RUN", help="a run's folder, its id, a spec's name, or `latest` (default)")
    options.add_argument("--runs", type=Path, default=Path("runs"), metavar="FOLDER", help="where runs are kept (default: runs)")
    options.add_argument(
        "--baseline", metavar="BASE", help="a baseline's file (or REVISION:FILE), or a run, in the place of those that the gates name"
    )
    add_base(options)
    options.add_argument("--spec", type=Path, metavar="FILE", help="decide the gates of this spec in the place of the run's own")
    options.add_argument("--junit", type=Path, metavar="FILE", help="also write them as JUnit XML")
    options.add_argument("--format", choices=("text", "json", "github"), default="text", help="how they are shown; github: as annotations")


def execute(options: argparse.Namespace) -> int:
    """Decide, show, and end with what came of it."""
    layout = RunLayout(find_run(options.runs, options.run))
    summary = _summary(layout)
    results = _decided(layout, summary, options)
    summary = replace(summary, gates=results)
    if options.junit is not None:
        write_whole(options.junit, JUnit().render(View(manifest=read_manifest(layout), summary=summary, spec={})).encode())
    _show(results, options.format)
    github.summarise(f"Gates of {summary.spec_name} {summary.spec_version}", results, os.environ)
    return int(worst(*(gate_code(one) for one in results)))


def _summary(layout: RunLayout) -> Summary:
    """What was inferred; of a run that was killed, what can be."""
    if not layout.summary.exists():
        from bench.pipeline import conclude, regrade  # noqa: PLC0415 - only here

        regrade(layout, REGISTRY)
        conclude(layout, REGISTRY)
    return read_summary(layout)


def _decided(layout: RunLayout, summary: Summary, options: argparse.Namespace) -> tuple[GateResult, ...]:
    from bench.gating import Again, gated_again, positions  # noqa: PLC0415 - brings numpy, which `--help` can do without

    spec = graded_by(layout, REGISTRY, load_spec(layout.resolved, extensions=REGISTRY, environ={}).spec)
    if options.spec is not None:
        spec, places = _with_gates_of(options.spec, spec)
    else:
        places = positions(layout, read_manifest(layout), len(spec.gates))
    if not spec.gates:
        raise UsageError(
            "there are no gates to decide", hint="write `gates:` into the spec, or name a spec that has them: bench gate RUN --spec FILE"
        )
    if options.baseline is not None and options.base is not None:
        raise UsageError("--baseline and --base both say what gates are held against", hint="--baseline REVISION:FILE names a file of a revision")
    if options.baseline is not None and all(gate.baseline is None for gate in spec.gates):
        raise UsageError("--baseline: no gate names a baseline", hint="`{metric: latency, baseline: FILE, max_regression: 10 %}`; see docs/gates.md")
    return gated_again(layout, REGISTRY, Again(spec, summary, places, options.baseline, fork_of(options.base)))


def _with_gates_of(path: Path, spec: Spec) -> tuple[Spec, tuple[Position | None, ...]]:
    loaded = load_spec(path, extensions=REGISTRY, environ=os.environ)
    sys.stderr.write(render(loaded.warnings, loaded.sources, "text"))
    places = places_of(loaded.sources[0].content, str(path), "gates")
    gates = loaded.spec.gates
    return replace(spec, gates=gates), places if len(places) == len(gates) else (None,) * len(gates)


def _show(results: tuple[GateResult, ...], style: str) -> None:
    named = has_variants(results)
    for one in results:
        if one.outcome != "pass":
            line(f"exit {int(gate_code(one))}: {gate_words(one, named_variant=named)}")
    if style == "json":
        sys.stdout.write(f"[{','.join(encode(one).decode() for one in results)}]\n")
        return
    if style == "github" or github.is_there(os.environ):
        sys.stdout.write(github.annotations(results))
    if style == "text" and (shown := of_results(results)) is not None:
        sys.stdout.write(section(shown))
