"""The report as GitHub-flavoured Markdown."""

from bench import resources
from bench.records.view import View
from bench.report import isolated
from bench.report import template as templates
from bench.report.sketch import SMALLEST

SHIPPED = "report.md.j2"


class Markdown:
    """Renders `report.md` with the shipped template, or with a user's in a process of its own."""

    filename = "report.md"

    def render(self, view: View, template: str | None = None) -> str:
        """The whole document. Raises ReportTemplateError when a user's template is wrong."""
        if template is None:
            return templates.render(resources.read("templates", SHIPPED), SHIPPED, "markdown", view, is_own=True)
        return isolated.render(template, "markdown", view)


EXAMPLES = ((SMALLEST, "# smallest 1.0.0\n"),)
