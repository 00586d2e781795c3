"""Annotations -> what people say of an answer, in the same form as what a judge says: `Grade`s of the grader `people`."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

import msgspec

from bench.digest import digest
from bench.records.annotation import Annotation
from bench.records.grade import AspectGrade, Grade
from bench.records.rubric_score import rubric_score
from bench.records.spec import Prompt, Rubric

GRADER_ID = "people"
PEOPLE_VERSION = 1
_ANSWER = {"yes": 1.0, "no": 0.0}
_SCALE = (1, 5)

Votes = Mapping[str, float]
"""Annotator -> vote, 0–1; nobody who was unsure is in it."""


class Voiced(msgspec.Struct, frozen=True, kw_only=True):
    """What people said of one item (a prompt with the very text of an answer). Votes are 0–1: yes is 1, a place on a scale its share of it.

    `aspects` and `criteria`: votes by aspect and by criterion; `overall`: of the answer as a whole. Votes on a `forbid` aspect are as asked: 1 means
    that the answer does what it should not. Where somebody adjudicated, theirs is the only vote. `drawn`: whether it was chance that chose the item
    for everybody who graded it.
    """

    item_id: str
    prompt_id: str
    aspects: dict[str, dict[str, float]]
    criteria: dict[str, dict[str, float]]
    overall: dict[str, float]
    drawn: bool


def voices(annotations: Iterable[Annotation], rubric_of: Mapping[str, Rubric | None]) -> dict[str, Voiced]:
    """What people said, by item. `rubric_of`: the rubric of each prompt; items of other prompts are left out.

    Of one person's lines on an item the last holds; an adjudication holds against all others, question by question.
    """
    last: dict[tuple[str, str, bool], Annotation] = {}
    for each in annotations:
        if each.item_id and each.prompt_id in rubric_of:
            last[each.item_id, each.annotator, each.is_adjudication] = each
    by_item: defaultdict[str, list[Annotation]] = defaultdict(list)
    for (item_id, _, _), each in sorted(last.items(), key=lambda entry: entry[0]):
        by_item[item_id].append(each)
    return {item_id: _voiced(item_id, said, rubric_of[said[0].prompt_id]) for item_id, said in by_item.items()}


def _voiced(item_id: str, said: list[Annotation], rubric: Rubric | None) -> Voiced:
    low, high = rubric.scale if rubric else _SCALE
    votes: defaultdict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for each in sorted(said, key=lambda each: each.is_adjudication):
        given = {("aspect", answer.aspect_id): _ANSWER[answer.answer] for answer in each.aspects if answer.answer in _ANSWER}
        given |= {("criterion", answer.criterion_id): (answer.score - low) / (high - low) for answer in each.criteria}
        given |= {("overall", ""): (each.score - low) / (high - low)} if each.score is not None else {}
        for key, vote in given.items():
            if each.is_adjudication:
                votes[key].clear()
            votes[key][each.annotator] = vote
    return Voiced(
        item_id=item_id,
        prompt_id=said[0].prompt_id,
        aspects={name: dict(given) for (kind, name), given in votes.items() if kind == "aspect"},
        criteria={name: dict(given) for (kind, name), given in votes.items() if kind == "criterion"},
        overall=dict(votes.get(("overall", ""), {})),
        drawn=all(each.drawn == "random" for each in said),
    )


def grade_by_people(prompt: Prompt, rubric: Rubric | None, trial_id: str, voiced: Voiced) -> Grade:
    """What people say of one answer, as a grade: an aspect's score is the mean of the votes. Abstained where nobody was sure of anything.

    Without a word on any aspect or criterion the score is that of the answer as a whole.
    """
    aspects = tuple(_aspects(prompt, rubric, voiced))
    scored = rubric_score(aspects, rubric)
    overall = _mean(voiced.overall)
    score = scored.score if any(aspect.state == "graded" for aspect in aspects) else overall
    return Grade(
        trial_id=trial_id,
        grader_id=GRADER_ID,
        grader_digest=digest([GRADER_ID, PEOPLE_VERSION, prompt.id, [aspect.id for aspect in prompt.aspects]]),
        state="abstained" if score is None else "graded",
        score=score,
        aspects=aspects,
    )


def score_by_person(prompt: Prompt, rubric: Rubric | None, voiced: Voiced) -> dict[str, float]:
    """Each person's score of the answer, by what that person alone said."""
    people = {person for votes in (*voiced.aspects.values(), *voiced.criteria.values(), voiced.overall) for person in votes}
    scores = {person: grade_by_people(prompt, rubric, "", _only(voiced, person)).score for person in sorted(people)}
    return {person: score for person, score in scores.items() if score is not None}


def _only(voiced: Voiced, person: str) -> Voiced:
    def of(votes: Mapping[str, dict[str, float]]) -> dict[str, dict[str, float]]:
        return {name: {person: given[person]} for name, given in votes.items() if person in given}

    overall = {person: voiced.overall[person]} if person in voiced.overall else {}
    return msgspec.structs.replace(voiced, aspects=of(voiced.aspects), criteria=of(voiced.criteria), overall=overall)


def _aspects(prompt: Prompt, rubric: Rubric | None, voiced: Voiced) -> Iterable[AspectGrade]:
    for aspect in prompt.aspects:
        if (votes := voiced.aspects.get(aspect.id)) and aspect.check is None:
            p = _mean(votes) or 0.0
            yield AspectGrade(
                aspect_id=aspect.id,
                kind="expect" if aspect.expect is not None else "forbid",
                state="graded",
                score=p if aspect.expect is not None else 1.0 - p,
                p=p,
                weight=aspect.weight,
                required=aspect.required,
                method="person",
            )
    for criterion in rubric.criteria if rubric else ():
        if votes := voiced.criteria.get(criterion.id):
            yield AspectGrade(
                aspect_id=criterion.id, kind="question", state="graded", score=_mean(votes), p=_mean(votes), weight=criterion.weight, method="person"
            )


def _mean(votes: Votes) -> float | None:
    return sum(votes.values()) / len(votes) if votes else None
