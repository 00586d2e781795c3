"""What a person is asked about one answer."""

from collections.abc import Sequence

from bench.digest import digest
from bench.records.annotation import AnnotationItem, AnnotationQuestion
from bench.records.spec import Message, Prompt, Rubric

OVERALL = "overall"
DEFAULT_SCALE = (1, 5)


def item_id(prompt_id: str, text: str) -> str:
    """The name of a prompt with the very text of an answer: 16 hexadecimal characters, the same in every run."""
    return digest([prompt_id, text.encode("utf-8", "backslashreplace").decode()])[:16]


def item(prompt: Prompt, rubric: Rubric | None, trial_id: str, text: str) -> AnnotationItem:
    """The item of one answer."""
    return AnnotationItem(
        item_id=item_id(prompt.id, text),
        trial_id=trial_id,
        prompt_id=prompt.id,
        task=_task(prompt.messages),
        answer=text,
        questions=questions(prompt, rubric),
        reference=prompt.reference,
    )


def questions(prompt: Prompt, rubric: Rubric | None) -> tuple[AnnotationQuestion, ...]:
    """Each aspect that no program decides, each question of the rubric, and one score for the whole answer (which may be left out)."""
    scale = rubric.scale if rubric else DEFAULT_SCALE
    anchors = rubric.anchors if rubric else ()
    asked = [
        AnnotationQuestion(id=aspect.id, kind="expect" if aspect.expect else "forbid", text=aspect.expect or aspect.forbid or "")
        for aspect in prompt.aspects
        if aspect.check is None
    ]
    asked += [
        AnnotationQuestion(id=criterion.id, kind="question", text=criterion.question, scale=scale, anchors=anchors)
        for criterion in (rubric.criteria if rubric else ())
        if criterion.question is not None
    ]
    overall = AnnotationQuestion(id=OVERALL, kind="overall", text="All in all, how good is this answer?", scale=scale, anchors=anchors)
    return (*asked, overall)


def _task(messages: Sequence[Message]) -> str:
    if len(messages) == 1:
        return messages[0].content
    return "\n\n".join(f"{message.role}: {message.content}" for message in messages)
