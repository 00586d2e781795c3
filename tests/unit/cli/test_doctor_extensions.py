"""What `bench doctor` says of third parties' extensions."""

from harness.foreign import install

from bench.catalog import CATALOG
from bench.cli.doctor import extensions
from bench.registry import Registry


def test_each_extension_has_its_package_its_state_and_what_to_do(tmp_path, monkeypatch):
    points = {"check": {"fine": "Fine", "gone": "no_such_module_here:It", "contains": "Fine"}, "cheque": {"odd": "Fine"}}
    install(tmp_path, points, "class Fine: pass\n", name="listed-package", version="3.1", module="listed_package")
    monkeypatch.syspath_prepend(tmp_path)
    found = {each.what: each for each in extensions.examine(Registry(CATALOG)) if "listed-package" in each.detail}
    assert found["extension check 'fine'"].state == "ok"
    assert found["extension check 'fine'"].detail == "listed-package 3.1: loads"
    assert "no_such_module_here" in found["extension check 'gone'"].detail
    assert "bench has one of this name itself" in found["extension check 'contains'"].detail
    assert "there is no door 'cheque'" in found["extension cheque 'odd'"].detail
    assert all(each.advice and not each.is_needed for what, each in found.items() if what != "extension check 'fine'")
    assert {each.state for each in found.values()} == {"ok", "problem"}


def test_where_there_are_none_it_says_how_to_write_one(monkeypatch):
    registry = Registry(CATALOG)
    monkeypatch.setattr(Registry, "installed", lambda _self: iter(()))
    (finding,) = extensions.examine(registry)
    assert (finding.state, finding.what) == ("absent", "extensions")
    assert "docs/extending.md" in finding.advice
