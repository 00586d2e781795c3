"""`escalate`: what a small judge leaves open goes to the next one, and in the end to a person."""

import msgspec

from bench.judge.graders.aspects import Aspects
from bench.judge.graders.panel import PRIMARY, named
from bench.judge.items import judgement_of
from bench.judge.means import JudgeMeans
from bench.protocols import Grader
from bench.records.grade import AspectGrade
from bench.records.judging import Asked, Candidate, Judgement
from bench.records.spec import Criterion


class Escalate:
    """Asks the judge named by `judge.use`, then its members in order, each only about what is still open.

    An aspect that nobody decides stays abstained: `bench annotate` puts those to a person first. `settings["unqualified"]` as for `panel`.
    """

    def __init__(self, means: JudgeMeans) -> None:
        """Take a judge and its members, the smallest first. Raises: ValueError without members, or when none of the judges may count."""
        if not means.members:
            raise ValueError("judge: method escalate needs members, the names of larger judges, in order")
        excluded = frozenset(means.settings.get("unqualified", ()))
        everyone: dict[str, Grader] = {PRIMARY: Aspects(means), **means.members}
        self._steps = {name: grader for name, grader in everyone.items() if name not in excluded}
        if not self._steps:
            raise ValueError("judge: no judge to escalate to is qualified")

    async def grade(self, candidate: Candidate) -> Judgement:
        """What the first judge that decides finds, aspect by aspect."""
        found: dict[tuple[str, str], AspectGrade] = {}
        asked: list[Asked] = []
        rationale: list[str] = []
        for step, (name, grader) in enumerate(self._steps.items()):
            left = narrowed(candidate, found) if step else candidate
            if left is None:
                break
            said = await grader.grade(left)
            asked += named(said.asked, name)
            rationale += [f"{name}: {said.rationale}"] if said.rationale else []
            for aspect in said.aspects:
                detail = f"decided by {name}" if aspect.state == "graded" else f"open after {name}: {aspect.detail}"
                found[aspect.kind, aspect.aspect_id] = msgspec.structs.replace(aspect, detail=detail)
        return judgement_of(tuple(found.values()), "\n".join(rationale), tuple(asked))


def narrowed(candidate: Candidate, found: dict[tuple[str, str], AspectGrade]) -> Candidate | None:
    """The candidate with only what is still open; None when nothing is."""
    is_open = {key for key, aspect in found.items() if aspect.state != "graded"}
    if not is_open:
        return None
    aspects = tuple(aspect for aspect in candidate.prompt.aspects if ("expect" if aspect.expect is not None else "forbid", aspect.id) in is_open)
    rubric = candidate.rubric
    if rubric is not None:
        criteria: tuple[Criterion, ...] = tuple(each for each in rubric.criteria if each.question is None or ("question", each.id) in is_open)
        rubric = msgspec.structs.replace(rubric, criteria=criteria)
    return msgspec.structs.replace(candidate, prompt=msgspec.structs.replace(candidate.prompt, aspects=aspects), rubric=rubric)


EXAMPLES = (
    # what each judge scores in turn (None: it abstains), the score, how many are asked
    ((0.9, 0.1), 0.9, 1),
    ((None, 0.1), 0.1, 2),
    ((None, None), None, 2),
)
