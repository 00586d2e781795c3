"""A run in few numbers: one value of each metric for each prompt and model. Two runs are compared by these, and a baseline holds nothing else."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from bench.protocols import Metric
from bench.records.baseline import Answered, Contestant, Level
from bench.records.estimate import Estimate, Group
from bench.records.plan import Plan
from bench.records.serving import ModelStatus
from bench.records.spec import Spec
from bench.summarize.aspects import Fates
from bench.summarize.comparison import of_rounds
from bench.summarize.estimates import estimate
from bench.summarize.reading import Seen
from bench.summarize.rows import Rows
from bench.summarize.table import Cell, is_timed
from bench.trials import columns

KEPT = ("quality", "judged", "checks_met", "error_rate", "ttft", "latency", "tpot", "decode_tps", "prefill_tps", "completion_tokens")
"""Metrics that a baseline holds of every prompt; of `itl`, which has many values in an answer, it holds the levels."""

_LEVELS = (*KEPT, "itl")
_DIGEST = 16  # characters: no two of the requests of a run are taken for one another
_STEPS = 1 << 20  # more than any load has

Requests = Mapping[tuple[str, str, str], str]


def rounded(value: float) -> float:
    """Six significant digits: far less than any noise, and what a file can be reviewed with."""
    return float(f"{value:.6g}")


def contestants(spec: Spec, plan: Plan, statuses: Sequence[ModelStatus], seen: Seen, metrics: Mapping[str, Metric]) -> tuple[Contestant, ...]:
    """Every model in every variant that was asked anything, in the order of the plan's names. `metrics`: those to keep."""
    requests = _requests(plan)
    last = {(status.model_id, status.variant_id): status for status in statuses}
    found = []
    for cell, rows in sorted(seen.rows.by_cell().items()):
        measured = rows.where(~rows.is_warmup)
        if len(measured):
            found.append(_contestant(spec, cell, measured, (requests, last.get(cell), seen.fates, metrics)))
    return tuple(found)


def _requests(plan: Plan) -> Requests:
    """What was sent, by model, variant and prompt."""
    kinds = (kind for block in plan.blocks for kind, _ in columns(block.trials).counted() if not kind.is_warmup)
    return {(kind.model_id, kind.variant_id, kind.prompt_id): kind.request_digest[:_DIGEST] for kind in kinds}


def _contestant(spec: Spec, cell: Cell, rows: Rows, known: tuple[Requests, ModelStatus | None, Fates, Mapping[str, Metric]]) -> Contestant:
    requests, status, fates, metrics = known
    endpoint = status.endpoint if status is not None else None
    treatments = rows.counts("treatment")
    return Contestant(
        model_id=cell.model_id,
        variant_id=cell.variant_id,
        treatment_digest=next(iter(treatments), ""),
        served_model=endpoint.served_model if endpoint else None,
        runtime_version=endpoint.runtime_version if endpoint else None,
        weights_digest=endpoint.weights_digest if endpoint else None,
        device=endpoint.device if endpoint else None,
        transport=endpoint.transport if endpoint else "http",
        api=endpoint.api if endpoint else "openai",
        answers=answered(cell, rows, requests, fates, {name: metric for name, metric in metrics.items() if name != "itl"}),
        levels=tuple(_levels(spec, cell, rows, metrics)),
        facts=_facts(status),
    )


def _facts(status: ModelStatus | None) -> dict[str, float]:
    if status is None:
        return {}
    load_s = status.endpoint.load_s if status.endpoint else None
    told = {"load_s": load_s, "disk_bytes": status.disk_bytes, "rss_peak_bytes": status.rss_peak_bytes, "gpu_bytes": status.gpu_bytes}
    return {name: rounded(value) for name, value in told.items() if value is not None}


def answered(cell: Cell, rows: Rows, requests: Requests, fates: Fates, metrics: Mapping[str, Metric]) -> tuple[Answered, ...]:
    """One model's answers, prompt by prompt (and step by step) in the order of their names. `rows`: without warm-up."""
    keys = rows.codes("prompt").astype(np.int64) * _STEPS + rows.codes("step")
    of = _Values(keys)
    values = {name: of.read(name, metric, rows) for name, metric in metrics.items()}
    present, members = np.unique(keys, return_inverse=True)
    n = np.bincount(members)
    failed = np.bincount(members, weights=rows.codes("failure") > 0)
    words, told, found = rows.words("prompt"), _told(cell, fates), []
    for key, all_of, broken in zip(present.tolist(), n.tolist(), failed.tolist(), strict=True):
        code, step = divmod(key, _STEPS)
        prompt = words[code]
        found.append(
            Answered(
                prompt_id=prompt,
                request=requests.get((*cell, prompt), ""),
                n=all_of,
                failed=int(broken),
                step=step or None,
                values={name: by_key[key] for name, by_key in values.items() if key in by_key},
                aspects=told.pop(prompt, {}),  # of a load in steps with the first
            )
        )
    return tuple(sorted(found, key=lambda each: (each.prompt_id, each.step or 0)))


class _Values:
    """Reads a metric as one value for each prompt and step, and how many answers it is of."""

    def __init__(self, keys: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> None:
        self._keys = keys

    def read(self, name: str, metric: Metric, rows: Rows) -> dict[int, tuple[float, int]]:
        values = rows.values(name)
        has_value = ~np.isnan(values[:, 0])
        if is_timed(metric):
            has_value &= ~rows.is_first & (values > 0).all(axis=1)
        if not has_value.any():
            return {}
        keys, members = np.unique(self._keys[has_value], return_inverse=True)
        found = of_rounds(metric, values[has_value], members, keys.size)
        counts = np.bincount(members)
        return {key: (rounded(value), n) for key, value, n in zip(keys.tolist(), found.tolist(), counts.tolist(), strict=True)}


def _told(cell: Cell, fates: Fates) -> dict[str, dict[str, tuple[int, int]]]:
    """Prompt -> aspect -> how many answers met it, of how many that were graded."""
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for (of, prompt, aspect), counted in sorted(fates.items()):
        graded = counted["passed"] + counted["missed"]
        if of == cell and graded:
            found.setdefault(prompt, {})[aspect] = (counted["passed"], graded)
    return found


def _levels(spec: Spec, cell: Cell, rows: Rows, metrics: Mapping[str, Metric]) -> Iterator[Level]:
    group = Group(model_id=cell.model_id, variant_id=cell.variant_id)
    for name in sorted(metrics):
        for one in estimate(name, metrics[name], group, rows, spec.seed):
            if one.value is not None:
                yield level_of(one)


def level_of(one: Estimate) -> Level:
    """An estimate that has a value, in few digits."""
    bounds = {side: rounded(bound) for side, bound in (("low", one.low), ("high", one.high)) if bound is not None}
    return Level(metric=one.metric, statistic=one.statistic, value=rounded(one.value or 0.0), n=one.n, **bounds)


def kept(metrics: Mapping[str, Metric], more: Iterable[str] = ()) -> dict[str, Metric]:
    """The metrics that are kept of a run, and further ones that were asked for."""
    return {name: metric for name, metric in metrics.items() if name in {*_LEVELS, *more}}


def median_answers(rows: Rows, wanted: Iterable[tuple[str, str, str]]) -> dict[int, tuple[str, str, str]]:
    """The place of the answer with the median score for each model, variant and prompt; the first round's of equal ones."""
    by_cell, found = rows.by_cell(), {}
    for key in wanted:
        of_cell = by_cell.get(Cell(*key[:2]))
        of_prompt = None if of_cell is None else of_cell.by_word("prompt").get(key[2])
        if of_cell is None or of_prompt is None:
            continue
        some = of_cell.at(of_prompt)
        scores = np.where(some.is_warmup, np.nan, some.values("quality")[:, 0])
        order = np.lexsort((some.codes("round"), scores))  # those without a score come last
        if n := int((~np.isnan(scores)).sum()):
            found[int(some.codes("place")[order[(n - 1) // 2]])] = key
    return found
