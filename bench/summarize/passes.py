"""How dependable a model is over rounds: pass@k and pass^k of the spec's `report: {pass_k: …}`."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from bench.records.estimate import Estimate, Group
from bench.records.spec import Spec
from bench.stats.pass_k import pass_at_k, pass_hat_k
from bench.stats.wilson import share_interval
from bench.summarize.estimates import tidy
from bench.summarize.table import Cell
from bench.summarize.work import Tries

FORMS = (("pass@", pass_at_k), ("pass^", pass_hat_k))
_NONE_DEFINED = "nothing defines an accepted answer: give the rubric a pass score, or mark aspects as required"
_UNKNOWN = "no grader of this run can tell whether an answer is accepted"


def passes(spec: Spec, cells: Iterable[Cell], tries: Mapping[tuple[Cell, str], Tries]) -> Iterator[Estimate]:
    """For each model and k: pass@k and pass^k of each prompt, and their mean over prompts.

    A failed trial is an answer that is not accepted. Prompts with fewer than k answers, or whose answers nobody can tell apart, have no value and are
    counted as not applicable. Each prompt is one independent unit, however many rounds it has; a prompt alone has no interval.
    """
    for cell in cells:
        of_cell = {prompt.id: tries[cell, prompt.id] for prompt in spec.prompts if (cell, prompt.id) in tries}
        for k in spec.report.pass_k:
            for name, chance in FORMS:
                values = {prompt_id: chance(each.n, each.accepted, k) if each.is_known else None for prompt_id, each in of_cell.items()}
                yield _mean(f"{name}{k}", Group(model_id=cell.model_id, variant_id=cell.variant_id), values, of_cell)


def _mean(metric: str, group: Group, values: Mapping[str, float | None], of_cell: Mapping[str, Tries]) -> Estimate:
    known = np.array([value for value in values.values() if value is not None])
    n, left_out = int(known.size), len(values) - int(known.size)
    common: dict[str, Any] = {
        "metric": metric, "statistic": "share", "unit": "share", "better": "higher", "group": group, "n": n, "clusters": n,
    }  # fmt: skip
    if not n:
        note = _NONE_DEFINED if not of_cell else _UNKNOWN if not any(each.is_known for each in of_cell.values()) else "no prompt has so many answers"
        return Estimate(**common, value=None, method="none", not_applicable=left_out, note=note)
    mean = tidy(float(known.mean()))
    if n == 1:
        return Estimate(**common, value=mean, method="none", not_applicable=left_out, note="n too small for an interval: 1 of 2 prompts")
    interval = share_interval(known, np.arange(n))
    return Estimate(
        **common, value=mean, low=tidy(interval.low), high=tidy(interval.high), method=interval.method.replace("clusters", "prompts"),
        not_applicable=left_out,
    )  # fmt: skip
