"""The page about models: its commands are taken, and its states, exit codes and schemas are those of the program."""

import argparse
import re
import shlex
from typing import get_args

import pytest
from harness.source_tree import ROOT

from bench.cli.commands import models
from bench.errors import Exit
from bench.records.models import Outlook

PAGE = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = sorted({line for block in BLOCKS for line in block.splitlines()} | set(re.findall(r"`(bench models [^`]+)`", PAGE)))


def first_cells(heading):
    table = PAGE.partition(f"| {heading} |")[2].partition("\n\n")[0]
    return [line.strip("|").split("|")[0].strip() for line in table.splitlines()[2:]]


@pytest.mark.parametrize("command", COMMANDS)
def test_command_is_one_that_the_program_takes(command):
    _, verb, *rest = shlex.split(command)
    assert verb == "models"
    grammar = argparse.ArgumentParser(exit_on_error=False)
    models.configure(grammar)
    grammar.parse_args(rest)


def test_states_are_those_of_the_record():
    assert first_cells("state") == list(get_args(Outlook))


def test_exit_codes_are_those_that_a_check_ends_with():
    told = {int(cell) for cell in first_cells("exit code")}
    assert told == {Exit.OK, Exit.USAGE, Exit.NOTHING_MEASURED, Exit.JUDGE_UNUSABLE, Exit.MODEL_FAILED, Exit.INTERRUPTED}


def test_schemas_are_there():
    named = re.findall(r"`(schemas/[\w.]+)`", PAGE)
    assert len(named) == 3
    assert all((ROOT / name).is_file() for name in named)
