"""Material for probes, and graders without a judge: what one says of a candidate is a function of it."""

import re

from bench.judge.probes import ProbeMaterial
from bench.judge.statements import holding_sentence, sentences, statement_of
from bench.records.grade import AspectGrade
from bench.records.judging import Judgement, PairJudgement
from bench.records.spec import Aspect, Message, Prompt

_NEGATED = re.compile(r"\b(?:not|never|false|untrue|wrong|incorrect)\b|n't\b", re.IGNORECASE)
_DENIAL = re.compile(r"it is (?:false|untrue|wrong|incorrect) that\b")
_TOWNS = ("Arles", "Bergen", "Cadiz", "Delft", "Evora", "Fulda", "Ghent", "Huelva", "Izola", "Jena", "Kotor", "Lugano")
_SHOPS = ("bakery", "library", "harbour", "theatre", "brewery", "museum", "station", "market", "stadium", "chapel", "nursery", "foundry")


def prompts(n=12, *, with_reference=True, aspects=2):
    """Prompts about towns, each with statements that nothing else makes."""
    return tuple(_prompt(number, with_reference=with_reference, aspects=aspects) for number in range(n))


def _prompt(number, *, with_reference, aspects):
    town, shop, other = _TOWNS[number % 12], _SHOPS[number % 12], _SHOPS[(number + 5) % 12]
    year = 1900 + 7 * number
    facts = (f"the {shop} of {town} is closed on Mondays", f"the mayor of {town} opened a {other} in {year}", f"{number + 3} trams wait in {town}")
    reference = f"The {shop} of {town} is closed on Mondays. Seagulls circle above {number + 40} roofs. Parking costs {number + 2}.50 per evening."
    wanted = [Aspect(id=f"fact-{place}", expect=f"Says that {fact}") for place, fact in enumerate(facts[:aspects])]
    unwanted = [Aspect(id="sold", forbid=f"Claims that the {other} was sold to {town}")] if aspects else []
    return Prompt(
        id=f"town-{number}", messages=(Message(role="user", content=f"What is new in {town}?"),), aspects=(*wanted, *unwanted),
        reference=reference if with_reference else None,
    )  # fmt: skip


def material(n=12, *, probes=20, **more):
    """Material of n prompts."""
    return ProbeMaterial(prompts=prompts(n, **more), probes=probes)


def knows(prompts):
    """A script for `scripted_judge`: a judge that is right about every probe made of these prompts with their references.

    It knows the statement of each aspect and the sentence of the reference that makes it; a sentence that denies it does not make it.
    """
    forms = {}
    for prompt in prompts:
        reference = sentences(prompt.reference or "")
        for aspect in prompt.aspects:
            wording = aspect.expect or aspect.forbid
            if wording is not None and (said := statement_of(wording)) is not None:
                forms[said] = [form.rstrip(".").lower() for form in (said, holding_sentence(said, reference)) if form]

    def makes(wording, answer):
        said = statement_of(wording)
        known = forms.get(said, [said.lower()] if said else [])
        told = [sentence.lower() for sentence in sentences(answer)]
        return any(form in sentence and not _DENIAL.match(sentence) for sentence in told for form in known)

    def believe(seen):
        if seen.form == "pair":
            first, second = (sum(makes(point, answer) != is_bad for is_bad, point in seen.points) for answer in seen.answers)
            return 0.5 if first == second else 0.95 if first > second else 0.05
        p = 0.95 if makes(seen.statement, seen.answers[0]) else 0.05
        return 1 - p if seen.is_negated else p

    return believe


def is_said(candidate):
    """Whether the answer makes the statement that the candidate's only aspect is about: as it stands in a sentence that negates nothing."""
    (aspect,) = candidate.prompt.aspects
    said = statement_of(aspect.expect or aspect.forbid).lower()
    return any(said in sentence.lower() and not _NEGATED.search(sentence) for sentence in sentences(candidate.text))


def reads(candidate):
    """A faultless judge's P(yes)."""
    return 0.95 if is_said(candidate) else 0.05


def judgement(candidate, p, *, label_mass=0.97):
    """What a grader makes of P(yes)."""
    (aspect,) = candidate.prompt.aspects
    score = p if aspect.expect is not None else 1 - p
    kind = "expect" if aspect.expect is not None else "forbid"
    graded = AspectGrade(aspect_id=aspect.id, kind=kind, state="graded", score=score, p=p, label_mass=label_mass, method="logprobs")
    return Judgement(state="graded", score=score, aspects=(graded,))


class Pointwise:
    """A `Grader` that says P(yes) of a candidate, or what `believe` returns if that is a judgement."""

    def __init__(self, believe=reads):
        self.believe = believe
        self.seen = []

    async def grade(self, candidate):
        self.seen.append(candidate)
        found = self.believe(candidate)
        return found if isinstance(found, Judgement) else judgement(candidate, found)


class Pairwise:
    """A `PairGrader` that says P(A is better) of two candidates in the order they are shown."""

    def __init__(self, believe):
        self.believe = believe

    async def compare(self, first, second):
        forward, backward = self.believe(first, second), 1 - self.believe(second, first)
        agreed = (forward > 0.55 and backward > 0.55) or (forward < 0.45 and backward < 0.45)
        preferred = "tie" if not agreed else "first" if forward > 0.5 else "second"
        return PairJudgement(state="graded", preferred=preferred, p_forward=forward, p_backward=backward, label_mass=0.9, method="logprobs")


def worth(candidate):
    """What a faultless judge thinks of an answer: 1 is good."""
    p = reads(candidate)
    return p if candidate.prompt.aspects[0].expect is not None else 1 - p


def prefers(first, second):
    """A faultless judge's P(A is better)."""
    return min(max(0.5 + (worth(first) - worth(second)) / 2, 0.05), 0.95)
