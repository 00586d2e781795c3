"""Whether raters give the same grades, not only the same order: weighted kappa of two, Krippendorff's alpha of any number.

scikit-learn and krippendorff, the extra `judge`, do the counting; only this file loads them, when asked. Both measures speak of the *declared* scale:
a grade that nobody gave still lies between its neighbours. What is undefined is None.
"""

import numpy as np

from bench.stats.missing import not_installed
from bench.stats.quantile import Floats


def on_grades(values: Floats, scale: tuple[int, int]) -> Floats:
    """The whole grades of a scale nearest to these values, halves to the higher one; `nan` stays.

    >>> on_grades(np.array([1.4, 2.5, np.nan]), (1, 5)).tolist()
    [1.0, 3.0, nan]
    """
    return np.clip(np.floor(values + 0.5), *scale)


def quadratic_kappa(first: Floats, second: Floats, scale: tuple[int, int]) -> float | None:
    """Cohen's kappa with quadratic weights on a declared scale of whole grades. Shape: both `float64[n]`, `nan` for missing.

    None where either rater gives one grade only (kappa would be 0 whatever the other says, or 0/0), or nothing was rated by both.
    Raises: ValueError for a value that is no whole grade of the scale; MissingExtension without scikit-learn.
    Source: J. Cohen, Psychological Bulletin 70 (1968) 213–220.
    """
    try:
        from sklearn.metrics import cohen_kappa_score  # type: ignore[import-untyped]  # noqa: PLC0415 - an extra, and a second to load
    except ModuleNotFoundError as error:
        raise not_installed("weighted kappa", error) from error
    a, b = _shared(first, second)
    _check(np.concatenate((a, b)), scale)
    if a.size == 0 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    low, high = scale
    return float(cohen_kappa_score(a.astype(int), b.astype(int), labels=list(range(low, high + 1)), weights="quadratic"))


def krippendorff_alpha(ratings: Floats, scale: tuple[int, int]) -> float | None:
    """Krippendorff's alpha of ordinal grades among any number of raters. Shape: `ratings: float64[raters, answers]`, `nan` for missing.

    None where no answer was rated twice, or all such ratings are one grade: agreement by chance would be perfect too.
    Raises: ValueError for a value that is no whole grade of the scale; MissingExtension without krippendorff.
    Source: K. Krippendorff, Content Analysis, 4th ed. (2018), ch. 12.
    """
    try:
        import krippendorff  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise not_installed("Krippendorff's alpha", error) from error
    _check(ratings[~np.isnan(ratings)], scale)
    shared = ratings[:, (~np.isnan(ratings)).sum(axis=0) > 1]
    given = shared[~np.isnan(shared)]
    if given.size == 0 or np.ptp(given) == 0:
        return None
    low, high = scale
    return float(krippendorff.alpha(reliability_data=shared, value_domain=list(range(low, high + 1)), level_of_measurement="ordinal"))


def _shared(first: Floats, second: Floats) -> tuple[Floats, Floats]:
    both = ~(np.isnan(first) | np.isnan(second))
    return first[both], second[both]


def _check(values: Floats, scale: tuple[int, int]) -> None:
    """Raises: ValueError when a value is not a whole grade of the scale."""
    low, high = scale
    wrong = values[(values != np.floor(values)) | (values < low) | (values > high)]
    if wrong.size:
        raise ValueError(f"{wrong[0]:g} is no grade of the scale {low} to {high}; round to its grades with `on_grades` first")
