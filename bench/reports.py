"""The reports of a run, rendered and written. Part of the program (`pipeline.py`)."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from bench.errors import ExtensionBroke
from bench.named_files import template_content
from bench.records.view import View
from bench.registry import Registry
from bench.store.layout import RunLayout, inside
from bench.store.writer import write_whole


def render(layout: RunLayout, view: View, formats: Sequence[str], template: Path | None, registry: Registry) -> Iterator[Path]:
    """Write the reports in these formats; their paths. `template`: a user's, in the place of the spec's.

    Raises: BenchError when a template is wrong, RunFolderError when a file cannot be written.
    """
    text = _template(layout, view, template)
    for name in sorted(formats, key=lambda name: name == "markdown" and text is not None):  # a user's template, which may be wrong, costs no other
        if name == "json":
            continue  # summary.json is written before any report
        with suppress(ExtensionBroke):  # a third party's: told as a trouble, and the others are written
            renderer = registry.load("report", name)()
            path = layout.report(renderer.filename)
            write_whole(path, renderer.render(view, text if name == "markdown" else None).encode("utf-8", "backslashreplace"))
            yield path


def _template(layout: RunLayout, view: View, given: Path | None) -> str | None:
    """The text of a user's template: the one given now, else the spec's, as it was when the run started; None for the shipped one."""
    named = (view.spec.get("report") or {}).get("template")
    path = given or (inside(layout.folder, named) if named else None)
    if path is None:
        return None
    return template_content(path).decode()
