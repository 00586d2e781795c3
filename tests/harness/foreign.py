"""A third party's package, as pip leaves it, and a registry that has found it."""

from bench.catalog import CATALOG
from bench.registry import Registry


def install(folder, points, code="", *, name="other-package", version="1.0", module="other_package"):
    """Write a package into a folder of the path. `points`: door -> {name: attribute, or "module:attribute"}."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8")
    lines = []
    for door, names in points.items():
        lines.append(f"[bench.{door}]")
        lines += [f"{point} = {target if ':' in target else f'{module}:{target}'}" for point, target in names.items()]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    if code:
        (folder / f"{module}.py").write_text(code, encoding="utf-8")


def foreign(folder, monkeypatch, door, code, *, module):
    """The registry with one extension `it` of this door, whose code defines `It`. Modules are cached by name, so each test names its own."""
    install(folder, {door: {"it": "It"}}, code, module=module)
    monkeypatch.syspath_prepend(folder)
    return Registry(CATALOG)
