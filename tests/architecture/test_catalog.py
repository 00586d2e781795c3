import ast

import pytest
from harness.source_tree import ROOT, modules

from bench import protocols
from bench.catalog import CATALOG

# What starts processes, speaks to servers or reads the machine has no example that is a plain value; its tests run it against real ones.
WITH_SERVERS = {"runtime", "provider", "telemetry"}
LINES = [(door, name, target) for door, names in CATALOG.items() for name, target in names.items()]


@pytest.mark.parametrize(("door", "name", "target"), LINES, ids=lambda value: str(value).split(":")[0])
def test_line_of_the_catalogue_leads_to_a_class(door, name, target):
    module, _, attribute = target.partition(":")
    assert module in modules(), f"{door} {name!r}: there is no {module}"
    assert attribute in {node.name for node in modules()[module][1].body if isinstance(node, ast.ClassDef)}


@pytest.mark.parametrize("target", [target for door, _, target in LINES if door not in WITH_SERVERS])
def test_extension_holds_its_examples(target):
    body = modules()[target.partition(":")[0]][1].body
    assigned = {name.id for node in body if isinstance(node, ast.Assign) for name in node.targets if isinstance(name, ast.Name)}
    assigned |= {node.target.id for node in body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)}
    assert "EXAMPLES" in assigned


def test_every_door_stands_on_the_page_of_contracts():
    for door in CATALOG:
        assert f"    {door} " in protocols.__doc__


def test_catalogue_is_one_line_each():
    lines = (ROOT / "bench" / "catalog.py").read_text(encoding="utf-8").splitlines()
    assert all(sum(f'"{target}"' in line for line in lines) == 1 for _, _, target in LINES)
