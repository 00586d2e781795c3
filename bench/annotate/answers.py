"""A person's answers, from the terminal, a filled sheet or the page, checked and put into `Annotation`s."""

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

import msgspec

from bench.annotate.items import OVERALL
from bench.errors import UsageError
from bench.records.annotation import Annotation, AnnotationItem, AnnotationQuestion, AnswerWord, AspectAnswer, CriterionAnswer

FORMAT = "bench-annotations"
_WORDS: dict[str, AnswerWord] = {
    "yes": "yes", "y": "yes", "true": "yes", "no": "no", "n": "no", "false": "no", "unsure": "unsure", "u": "unsure", "?": "unsure",
}  # fmt: skip
Drawn = Literal["random", "chosen"]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,47}")
_MOST_NOTE = 4000  # characters


class Labelled(NamedTuple):
    """One answer to one question, as written; `where` says where it stands."""

    item_id: str
    question_id: str
    label: str
    note: str
    where: str
    drawn: Drawn = "random"


class _PageAnswer(msgspec.Struct, frozen=True):
    item: str
    question: str
    label: str
    note: str = ""
    drawn: Drawn = "random"


class _Page(msgspec.Struct, frozen=True, tag_field="format", tag=FORMAT):
    """What the page saves."""

    version: int
    answers: tuple[_PageAnswer, ...]


def annotator(name: str) -> str:
    """The pseudonym of a person, checked.

    Raises: UsageError when it is none.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no name for an annotator", hint="1 to 48 letters, digits, dots, dashes; a pseudonym will do, it stands in the run"
        )
    return name


def read_sheet(text: str, name: str) -> tuple[Labelled, ...]:
    """The filled rows of a sheet (CSV with a header). Columns may come in any order; `item`, `question_id` and `label` are needed.

    Raises: UsageError with file and row when it is no such sheet.
    """
    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=delimiter(text))
    missing = [column for column in ("item", "question_id", "label") if column not in (rows.fieldnames or ())]
    if missing:
        found = ", ".join(rows.fieldnames or ()) or "nothing"
        raise UsageError(
            f"{name}:1: no column {missing[0]!r}; found {found[:200]}", hint="fill in the file that `bench annotate RUN --csv FILE` wrote"
        )
    try:
        return tuple(_labelled(row, f"{name}:{rows.line_num}") for row in rows if (row.get("label") or "").strip())
    except csv.Error as error:
        raise UsageError(f"{name}:{rows.line_num}: {error}", hint="save the sheet as CSV again, in UTF-8") from error


def _labelled(row: Mapping[str, str | None], where: str) -> Labelled:
    fields = {key: (row.get(key) or "").strip().removeprefix("'") for key in ("item", "question_id", "label", "note")}
    drawn: Drawn = "chosen" if row.get("drawn") == "chosen" else "random"
    return Labelled(fields["item"], fields["question_id"], fields["label"], fields["note"], where, drawn)


def read_page(text: str, name: str) -> tuple[Labelled, ...]:
    """The answers that the page saved.

    Raises: UsageError when it is no such file.
    """
    try:
        page = msgspec.json.decode(text, type=_Page)
    except msgspec.DecodeError as error:
        raise UsageError(f"{name}: not what the page saves: {error}", hint="give the file that `Save answers` downloaded") from error
    return tuple(
        Labelled(each.item, each.question, each.label.strip(), each.note.strip(), f"{name}: answers[{place}]", each.drawn)
        for place, each in enumerate(page.answers)
        if each.label.strip()
    )


def annotations(
    labelled: Iterable[Labelled], items: Mapping[str, AnnotationItem], annotator_name: str, at: str, *, is_adjudication: bool = False
) -> tuple[Annotation, ...]:
    """One annotation per item that has an answer, in the order of the items.

    Raises: UsageError with the place of what belongs to no item or question of this run, or of a label that is not allowed; then nothing is taken.
    """
    given: dict[str, dict[str, Labelled]] = {}
    for each in labelled:
        if each.item_id not in items:
            raise UsageError(f"{each.where}: the item {each.item_id[:40]!r} is not of this run", hint="was the sheet written for another run?")
        asked = [question.id for question in items[each.item_id].questions]
        if each.question_id not in asked:
            raise UsageError(f"{each.where}: the item has no question {each.question_id[:40]!r}; it has {', '.join(asked)}")
        given.setdefault(each.item_id, {})[each.question_id] = each
    return tuple(annotation(items[name], given[name], annotator_name, at, is_adjudication=is_adjudication) for name in items if name in given)


def annotation(item: AnnotationItem, given: Mapping[str, Labelled], annotator_name: str, at: str, *, is_adjudication: bool = False) -> Annotation:
    """One person's answers to one item. Questions without an answer are left open.

    Raises: UsageError with the place of a label that is not allowed.
    """
    answered = [(question, given[question.id]) for question in item.questions if question.id in given]
    scores = {question.id: number(question, each) for question, each in answered if question.scale is not None}
    return Annotation(
        trial_id=item.trial_id,
        annotator=annotator_name,
        at=at,
        aspects=tuple(
            AspectAnswer(aspect_id=question.id, answer=word(each), note=each.note[:_MOST_NOTE] or None)
            for question, each in answered
            if question.scale is None
        ),
        criteria=tuple(CriterionAnswer(criterion_id=name, score=score) for name, score in scores.items() if name != OVERALL),
        score=scores.get(OVERALL),
        note="; ".join(each.note[:_MOST_NOTE] for question, each in answered if question.scale is not None and each.note) or None,
        item_id=item.item_id,
        prompt_id=item.prompt_id,
        drawn=answered[0][1].drawn if answered else item.drawn,
        is_adjudication=is_adjudication,
    )


def word(each: Labelled) -> AnswerWord:
    """Yes, no or unsure.

    Raises: UsageError when the label is something else.
    """
    found = _WORDS.get(each.label.casefold())
    if found is None:
        raise UsageError(f"{each.where}: {each.label[:40]!r} is no answer to {each.question_id!r}; expected yes, no or unsure")
    return found


def number(question: AnnotationQuestion, each: Labelled) -> float:
    """A number on the question's scale.

    Raises: UsageError when the label is no number, or not on it.
    """
    low, high = question.scale or (0, 0)
    try:
        found = float(each.label.replace(",", "."))
    except ValueError:
        found = math.nan
    if not low <= found <= high:
        raise UsageError(f"{each.where}: {each.label[:40]!r} is no answer to {each.question_id!r}; expected a number from {low} to {high}")
    return found


def disagreements(items: Sequence[AnnotationItem], said: Iterable[Annotation]) -> tuple[AnnotationItem, ...]:
    """The items on which people differ, each with the questions on which they do and with how often each answer was given (by nobody's name).

    On a scale, answers differ when they are more than a quarter of the scale apart.
    """
    answers: dict[tuple[str, str], dict[str, str]] = {}
    for each in said:
        if not each.is_adjudication:
            for aspect in each.aspects:
                answers.setdefault((each.item_id, aspect.aspect_id), {})[each.annotator] = aspect.answer
            for criterion in each.criteria:
                answers.setdefault((each.item_id, criterion.criterion_id), {})[each.annotator] = f"{criterion.score:g}"
            if each.score is not None:
                answers.setdefault((each.item_id, OVERALL), {})[each.annotator] = f"{each.score:g}"
    found = []
    for item in items:
        open_ = tuple(
            msgspec.structs.replace(question, said=tuple((label, given.count(label)) for label in sorted(set(given))))
            for question in item.questions
            if _differ(question, given := list(answers.get((item.item_id, question.id), {}).values()))
        )
        if open_:
            found.append(msgspec.structs.replace(item, questions=open_))
    return tuple(found)


def _differ(question: AnnotationQuestion, given: list[str]) -> bool:
    if question.scale is None:
        return len(set(given)) > 1
    numbers = [float(each) for each in given]
    return bool(numbers) and max(numbers) - min(numbers) > (question.scale[1] - question.scale[0]) / 4


def delimiter(text: str) -> str:
    """Comma, semicolon or tab: spreadsheets of some countries write semicolons."""
    first = text.lstrip("\ufeff").split("\n", 1)[0]
    return max((",", ";", "\t"), key=first.count)
