"""The gates of a run: where they stand in its spec, and what they are held against. Part of the program (`pipeline.py`).

What gates were held against is kept in the run, in `baselines/`, so that the same run gives the same outcome again when the file has moved on.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path, PureWindowsPath
from typing import NamedTuple

from msgspec.structs import replace

from bench.compare.compare import Asked
from bench.compare.levels import wanted
from bench.comparing import Standing, against, found_in, found_side, stand
from bench.errors import NotComparable, RunFolderError, UsageError
from bench.gate.evaluate import evaluate
from bench.gate.regression import Against
from bench.records.estimate import Summary
from bench.records.gate import GateResult
from bench.records.run import Manifest
from bench.records.source import Position
from bench.records.spec import GateSpec, Spec
from bench.registry import Registry
from bench.report.provenance import spec_argument
from bench.spec.places import places_of
from bench.store.baselines import path_of, write_baseline
from bench.store.layout import RunLayout

_OF_QUALITY = {"score": "quality"}


class Held(NamedTuple):
    """The run whose gates are decided. `keep`: its folder keeps what it was held against. `is_new`: what it kept is not looked at.

    `revision`: the git revision in which baselines are read in place of the working tree.
    """

    layout: RunLayout
    registry: Registry
    summary: Summary
    keep: bool = False
    is_new: bool = False
    revision: str | None = None


def gated(layout: RunLayout, registry: Registry, manifest: Manifest, spec: Spec, summary: Summary) -> Summary:
    """The summary with what became of the spec's gates. A run that was started with `--base` looks for baselines in that revision only.

    Raises: RunFolderError when the folder is damaged, or a baseline cannot be kept in it.
    """
    if not spec.gates:
        return summary
    held = Held(layout, registry, summary, keep=True, revision=manifest.baselines_at)
    return replace(summary, gates=evaluate(spec, summary, positions(layout, manifest, len(spec.gates)), baselines(held, spec)))


class Again(NamedTuple):
    """Gates that are decided again: of a spec, for a run's summary. `baseline` takes the place of every baseline that they name.

    `revision`: the git revision in which baselines are read.
    """

    spec: Spec
    summary: Summary
    positions: Sequence[Position | None] = ()
    baseline: str | None = None
    revision: str | None = None


def gated_again(layout: RunLayout, registry: Registry, again: Again) -> tuple[GateResult, ...]:
    """What becomes of a spec's gates, without a change to the run.

    Raises: RunFolderError when the folder is damaged, or the `baseline` that was given is none; UsageError when its revision has none.
    """
    spec, given = again.spec, again.baseline
    if given is not None:
        spec = replace(spec, gates=tuple(replace(gate, baseline=given) if gate.baseline is not None else gate for gate in spec.gates))
    is_new = given is not None or again.revision is not None
    held = Held(layout, registry, again.summary, is_new=is_new, revision=again.revision)
    if given is not None:
        _base(given, path_of(layout.baselines, given), held, ())  # asked for now, it must be there; one that the spec names may not be yet
    return evaluate(spec, again.summary, again.positions, baselines(held, spec))


def positions(layout: RunLayout, manifest: Manifest, n: int) -> tuple[Position | None, ...]:
    """Where each of n gates stands in the file that the run's command named; None where the run was told of them in another way."""
    changed = [session.worker for session in manifest.sessions if session.spec_changed]
    inputs = layout.folder / f"inputs-{changed[-1]}" if changed else layout.inputs
    path = inputs / PureWindowsPath(manifest.spec_file).name
    found = places_of(path.read_bytes(), spec_argument(manifest), "gates") if path.is_file() else ()
    return found if len(found) == n else (None,) * n


def baselines(held: Held, spec: Spec) -> Mapping[str, Against]:
    """Each baseline that a gate names, beside the run; why not, where there is none."""
    names: dict[str, list[GateSpec]] = {}
    for gate in spec.gates:
        if gate.baseline is not None:
            names.setdefault(gate.baseline, []).append(gate)
    if not names:
        return {}
    metrics = tuple(name for gates in names.values() for name in _metrics(gates, held.registry))
    head = _marked(stand(held.layout, held.registry, metrics, summary=held.summary), is_saturated=held.summary.client_saturated)
    return {name: _against(name, held, head, gates) for name, gates in names.items()}


def _marked(found: Standing, *, is_saturated: bool) -> Standing:
    """A run that ends right now does not say yet in its folder whether its client kept up."""
    return found._replace(side=found.side._replace(run=replace(found.side.run, client_saturated=is_saturated)))


def _metrics(gates: list[GateSpec], registry: Registry) -> tuple[str, ...]:
    """What is compared for these gates."""
    named = dict.fromkeys(_OF_QUALITY.get(gate.metric, gate.metric) for gate in gates)
    return tuple(name for name in named if registry.has("metric", name))


def _over_all(gates: list[GateSpec], head: Standing) -> tuple[str, ...]:
    """What of them is a figure over all answers: a percentile other than the one that prompts are compared by, a rate, a fact or a cost."""
    found = []
    for gate in (gate for gate in gates if gate.aspect is None):
        name = _OF_QUALITY.get(gate.metric, gate.metric)
        measure = head.side.run.metrics.get(name)
        usual = {None} if measure is None else {None, "p50" if measure.unit == "s" else "mean"}
        found.append(name if gate.at in usual else f"{name}:{gate.at}")
    return tuple(word for word in dict.fromkeys(found) if wanted(word) is not None)


def _against(name: str, held: Held, head: Standing, gates: list[GateSpec]) -> Against:
    metrics, of_all = _metrics(gates, held.registry), _over_all(gates, head)
    kept = path_of(held.layout.baselines, name)
    try:
        base = _base(name, kept, held, metrics)
    except (RunFolderError, UsageError) as error:
        return Against(reason=f"there is no baseline {name}: {error.message}")
    if held.keep and not kept.is_file():
        held.layout.baselines.mkdir(exist_ok=True)
        write_baseline(kept, base.side.run)
    both = [each for each in metrics if each in base.side.run.metrics and each in head.side.run.metrics]
    try:
        told = against(base._replace(rows=None), head._replace(rows=None), Asked(metrics=(*both, *of_all)))
    except NotComparable as error:
        return Against(reason=f"{name} cannot be compared with: {error.message}")
    return Against(base.side.run, head.side.run, told)


def _base(name: str, kept: Path, held: Held, metrics: tuple[str, ...]) -> Standing:
    """What a gate names: what the run kept of it, or as it is in the revision, or now."""
    if kept.is_file() and not held.is_new:
        return found_side(str(kept), _runs(held.layout), held.registry, metrics)
    if held.revision is not None:
        return found_in(held.revision, name)
    return found_side(name, _runs(held.layout), held.registry, metrics)


def _runs(layout: RunLayout) -> Path:
    """The folder of all runs, of which this is one."""
    return layout.folder.parent.parent
