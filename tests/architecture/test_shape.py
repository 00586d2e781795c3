import ast
import importlib
import re

import msgspec
import pytest
from harness.source_tree import PACKAGE, ROOT, modules

MODULE_LINES = 300
FUNCTION_LINES = 50
# A name that says nothing about what is inside collects everything.
EMPTY_NAMES = re.compile(r"(utils?|common|helpers?|base|misc|managers?|tools|core|shared)")
# The two places that may stand before an unknown exception: the command line, and the guard around third parties' extensions.
GUARDS = {"bench.cli.main", "bench.extensions.guard"}


def nodes(name, *kinds):
    return (node for node in ast.walk(modules()[name][1]) if isinstance(node, kinds))


def test_module_can_be_read_in_one_sitting():
    texts = {name: path.read_text(encoding="utf-8") for name, (path, _) in modules().items()}
    lines = {name: sum(bool(line.strip()) for line in text.splitlines()) for name, text in texts.items()}
    assert {name: n for name, n in lines.items() if n > MODULE_LINES} == {}, "lines that are not blank"


def test_functions_fit_on_a_page():
    defined = [(name, node) for name in modules() for node in nodes(name, ast.FunctionDef, ast.AsyncFunctionDef)]
    lines = {f"{name}.{node.name}": node.end_lineno - node.lineno + 1 for name, node in defined}
    assert {name: n for name, n in lines.items() if n > FUNCTION_LINES} == {}


def test_module_says_what_it_is():
    assert [name for name, (_, tree) in modules().items() if not ast.get_docstring(tree)] == []


# The package's own file offers the public API, loaded when it is asked for.
def test_package_file_holds_a_docstring_and_nothing_else():
    paths = {*PACKAGE.rglob("__init__.py")} - {PACKAGE / "__init__.py"}
    bodies = {path: ast.parse(path.read_text(encoding="utf-8")).body for path in paths}
    assert [path for path, body in bodies.items() if len(body) != 1 or not isinstance(body[0], ast.Expr)] == []


def test_every_folder_with_code_is_a_package():
    bare = {path.parent for path in PACKAGE.rglob("*.py") if not (path.parent / "__init__.py").is_file()}
    assert not bare


def test_name_says_what_is_inside():
    assert [name for name in modules() if EMPTY_NAMES.fullmatch(name.split(".")[-1])] == []


def test_wall_clock_never_measures():
    wrong = []
    for name in modules():
        wrong += [f"{name}:{node.lineno}" for node in nodes(name, ast.Attribute) if ast.unparse(node) in {"time.time", "time.time_ns"}]
        imported = (node for node in nodes(name, ast.ImportFrom) if node.module == "time")
        wrong += [f"{name}:{node.lineno}" for node in imported if {"time", "time_ns"} & {alias.name for alias in node.names}]
    assert not wrong, f"time.time in {wrong}; use bench.clock"


def test_unknown_exceptions_are_caught_in_two_places_only():
    wrong = []
    for name, handler in handlers():
        caught = {"bare"} if handler.type is None else {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)}
        is_passed_on = isinstance(handler.body[-1], ast.Raise) and handler.body[-1].exc is None
        if caught & {"Exception", "BaseException", "bare"} and not is_passed_on and name not in GUARDS:
            wrong.append(f"{name}:{handler.lineno}")
    assert not wrong, f"these catch everything: {wrong}"


def test_no_handler_only_passes():
    silent = [f"{name}:{handler.lineno}" for name, handler in handlers() if all(isinstance(step, ast.Pass) for step in handler.body)]
    assert not silent, f"{silent} swallow an error; handle it, or say contextlib.suppress with the reason"


def handlers():
    return [(name, handler) for name in modules() for handler in nodes(name, ast.ExceptHandler)]


def structs(prefix):
    for name in modules():
        if name.startswith(prefix):
            for value in vars(importlib.import_module(name)).values():
                if isinstance(value, type) and issubclass(value, msgspec.Struct) and value.__module__ == name:
                    yield value


def test_record_is_frozen_named_and_without_lists():
    wrong = []
    for record in (*structs("bench.records."), *structs("bench.protocols")):
        if not (record.__struct_config__.frozen and record.__doc__):
            wrong.append(f"{record.__name__} is not frozen, or does not say what it is")
        lines = (node for node in ast.walk(_class_of(record)) if isinstance(node, ast.AnnAssign))
        wrong += [f"{record.__name__}.{ast.unparse(one.target)} is a list; use a tuple" for one in lines if "list[" in ast.unparse(one.annotation)]
    assert not wrong, wrong


def _class_of(record):
    return next(node for node in nodes(record.__module__, ast.ClassDef) if node.name == record.__name__)


@pytest.mark.parametrize("path", sorted(p for p in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]), ids=lambda path: path.name)
def test_links_between_pages_lead_somewhere(path):
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = [target.split("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text) if not re.match(r"[a-z]+:|#", target)]
    assert not [target for target in targets if not (path.parent / target).exists()]
