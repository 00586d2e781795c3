"""Strengths of models from who beat whom on which prompt. choix, of the extra `judge`, does the fitting; only this file loads it, when asked."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.stats.cluster import BOOTSTRAP, expanded_tail
from bench.stats.interval import Interval
from bench.stats.missing import not_installed
from bench.stats.quantile import Floats

Wins = NDArray[np.float64]
RESAMPLES = 500
NEEDED = 6  # clusters
_UNDEFINED = 0.05  # of the resamples may have no strengths


class Strength(NamedTuple):
    """One model's log strength relative to the mean of all, and the chance that it beats one of mean strength."""

    log: float
    interval: Interval

    @property
    def beats_the_mean(self) -> float:
        """Its chance against a model of mean strength."""
        return float(1 / (1 + np.exp(-self.log)))


def log_strengths(wins: Wins) -> Floats | None:
    """Maximum-likelihood log strengths, mean 0. Shape: `wins: float64[m, m]`, how often the row beat the column; a tie is half a win for each.

    P(i beats j) = 1 / (1 + e^(sⱼ − sᵢ)). None where the models fall into two groups of which one never lost to the other: then no finite ones fit.
    Raises: MissingExtension without choix. Source: R. A. Bradley and M. E. Terry, Biometrika 39 (1952) 324–345; existence: L. R. Ford,
    American Mathematical Monthly 64 (1957) 28–33.
    """
    try:
        import choix  # noqa: PLC0415 - an extra, and a second to load
    except ModuleNotFoundError as error:
        raise not_installed("a Bradley–Terry model", error) from error
    beaten = np.where(np.eye(len(wins), dtype=np.bool_), 0.0, wins)
    if len(wins) < 2 or not _is_connected(beaten > 0):
        return None
    found = np.asarray(choix.ilsr_pairwise_dense(beaten), dtype=np.float64)
    return np.asarray(found - found.mean())


def _is_connected(beat: NDArray[np.bool_]) -> bool:
    """Whether a chain of wins leads from every model to every other. Shape: `beat: bool[m, m]`."""
    reached = beat | np.eye(len(beat), dtype=np.bool_)
    for _ in range(len(beat).bit_length()):
        reached = reached @ reached
    return bool(reached.all())


def strengths(wins: Wins, rng: np.random.Generator, level: float = 0.95) -> tuple[Strength, ...] | None:
    """Each model's strength with an interval over resampled clusters. Shape: `wins: float64[clusters, m, m]`, one matrix per prompt.

    None where no strengths fit (see `log_strengths`); no bounds below six clusters, or where more than 5 % of the resamples have no strengths.
    """
    fitted = log_strengths(wins.sum(axis=0))
    if fitted is None:
        return None
    k = len(wins)
    drawn = [log_strengths(wins[rng.integers(0, k, size=k)].sum(axis=0)) for _ in range(RESAMPLES if k >= NEEDED else 0)]
    known = np.array([one for one in drawn if one is not None])
    if len(known) < max(1.0, (1 - _UNDEFINED) * RESAMPLES):
        return tuple(Strength(float(one), Interval(None, None, BOOTSTRAP, k, NEEDED)) for one in fitted)
    tail = expanded_tail(k, level)
    lows, highs = np.quantile(known, (tail, 1 - tail), axis=0)
    bounds = zip(fitted.tolist(), lows.tolist(), highs.tolist(), strict=True)
    return tuple(Strength(one, Interval(low, high, BOOTSTRAP, k, NEEDED)) for one, low, high in bounds)
