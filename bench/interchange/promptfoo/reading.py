"""A promptfoo configuration and the files it names, read as data: inside its folder only, bounded, never run."""

import csv
import io
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from bench.errors import SpecError, UsageError
from bench.interchange.findings import Findings, Spot, quoted
from bench.records.source import SourceFile
from bench.spec.diagnostics import in_order
from bench.spec.files import FileProblem, Folder
from bench.spec.marked import Mark, Marked, pointer
from bench.spec.marked import Path as Place
from bench.spec.yaml_text import Unreadable, readable

CODE = (".js", ".cjs", ".mjs", ".ts", ".cts", ".mts", ".py", ".rb", ".go", ".sh", ".bat", ".exe")
DATA = (".yaml", ".yml", ".json")
_FILE = "file://"
_LOOKED_AT = 20_000  # files of a folder that a pattern is held against
_MATCHES = 100  # files that one pattern may name
_ROWS = 5_000  # tests of one table
_FUNCTION = re.compile(r"(\.[A-Za-z]{1,4}):[A-Za-z_$][\w$.]*$")


class Config:
    """One configuration with everything that was read for it, and what there is to say about it."""

    def __init__(self, path: Path) -> None:
        """Read the configuration. Raises: UsageError when it is code, SpecError when it is no YAML as specs are."""
        if path.suffix.lower() in CODE:
            raise UsageError(
                f"{path.name} is code, and an import runs none",
                hint=f"write the configuration as YAML first: `promptfoo` resolves {path.name} when it evaluates it, and its output holds the result",
            )
        self.findings = Findings()
        self._folder = Folder(path)
        tree = self._folder.spec()
        self.stop_if_unreadable()
        self.root = Spot(tree) if tree is not None else Spot(Marked(None, {}))
        if not isinstance(self.root.value, dict):
            raise UsageError(f"{path.name} is no promptfoo configuration: it holds no mapping", hint="its keys are prompts, providers, tests, …")

    @property
    def sources(self) -> tuple[SourceFile, ...]:
        """All files that were read."""
        return tuple(self._folder.sources)

    def stop_if_unreadable(self) -> None:
        """Raise: SpecError when any file that was read is not what it should be."""
        if self._folder.found:
            sources = tuple(self._folder.sources)
            raise SpecError(in_order(self._folder.found, sources), sources)

    def file_named(self, text: Any) -> str | None:
        """The path that a `file://` reference names; None for everything else."""
        return text[len(_FILE) :].removeprefix("./") if isinstance(text, str) and text.startswith(_FILE) else None

    def refuse_code(self, name: str, spot: Spot, what: str) -> bool:
        """Whether a file is a program; then it is left out."""
        if not is_code(name):
            return False
        self.findings.left_out(spot, f"{what} {quoted(name)} is code, and an import runs none", "write what it gives as text or data")
        return True

    def text(self, name: str, spot: Spot) -> str | None:
        """The text of a file beside the configuration; None when there is none that may be read, with a finding."""
        try:
            content = self._folder.content(name)
            return readable(content, name)
        except FileProblem as problem:
            self.findings.left_out(spot, problem.message, problem.hint)
        except Unreadable as problem:
            self.findings.left_out(spot, f"{quoted(name)}: {problem.found.message}", problem.found.hint)
        return None

    def data(self, name: str, spot: Spot) -> Spot | None:
        """The data of a YAML or JSON file beside the configuration; None with a finding when there is none."""
        try:
            tree = self._folder.tree(name)
        except FileProblem as problem:
            self.findings.left_out(spot, problem.message, problem.hint)
            return None
        self.stop_if_unreadable()
        return Spot(tree) if tree is not None else None

    def matching(self, pattern: str, spot: Spot) -> list[str]:
        """The files beside the configuration that a pattern names, sorted."""
        pure = PurePosixPath(pattern)
        if pure.is_absolute() or ".." in pure.parts or "\\" in pattern or not pattern.isprintable():
            self.findings.left_out(spot, f"the pattern {quoted(pattern)} leads out of the configuration's folder", "copy the files into the folder")
            return []
        folder = self._folder.folder
        wanted = _pattern(pure.as_posix())
        found = sorted(name for name in _files(folder) if wanted.fullmatch(name))
        if not found:
            self.findings.left_out(spot, f"no file matches {quoted(pattern)}", "check the pattern; it starts at the configuration's folder")
        if len(found) > _MATCHES:
            self.findings.left_out(spot, f"{quoted(pattern)} matches {len(found)} files; {_MATCHES} are read", "name the others one by one")
        return found[:_MATCHES]

    def lines(self, name: str, spot: Spot) -> Iterator[tuple[str, Spot]]:
        """The lines of a file that are not empty, each with its place."""
        marks: dict[Place, Mark] = {(): Mark(name, "", (1, 1))}
        table = Marked([], marks)
        for number, line in enumerate((self.text(name, spot) or "").split("\n"), start=1):
            if not line.strip():
                continue
            if len(table.data) == _ROWS:
                self.findings.left_out(spot, f"{quoted(name)} has more than {_ROWS:,} lines; the others are left out", "split the file")
                return
            marks[(len(table.data),)] = Mark(name, pointer((len(table.data),)), (number, 1))
            table.data.append(line)
            yield line, Spot(table, (len(table.data) - 1,))

    def rows(self, name: str, spot: Spot) -> Iterator[tuple[dict[str, str], Spot]]:
        """The rows of a CSV file by its header, each with the line it starts in."""
        text = self.text(name, spot)
        if text is None:
            return
        reader = csv.reader(io.StringIO(text))
        marks: dict[Place, Mark] = {(): Mark(name, "", (1, 1))}
        table = Marked([], marks)
        header: list[str] | None = None
        try:
            line = 1
            for cells in reader:
                if header is None:
                    header = [cell.strip() for cell in cells]
                elif any(cells):
                    if len(table.data) == _ROWS:
                        self.findings.left_out(spot, f"{quoted(name)} has more than {_ROWS:,} rows; the others are left out", "split the table")
                        return
                    row = dict(zip(header, cells, strict=False))
                    marks[(len(table.data),)] = Mark(name, pointer((len(table.data),)), (line, 1))
                    table.data.append(row)
                    yield row, Spot(table, (len(table.data) - 1,))
                line = reader.line_num + 1
        except csv.Error as error:
            self.findings.left_out(spot, f"{quoted(name)} is no table of comma-separated values: {error}", "save it as CSV with a header")


def is_code(name: str) -> bool:
    """Whether a file is a program, perhaps with one of its functions (`check.py:decide`)."""
    return PurePosixPath(_FUNCTION.sub(r"\1", name)).suffix.lower() in CODE


def _pattern(pattern: str) -> re.Pattern[str]:
    """A shell's pattern for paths: `*` and `?` stay inside a folder, `**/` crosses folders."""
    signs = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(signs.get(part) or re.escape(part) for part in re.split(r"(\*\*/|\*\*|\*|\?)", pattern)))


def _files(folder: Path) -> Iterator[str]:
    """The files of a folder and the folders in it, as paths inside it; hidden folders and links to folders aside, and at most so many."""
    seen = 0
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "node_modules")
        for name in sorted(files):
            seen += 1
            if seen > _LOOKED_AT:
                return
            yield (Path(place) / name).relative_to(folder).as_posix()


def as_json(text: str) -> Any:
    """The data of a JSON text; None when it is none, or nested without end."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
