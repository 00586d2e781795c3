"""What a judge would be asked, before it is, and what that takes and costs. Part of the program (`pipeline.py`)."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from msgspec.structs import replace

from bench.cases import questions_each
from bench.grading import PAIRWISE
from bench.judge.identity import grader_id
from bench.judge.interview import VERDICT_TOKENS, WORD_TOKENS, manner_of
from bench.judge.items import items_of
from bench.judge.probes import ProbeMaterial, make_probes
from bench.judge.prompts import Wording
from bench.judge.qualify import questions_of
from bench.meter import judge_basis
from bench.plan.budget import ASSUMED_DECODE_TPS, ASSUMED_PREFILL_TPS, CHARACTERS_PER_TOKEN, DEFAULT_MAX_TOKENS, judges_of
from bench.records.judging import Candidate, JudgeRecord, JudgeWork
from bench.records.plan import JudgeBudget, Plan
from bench.records.quantity import Money
from bench.records.spec import Prompt, Rubric, Spec
from bench.registry import Registry
from bench.trials import columns

_TAIL_TOKENS = 60  # of a question behind the answer that it is about: all that a server with a prefix cache reads of the second one
_WRITTEN = ("verdict", "prometheus")
_BY_LABELS = ("aspects", "score", "pairwise", "panel", "escalate")


class _Asked(NamedTuple):
    """So many candidates (or pairs), each of so many tokens with all that is asked around it, and with so many questions."""

    candidates: int
    tokens: int
    questions: int

    @property
    def read_tokens(self) -> int:
        """What a server with a prefix cache reads of them."""
        return self.candidates * (self.tokens + (self.questions - 1) * _TAIL_TOKENS) if self.questions else 0


def judge_budget(spec: Spec, plan: Plan, registry: Registry, earlier: Sequence[JudgeRecord] = ()) -> JudgeBudget | None:
    """What the judge of a spec would be asked; None without one. `earlier`: the judges of an earlier run of the spec, which say how fast they are."""
    judges = judges_of(spec)
    if spec.judge is None or not judges:
        return None
    method, manner = spec.judge.method, manner_of(spec.judge.settings)
    draws = manner.samples if method == "samples" else 1
    times = draws * (2 if manner.balance or method == PAIRWISE else 1)
    each = questions_each(spec, method)
    counted = {prompt_id: n for prompt_id, n in _answers(plan, is_pairs=method == PAIRWISE).items() if prompt_id in each}
    answers = list(_of_answers(spec, counted, {name: n * draws for name, n in each.items()}))
    probes = list(_of_probes(spec, each, times))
    n_judges, alone = len(judges), 2 if len(judges) > 1 else 1
    questions, probe_questions = _questions(answers), _questions(probes) * alone
    a_reply = spec.judge.settings.get("max_tokens") or (VERDICT_TOKENS if method in _WRITTEN else WORD_TOKENS if method == "samples" else 1)
    found = JudgeBudget(
        judges=tuple(judge.id for judge in judges),
        runtimes=tuple(judge.runtime for judge in judges),
        method=method,
        answers=sum(counted.values()),
        questions=questions * n_judges,
        probe_questions=probe_questions * n_judges,
        prompt_tokens_estimate=n_judges * (_tokens(answers) + alone * _tokens(probes)),
        completion_tokens_max=n_judges * (questions + probe_questions) * a_reply,
        draws=manner.samples if method in _BY_LABELS else 1,
    )
    return _priced(_timed(found, [*answers, *probes * alone], earlier), spec, registry)


def _of_answers(spec: Spec, counted: Mapping[str, int], each: Mapping[str, int]) -> Iterator[_Asked]:
    """The answers to each prompt, taken to be as long as they may be."""
    wording, rubrics = Wording({}, spec.seed), {rubric.id: rubric for rubric in spec.rubrics}
    longest = round((spec.generation.max_tokens or DEFAULT_MAX_TOKENS) * CHARACTERS_PER_TOKEN)
    is_pairs = spec.judge is not None and spec.judge.method == PAIRWISE
    for prompt in spec.prompts:
        if prompt.id in counted:
            texts = ("x" * longest,) * (2 if is_pairs else 1)
            yield _Asked(counted[prompt.id], _tokens_of(wording, prompt, rubrics.get(prompt.rubric or ""), texts), each[prompt.id])


def _of_probes(spec: Spec, each: Mapping[str, int], times: int) -> Iterator[_Asked]:
    """Each candidate, or pair, that a probe shows."""
    if spec.judge is None:
        return
    wording, is_pairs = Wording({}, spec.seed), spec.judge.method == PAIRWISE
    material = ProbeMaterial(prompts=tuple(prompt for prompt in spec.prompts if prompt.id in each), rubrics=spec.rubrics, probes=spec.judge.probes)
    for shown in questions_of(make_probes(material, spec.seed, for_pairs=is_pairs), for_pairs=is_pairs).values():
        tokens = _tokens_of(wording, shown[0].prompt, shown[0].rubric, tuple(candidate.text for candidate in shown))
        yield _Asked(1, tokens, times * (1 if is_pairs else len(items_of(shown[0]))))


def _tokens_of(wording: Wording, prompt: Prompt, rubric: Rubric | None, texts: tuple[str, ...]) -> int:
    """About so many tokens has a question about these texts; unit: tokens."""
    shown = [Candidate(prompt=prompt, rubric=rubric, text=text) for text in texts]
    if len(shown) > 1:
        messages = wording.about_pair(shown[0], shown[1], "")
    else:
        statement = max((item.text for item in items_of(shown[0], or_whole=True)), key=len, default="")
        messages = wording.about_answer("aspects", shown[0], statement=statement, is_negated=False, is_question=False, low=1, high=5, anchors="")
    return math.ceil(sum(len(message.content) for message in messages) / CHARACTERS_PER_TOKEN)


def _questions(asked: Sequence[_Asked]) -> int:
    return sum(each.candidates * each.questions for each in asked)


def _tokens(asked: Sequence[_Asked]) -> int:
    return sum(each.candidates * each.questions * each.tokens for each in asked)


def _timed(found: JudgeBudget, asked: Sequence[_Asked], earlier: Sequence[JudgeRecord]) -> JudgeBudget:
    """With the time that all questions take: at the pace of an earlier run, else as small models on a laptop read and write."""
    total = found.questions + found.probe_questions
    name = grader_id(found.judges[0], found.method)
    work = [work for record in earlier if record.grader_id == name for work in record.work]
    if work and (n := sum(each.requests for each in work)):
        pace_s = sum(each.busy_s for each in work) / n
        return replace(found, expected_s=total * pace_s, basis="at the pace of an earlier run of this spec")
    read_s = len(found.judges) * sum(each.read_tokens for each in asked) / ASSUMED_PREFILL_TPS
    return replace(
        found,
        expected_s=read_s + found.completion_tokens_max / ASSUMED_DECODE_TPS,
        basis=f"assumed {ASSUMED_PREFILL_TPS:.0f} prompt and {ASSUMED_DECODE_TPS:.0f} output tokens per second",
    )


def _priced(found: JudgeBudget, spec: Spec, registry: Registry) -> JudgeBudget:
    """With the cost of all judges together; None where nothing declares one, or currencies differ."""
    entries = judges_of(spec)
    amounts: list[Money] = []
    for entry in entries:
        declared = entry.cost or spec.cost
        if declared is None:
            return found
        work = JudgeWork(
            judge_id=entry.id,
            requests=(found.questions + found.probe_questions) // len(entries),
            prompt_tokens=found.prompt_tokens_estimate // len(entries),
            completion_tokens=found.completion_tokens_max // len(entries),
            wall_s=(found.expected_s or 0.0) / len(entries),
            busy_s=(found.expected_s or 0.0) / len(entries),
        )
        priced = registry.load("cost", declared.model)(declared.settings).run_cost(judge_basis(entry, work))
        if priced.amount is None:
            return found
        amounts.append(Money(amount=priced.amount, currency=priced.currency))
    currencies = {money.currency for money in amounts}
    return replace(found, cost=Money(amount=sum(money.amount for money in amounts), currency=currencies.pop())) if len(currencies) == 1 else found


def _answers(plan: Plan, *, is_pairs: bool) -> Counter[str]:
    """How many answers, or pairs of answers, each prompt gets."""
    by_cell: dict[str, Counter[tuple[str, str]]] = {}
    for block in plan.blocks:
        for kind, n in columns(block.trials).counted():
            if not kind.is_warmup:
                by_cell.setdefault(kind.prompt_id, Counter())[kind.model_id, kind.variant_id] += n
    if not is_pairs:
        return Counter({prompt_id: sum(cells.values()) for prompt_id, cells in by_cell.items()})
    return Counter({prompt_id: sum(min(pair) for pair in combinations(cells.values(), 2)) for prompt_id, cells in by_cell.items()})
