"""The page about comparing runs: its options, numbers and names are those of the program."""

import argparse
import re
from pathlib import Path

import pytest

from bench.cli.commands import baseline, compare
from bench.compare.tolerance import DEFAULTS, RATIO, SCORE
from bench.report import glossary
from bench.report.run_comparison import _TITLES
from bench.store.baselines import MOST_BYTES
from bench.summarize.standing import KEPT

PAGE = (Path(__file__).parents[3] / "docs" / "compare.md").read_text(encoding="utf-8")
COMMANDS = [line.split("#")[0].split() for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL) for line in block.splitlines()]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_command_is_one_that_the_program_takes(words):
    program, verb, *rest = words
    assert program == "bench"
    grammar = argparse.ArgumentParser(exit_on_error=False)
    {"compare": compare, "baseline": baseline}[verb].configure(grammar)
    grammar.parse_args(rest)


def test_every_way_to_force_a_verdict_is_explained():
    grammar = argparse.ArgumentParser()
    compare.configure(grammar)
    forcing = [
        word for word in re.findall(r"--[a-z-]+", grammar.format_help()) if word.startswith(("--across", "--busy", "--metrics", "--tolerance"))
    ]
    assert len(set(forcing)) == 6
    assert [word for word in forcing if f"`{word}" not in PAGE] == []


def test_tolerances_are_the_defaults():
    text = " ".join(PAGE.split())
    assert (RATIO, SCORE, DEFAULTS) == (0.05, 0.02, {"error_rate": 0.01, "aspect": 0.05})
    told = "5 % of times, speeds and numbers of tokens, two points of scores, one point of the error rate, five points of the share of answers"
    assert told in text


def test_metrics_of_a_baseline_are_those_it_keeps():
    listed = re.search(r"metrics that are not in it \((.*?)\)", PAGE, re.DOTALL)[1].replace("\n", " ")
    assert listed.count(",") + listed.count(" and ") + 1 == len(KEPT) + len(["ITL", "throughput", "memory", "costs"])
    names = {(_TITLES.get(name) or glossary.title(name)).casefold().split()[0].replace("’", "'") for name in KEPT} - {"decode", "prefill"}
    assert [name for name in names if name not in listed.casefold()] == []
    assert f"more than {MOST_BYTES // 1_000_000} MB" in PAGE
