"""A report format: one slide per section, in Markdown."""

from bench.records.view import View


class Slides:
    """Renders `report.slides.md`."""

    filename = "report.slides.md"

    def render(self, view: View, template: str | None) -> str:
        """The whole document. Every text of a view is plain and may come from a model: escape it as your format needs."""
        slides = [f"# {_plain(view.title)}", *(f"# {_plain(section.title)}\n\n{len(section.tables)} tables" for section in view.sections)]
        return "\n\n---\n\n".join(slides) + "\n"


def _plain(text: str) -> str:
    return text.replace("<", "&lt;")
