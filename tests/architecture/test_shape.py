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

EACH = pytest.mark.parametrize("name", modules())


def nodes(name, *kinds):
    return (node for node in ast.walk(modules()[name][1]) if isinstance(node, kinds))


@EACH
def test_module_can_be_read_in_one_sitting(name):
    written = [line for line in modules()[name][0].read_text(encoding="utf-8").splitlines() if line.strip()]
    assert len(written) <= MODULE_LINES, f"{name} has {len(written)} lines that are not blank"


@EACH
def test_functions_fit_on_a_page(name):
    long = [
        f"{name}.{node.name} has {node.end_lineno - node.lineno + 1} lines"
        for node in nodes(name, ast.FunctionDef, ast.AsyncFunctionDef)
        if node.end_lineno - node.lineno + 1 > FUNCTION_LINES
    ]
    assert not long, long


@EACH
def test_module_says_what_it_is(name):
    assert ast.get_docstring(modules()[name][1])


# The package's own file offers the public API, loaded when it is asked for.
@pytest.mark.parametrize("path", sorted({*PACKAGE.rglob("__init__.py")} - {PACKAGE / "__init__.py"}), ids=lambda path: path.parent.name)
def test_package_file_holds_a_docstring_and_nothing_else(path):
    body = ast.parse(path.read_text(encoding="utf-8")).body
    assert len(body) == 1
    assert isinstance(body[0], ast.Expr)


def test_every_folder_with_code_is_a_package():
    bare = {path.parent for path in PACKAGE.rglob("*.py") if not (path.parent / "__init__.py").is_file()}
    assert not bare


@EACH
def test_name_says_what_is_inside(name):
    assert not EMPTY_NAMES.fullmatch(name.split(".")[-1])


@EACH
def test_wall_clock_never_measures(name):
    wrong = [node.lineno for node in nodes(name, ast.Attribute) if ast.unparse(node) in {"time.time", "time.time_ns"}]
    wrong += [node.lineno for node in nodes(name, ast.ImportFrom) if node.module == "time" and {"time", "time_ns"} & {a.name for a in node.names}]
    assert not wrong, f"{name}: time.time in lines {wrong}; use bench.clock"


@EACH
def test_unknown_exceptions_are_caught_in_two_places_only(name):
    wrong = []
    for handler in nodes(name, ast.ExceptHandler):
        caught = {"bare"} if handler.type is None else {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)}
        is_passed_on = isinstance(handler.body[-1], ast.Raise) and handler.body[-1].exc is None
        if caught & {"Exception", "BaseException", "bare"} and not is_passed_on and name not in GUARDS:
            wrong.append(handler.lineno)
    assert not wrong, f"{name}: catches everything in lines {wrong}"


@EACH
def test_no_handler_only_passes(name):
    silent = [handler.lineno for handler in nodes(name, ast.ExceptHandler) if all(isinstance(step, ast.Pass) for step in handler.body)]
    assert not silent, f"{name}: lines {silent} swallow an error; handle it, or say contextlib.suppress with the reason"


def structs(prefix):
    for name in modules():
        if name.startswith(prefix):
            for value in vars(importlib.import_module(name)).values():
                if isinstance(value, type) and issubclass(value, msgspec.Struct) and value.__module__ == name:
                    yield value


@pytest.mark.parametrize("record", [*structs("bench.records."), *structs("bench.protocols")], ids=lambda record: record.__name__)
def test_record_is_frozen_named_and_without_lists(record):
    assert record.__struct_config__.frozen
    assert record.__doc__
    for node in ast.walk(ast.parse(ast.unparse(_class_of(record)))):
        if isinstance(node, ast.AnnAssign):
            assert "list[" not in ast.unparse(node.annotation), f"{record.__name__}.{ast.unparse(node.target)} is a list; use a tuple"


def _class_of(record):
    return next(node for node in nodes(record.__module__, ast.ClassDef) if node.name == record.__name__)


@pytest.mark.parametrize("path", sorted(p for p in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]), ids=lambda path: path.name)
def test_links_between_pages_lead_somewhere(path):
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = [target.split("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text) if not re.match(r"[a-z]+:|#", target)]
    assert not [target for target in targets if not (path.parent / target).exists()]
