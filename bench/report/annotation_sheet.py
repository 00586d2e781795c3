"""The sheet and the page on which people grade: a CSV file for a spreadsheet, and one HTML page that needs nothing else."""

import base64
import csv
import hashlib
import io
from collections.abc import Sequence

import msgspec
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from bench import resources
from bench.records.annotation import AnnotationItem, AnnotationQuestion
from bench.report.escape import spreadsheet_block, visible

COLUMNS = ("item", "prompt", "question_id", "kind", "question", "allowed", "label", "note", "task", "answer", "drawn")


class _Data(msgspec.Struct, frozen=True, kw_only=True):
    run: str
    annotator: str
    items: Sequence[AnnotationItem]


def sheet(items: Sequence[AnnotationItem]) -> str:
    """A row per question; `label` and `note` are to be filled in. The task and the answer stand in the first row of each item.

    Texts are safe for spreadsheets. Begins with a byte order mark, without which some spreadsheets take UTF-8 for something else.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\r\n", restval="")
    writer.writeheader()
    for item in items:
        for place, question in enumerate(item.questions):
            shown = {"task": spreadsheet_block(item.task), "answer": spreadsheet_block(item.answer)} if place == 0 else {}
            writer.writerow(
                {
                    "item": item.item_id,
                    "prompt": spreadsheet_block(item.prompt_id),
                    "question_id": spreadsheet_block(question.id),
                    "kind": question.kind,
                    "question": spreadsheet_block(question.text),
                    "allowed": _allowed(question),
                    "drawn": item.drawn,
                    **shown,
                }
            )
    return "\ufeff" + text.getvalue()


def page(items: Sequence[AnnotationItem], run_id: str, annotator: str) -> str:
    """One page for a browser without a network: it loads nothing, and runs only its own script."""
    css, script = resources.read("templates", "annotate.css"), resources.read("templates", "annotate.js")
    made = Environment(undefined=StrictUndefined, autoescape=True, trim_blocks=True, keep_trailing_newline=True)
    return made.from_string(resources.read("templates", "annotate.html.j2")).render(
        policy=f"default-src 'none'; style-src 'sha256-{_hash(css)}'; script-src 'sha256-{_hash(script)}'; base-uri 'none'; form-action 'none'",
        css=Markup(css),  # noqa: S704 - our own files, whose quotes must stay quotes
        script=Markup(script),  # noqa: S704
        items=_data(_Data(run=run_id, annotator=annotator, items=tuple(_visible(item) for item in items))),
        annotator=annotator,
    )


def _visible(item: AnnotationItem) -> AnnotationItem:
    return msgspec.structs.replace(
        item,
        trial_id="",
        task=visible(item.task),
        answer=visible(item.answer),
        reference=None if item.reference is None else visible(item.reference),
        questions=tuple(msgspec.structs.replace(question, text=visible(question.text)) for question in item.questions),
    )


def _data(data: _Data) -> Markup:
    """JSON that no text in it can leave: HTML ends a script at `</`, and starts a comment at `<!`."""
    text = msgspec.json.encode(data).decode().replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return Markup(text)  # noqa: S704 - this is the escaping


def _hash(text: str) -> str:
    """The hash source of CSP 3, §2.3.1."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _allowed(question: AnnotationQuestion) -> str:
    if question.scale is None:
        return "yes / no / unsure"
    low, high = question.scale
    return f"{low} to {high}" + (", or empty" if question.kind == "overall" else "")
