"""Grading without a model: the `check` aspects of a prompt, decided one by one.

Aspects with `expect` or `forbid` are left to a judge; they appear in no grade made here.
"""

from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from types import MappingProxyType
from typing import Any

from msgspec.structs import replace

from bench.digest import digest
from bench.protocols import CheckRule, ComparingRule
from bench.records.exchange import Completion, Failure
from bench.records.grade import AspectGrade, Grade, GradeState
from bench.records.spec import Aspect, Prompt

GRADER_ID = "checks"
# Part of every grader digest; rises when a built-in check comes to decide otherwise, so that old and new grades are told apart.
CHECKS_VERSION = 1
_REMEMBERED = 4096  # grades, so that answers which recur (rounds at temperature 0, failures) are looked at once


def prepare_rules(prompt: Prompt, load: Callable[[str, str], Any]) -> dict[str, CheckRule]:
    """The prompt's checks, ready to decide: aspect id to rule. `load(door, name)` is the registry's.

    Raises: MissingExtension for a check nobody registered, ValueError for an argument that makes no sense (`bench validate` finds both first).
    """
    rules = {aspect.id: load("check", aspect.check.name)(aspect.check.argument) for aspect in prompt.aspects if aspect.check is not None}
    return {name: rule.beside(prompt.reference) if isinstance(rule, ComparingRule) else rule for name, rule in rules.items()}


def grader_digest(prompt: Prompt, rules: Mapping[str, CheckRule] = MappingProxyType({})) -> str:
    """The digest of what this prompt's checks decide: names, arguments, weights, the version of the built-in checks, and what they compare with."""
    checks = [
        [aspect.id, aspect.check.name, aspect.check.argument, aspect.weight, aspect.required] for aspect in prompt.aspects if aspect.check is not None
    ]
    compared = [prompt.reference] if any(isinstance(rule, ComparingRule) for rule in rules.values()) else []
    return digest([GRADER_ID, CHECKS_VERSION, checks, *compared])


class Checks:
    """The checks of all prompts, ready to grade many answers. The same answer to the same prompt is decided once."""

    def __init__(self, prompts: Iterable[Prompt], load: Callable[[str, str], Any]) -> None:
        """Prepare the rules of every prompt that has checks; `load(door, name)` is the registry's.

        Raises: as `prepare_rules`.
        """
        self._prompts = {prompt.id: prompt for prompt in prompts if any(aspect.check is not None for aspect in prompt.aspects)}
        self._rules = {name: prepare_rules(prompt, load) for name, prompt in self._prompts.items()}
        self._digests = {name: grader_digest(prompt, self._rules[name]) for name, prompt in self._prompts.items()}
        self._known: dict[tuple[str, type, bytes], Grade] = {}

    def __bool__(self) -> bool:
        """Whether any prompt has checks."""
        return bool(self._prompts)

    def grade(self, prompt_id: str, trial_id: str, outcome: Completion | Failure) -> Grade | None:
        """The grade of one answer, as `grade_by_checks` gives it; None when its prompt has no checks."""
        prompt = self._prompts.get(prompt_id)
        if prompt is None:
            return None
        said = outcome.kind if isinstance(outcome, Failure) else outcome.text
        key = (prompt_id, type(outcome), blake2b(said.encode("utf-8", "surrogatepass"), digest_size=16).digest())
        if (known := self._known.get(key)) is not None:
            return replace(known, trial_id=trial_id)
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        made = self._known[key] = _graded(prompt, self._digests[prompt_id], trial_id, outcome, self._rules[prompt_id])
        return made


def grade_by_checks(prompt: Prompt, trial_id: str, outcome: Completion | Failure, rules: Mapping[str, CheckRule]) -> Grade | None:
    """The grade of one answer; None when the prompt has no checks.

    `score` is the mean of the graded checks by their weights. A check that could not decide is `failed` and left out of the mean. A trial without an
    answer is `abstained`, in whole and in each aspect: there was nothing to judge, and no answer is not a wrong answer (it counts as a failed trial).
    """
    if all(aspect.check is None for aspect in prompt.aspects):
        return None
    return _graded(prompt, grader_digest(prompt, rules), trial_id, outcome, rules)


def _graded(prompt: Prompt, digested: str, trial_id: str, outcome: Completion | Failure, rules: Mapping[str, CheckRule]) -> Grade:
    aspects = tuple(_grade(aspect, outcome, rules[aspect.id]) for aspect in prompt.aspects if aspect.check is not None)
    states = {aspect.state for aspect in aspects}
    state: GradeState = "graded" if "graded" in states else "failed" if "failed" in states else "abstained"
    return Grade(
        trial_id=trial_id,
        grader_id=GRADER_ID,
        grader_digest=digested,
        state=state,
        score=weighted_score(aspects),
        aspects=aspects,
    )


def weighted_score(aspects: tuple[AspectGrade, ...]) -> float | None:
    """Sum of weight × score over sum of weights, of the graded aspects; None when none is graded or all their weights are 0."""
    graded = [(aspect.weight, aspect.score) for aspect in aspects if aspect.state == "graded" and aspect.score is not None]
    total = sum(weight for weight, _ in graded)
    return sum(weight * score for weight, score in graded) / total if total > 0 else None


def _grade(aspect: Aspect, outcome: Completion | Failure, rule: CheckRule) -> AspectGrade:
    state, score, detail = _decide(outcome, rule)
    return AspectGrade(aspect_id=aspect.id, kind="check", state=state, score=score, weight=aspect.weight, required=aspect.required, detail=detail)


def _decide(outcome: Completion | Failure, rule: CheckRule) -> tuple[GradeState, float | None, str]:
    if isinstance(outcome, Failure):
        return "abstained", None, f"no answer: {outcome.kind}"
    verdict = rule.decide(outcome.text)
    if verdict.passed is None:
        return "failed", None, verdict.detail
    return "graded", float(verdict.passed), verdict.detail
