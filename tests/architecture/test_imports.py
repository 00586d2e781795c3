import subprocess
import sys
from graphlib import CycleError, TopologicalSorter

import pytest
from harness.source_tree import import_table, imports, modules, part_of

EVERYWHERE = {"msgspec"}  # a record is made of it


def test_every_part_has_a_row_and_every_row_a_part():
    assert {part_of(name) for name in modules()} - {""} == set(import_table())


def test_rows_name_only_parts_that_exist():
    table = import_table()
    assert {part for parts, _ in table.values() for part in parts} <= set(table)


@pytest.mark.parametrize("part", sorted(import_table()))
def test_part_imports_only_what_its_row_allows(part):
    parts, packages = import_table()[part]
    wrong = []
    for name in modules():
        if part_of(name) != part:
            continue
        for target, line in sorted(imports(name)):
            top = target.split(".")[0]
            if top == "bench":
                if target == "bench" or part_of(target) not in {part, *parts}:
                    wrong.append(f"{name}:{line} imports {target}")
            elif top not in sys.stdlib_module_names and top not in EVERYWHERE:
                files = packages.get(top, ("nowhere",))
                if files and not str(modules()[name][0]).endswith(tuple(f"{part}/{file}" for file in files)):
                    wrong.append(f"{name}:{line} imports {top}, allowed in this part: {', '.join(files)}")
    assert not wrong, "\n".join(wrong)


def test_no_module_imports_itself_on_any_way():
    graph = {name: {target for target, _ in imports(name) if target in modules()} for name in modules()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"import cycle: {' -> '.join(error.args[1])}")


def test_stages_know_nothing_of_the_program():
    program = {"api", "pipeline", "cli", "catalog", "session", "measure"}
    for name in modules():
        if part_of(name) not in {*program, "", "blocks", "checking", "forecast", "outcome", "watching", "workers"}:
            assert not {part_of(target) for target, _ in imports(name) if target.startswith("bench.")} & program, name


@pytest.mark.parametrize("module", ["bench.cli.main", "bench.cli.commands.validate"])
def test_looking_at_a_spec_loads_nothing_heavy(module):
    code = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"numpy", "scipy", "openai", "xllamacpp", "huggingface_hub", "genai_prices", "psutil", "asyncio", "pydantic"}
    assert not heavy & set(loaded)


def test_what_only_the_end_of_a_run_needs_is_not_loaded_before_its_first_request():
    code = "import sys, bench.cli.commands.run; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "scipy"} & set(loaded)


WITHOUT = """
import sys
for name in ("_lzma", "_bz2", "psutil", "xllamacpp", "pynvml", "huggingface_hub", "genai_prices", "foundry_local_sdk", "zeus"):
    sys.modules[name] = None
import bench.checking, bench.pipeline, bench.cli.models.checks, bench.cli.models.fetching, bench.cli.models.listing, bench.cli.models.showing
"""


def test_without_any_extra_every_command_still_loads():
    """As whoever adds a package of their own to a bare installation has it; also with a Python that was built without two compressions."""
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr[-400:]) == (0, "")
