"""The page about Foundry Local: its spec, commands, names and numbers are those of the program."""

import argparse
import importlib
import keyword
import re
import shlex
from pathlib import Path

import pytest
from harness.foundry_cache import CPU
from harness.source_tree import ROOT

from bench.catalog import REGISTRY
from bench.cli.main import VERBS
from bench.serving import foundry_hosted, foundry_local, foundry_process
from bench.spec.load import load_spec

FILE = ROOT / "docs" / "foundry-local.md"
PAGE = FILE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
LINES = [line for language, block in BLOCKS if language == "sh" for line in block.splitlines() if line.startswith("bench ")]
INLINE = re.findall(r"`(bench [a-z][^`]*)`", PAGE)


@pytest.mark.parametrize("command", sorted({*LINES, *INLINE}))
def test_command_is_one_that_the_program_takes(command: str) -> None:
    _, verb, *rest = shlex.split(command)
    assert verb in VERBS
    grammar = argparse.ArgumentParser(exit_on_error=False)
    importlib.import_module(f"bench.cli.commands.{verb}{'_' * keyword.iskeyword(verb)}").configure(grammar)
    if rest != ["--offline"]:  # an option that the text speaks of
        grammar.parse_args(rest)


def test_spec_is_valid_as_it_stands(tmp_path: Path) -> None:
    (text,) = [block for language, block in BLOCKS if language == "yaml"]
    spec = tmp_path / "my.yaml"
    spec.write_text(text, encoding="utf-8")
    loaded = load_spec(spec, extensions=REGISTRY, environ={})
    assert loaded.warnings == ()
    assert [variant.device for variant in loaded.spec.variants] == ["cpu", "gpu"]


def test_links_lead_to_files_and_named_files_are_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert "://" in target or (FILE.parent / target).exists(), target
    for named in re.findall(r"`?(?:python )?((?:tests|specs)/[\w/-]+\.\w+)", PAGE):
        assert (ROOT / named).exists(), named


def test_names_of_the_environment_are_those_that_are_read() -> None:
    told = set(re.findall(r"`((?:BENCH_FOUNDRY|FOUNDRY)_[A-Z_]+)", PAGE))
    assert told == {foundry_local.ENDPOINT, foundry_process.CACHE, foundry_process.PYTHON}


def test_numbers_of_a_download_are_those_of_the_program() -> None:
    assert (foundry_hosted._TRIES, foundry_hosted._STALLED_S) == (3, 120.0)
    assert "three tries and an end where nothing arrives for two minutes" in " ".join(PAGE.split())


def test_every_variant_of_the_built_cache_is_in_the_table() -> None:
    assert re.findall(r"^\| (int4|int8|fp32) \| \d", PAGE, re.MULTILINE) == [variant.precision for variant in CPU]
