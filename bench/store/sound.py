"""Whether a baseline's numbers can be those of a run. Its file comes with a pull request: a slip or a trick in it is told, and not computed with."""

from collections import Counter
from collections.abc import Iterator
from math import isfinite

from bench.records.baseline import Answered, Baseline, Contestant, Measure

_ROUNDING = 1e-6
_SHARES = {"quality", "judged", "checks_met", "error_rate"}
_AMOUNTS = {"s", "tokens", "B", "J"}


def amiss(baseline: Baseline) -> Iterator[str]:
    """What no run has, in words."""
    names = Counter((model.model_id, model.variant_id) for model in baseline.models)
    yield from (f"model {model!r} stands twice in variant {variant!r}" for (model, variant), n in names.items() if n > 1)
    for model in baseline.models:
        keys = Counter((each.prompt_id, each.step or 0) for each in model.answers)
        yield from (f"prompt {prompt!r} of model {model.model_id!r} stands twice" for (prompt, _), n in keys.items() if n > 1)
        for each in model.answers:
            yield from (f"prompt {each.prompt_id!r} of model {model.model_id!r}: {words}" for words in _of_answer(each, baseline.metrics))
        yield from (f"model {model.model_id!r}: {words}" for words in _of_model(model))


def _of_answer(one: Answered, metrics: dict[str, Measure]) -> Iterator[str]:
    if one.n < 0 or one.failed < 0:
        yield f"{one.n} answers, {one.failed} failed"
    for name, (value, n) in one.values.items():
        unit = metrics[name].unit if name in metrics else ""
        is_wrong = value < 0 and (name in _SHARES or unit in _AMOUNTS or unit.endswith("/s"))  # a metric of another package may be below 0
        if not isfinite(value) or is_wrong or (name in _SHARES and value > 1 + _ROUNDING) or n < 1:
            yield f"{name} is {value:g}, of {n} answers"
    yield from (f"aspect {name!r} was met by {met} of {of} answers" for name, (met, of) in one.aspects.items() if not 0 <= met <= of or of < 1)


def _of_model(one: Contestant) -> Iterator[str]:
    for level in one.levels:
        low, high = (level.value if bound is None else bound for bound in (level.low, level.high))
        if not low <= level.value <= high:
            yield f"{level.metric} {level.statistic} is {level.value:g}, between {low:g} and {high:g}"
    yield from (f"{name} is {value:g}" for name, value in one.facts.items() if value < 0)
    if one.cost is not None:
        yield from (f"its cost per {per} is {amount:g}" for per, amount in one.cost.amounts.items() if amount < 0)
        if "accepted_answer" in one.cost.amounts and "request" not in one.cost.amounts:
            yield "it has a cost per accepted answer, and none per request"
