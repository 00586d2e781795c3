"""All pages together: their links lead somewhere, the README leads to each of them, and their commands are those of the program."""

import re
import shlex
from pathlib import Path

import pytest

from bench.cli.main import VERBS, parser

ROOT = Path(__file__).parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
IN_WORDS = re.compile(r"`(bench [a-z][^`]*)`")
FILE = re.compile(r"`((?:bench|tests|specs|schemas|templates|docs)/[\w./-]+\.\w+)`")
EACH = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchor(heading: str) -> str:
    """The name by which a heading is linked to, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    return {anchor(heading) for heading in re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)}


def commands(page: Path) -> list[str]:
    """Every command line of bench on a page: those in blocks for a shell, and those in the text."""
    text = page.read_text(encoding="utf-8")
    blocks = [found[2] for found in FENCE.finditer(text) if found[1] in {"sh", "console"}]
    lines = [line.strip().removeprefix("$ ") for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [line for line in lines if line.startswith("bench ")] + IN_WORDS.findall(prose(page))


@EACH
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for target in LINK.findall(prose(page)):
        if "://" in target:
            continue
        name, _, heading = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), target
        assert not heading or heading in anchors(file), target


def test_the_readme_leads_to_every_page() -> None:
    linked = {(ROOT / target.partition("#")[0]).resolve() for target in LINK.findall(prose(ROOT / "README.md"))}
    pages = {page for page in (ROOT / "docs").iterdir() if page.suffix in {".md", ".ipynb"}}
    assert pages - linked == set()


@EACH
def test_files_that_are_named_are_there(page: Path) -> None:
    assert [name for name in FILE.findall(prose(page)) if not (ROOT / name).exists()] == []


def refusal(words: list[str], said: pytest.CaptureFixture[str]) -> str:
    """What the program says against these words; nothing where they are fine, or only lack what a verb takes."""
    try:
        parser(words[0]).parse_args(words)
    except SystemExit:
        complaint = said.readouterr().err
        return "" if "arguments are required" in complaint else complaint
    return ""


@EACH
def test_commands_are_understood_by_the_program(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in commands(page):
        shown = re.sub(r"\bN\b", "2", command.partition(" | ")[0].partition(" > ")[0])
        words = shlex.split(shown, comments=True)[1:]
        assert words[0] in VERBS, command
        if len(words) > 1 and "…" not in command:
            assert refusal(words, capsys) == "", command
