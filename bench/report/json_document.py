"""The summary as JSON: `summary.json`, by the schema `summary.v1`."""

import msgspec

from bench.records.view import View
from bench.report.sketch import SMALLEST


class JsonDocument:
    """Renders `summary.json`. A user's template does not apply."""

    filename = "summary.json"

    def render(self, view: View, template: str | None = None) -> str:  # noqa: ARG002 - the contract's argument
        """The whole document, with dictionary keys in order."""
        return msgspec.json.format(msgspec.json.encode(view.summary, order="deterministic"), indent=2).decode() + "\n"


EXAMPLES = ((SMALLEST, '"spec_name": "smallest"'),)
