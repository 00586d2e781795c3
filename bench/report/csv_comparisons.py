"""Rows of the CSV report about models against each other."""

from collections.abc import Iterator
from typing import Any

from bench.records.comparison import ModelComparison, Strength, VariantRatio
from bench.records.estimate import Summary


def rows(summary: Summary) -> Iterator[dict[str, Any]]:
    """Every comparison, then every strength, then every variant."""
    for compared in summary.comparisons:
        yield _comparison(compared)
    for strength in summary.strengths:
        yield _strength(strength)
    for ratio in summary.ratios:
        yield _ratio(ratio)


def _comparison(found: ModelComparison) -> dict[str, Any]:
    """A row of model `a`; the other model and the p values stand in the note."""
    ps = f"p {found.p!r}; p (Holm) {found.p_holm!r}" if found.p is not None else "p none"
    by = f"according to {found.grader_id}; " if found.grader_id else ""
    return {
        "kind": "comparison",
        "model_id": found.a.model_id,
        "variant_id": found.a.variant_id,
        "metric": found.metric,
        "statistic": found.effect,
        "state": found.verdict.replace("_", " "),
        "value": found.ratio if found.effect == "ratio" else found.difference,
        "unit": "1" if found.effect == "ratio" else found.unit,
        "low": found.low,
        "high": found.high,
        "level": found.level,
        "n": found.n_prompts,
        "clusters": found.n_prompts,
        "better": found.better,
        "method": found.method,
        "note": f"{by}against {found.b.model_id} {found.b.variant_id}; {ps}; detectable {found.mde!r}; better, equal, worse on "
        f"{found.wins}, {found.ties}, {found.losses} prompts; {found.left_out} left out{_apart(found)}",
    }


def _strength(found: Strength) -> dict[str, Any]:
    return {
        "kind": "strength",
        "model_id": found.who.model_id,
        "variant_id": found.who.variant_id,
        "metric": "preferred",
        "statistic": "log strength",
        "state": "value" if found.log_strength is not None else "not applicable",
        "value": found.log_strength,
        "unit": "1",
        "low": found.low,
        "high": found.high,
        "level": found.level,
        "n": found.n_prompts,
        "clusters": found.n_prompts,
        "better": "higher",
        "method": found.method,
        "note": f"according to {found.grader_id}",
    }


def _ratio(found: VariantRatio) -> dict[str, Any]:
    """A row of the variant; the one it is held against and the p values stand in the note."""
    ps = f"; p {found.p!r}; p (Holm) {found.p_holm!r}" if found.p is not None else ""
    return {
        "kind": "variant ratio",
        "model_id": found.model_id,
        "variant_id": found.variant_id,
        "metric": found.metric,
        "statistic": "ratio",
        "state": found.verdict.replace("_", " ") if found.verdict is not None else "no interval",
        "value": found.ratio,
        "unit": "1",
        "low": found.low,
        "high": found.high,
        "level": found.level if found.low is not None else None,
        "n": found.n_pairs,
        "clusters": found.n_prompts,
        "better": found.better,
        "method": found.method,
        "note": f"against {found.baseline_id}{ps}{_apart(found)}",
    }


def _apart(found: ModelComparison | VariantRatio) -> str:
    return f"; one after the other, drift {found.drift!r}" if found.is_apart else ""
