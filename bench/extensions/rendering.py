"""Report formats of third parties."""

import re
from typing import Any

from bench.extensions.guard import Origin, attempt
from bench.protocols import ReportFormat
from bench.records.view import View

RENDER_S = 120.0
_NAME = re.compile(r"report(?:\.[A-Za-z0-9_-]+)+")
_OWN = {"report.md", "report.csv", "report.html", "report.junit.xml", "report.json"}


def report(origin: Origin, kind: Any) -> ReportFormat:
    """The format.

    Raises: ExtensionBroke.
    """
    made = attempt(origin, "when it was made", kind, limit_s=RENDER_S)
    name, render = attempt(origin, "when it was made", lambda: (made.filename, made.render), limit_s=RENDER_S)
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name.casefold() in _OWN:
        raise origin.odd("when it was made", name, "`filename`, such as `report.slides.md`, which is none of bench's own")
    if not callable(render):
        raise origin.odd("when it was made", render, "a method `render(view, template)`")
    return GuardedReport(origin, render, name)


class GuardedReport:
    """A format whose trouble is an `ExtensionBroke` and nothing else."""

    def __init__(self, origin: Origin, render: Any, filename: str) -> None:
        """Around this method."""
        self._origin, self._render = origin, render
        self.filename = filename

    def render(self, view: View, template: str | None) -> str:
        """The whole document.

        Raises: ExtensionBroke.
        """
        found = attempt(self._origin, "on a report", lambda: self._render(view, template), limit_s=RENDER_S)
        if not isinstance(found, str):
            raise self._origin.odd("on a report", found, "a text")
        return found
