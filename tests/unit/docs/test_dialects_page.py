"""The tables of docs/dialects.md and docs/gpu.md say what the code does."""

from pathlib import Path

import pytest

from bench.errors import ServingError
from bench.providers.dialects import DIALECTS, PLAIN
from bench.records.spec import Gpu
from bench.serving import dialect
from bench.serving import gpu_words as spoken
from bench.serving.gpu_words import gpu_words
from bench.spec import schema

DOCS = Path(__file__).parents[3] / "docs"
SERVERS = {"mistral.rs": "mistralrs", "LM Studio": "lm-studio", "Ollama": "ollama", "vLLM": "vllm", "SGLang": "sglang", "a command of one's own": "x"}


def rows(page, first_heading):
    lines = (DOCS / page).read_text(encoding="utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {first_heading} |"))
    table = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        table.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return table


def test_every_dialect_has_its_row_and_its_truth():
    shown = {row[0].strip("` "): row for row in rows("dialects.md", "dialect")}
    assert set(shown) == {dialect.PLAIN, *dialect.KNOWN}
    for name, row in shown.items():
        able = DIALECTS.get(name, PLAIN)
        assert (row[3] == "yes") == able.ignore_eos, name
        assert (able.bypass or "random line") in row[4], name
        if name in dialect.KNOWN:
            assert dialect.KNOWN[name].name.split()[0] in row[1], name


def test_a_spec_may_force_exactly_these():
    _, model = schema.definition("model", schema.SPEC)
    found = {}
    for _, part in schema.spread((schema.SPEC, model)):
        found |= part.get("properties", {})
    assert set(found["dialect"]["enum"]) == {dialect.PLAIN, *dialect.KNOWN}


def told_by_words():
    apart = ("embedded llama.cpp", "Foundry Local", "`external`")
    return [row for row in rows("gpu.md", "server") if not row[0].startswith(apart)]


@pytest.mark.parametrize("row", told_by_words(), ids=lambda row: row[0])
def test_each_server_is_told_what_the_page_says(row, monkeypatch):
    monkeypatch.setattr(spoken, "_IS_MAC", False)
    name = row[0].strip("` ")
    server = SERVERS.get(name, name)
    for cell, gpu in zip(row[1:4], (Gpu(mode="off"), Gpu(mode="on"), Gpu(mode="on", layers=12)), strict=True):
        try:
            words = " ".join(gpu_words(server, gpu).words)
        except ServingError:
            words = "refused"
        written = cell.strip("` ")
        assert written == words if written.startswith("--") or words == "refused" else not words
