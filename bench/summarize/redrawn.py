"""Figures of a run as they would have been with other prompts: the same resamples of the prompts for every model and every figure."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from bench.protocols import Metric
from bench.records.spec import Spec
from bench.stats.cluster import Ids
from bench.stats.quantile import Floats
from bench.stats.resampling import RESAMPLES, Draws, draws, resampled_quantile, resampled_ratio
from bench.summarize.many import UNITS
from bench.summarize.rows import Rows
from bench.summarize.table import Cell, is_timed
from bench.summarize.throughput import rates

_SHARES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "max": 1.0}


class _Values(NamedTuple):
    """Values (pairs, of a ratio), the place of the row that each is of, and how often each occurs (None: once)."""

    values: Floats
    places: Ids
    weights: Ids | None = None
    groups: Ids | None = None  # in the place of the rows' prompts, where values are of many rows


class Redrawn:
    """Draws prompts once, and tells any figure of any model for all of the draws. Of a single prompt, its rounds are drawn instead."""

    def __init__(self, spec: Spec, rows: Rows, metrics: Mapping[str, Metric]) -> None:
        """Of all rows of a run, warm-up included."""
        self._spec, self._metrics = spec, metrics
        self._cells = rows.by_cell()
        self._of_rate: dict[Cell, dict[str, tuple[Rows, Floats]]] = {}
        measured = rows.where(~rows.is_warmup)
        words = rows.words("prompt")
        present = sorted(np.unique(measured.codes("prompt")).tolist(), key=words.__getitem__)
        self.n_prompts = len(present)
        self.by_rounds = self.n_prompts == 1
        self._units = np.zeros(len(words) + 1, dtype=np.intp)
        self._units[present] = np.arange(len(present)) % UNITS  # the order of the names: that of the lines changes nothing
        self.k = int(measured.codes("round").max(initial=0)) if self.by_rounds else min(self.n_prompts, UNITS)
        self._drawn: Draws | None = draws(self.k, spec.seed) if self.k > 1 else None

    def figure(self, cell: Cell, metric: str, statistic: str | None) -> Floats | None:
        """A figure in every resample, `nan` where those prompts gave no value; None where it is no figure of single answers. Shape: [RESAMPLES]."""
        if self._drawn is None or cell not in self._cells:
            return None
        if metric in self._rates(cell):
            rows, pairs = self._rates(cell)[metric]
            return resampled_ratio(pairs[:, 0], pairs[:, 1], self._clusters(rows), self._drawn) if len(pairs) else None
        if metric not in self._metrics:
            return None
        known = self._metrics[metric]
        rows = self._cells[cell].where(~self._cells[cell].is_warmup)
        found = self._read(metric, rows)
        if not len(found.values):
            return np.full(RESAMPLES, np.nan)
        clusters = self._clusters(rows)[found.places] if found.groups is None else found.groups
        if known.aggregate == "quantiles" and statistic in _SHARES:
            return resampled_quantile(found.values[:, 0], clusters, _SHARES[statistic], self._drawn, found.weights)
        below = found.values[:, 1] if found.values.shape[1] > 1 else np.ones(len(found.values))
        times = 1.0 if found.weights is None else found.weights
        return resampled_ratio(found.values[:, 0] * times, below * times, clusters, self._drawn)

    def asked(self, cell: Cell) -> frozenset[str]:
        """The prompts that a model was asked, answered or failed."""
        rows = self._cells.get(cell)
        if rows is None:
            return frozenset()
        words = rows.words("prompt")
        return frozenset(words[code] for code in np.unique(rows.where(~rows.is_warmup).codes("prompt")).tolist())

    def _clusters(self, rows: Rows) -> Ids:
        codes = rows.codes("round") - 1 if self.by_rounds else self._units[rows.codes("prompt")]
        return np.asarray(codes, dtype=np.intp)

    def _read(self, metric: str, rows: Rows) -> _Values:
        values = rows.values(metric)
        has_value = ~np.isnan(values[:, 0])
        if is_timed(self._metrics[metric]):
            has_value &= ~rows.is_first
        places = np.flatnonzero(has_value)
        if not rows.has_many(metric):
            return _Values(values[places], places)
        pooled = rows.many(metric)
        if pooled.weights is not None:
            return _Values(pooled.values[:, None], np.empty(0, dtype=np.intp), pooled.weights, pooled.units.astype(np.intp) % max(1, self.k))
        order = np.argsort(rows.numbers, kind="stable")
        owners = order[np.searchsorted(rows.numbers, pooled.units, sorter=order)]
        if is_timed(self._metrics[metric]):
            kept = ~rows.is_first[owners]
            owners, pooled = owners[kept], pooled._replace(values=pooled.values[kept])
        return _Values(np.concatenate((values[places], pooled.values[:, None])), np.concatenate((places, owners)))

    def _rates(self, cell: Cell) -> dict[str, tuple[Rows, Floats]]:
        if cell not in self._of_rate:
            self._of_rate[cell] = dict(_named(self._cells[cell], self._spec))
        return self._of_rate[cell]


def _named(rows: Rows, spec: Spec) -> Iterator[tuple[str, tuple[Rows, Floats]]]:
    for rate, measured, shares in rates(rows, spec.slo):
        is_there = ~np.isnan(rate.counts)
        yield rate.name, (measured.where(is_there), np.stack((rate.counts[is_there], shares[is_there])).T)
