"""Labels that come with a spec (`judge.labels`): a table of what people said, for any run that gives the same answers.

A row is one answer to one question: `annotator`, `question_id`, `label`, and which answer it is about, by `item` or by `prompt` with the very text in
`answer`. `bench annotate RUN --export FILE` writes such a table.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping

from bench.annotate.answers import Labelled, annotation, annotator, delimiter
from bench.annotate.items import item_id, questions
from bench.errors import UsageError
from bench.records.annotation import Annotation, AnnotationItem
from bench.records.spec import Prompt, Rubric

COLUMNS = ("annotator", "item", "prompt", "question_id", "label", "note", "drawn", "adjudicated", "at")
_SINCE = "1970-01-01T00:00:00Z"  # what has no date


def read_labels(text: str, name: str, prompts: Mapping[str, tuple[Prompt, Rubric | None]]) -> tuple[Annotation, ...]:
    """The annotations in a table of labels. Rows about prompts that the spec has not are left out: sets of labels outlive prompts.

    Raises: UsageError with file and row when a row makes no sense.
    """
    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=delimiter(text))
    missing = [column for column in ("annotator", "prompt", "question_id", "label") if column not in (rows.fieldnames or ())]
    if missing or not {"item", "answer"} & set(rows.fieldnames or ()):
        found = ", ".join(rows.fieldnames or ()) or "nothing"
        raise UsageError(f"{name}:1: no column {missing[0] if missing else 'item'!r}; found {found[:200]}", hint=f"columns: {', '.join(COLUMNS)}")
    said: dict[tuple[str, str, bool], dict[str, Labelled]] = {}
    items: dict[str, AnnotationItem] = {}
    dates: dict[tuple[str, str, bool], str] = {}
    try:
        for row in rows:
            fields = {key: (value or "").removeprefix("'") for key, value in row.items() if key and not isinstance(value, list)}
            if not fields.get("label", "").strip() or (known := prompts.get(fields.get("prompt", ""))) is None:
                continue
            where = f"{name}:{rows.line_num}"
            item = _item(fields, known, where)
            items[item.item_id] = item
            key = (item.item_id, _annotator(fields, where), fields.get("adjudicated", "") == "yes")
            said.setdefault(key, {})[fields["question_id"].strip()] = _labelled(fields, item, where)
            dates[key] = fields.get("at") or _SINCE
    except csv.Error as error:
        raise UsageError(f"{name}:{rows.line_num}: {error}", hint="save the table as CSV again, in UTF-8") from error
    return tuple(
        annotation(items[name_of], given, person, dates[name_of, person, decided], is_adjudication=decided)
        for (name_of, person, decided), given in said.items()
    )


def _item(fields: Mapping[str, str], known: tuple[Prompt, Rubric | None], where: str) -> AnnotationItem:
    prompt, rubric = known
    name = fields.get("item", "").strip() or (item_id(prompt.id, fields["answer"]) if fields.get("answer") else "")
    if not name:
        raise UsageError(f"{where}: neither `item` nor `answer` says which answer this label is about")
    return AnnotationItem(item_id=name, trial_id="", prompt_id=prompt.id, task="", answer="", questions=questions(prompt, rubric))


def _annotator(fields: Mapping[str, str], where: str) -> str:
    try:
        return annotator(fields.get("annotator", "").strip())
    except UsageError as error:
        raise UsageError(f"{where}: {error.message}", hint=error.hint) from error


def _labelled(fields: Mapping[str, str], item: AnnotationItem, where: str) -> Labelled:
    name = fields["question_id"].strip()
    asked = [question.id for question in item.questions]
    if name not in asked:
        raise UsageError(f"{where}: the prompt {item.prompt_id!r} has no question {name[:40]!r}; it has {', '.join(asked)}")
    is_chosen = fields.get("drawn") == "chosen"
    return Labelled(item.item_id, name, fields["label"].strip(), fields.get("note", "").strip(), where, "chosen" if is_chosen else "random")


def label_rows(annotations: Iterable[Annotation]) -> Iterator[dict[str, str]]:
    """The rows of a table of labels, for everything that was said; of one person's lines on an item the last."""
    last = {(each.item_id, each.annotator, each.is_adjudication): each for each in annotations if each.item_id}
    for each in (last[key] for key in sorted(last)):
        shared = {
            "annotator": each.annotator,
            "item": each.item_id,
            "prompt": each.prompt_id,
            "drawn": each.drawn,
            "adjudicated": "yes" if each.is_adjudication else "",
            "at": each.at,
        }
        for aspect in each.aspects:
            yield {**shared, "question_id": aspect.aspect_id, "label": aspect.answer, "note": aspect.note or ""}
        for criterion in each.criteria:
            yield {**shared, "question_id": criterion.criterion_id, "label": f"{criterion.score:g}"}
        if each.score is not None:
            yield {**shared, "question_id": "overall", "label": f"{each.score:g}", "note": each.note or ""}
