"""Files that a spec names without reading them in: inside its folder, and there."""

from collections.abc import Iterator

from bench.records.source import Diagnostic, Severity
from bench.spec.files import FileProblem, Folder
from bench.spec.marked import Path
from bench.spec.rules.view import View, text

_NAMED: tuple[tuple[str, str, Severity], ...] = (
    ("report", "template", "error"),
    ("judge", "labels", "warning"),  # labels are written later, by people, with what a first run gave
)


def check(view: View, folder: Folder) -> Iterator[Diagnostic]:
    """Paths that lead out of the folder, and files that are not there."""
    named: list[tuple[Path, str, Severity]] = [((section, key), text(view.section(section), key), severity) for section, key, severity in _NAMED]
    templates = view.section("judge", "templates")
    named += [(("judge", "templates", key), text(templates, key), "error") for key in templates]
    for where, name, severity in named:
        if not name:
            continue
        try:
            is_there = folder.holds(name)
        except FileProblem as problem:
            yield view.tree.diagnose(where, problem.code, problem.message, hint=problem.hint)
            continue
        if not is_there:
            message = f"there is no file '{name[:80]}' in the spec's folder"
            yield view.tree.diagnose(where, "file-missing", message, hint="check the path", severity=severity)
