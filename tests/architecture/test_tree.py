"""The tree of docs/architecture.md names what there is: every part, every file beside the program, every schema, every folder of tests."""

import re

import pytest
from harness.source_tree import PACKAGE, ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
TREE = PAGE.partition("## 2. The tree\n")[2].partition("\n## 3.")[0]
FILES = sorted(path.stem for path in PACKAGE.glob("*.py") if path.stem != "__init__")
PARTS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))
SCHEMAS = sorted(path.name.removesuffix(".schema.json") for path in (ROOT / "schemas").glob("*.schema.json"))
TESTS = sorted(path.name for path in (ROOT / "tests").iterdir() if any(path.rglob("*.py")) and path.is_dir())


@pytest.mark.parametrize("name", FILES)
def test_a_file_beside_the_program_has_its_place(name):
    assert re.search(rf"\b{name}\b", TREE)


@pytest.mark.parametrize("name", [f"{name}/" for name in PARTS] + [f"{name}/" for name in TESTS] + SCHEMAS)
def test_a_folder_or_schema_has_its_place(name):
    assert re.search(rf"(?<![\w/]){re.escape(name)}", TREE)


def test_nothing_stands_in_the_tree_that_is_gone():
    named = re.findall(r"^  (?:  )?([\w.]+\.py)\b", TREE.partition("\nbench/\n")[2], re.MULTILINE)
    known = {path.name for path in PACKAGE.rglob("*.py")}
    assert set(named) - known == set()
