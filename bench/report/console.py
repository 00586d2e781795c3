"""The main tables for a terminal: a line per figure and a column per model, so that they fit without wrapping."""

import textwrap
from collections.abc import Iterator, Sequence

from tabulate import tabulate

from bench.records.view import Cell, Section, Table, View
from bench.report.escape import one_line, short
from bench.report.numbers import NO_DATA

_SIDE_BY_SIDE = 4  # models of one table: about 110 characters
_FIGURES = 3  # behind a model's name, status and count of answers
_WIDE = 120  # characters of a line of prose
_WIDEST = 40  # characters of one column: beyond it text wraps inside its cell
_BEST = "* best, its interval clear of all others"


def tables(view: View) -> str:
    """Cautions, the decision, gates, results and highlights as plain text; the reports hold the rest."""
    parts = ["\n".join(f"! {one_line(caution)}" for caution in view.cautions)] if view.cautions else []
    if view.decision:
        parts.append(wrapped(one_line(view.decision), _WIDE))
    results, highlights = view.section("results"), view.section("highlights")
    if (gates := view.section("gates")) is not None:
        parts += [_table(table) for table in gates.tables]
    if results is not None:
        groups = _apart(results)
        for group in groups:
            if len(groups) > 1:
                parts.append(one_line(group[0].notes[0]))
            parts += _by_model(group, {name.value for name, *_ in _not_served(view)})
    if highlights is not None:
        parts += [_table(table) for table in highlights.tables]
    if reasons := list(_reasons(view)):
        parts.append("\n".join(reasons))
    return "\n\n".join(parts) + "\n"


def section(shown: Section) -> str:
    """One section as plain text: its sentences, its tables, and what stands below them."""
    parts = ["\n".join(one_line(text) for text in shown.text)] if shown.text else []
    for table in shown.tables:
        parts += [_table(table), "\n".join(one_line(note) for note in table.notes)]
    return "\n\n".join(parts) + "\n"


def _apart(results: Section) -> list[list[Table]]:
    """The tables of models whose answers came alike: each such group begins with a table of speeds."""
    groups: list[list[Table]] = []
    for table in results.tables:
        if not groups or table.id.startswith("speed"):
            groups.append([])
        groups[-1].append(table)
    return groups


def _by_model(results: Sequence[Table], not_served: set[str]) -> Iterator[str]:
    """The rows of all tables as columns: a figure that a table does not have for a model is none. A model without any has its line below."""
    titles = [column.title for column in results[0].columns]
    columns = {row[0].value: list(row) for row in results[0].rows}
    for table in results[1:]:
        titles += [column.title for column in table.columns[1:]]
        found = {row[0].value: row[1:] for row in table.rows}
        for name in columns:
            columns[name] += found.get(name, (NO_DATA,) * (len(table.columns) - 1))
    shown = [column for name, column in columns.items() if name not in not_served or any(cell.state == "value" for cell in column[_FIGURES:])]
    for start in range(0, len(shown), _SIDE_BY_SIDE):
        yield _figures(titles, shown[start : start + _SIDE_BY_SIDE])


def _figures(titles: Sequence[str], columns: Sequence[Sequence[Cell]]) -> str:
    headers = [titles[0], *(short(column[0].value, _WIDEST) for column in columns)]
    rows = [[title, *(_words(column[place]) for column in columns)] for place, title in enumerate(titles) if place]
    sides = ["left", *("right" for _ in columns)]
    text = tabulate(rows, headers, tablefmt="simple", colalign=sides, disable_numparse=True)
    return f"{text}\n{_BEST}" if any(cell.is_best for column in columns for cell in column) else text


def _table(table: Table) -> str:
    headers = [one_line(column.title) for column in table.columns]
    sides = ["right" if column.is_number else "left" for column in table.columns]
    rows = [[wrapped(one_line(cell.text), _WIDEST) for cell in row] for row in table.rows]
    return tabulate(rows, headers, tablefmt="simple", colalign=sides, disable_numparse=True)


def wrapped(text: str, width: int) -> str:
    """Text in lines of at most so many characters. Done here, since tabulate takes a cell such as `3,749` for a number when it wraps, and breaks."""
    return "\n".join(line for whole in text.split("\n") for line in (textwrap.wrap(whole, width) or [""]))


def _words(cell: Cell) -> str:
    return short(cell.text, _WIDEST) + (" *" if cell.is_best else "")


def _not_served(view: View) -> Iterator[tuple[Cell, ...]]:
    """The status rows of models that were not served to the end."""
    models = view.section("models")
    for table in models.tables if models is not None else ():
        yield from (row for row in table.rows if table.id == "status" and row[1].value != "served")


def _reasons(view: View) -> Iterator[str]:
    """Why models have no numbers, and what to do."""
    for name, state, _, reason, hint in _not_served(view):
        yield f"{one_line(name.value)}: {state.value}: {one_line(reason.value)}"
        if hint.state == "value":
            yield f"  → {one_line(hint.value)}"
