"""`panel`: several judges grade, and the score is their mean."""

from collections.abc import Sequence

import msgspec

from bench.judge.graders.aspects import Aspects
from bench.judge.items import judgement_of
from bench.judge.means import JudgeMeans
from bench.protocols import Grader
from bench.records.grade import AspectGrade
from bench.records.judging import Asked, Candidate, Judgement

PRIMARY = "judge"  # what the judge named by `judge.use` is called beside the members


class Panel:
    """The mean of the judges that may count: unrelated judges, each weak, err less together than one of them (Verga et al., arXiv 2404.18796).

    `settings["unqualified"]` names members whose word does not count (`judge` for the one named by `judge.use`): they are not asked. An aspect needs
    the word of at least half of those who are.
    """

    def __init__(self, means: JudgeMeans) -> None:
        """Take a judge and its members. Raises: ValueError without members, or when none of the judges may count."""
        if not means.members:
            raise ValueError("judge: method panel needs members, the names of further judges")
        excluded = frozenset(means.settings.get("unqualified", ()))
        everyone: dict[str, Grader] = {PRIMARY: Aspects(means), **means.members}
        self._seats = {name: grader for name, grader in everyone.items() if name not in excluded}
        if not self._seats:
            raise ValueError("judge: no member of the panel is qualified")

    async def grade(self, candidate: Candidate) -> Judgement:
        """What the judges find together."""
        said = {name: await grader.grade(candidate) for name, grader in self._seats.items()}
        by_aspect: dict[str, list[AspectGrade]] = {}
        for each in said.values():
            for aspect in each.aspects:
                by_aspect.setdefault(f"{aspect.kind} {aspect.aspect_id}", []).append(aspect)
        aspects = tuple(_joint(several) for several in by_aspect.values())
        rationale = "\n".join(f"{name}: {each.rationale}" for name, each in said.items() if each.rationale)
        return judgement_of(aspects, rationale, tuple(asked for name, each in said.items() for asked in named(each.asked, name)))


def named(asked: Sequence[Asked], name: str) -> tuple[Asked, ...]:
    """Questions, with the judge that was asked."""
    return tuple(msgspec.structs.replace(each, about=f"{name}: {each.about}") for each in asked)


def _joint(several: Sequence[AspectGrade]) -> AspectGrade:
    """The mean of one aspect over the judges that graded it, where that is at least half of them."""
    graded = [each for each in several if each.state == "graded" and each.score is not None]
    first = several[0]
    masses = [each.label_mass for each in graded if each.label_mass is not None]
    if 2 * len(graded) < len(several) or not graded:
        excuse = next(each for each in several if each.state != "graded")
        detail = f"{len(graded)} of {len(several)} judges gave a score; {excuse.detail}"
        return msgspec.structs.replace(excuse, score=None, p=None, method="panel", detail=detail)
    beliefs = [each.p for each in graded if each.p is not None]
    return AspectGrade(
        aspect_id=first.aspect_id, kind=first.kind, state="graded", score=sum(each.score or 0.0 for each in graded) / len(graded),
        weight=first.weight, required=first.required, detail=f"{len(graded)} of {len(several)} judges",
        p=sum(beliefs) / len(beliefs) if beliefs else None, label_mass=min(masses) if masses else None, method="panel",
    )  # fmt: skip


EXAMPLES = (
    # what each judge scores (None: it abstains), the panel's score
    ((0.9, 0.6), 0.75),
    ((0.9, None), 0.9),
    ((0.9, None, None), None),
)
