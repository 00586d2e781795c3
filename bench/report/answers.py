"""Sample answers, side by side per prompt, with what they missed."""

from collections.abc import Iterable

from bench.records.exchange import Completion, Failure
from bench.records.grade import AspectGrade
from bench.records.observation import CHECKS, Observation
from bench.records.spec import Spec
from bench.records.view import Answer, PromptAnswers
from bench.report import numbers
from bench.report.escape import cut, short
from bench.report.judges import according_to
from bench.report.lookup import Key, Lookup

MOST_CHARACTERS = 1500  # of one answer: about two screens on a telephone
MOST_QUESTION = 700
_WORTH_A_CUT = 120  # characters: to leave out less saves no reader anything
MOST_PROMPTS = 40
_HALF = 0.5


def side_by_side(seen: Lookup, spec: Spec, observations: Iterable[Observation], unshown: int = 0) -> tuple[tuple[PromptAnswers, ...], str]:
    """For each prompt the first answer of every model (its failure where there is none), and a note on what is left out.

    `unshown`: how many prompts have answers beside those that are given.
    """
    chosen: dict[tuple[str, Key], Observation] = {}
    for one in observations:
        place = (one.trial.prompt_id, Key(one.trial.model_id, one.trial.variant_id))
        if not one.trial.is_warmup and ((known := chosen.get(place)) is None or _rank(one) < _rank(known)):
            chosen[place] = one
    ids = dict.fromkeys((*(prompt.id for prompt in spec.prompts), *sorted({prompt for prompt, _ in chosen})))
    shown = [prompt for prompt in ids if any((prompt, key) in chosen for key in seen.keys)]
    groups = tuple(
        PromptAnswers(
            prompt_id=prompt,
            question=_question(next(chosen[prompt, key] for key in seen.keys if (prompt, key) in chosen)),
            answers=tuple(_answer(seen, key, chosen[prompt, key]) for key in seen.keys if (prompt, key) in chosen),
        )
        for prompt in shown[:MOST_PROMPTS]
    )
    left_out = len(shown) - len(groups) + unshown
    return groups, f"The answers to {numbers.count(left_out, 'more prompt')} are in the run folder." if left_out > 0 else ""


def _rank(one: Observation) -> tuple[bool, int, str]:
    return one.completion is None, one.trial.round, one.trial.id


def _question(one: Observation) -> str:
    text = next((message.content for message in reversed(one.trial.request.messages) if message.role == "user"), "")
    shown, is_cut = cut(text, MOST_QUESTION) if len(text) > MOST_QUESTION + _WORTH_A_CUT else (text, False)
    return f"{shown} … [{len(text) - len(shown):,} more characters]" if is_cut else shown


def _answer(seen: Lookup, key: Key, one: Observation) -> Answer:
    outcome = one.sample.outcome
    score, missed = _verdict(seen, one)
    text, is_cut = cut(outcome.text, MOST_CHARACTERS) if isinstance(outcome, Completion) else ("", False)
    return Answer(
        model_id=key.model_id,
        variant_id=key.variant_id,
        prompt_id=one.trial.prompt_id,
        text=text,
        is_cut=is_cut,
        failure=short(f"{outcome.kind.replace('_', ' ')}: {outcome.message}") if isinstance(outcome, Failure) else None,
        score=score,
        missed=missed,
        label=seen.label(key),
        facts=_facts(seen, one, score),
    )


def _verdict(seen: Lookup, one: Observation) -> tuple[float | None, tuple[str, ...]]:
    """The share of checks that were met, and what was missed, according to whom."""
    missed = (
        short(f"{aspect.aspect_id} {why}" if why else aspect.aspect_id, 200)
        for grade in one.grades
        for aspect in grade.aspects
        if (why := _why_missed(seen, grade.grader_id, aspect)) is not None
    )
    return one.checks_met, tuple(missed)


def _why_missed(seen: Lookup, grader_id: str, aspect: AspectGrade) -> str | None:
    """By what an aspect was missed, and who says so; None where it was not. A judge's or people's word misses what they believe less than half."""
    if aspect.state != "graded" or aspect.score is None:
        return None
    if grader_id == CHECKS:
        return (f"({aspect.detail})" if aspect.detail else "") if aspect.score < 1 else None
    if aspect.score >= _HALF:
        return None
    belief = f"{aspect.score:.2f} " if aspect.p is not None else ""
    return f"{belief}{according_to(seen.summary, grader_id)}"


def _facts(seen: Lookup, one: Observation, score: float | None) -> str:
    outcome = one.sample.outcome
    parts = [f"round {one.trial.round}"]
    if score is not None:
        parts.append(f"{seen.title('quality').lower()} {numbers.share(score)}")
    if one.judged is not None:
        parts.append(f"{numbers.share(one.judged)} {according_to(seen.summary, one.scoring.judge or '')}")
    if isinstance(outcome, Completion):
        if outcome.usage.completion_tokens is not None:
            parts.append(numbers.count(outcome.usage.completion_tokens, "token"))
        parts.append(numbers.seconds(one.sample.timing.finished_s - one.sample.timing.scheduled_s))
        if outcome.finish_reason not in {None, "stop"}:
            parts.append("cut by the token limit" if outcome.finish_reason == "length" else f"ended by {short(str(outcome.finish_reason), 40)}")
    return ", ".join(parts)
