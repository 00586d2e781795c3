"""How often a selection is sure of one of equal candidates, and how often it finds the better one: by simulation, with the program's own decision.

    python tests/validation/selection.py                               1,000 experiments of each kind, 500 resamples each: some minutes
    python tests/validation/selection.py --experiments 4000 --prompts 6,12

Each experiment draws prompts that are easier or harder for all candidates, and each candidate's own luck on them; then it draws them again and
decides as a run does. *Clear* and *likely* are in per cent of all experiments, whoever is called so; their standard error is under one point.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.contests import criterion, who

from bench.select.contest import Contest, Entrant, Figure
from bench.select.decide import decide
from bench.stats.quantile import Floats
from bench.stats.resampling import Draws, draws, resampled_quantile, resampled_ratio

Values = dict[str, Floats | float]
Kind = Callable[[np.random.Generator, int], list[Values]]
ROUNDS = 3


def scores(candidates: int, lead: float = 0.0) -> Kind:
    """Normal scores; the first is better by `lead`, in standard deviations of the difference of two on one prompt."""

    def made(rng: np.random.Generator, n: int) -> list[Values]:
        hardness = rng.normal(5, 0.2, n)
        return [{"quality": hardness + rng.normal(0, 0.1, n) + (0.1 * 2**0.5 * lead if place == 0 else 0.0)} for place in range(candidates)]

    return made


def two_ahead(candidates: int) -> Kind:
    """Two that are equal, and others far behind."""

    def made(rng: np.random.Generator, n: int) -> list[Values]:
        return [{"quality": one["quality"] - (place > 1)} for place, one in enumerate(scores(candidates)(rng, n))]

    return made


def checks(candidates: int, met: float, per_prompt: int = 1) -> Kind:
    """Checks that are met or not, on prompts that are easier or harder."""

    def made(rng: np.random.Generator, n: int) -> list[Values]:
        easy = rng.beta(2 * met, 2 * (1 - met), (n, 1))
        return [{"quality": (rng.random((n, per_prompt)) < easy).mean(axis=1)} for _ in range(candidates)]

    return made


def points(candidates: int) -> Kind:
    """Whole points from 1 to 5, often the same for all."""

    def made(rng: np.random.Generator, n: int) -> list[Values]:
        hardness = rng.normal(3.8, 0.7, n)
        return [{"quality": np.clip(np.round(hardness + rng.normal(0, 0.7, n)), 1, 5)} for _ in range(candidates)]

    return made


def skewed(candidates: int) -> Kind:
    """Scores that are mostly near 1 and seldom far below."""
    return lambda rng, n: [{"quality": 1 - rng.beta(0.3, 2, n)} for _ in range(candidates)]


def times(candidates: int, at: str) -> Kind:
    """Times to the first token, in three rounds, by a percentile."""

    def made(rng: np.random.Generator, n: int) -> list[Values]:
        hardness = rng.normal(0, 0.5, (n, 1))
        return [{at: np.exp(hardness + rng.normal(0, 0.5, (n, 1)) + rng.normal(0, 0.1, (n, ROUNDS)))} for _ in range(candidates)]

    return made


def balanced(candidates: int) -> Kind:
    """Each twice as slow as the one before, in half its memory: their scores are equal."""

    def made(rng: np.random.Generator, n: int) -> list[Values]:
        return [{"p50": one["p50"] * 2.0**place, "rss_bytes": 1e9 / 2**place} for place, one in enumerate(times(candidates, "p50")(rng, n))]

    return made


def several(candidates: int) -> Kind:
    """Checks and times together."""
    return lambda rng, n: [{**one, **other} for one, other in zip(checks(candidates, 0.6, 3)(rng, n), times(candidates, "p50")(rng, n), strict=True)]


EQUAL: dict[str, Kind] = {
    "scores, 2 candidates": scores(2),
    "scores, 3 candidates": scores(3),
    "scores, 5 candidates": scores(5),
    "scores, 2 of 5 ahead": two_ahead(5),
    "skewed scores": skewed(2),
    "points from 1 to 5": points(2),
    "one check, met by half": checks(2, 0.5),
    "one check, met by 90 %": checks(2, 0.9),
    "three checks a prompt": checks(2, 0.6, 3),
    "one check, 3 candidates": checks(3, 0.5),
    "TTFT p50": times(2, "p50"),
    "TTFT p90": times(2, "p90"),
    "TTFT p95": times(2, "p95"),
    "slower in half the memory": balanced(2),
    "checks and TTFT p50": several(2),
}
AHEAD: dict[str, Kind] = {f"ahead by {lead:g} standard deviations": scores(2, lead) for lead in (0.5, 1.0, 1.5, 2.0)}


def figure(name: str, values: Floats | float, drawn: Draws) -> Figure:
    """A candidate's value of a criterion, and what it would have been with other prompts."""
    if not isinstance(values, np.ndarray):
        return Figure(values)
    clusters = np.repeat(np.arange(len(values)), values.size // len(values))
    if name == "quality":
        return Figure(float(values.mean()), drawn=resampled_ratio(values.ravel(), np.ones(values.size), clusters, drawn))
    share = float(name.replace("p", "0."))
    return Figure(float(np.quantile(values, share)), drawn=resampled_quantile(values.ravel(), clusters, share, drawn))


def verdict(rng: np.random.Generator, kind: Kind, n: int, resamples: int) -> str:
    """What one experiment comes to."""
    drawn = draws(n, int(rng.integers(1 << 31)), resamples)
    seen = [{name: figure(name, values, drawn) for name, values in one.items()} for one in kind(rng, n)]
    criteria = tuple(criterion({"p50": "ttft", "p90": "ttft", "p95": "ttft"}.get(name, name), 1 / len(seen[0])) for name in seen[0])
    entrants = tuple(
        Entrant(who(f"m{place}"), figures=dict(zip((one.name for one in criteria), found.values(), strict=True))) for place, found in enumerate(seen)
    )
    return decide(Contest(criteria, entrants, n, resamples=resamples)).verdict


def main() -> None:
    """Print the table."""
    said = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    said.add_argument("--experiments", type=int, default=1000)
    said.add_argument("--resamples", type=int, default=500)
    said.add_argument("--prompts", default="4,6,12,40")
    said.add_argument("--only", default="", help="kinds whose name holds this")
    wanted = said.parse_args()
    numbers = [int(one) for one in wanted.prompts.split(",")]
    sys.stdout.write(f"| clear / likely, in % | {' | '.join(f'{n} prompts' for n in numbers)} |\n|---|{'--:|' * len(numbers)}\n")
    for name, kind in {**EQUAL, **AHEAD}.items():
        if wanted.only not in name:
            continue
        cells = []
        for n in numbers:
            rng = np.random.default_rng((20261123, n))
            found = [verdict(rng, kind, n, wanted.resamples) for _ in range(wanted.experiments)]
            cells.append(" / ".join(f"{100 * found.count(one) / len(found):.1f}" for one in ("clear", "likely")))
        sys.stdout.write(f"| {name} | {' | '.join(cells)} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
