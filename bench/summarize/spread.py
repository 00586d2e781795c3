"""How a metric was spread over the trials of each prompt: the range beside the median, and a p95 where there are trials enough."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bench.protocols import Metric
from bench.records.estimate import Group, PromptSpread
from bench.stats.quantile import Floats, needed
from bench.summarize.estimates import tidy
from bench.summarize.part import Whole
from bench.summarize.rows import Rows
from bench.summarize.table import Cell, is_timed

Codes = NDArray[np.int32]
SPREAD = ("ttft", "tpot", "latency", "completion_tokens")
P95_NEEDS = needed(0.95)


def spreads(cell: Cell, rows: Rows, prompts: Sequence[str], metrics: Mapping[str, Metric]) -> Iterator[PromptSpread]:
    """One for each of these metrics and prompts with a value. `rows`: measured trials of the cell; the first request after a load has no latency."""
    codes, words = rows.codes("prompt"), rows.words("prompt")
    for name in (name for name in SPREAD if name in metrics):
        values = rows.values(name)[:, 0]
        has_value = ~np.isnan(values)
        if is_timed(metrics[name]):
            has_value &= ~rows.is_first
        ordered, of = _ordered(values[has_value], codes[has_value])
        counts = np.bincount(of)
        present = np.flatnonzero(counts)
        n = counts[present]
        starts = np.cumsum(n) - n
        columns = [ordered[starts], within(ordered, starts, n, 0.5), within(ordered, starts, n, 0.95), ordered[starts + n - 1]]
        del values, has_value, ordered, of  # a million of each: nobody needs them while the next ones are read
        found = {words[code]: place for place, code in enumerate(present.tolist())}
        for prompt in (prompt for prompt in prompts if prompt in found):
            count = int(n[found[prompt]])
            least, p50, p95, most = (tidy(float(column[found[prompt]])) or 0.0 for column in columns)
            group = Group(model_id=cell.model_id, variant_id=cell.variant_id, prompt_id=prompt)
            p95_or_none = p95 if count >= P95_NEEDS else None
            yield PromptSpread(metric=name, unit=metrics[name].unit, group=group, n=count, least=least, p50=p50, p95=p95_or_none, most=most)


def _ordered(values: Floats, codes: Codes) -> tuple[Floats, Codes]:
    """Values with the codes they are of, in the order of both."""
    if (codes[1:] < codes[:-1]).any():
        order = np.lexsort((values, codes))
        return values[order], codes[order]
    ends = np.cumsum(np.bincount(codes)).tolist()  # they lie together: each one's in their place
    for start, end in pairwise((0, *ends)):
        values[start:end].sort()
    return values, codes


def within(ordered: Floats, starts: Whole, n: Whole, p: float) -> Floats:
    """The p-quantile of each run of values, as `stats.quantile`: linear between order statistics. Shape: `ordered: float64[all]`, else [runs]."""
    at = p * (n - 1)
    below = np.floor(at).astype(np.int64)
    low, high, share = ordered[starts + below], ordered[starts + np.minimum(below + 1, n - 1)], at - below
    return np.asarray(np.where(share < 0.5, low + (high - low) * share, high - (high - low) * (1 - share)), dtype=np.float64)
