"""The package's own source as syntax trees: what the architecture tests look at."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "bench"


@cache
def modules():
    """Dotted name -> (path, tree) of every module, `__init__.py` under its package's name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = (path, ast.parse(path.read_text(encoding="utf-8"), filename=str(path)))
    return found


def part_of(name):
    """The part of the architecture's table that a module belongs to: `bench.spec.load` -> `spec`."""
    return [*name.split("."), ""][1]


@cache
def imports(name):
    """All modules that one imports, anywhere in it: pairs of (dotted name, line). `from bench.x import y` names the module `y` where it is one."""
    found = set()
    for node in ast.walk(modules()[name][1]):
        if isinstance(node, ast.Import):
            found |= {(alias.name, node.lineno) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}:{node.lineno}: imports are absolute"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add((inner if inner in modules() else node.module, node.lineno))
    return frozenset(found)


def import_table():
    """The table of docs/architecture.md §3: part -> (parts, packages -> the files they are confined to; none: everywhere in the part)."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = text.split("## 3. ", 1)[1].split("\n## ", 1)[0]
    table: dict = {}
    for row in re.findall(r"^\| (`.*?) \| (.*?) \| (.*?) \|$", section, flags=re.MULTILINE):
        named = re.findall(r"`(\w+)`", row[0])
        parts = {*table, *named} if row[1] == "all above" else set(re.findall(r"`(\w+)`", row[1]))
        packages = {name: tuple(re.findall(r"`(.+?)`", files)) for name, files in re.findall(r"`(\w+)`((?: in|,)(?:[ ,]*`[\w./]+\.py`)+)?", row[2])}
        for part in named:
            assert part not in table, f"{part} has two rows"
            table[part] = (parts, packages)
    return table
