"""What a run has cost so far, for `limits.cost`. Part of the program (`pipeline.py`)."""

import msgspec

from bench.plan.budget import prompt_tokens
from bench.records.cost import CostBasis, CostEstimate
from bench.records.exchange import Completion
from bench.records.judging import JudgeWork
from bench.records.plan import Plan
from bench.records.sample import Sample
from bench.records.spec import ModelSpec, Spec
from bench.registry import Registry
from bench.store.places import TrialIndex


class Meter:
    """Adds up the work of each model as samples come, and prices it.

    A judge's work counts, too. A model's time is taken as the sum of latencies over the asked concurrency: the measured loop must not pay for exact
    accounting, which the report does.
    """

    def __init__(self, spec: Spec, plan: Plan, registry: Registry) -> None:
        """Prepare the cost models; a spec without `limits.cost` needs none."""
        self._spec = spec
        self._trials = TrialIndex(plan.blocks if spec.limits.cost else ())
        self._registry = registry
        self._judged: dict[str, CostEstimate] = {}
        models = {model.id: model for model in spec.models} if spec.limits.cost else {}
        declared = {name: model.cost or spec.cost for name, model in models.items()}
        self._pricing = {name: registry.load("cost", cost.model)(cost.settings) for name, cost in declared.items() if cost}
        self._work = {
            name: CostBasis(model=models[name], variant_id="", requests=0, wall_s=0.0, busy_s=0.0, prompt_tokens=0, completion_tokens=0)
            for name in self._pricing
        }

    def add(self, sample: Sample) -> None:
        """Take one sample into account."""
        trial = self._trials.find(sample.trial_id)
        if trial is None or trial.model_id not in self._work:
            return
        was = self._work[trial.model_id]
        spent_s = (sample.timing.finished_s - sample.timing.sent_s) / self._spec.load.concurrency
        usage = sample.outcome.usage if isinstance(sample.outcome, Completion) else None
        self._work[trial.model_id] = msgspec.structs.replace(
            was,
            requests=was.requests + 1,
            wall_s=was.wall_s + spent_s,
            busy_s=was.busy_s + spent_s,
            prompt_tokens=was.prompt_tokens + ((usage and usage.prompt_tokens) or prompt_tokens(trial)),
            completion_tokens=was.completion_tokens + ((usage and usage.completion_tokens) or 0),
        )

    def judged(self, entry: ModelSpec, work: JudgeWork) -> None:
        """Take all that a judge has been asked in this session into account."""
        declared = entry.cost or self._spec.cost
        if self._spec.limits.cost and declared is not None:
            self._judged[work.judge_id] = self._registry.load("cost", declared.model)(declared.settings).run_cost(judge_basis(entry, work))

    def total(self) -> float | None:
        """The cost so far in the limit's currency; None when nothing can be priced in it."""
        limit = self._spec.limits.cost
        priced = [*(self._pricing[name].run_cost(basis) for name, basis in self._work.items()), *self._judged.values()]
        amounts = [each.amount for each in priced if limit and each.currency == limit.currency and each.amount is not None]
        return sum(amounts) if amounts else None


def judge_basis(entry: ModelSpec, work: JudgeWork) -> CostBasis:
    """A judge's work, as cost models read it."""
    return CostBasis(
        model=entry,
        variant_id="",
        requests=work.requests,
        wall_s=work.wall_s,
        busy_s=work.busy_s,
        prompt_tokens=work.prompt_tokens,
        cached_tokens=work.cached_tokens,
        completion_tokens=work.completion_tokens,
    )
