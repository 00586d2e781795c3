"""What a report shows, ready to be laid out: strings and small tables, no arithmetic left to do.

Every string is plain text and may hold text of a spec, a model or a server: each format escapes it in its own way.
"""

from typing import Any, Literal

import msgspec

from bench.records.estimate import Summary
from bench.records.run import Manifest

CellState = Literal["value", "uncertain", "not_applicable", "no_data", "failed"]


class Cell(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One field of a table. `value` carries its unit (`0.42 s`), `interval` is `[0.40–0.45]`, `mark` a remark such as `n too small`.

    States: `value`; `uncertain` (a number without an interval where one is due); `not_applicable`; `no_data` (planned, never seen); `failed`.
    """

    value: str
    interval: str = ""
    mark: str = ""
    state: CellState = "value"
    is_best: bool = False
    is_code: bool = False  # to be copied letter by letter: a command, a digest, a name

    @property
    def text(self) -> str:
        """Value, interval and remark on one line."""
        mark = f"({self.mark})" if self.mark else ""
        return " ".join(part for part in (self.value, self.interval, mark) if part)


class Column(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A column's heading, and whether its fields are numbers (set to the right)."""

    title: str
    is_number: bool = False


class Table(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A table; every row has as many cells as there are columns. `notes` stand below it."""

    id: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()


class Section(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A headed part of the report. `is_folded`: shown closed, for readers who ask."""

    id: str
    title: str
    text: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    commands: tuple[str, ...] = ()
    is_folded: bool = False


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One model's answer to one prompt, as shown. `text` is untrusted; every format escapes it in its own way."""

    model_id: str
    variant_id: str
    prompt_id: str
    text: str
    is_cut: bool
    failure: str | None = None
    score: float | None = None
    missed: tuple[str, ...] = ()
    label: str = ""
    facts: str = ""  # "checks met 67 %, 42 tokens, 1.3 s"


class PromptAnswers(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answers to one prompt, side by side. `question` is the end of the prompt, as sent."""

    prompt_id: str
    question: str
    answers: tuple[Answer, ...]


class ChartTick(msgspec.Struct, frozen=True, kw_only=True):
    """A labelled grid line. Unit of coordinates: pixels of the chart's own box."""

    at: str
    label: str


class ChartPoint(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A point with its interval, in the chart's own pixels. `low`/`high` lie along x, `bottom`/`top` along y; empty where there is no interval."""

    label: str
    value: str
    x: str
    y: str
    low: str = ""
    high: str = ""
    bottom: str = ""
    top: str = ""
    label_x: str = ""
    label_y: str = ""
    anchor: Literal["start", "end"] = "start"


class ChartLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line through points, `x,y x,y …` in the chart's own pixels, and its label. `place` (from 0) tells lines apart."""

    label: str
    path: str
    label_x: str
    label_y: str
    place: int


class Chart(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A small picture: `interval` draws one row per model, `scatter` one point per model on two axes, `course` one line per model over time."""

    id: str
    kind: Literal["interval", "scatter", "course"]
    title: str
    summary: str  # the same in words, for readers who do not see it
    width: str
    height: str
    left: str
    right: str
    top: str
    bottom: str
    points: tuple[ChartPoint, ...]
    x_title: str
    x_ticks: tuple[ChartTick, ...]
    y_title: str = ""
    y_ticks: tuple[ChartTick, ...] = ()
    lines: tuple[ChartLine, ...] = ()


class View(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything a format needs: `title`, `headline` (what was compared), `cautions` (what limits belief), then the sections in reading order."""

    manifest: Manifest
    summary: Summary
    spec: dict[str, Any]
    answers: tuple[Answer, ...] = ()
    title: str = ""
    decision: str = ""  # which model the run speaks for, where its spec asks that
    headline: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()
    prompts: tuple[PromptAnswers, ...] = ()
    answers_note: str = ""
    charts: tuple[Chart, ...] = ()
    definitions: Table | None = None
    template_name: str = ""  # what errors call a user's template, where it is not the spec's own

    def section(self, name: str) -> Section | None:
        """The section with this id, for templates that pick; None when this run has nothing to say there."""
        return next((section for section in self.sections if section.id == name), None)
