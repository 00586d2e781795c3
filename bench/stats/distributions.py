"""The distribution functions that intervals are made of, typed. `scipy.special` alone: `scipy.stats` takes several times longer to import."""

import numpy as np
from numpy.typing import NDArray
from scipy import special  # type: ignore[import-untyped]  # SciPy ships no types


def binomial_below(k: int, n: int, p: float) -> float:
    """P(B ≤ k), B ~ binomial(n, p).

    >>> binomial_below(0, 2, 0.5)
    0.25
    """
    return float(special.bdtr(k, n, p))


def binomial_above(k: int, n: int, p: float) -> float:
    """P(B > k), B ~ binomial(n, p).

    >>> binomial_above(1, 2, 0.5)
    0.25
    """
    return float(special.bdtrc(k, n, p))


def normal_cdf(x: float) -> float:
    """Φ(x).

    >>> round(normal_cdf(1.96), 4)
    0.975
    """
    return float(special.ndtr(x))


def normal_quantile(p: float) -> float:
    """Φ⁻¹(p).

    >>> round(normal_quantile(0.975), 4)
    1.96
    """
    return float(special.ndtri(p))


def t_below(degrees: float, x: float) -> float:
    """P(T ≤ x) of Student's t.

    >>> round(t_below(3, 3.1824), 4)
    0.975
    """
    return float(special.stdtr(degrees, x))


def t_quantile(degrees: float, p: float) -> float:
    """The p-quantile of Student's t.

    >>> round(t_quantile(3, 0.975), 4)
    3.1824
    """
    return float(special.stdtrit(degrees, p))


def t_shift(degrees: int, bound: float, share: float) -> float:
    """The noncentrality at which a noncentral t exceeds a bound with this probability.

    >>> round(t_shift(10_000, 1.96, 0.8), 2)
    2.8
    """
    return float(special.nctdtrinc(degrees, 1 - share, bound))


def chi_square_quantile(df: float, p: NDArray[np.float64]) -> NDArray[np.float64]:
    """The quantiles of χ² with `df` degrees of freedom.

    >>> chi_square_quantile(1, np.array([0.95])).round(3).tolist()
    [3.841]
    """
    found: NDArray[np.float64] = 2 * special.gammaincinv(df / 2, p)
    return found
