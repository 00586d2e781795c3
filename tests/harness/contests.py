"""Contests in one line, for the tests of selection: candidates with values, and with what they would have been with other prompts."""

import numpy as np

from bench.records.comparison import Contender
from bench.records.selection import Requirement, SelectionCriterion
from bench.select.contest import Contest, Demand, Entrant, Figure

UNITS = {
    "quality": ("score", "higher"),
    "ttft": ("s", "lower"),
    "rss_bytes": ("B", "lower"),
    "cost": ("EUR", "lower"),
    "error_rate": ("share", "lower"),
    "decode_tps": ("tokens/s", "higher"),
}
RESAMPLES = 500


def who(name, variant="default"):
    return Contender(model_id=name, variant_id=variant)


def criterion(name, weight=0.0, **more):
    unit, better = UNITS[name]
    return SelectionCriterion(name=name, metric=name, statistic="mean", unit=unit, better=better, weight=weight, **{"is_on_front": True, **more})


def demand(name="rss_bytes ≤ 2 GB", outcome="met", held=None, holds=None, **bounds):
    holds = outcome == "met" if holds is None else holds
    requirement = Requirement(name=name, metric=name.split()[0], outcome=outcome, holds=holds, reason="as read in this run")
    return Demand(requirement, held, **bounds)


def entrant(name, demands=(), variant="default", absent=None, partial=None, **values):
    """`values`: a number is a reading; a pair of a number and a spread has noise."""
    figures = {}
    for metric, value in values.items():
        if isinstance(value, tuple):
            middle, spread = value
            noise = np.random.default_rng(sum(map(ord, name + metric))).normal(0, spread, RESAMPLES)
            figures[metric] = Figure(middle, middle - 2 * spread, middle + 2 * spread, np.maximum(middle + noise, 0))
        else:
            figures[metric] = Figure(value, reason=None if value is not None else "nobody could grade it")
    return Entrant(who(name, variant), tuple(demands), figures, absent, partial)


def contest(*entrants, n_prompts=12, notes=(), **weights):
    """Weights by criterion; those that are 0 are only on the Pareto front."""
    total = sum(weights.values()) or 1
    readings = {name: all(one.figures[name].drawn is None for one in entrants if name in one.figures) for name in weights}
    criteria = tuple(criterion(name, weight / total, is_reading=readings[name]) for name, weight in weights.items())
    return Contest(criteria, tuple(entrants), n_prompts, resamples=RESAMPLES, notes=notes)
