"""The report as one page that needs nothing else: no script, no network, light and dark."""

import base64
import hashlib

from bench import resources
from bench.records.view import View
from bench.report import isolated
from bench.report import template as templates
from bench.report.sketch import SMALLEST

SHIPPED = "report.html.j2"
STYLE = "report.css"


class HtmlPage:
    """Renders `report.html` with the shipped template, or with a user's in a process of its own."""

    filename = "report.html"

    def render(self, view: View, template: str | None = None) -> str:
        """The whole page. A user's template also sees `css` and `policy`."""
        css = resources.read("templates", STYLE)
        if template is None:
            return templates.render(resources.read("templates", SHIPPED), SHIPPED, "html", view, is_own=True, css=css, policy=policy(css))
        return isolated.render(template, "html", view, css=css, policy=policy(css))


def policy(css: str) -> str:
    """The content security policy: nothing is loaded, nothing runs, and this style alone applies (CSP 3, §2.3.1 hash sources)."""
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


EXAMPLES = ((SMALLEST, "<h1>smallest 1.0.0</h1>"),)
