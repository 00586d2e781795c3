from harness.summarized import spec_of, summary_of

from bench.records.grade import AspectGrade, Grade
from bench.records.sketch import observation
from bench.records.spec import Aspect, Check, Message, Prompt

ASPECTS = (Aspect(id="short", check=Check(name="max_words", argument=5)), Aspect(id="true", expect="Is true"), Aspect(id="calm", forbid="Shouts"))
PROMPT = Prompt(id="p", messages=(Message(role="user", content="?"),), aspects=ASPECTS)


def graded(state, score=None):
    return Grade(
        trial_id="t", grader_id="checks", grader_digest="d", state=state, score=score,
        aspects=(AspectGrade(aspect_id="short", kind="check", state=state, score=score),),
    )  # fmt: skip


def test_every_fate_of_an_aspect_is_counted():
    grades = [graded("graded", 1.0), graded("graded", 0.0), graded("abstained"), graded("failed")]
    seen = [observation(prompt_id="p", round=n, grades=(grade,)) for n, grade in enumerate(grades, start=1)]
    seen += [
        observation(prompt_id="p", round=8, failure="timeout"),
        observation(prompt_id="p", round=1, is_warmup=True, grades=(graded("graded", 1.0),)),
    ]
    short, true, calm = summary_of(seen, spec=spec_of(seen, prompts=(PROMPT,))).aspects
    assert (short.kind, short.passed, short.graded, short.abstained, short.failed, short.ungraded) == ("check", 1, 2, 1, 1, 0)
    assert (true.kind, true.graded, true.ungraded) == ("expect", 0, 4)
    assert (calm.kind, calm.group.aspect_id, calm.ungraded) == ("forbid", "calm", 4)


def test_a_score_wins_over_an_abstention_of_another_grader():
    seen = [observation(prompt_id="p", grades=(graded("abstained"), graded("graded", 1.0)))]
    assert summary_of(seen, spec=spec_of(seen, prompts=(PROMPT,))).aspects[0].passed == 1


def test_prompt_that_nobody_answered_has_no_aspects():
    seen = [observation(prompt_id="p", failure="timeout")]
    assert summary_of(seen, spec=spec_of(seen, prompts=(PROMPT,))).aspects == ()
