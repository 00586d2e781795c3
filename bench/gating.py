"""The gates of a run: where they stand in its spec, and what they are held against. Part of the program (`pipeline.py`)."""

from pathlib import PureWindowsPath

from msgspec.structs import replace

from bench.gate.evaluate import evaluate
from bench.records.estimate import Summary
from bench.records.run import Manifest
from bench.records.source import Position
from bench.records.spec import Spec
from bench.report.provenance import spec_argument
from bench.spec.places import places_of
from bench.store.layout import RunLayout


def gated(layout: RunLayout, manifest: Manifest, spec: Spec, summary: Summary) -> Summary:
    """The summary with what became of the spec's gates."""
    if not spec.gates:
        return summary
    return replace(summary, gates=evaluate(spec, summary, positions(layout, manifest, len(spec.gates))))


def positions(layout: RunLayout, manifest: Manifest, n: int) -> tuple[Position | None, ...]:
    """Where each of n gates stands in the file that the run's command named; None where the run was told of them in another way."""
    changed = [session.worker for session in manifest.sessions if session.spec_changed]
    inputs = layout.folder / f"inputs-{changed[-1]}" if changed else layout.inputs
    path = inputs / PureWindowsPath(manifest.spec_file).name
    found = places_of(path.read_bytes(), spec_argument(manifest), "gates") if path.is_file() else ()
    return found if len(found) == n else (None,) * n
