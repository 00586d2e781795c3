"""The page about telemetry: its example is valid, and every source and every kind of contention stands on it."""

import re
from pathlib import Path
from typing import get_args

from bench.catalog import CATALOG, REGISTRY
from bench.records.telemetry import Contention
from bench.spec.load import load_spec
from bench.summarize import contention

PAGE = (Path(__file__).parents[3] / "docs" / "telemetry.md").read_text(encoding="utf-8")
BASE = """bench: 1
name: telemetry
version: 1.0.0
models: [{id: m, runtime: external, base_url: "http://localhost:8080/v1", model: m}]
prompts: [{id: one, user: Say hello.}]
"""


def first_column(heading):
    part = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE)


def test_example_is_valid_without_a_warning(tmp_path):
    (example,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    path = tmp_path / "spec.yaml"
    path.write_text(BASE + example, encoding="utf-8")
    loaded = load_spec(path, extensions=REGISTRY, environ={})
    assert loaded.warnings == ()
    assert loaded.spec.telemetry.interval_s == 0.2


def test_every_source_stands_on_the_page():
    assert first_column("Sources") == list(CATALOG["telemetry"])


def test_every_kind_of_contention_stands_on_the_page_with_its_limit():
    assert sorted(first_column("Contention")) == sorted(get_args(Contention.__annotations__["kind"]))
    limits = (
        contention.OTHERS,
        contention.STEAL,
        contention.HELD_BACK,
        contention.STALLED,
        contention.LEAST_MEMORY,
        contention.GPU_OTHERS,
        contention.SLOWED,
    )
    assert all(f"{limit:.0%}".replace("%", " %") in PAGE for limit in limits)
    assert contention.SWAPPED_BYTES == 1 << 20
    assert "1 MiB" in PAGE
