"""Whether two shares of independent trials differ, exactly."""

from math import comb

_ROUNDING = 1e-9  # tables whose chances differ by less, relatively, are equally likely


def fisher(first: tuple[int, int], second: tuple[int, int]) -> float:
    """Two-sided p that two shares are of equal chance: of all tables with these margins the share that is no likelier than this one.

    Shape: (hits, of how many), both. Assumes: trials are independent. Source: R. A. Fisher, Statistical Methods for Research Workers, 5th ed. (1934),
    §21.02; his lady tasting tea, three of four cups right:

    >>> round(fisher((3, 4), (1, 4)), 4)
    0.4857
    """
    (a, n), (b, m) = first, second
    hits = a + b
    ways = {k: comb(n, k) * comb(m, hits - k) for k in range(max(0, hits - m), min(n, hits) + 1)}
    return sum(each for each in ways.values() if each <= ways[a] * (1 + _ROUNDING)) / sum(ways.values())
