"""How large a change does not matter: `--tolerance metric=5%`."""

from collections.abc import Mapping, Sequence
from math import isfinite

from bench.errors import UsageError
from bench.records.baseline import Measure

RATIO = 0.05
SCORE = 0.02
DEFAULTS = {"error_rate": 0.01, "aspect": 0.05}
"""Of times, speeds and numbers of tokens 5 %; of scores two points; of the share of failed requests one; of an aspect's share of answers five."""

ASPECT = "aspect"


def is_ratio(measure: Measure) -> bool:
    """Whether a metric is compared by ratios: times, speeds and numbers of tokens are, scores and shares are not."""
    return measure.unit not in {"score", "share"}


def is_timed(measure: Measure) -> bool:
    """Whether a metric reads a clock, so that another machine or load forbids a verdict."""
    return measure.unit == "s" or measure.unit.endswith("/s")


def tolerance(name: str, measure: Measure, given: Mapping[str, float]) -> float:
    """The tolerance of a metric: of a ratio as a share of it, else in the metric's own unit."""
    return given.get(name, DEFAULTS.get(name, RATIO if is_ratio(measure) else SCORE))


def read(words: Sequence[str], known: Sequence[str]) -> dict[str, float]:
    """Tolerances as typed: `ttft=5%`, `quality=0.02`, several separated by commas.

    Raises: UsageError for a metric that is not compared, or what is no share from 0 to 1.
    """
    found = {}
    for word in (part.strip() for each in words for part in each.split(",") if part.strip()):
        name, _, typed = word.partition("=")
        if name not in {*known, ASPECT}:
            raise UsageError(f"--tolerance {word}: {name!r} is not compared", hint=f"compared are {', '.join([*known, ASPECT])}")
        try:
            value = float(typed.removesuffix("%").strip()) / (100 if typed.endswith("%") else 1)
        except ValueError:
            value = -1.0
        if not (isfinite(value) and 0 <= value < 1):
            raise UsageError(f"--tolerance {word}: {typed!r} is no share from 0 to 1", hint="write ttft=5% or ttft=0.05; of scores 2% are two points")
        found[name] = value
    return found
