"""The main tables for a terminal."""

from tabulate import tabulate

from bench.records.view import Table, View
from bench.report.escape import one_line

_SHOWN = ("results", "highlights")
_WIDEST = 60  # characters of one column: beyond it text wraps inside its cell


def tables(view: View) -> str:
    """Cautions, results and highlights as plain text; the reports hold the rest."""
    parts = [f"! {one_line(caution)}" for caution in view.cautions]
    for name in _SHOWN:
        section = view.section(name)
        if section is not None:
            parts += [_table(table) for table in section.tables]
    without = [table for section in view.sections if section.id == "models" for table in section.tables if table.id == "status"]
    reasons = [(one_line(row[0].value), one_line(row[3].value)) for table in without for row in table.rows if row[1].value != "served"]
    parts += [f"{model}: {reason}" for model, reason in reasons]
    return "\n\n".join(parts) + "\n"


def _table(table: Table) -> str:
    headers = [one_line(column.title) for column in table.columns]
    rows = [[one_line(cell.text) + (" *" if cell.is_best else "") for cell in row] for row in table.rows]
    sides = ["right" if column.is_number else "left" for column in table.columns]
    text = tabulate(rows, headers, tablefmt="simple", colalign=sides, disable_numparse=True, maxcolwidths=_WIDEST)
    return text + "\n* best, its interval clear of all others" if any(cell.is_best for row in table.rows for cell in row) else text
