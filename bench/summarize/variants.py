"""Variants of one model against the first of them: how many times faster, slower or larger, with what is known of that.

A pair is one prompt in one round, answered by both. With enough prompts the unit is the prompt, as in comparisons of models, and the interval speaks
of prompts like these. With fewer, what varies are the rounds, and the interval speaks of these very prompts. What is measured once has none. Neither
holds what the machine did between one variant and the next: of two that were measured one after the other a verdict takes a ratio beyond that, too.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import exp, isfinite
from typing import Literal

import numpy as np
from msgspec.structs import replace

from bench.protocols import Metric
from bench.records.comparison import VariantRatio
from bench.records.estimate import Estimate
from bench.records.spec import Spec
from bench.stats.cluster import Ids
from bench.stats.paired import fewest, holm, sign_flips
from bench.stats.quantile import Floats
from bench.stats.stratified import STRATIFIED, stratified_mean
from bench.summarize.drift import Apart, Wander
from bench.summarize.estimates import tidy
from bench.summarize.rows import Rows
from bench.summarize.table import Cell

TESTED = ("ttft", "tpot", "latency", "decode_tps", "prefill_tps")
ONCE = ("output_tps", "load_s", "rss_peak_bytes", "gpu_bytes")
LEVEL = 0.95
ONE_EACH = "one value each"


def ratios(spec: Spec, cells: Mapping[Cell, Rows], estimates: Sequence[Estimate], metrics: Mapping[str, Metric]) -> Iterator[VariantRatio]:
    """Every metric of every variant against the first declared one that was measured, model by model. `cells`: measured rows."""
    for model in spec.models:
        names = [variant.id for variant in spec.variants if len(cells.get(Cell(model.id, variant.id), ()))]
        if len(names) < 2:
            continue
        baseline, others = Cell(model.id, names[0]), [Cell(model.id, name) for name in names[1:]]
        for name in TESTED:
            if name in metrics:
                tested = [made for other in others if (made := _tested((name, metrics[name]), other, baseline, cells, len(others)))]
                wander = Wander(name, spec, [rows for cell, rows in cells.items() if cell.model_id == model.id and len(rows)])
                yield from _adjusted([_beside_drift(one, wander, cells) for one in tested])
        yield from _once(baseline, others, estimates)


def _tested(named: tuple[str, Metric], cell: Cell, baseline: Cell, cells: Mapping[Cell, Rows], n_tests: int) -> VariantRatio | None:
    """One metric of one variant; None where no prompt and round has a value of both."""
    name, metric = named
    logs, prompts = _paired(name, cells[cell], cells[baseline])
    if not logs.size:
        return None
    n_prompts = np.unique(prompts).size
    base = VariantRatio(
        metric=name,
        unit=metric.unit,
        better="lower" if metric.better == "lower" else "higher",
        model_id=cell.model_id,
        variant_id=cell.variant_id,
        baseline_id=baseline.variant_id,
        n_pairs=logs.size,
        n_prompts=n_prompts,
    )
    if n_prompts >= fewest(n_tests, LEVEL):
        means = np.bincount(prompts, weights=logs) / np.maximum(1, np.bincount(prompts))
        found = sign_flips(np.asarray(means[np.unique(prompts)]), np.random.default_rng(0), LEVEL)
        return _told(base, found.mean, (found.low, found.high, found.p), ("prompts", found.method))
    within = stratified_mean(logs, prompts, LEVEL)
    return _told(base, within.mean, (within.low, within.high, within.p), ("rounds", STRATIFIED))


def _beside_drift(one: VariantRatio, wander: Wander, cells: Mapping[Cell, Rows]) -> VariantRatio:
    """The ratio with what the machine alone may make of it, where the two were measured one after the other."""
    found = wander.apart(cells[Cell(one.model_id, one.variant_id)], cells[Cell(one.model_id, one.baseline_id)])
    return one if found is None else replace(one, is_apart=True, drift=found.drift)


def _told(
    base: VariantRatio, mean: float, known: tuple[float | None, float | None, float | None], how: tuple[Literal["prompts", "rounds"], str]
) -> VariantRatio:
    low, high, p = known
    has_interval = low is not None and high is not None and p is not None
    made = replace(base, ratio=tidy(exp(mean)), over=how[0], method=how[1] if has_interval else "too few rounds of a prompt for an interval")
    if low is None or high is None or p is None:
        return made
    return replace(made, low=tidy(exp(low)), high=tidy(exp(high)), p=tidy(p))


def _adjusted(found: Sequence[VariantRatio]) -> Iterator[VariantRatio]:
    """The variants of one metric, their p values adjusted together, with what follows from them."""
    adjusted = iter(holm([one.p for one in found if one.p is not None]))
    for one in found:
        if one.p is None:
            yield one
            continue
        p_holm = next(adjusted)
        is_hidden = one.is_apart and Apart(one.drift).hides(one.ratio)
        is_clear = p_holm <= 1 - LEVEL + 1e-12 and one.ratio is not None and one.ratio != 1 and not is_hidden
        verdict: Literal["better", "worse"] = "better" if ((one.ratio or 1) < 1) == (one.better == "lower") else "worse"
        yield replace(one, p_holm=tidy(p_holm), verdict=verdict if is_clear else "cannot_tell")


def _paired(name: str, rows: Rows, base: Rows) -> tuple[Floats, Ids]:
    """The logarithm of the ratio, and the prompt, of each prompt, round and step that has a value of both."""
    (keys, values), (base_keys, base_values) = _keyed(name, rows), _keyed(name, base)
    shared, places, base_places = np.intersect1d(keys, base_keys, assume_unique=True, return_indices=True)
    logs = np.log(values[places] / base_values[base_places])
    _, prompts = np.unique(shared // (_ROUNDS * _STEPS), return_inverse=True)
    return np.asarray(logs), np.asarray(prompts, dtype=np.intp)


_ROUNDS = _STEPS = 1 << 20  # more than any run has


def _keyed(name: str, rows: Rows) -> tuple[Ids, Floats]:
    """One value for each trial that has one, by its prompt, step and round; the first request after a load is none."""
    values = rows.values(name)
    value = values[:, 0] / values[:, 1] if values.shape[1] > 1 else values[:, 0]
    with np.errstate(invalid="ignore"):
        has_value = np.isfinite(value) & (value > 0) & ~rows.is_first
    words = rows.words("prompt")
    ranks = np.empty(len(words), dtype=np.int64)
    ranks[sorted(range(len(words)), key=words.__getitem__)] = np.arange(len(words))
    keys = (ranks[rows.codes("prompt")] * _STEPS + rows.codes("step")) * _ROUNDS + rows.codes("round")
    kept, places = np.unique(keys[has_value], return_index=True)
    return kept, np.asarray(value[has_value][places])


def _once(baseline: Cell, others: Sequence[Cell], estimates: Sequence[Estimate]) -> Iterator[VariantRatio]:
    """What is measured once for each variant: its ratio alone, which no interval stands beside."""
    known = {
        (found.metric, Cell(found.group.model_id, found.group.variant_id)): found
        for found in estimates
        if found.metric in ONCE and found.group.prompt_id is None and found.group.step is None and found.group.window is None
    }
    for name in ONCE:
        base = known.get((name, baseline))
        for cell in others:
            found = known.get((name, cell))
            if found is None or base is None or not found.value or not base.value or not isfinite(found.value / base.value):
                continue
            yield VariantRatio(
                metric=name,
                unit=found.unit,
                better="lower" if found.better == "lower" else "higher",
                model_id=cell.model_id,
                variant_id=cell.variant_id,
                baseline_id=baseline.variant_id,
                ratio=tidy(found.value / base.value),
                n_pairs=1,
                n_prompts=0,
                method=ONE_EACH,
            )
