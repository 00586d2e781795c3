"""A file of arrival times: CSV or JSONL, in seconds. Bounded, and checked line by line."""

import csv
import io
import json
from math import isfinite
from typing import Any

COLUMN = "arrival_s"
MAX_ARRIVALS = 100_000
LEAST = 2


class TraceProblem(Exception):
    """A trace cannot be used: what is wrong, and in which line (from 1)."""

    def __init__(self, line: int, message: str, hint: str) -> None:
        """Keep what a finding needs."""
        super().__init__(message)
        self.line, self.message, self.hint = line, message, hint


def arrivals(content: bytes, name: str) -> list[float]:
    """The seconds of a trace, in order. A name that ends in `.jsonl` holds JSON lines, any other one CSV.

    Raises: TraceProblem with the line.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise TraceProblem(line, "this is no UTF-8 text", "save the file as UTF-8") from error
    read = _json_lines if name.lower().endswith((".jsonl", ".ndjson")) else _csv_lines
    found: list[float] = []
    for line, value in read(text):
        at_s = _seconds(line, value)
        if found and at_s < found[-1]:
            raise TraceProblem(line, f"{at_s:g} s is before the arrival above it ({found[-1]:g} s)", "sort the trace by time")
        found.append(at_s)
        if len(found) > MAX_ARRIVALS:
            raise TraceProblem(line, f"a trace has at most {MAX_ARRIVALS:,} arrivals", "cut it, or play a shorter part more than once")
    if len(found) < LEAST:
        raise TraceProblem(1, f"the trace has {len(found)} arrivals; expected at least {LEAST}", "write one arrival a line, in seconds")
    return found


def _seconds(line: int, value: Any) -> float:
    hint = f"write seconds from 0, such as 12.5, alone on the line or as `{COLUMN}`"
    try:
        number = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None
    except (ValueError, OverflowError):
        number = None
    if number is None or not isfinite(number) or number < 0:
        raise TraceProblem(line, f"{str(value)[:40]!r} is no arrival time", hint)
    return number


def _json_lines(text: str) -> list[tuple[int, Any]]:
    found = []
    for line, written in enumerate(text.splitlines(), start=1):
        if not written.strip():
            continue
        try:
            value = json.loads(written)
        except (ValueError, RecursionError) as error:
            raise TraceProblem(line, "this is no JSON", f"write a number or {{'{COLUMN}': 12.5}} on each line") from error
        found.append((line, value.get(COLUMN, value) if isinstance(value, dict) else value))
    return found


def _csv_lines(text: str) -> list[tuple[int, str]]:
    """One column of seconds, or the column `arrival_s` of several. A first line that names it is a header."""
    rows = csv.reader(io.StringIO(text))
    found: list[tuple[int, str]] = []
    place: int | None = None
    try:
        for row in rows:
            if not any(field.strip() for field in row):
                continue
            names = [field.strip() for field in row]
            if place is None and COLUMN in names:
                place = names.index(COLUMN)
                continue
            if place is None and len(row) > 1:
                message = f"there are {len(row)} columns and none is named `{COLUMN}`"
                raise TraceProblem(rows.line_num, message, "name one so in the first line")
            place = place or 0
            found.append((rows.line_num, names[place] if place < len(names) else ""))
    except csv.Error as error:
        raise TraceProblem(rows.line_num, f"this is no CSV: {error}", "write one number a line") from error
    return found
