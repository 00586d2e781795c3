"""From the cost of a run to the cost of one request, a million tokens, and one accepted answer."""

import msgspec

from bench.cost.settings import shown
from bench.records.cost import CostBasis, CostEstimate

_MILLION = 1_000_000


def derive(run_cost: CostEstimate, basis: CostBasis) -> tuple[CostEstimate, ...]:
    """Three estimates, `run_cost` itself not among them: per answered request, per million *output* tokens, per accepted answer.

    The whole cost is spread over each unit: a million output tokens carry the cost of their prompts and of failed requests too, and an accepted
    answer that of the answers that were not accepted. Each keeps currency and basis. Without units to divide by, `amount` is None and `note` says
    why.
    """
    nothing_accepted = (
        "nothing defines an accepted answer: give the rubric a pass score, or mark aspects as required"
        if basis.accepted is None
        else "no answer was accepted"
    )
    return (
        _share(run_cost, "request", basis.requests, "answered requests", "no request was answered"),
        _share(run_cost, "million_tokens", basis.completion_tokens, "output tokens", "no output token was counted"),
        _share(run_cost, "accepted_answer", basis.accepted or 0, "accepted answers", nothing_accepted),
    )


def _share(run_cost: CostEstimate, per: str, units: int, name: str, nothing: str) -> CostEstimate:
    if run_cost.amount is None:
        return msgspec.structs.replace(run_cost, per=per)
    if units <= 0:
        return msgspec.structs.replace(run_cost, per=per, amount=None, formula="", note=nothing)
    factor = _MILLION if per == "million_tokens" else 1
    times = f" × {_MILLION}" if factor != 1 else ""
    return msgspec.structs.replace(
        run_cost,
        per=per,
        amount=run_cost.amount / units * factor,
        formula=f"{shown(run_cost.amount)} {run_cost.currency} ÷ {units} {name}{times}",
    )
