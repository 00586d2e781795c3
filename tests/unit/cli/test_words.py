"""Options that several verbs share."""

import argparse
from pathlib import Path

from bench.cli.words import add_choice, add_spec, choice
from bench.plan.select import Choice


def parsed(*words):
    parser = argparse.ArgumentParser()
    add_spec(parser)
    add_choice(parser)
    return parser.parse_args(["s.yaml", *words])


def test_words_are_split_at_commas_and_options_may_be_repeated():
    assert choice(parsed("--only", "a, b,", "--only", "c", "--skip", "prompt:x", "--quick")) == Choice(
        only=("a", "b", "c"), skip=("prompt:x",), quick=True
    )


def test_without_words_everything_takes_part():
    assert choice(parsed()) == Choice()
    assert parsed().spec == Path("s.yaml")


def test_overrides_are_kept_as_typed_in_their_order():
    assert parsed("--set", "a=1", "--set", "b.c=[1, 2]").overrides == ["a=1", "b.c=[1, 2]"]
