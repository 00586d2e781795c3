"""Overlap of words: against brute force and published cases, and beside a prompt's reference."""

import math
from collections import Counter
from functools import cache
from importlib import util

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.catalog import REGISTRY
from bench.errors import MissingExtension, SpecError
from bench.judge.checks.overlap import Overlap, bleu, chrf, rouge_l
from bench.judge.grade import Checks, grade_by_checks, grader_digest, prepare_rules
from bench.records.exchange import Completion
from bench.records.spec import Aspect, Check, Message, Prompt
from bench.spec.load import load_spec

SPEC = """bench: 1
name: small
version: 1.0.0
models:
  - {id: server, runtime: external, base_url: "http://localhost:8080/v1", model: m}
prompts:
  - id: one
    user: Say hello.
    aspects:
      - {id: near, check: {overlap: 0.3}}
"""


def prompt(argument, reference=None):
    aspect = Aspect(id="near", check=Check(name="overlap", argument=argument))
    return Prompt(id="p", messages=(Message(role="user", content="?"),), aspects=(aspect,), reference=reference)


def grade(given, text):
    return grade_by_checks(given, "t", Completion(text=text), prepare_rules(given, REGISTRY.load))


# --- the numbers


@pytest.mark.parametrize(("answer", "f1"), [("police kill the gunman", 3 / 4), ("the gunman kill police", 2 / 4)])
def test_rouge_l_of_the_paper_that_introduced_it(answer, f1):
    assert rouge_l(answer, "police killed the gunman") == pytest.approx(f1)  # Lin 2004, section 3.1: S1 to S3, equal lengths, so F1 is both shares


def longest(first, second):
    @cache
    def of(i, j):
        if i == len(first) or j == len(second):
            return 0
        return 1 + of(i + 1, j + 1) if first[i] == second[j] else max(of(i + 1, j), of(i, j + 1))

    return of(0, 0)


TEXTS = st.lists(st.sampled_from("red tram waits in bergen for nobody".split()), min_size=1, max_size=14)  # noqa: SIM905


@settings(max_examples=60)
@given(first=TEXTS, second=TEXTS)
def test_rouge_l_is_brute_force(first, second):
    common = longest(tuple(first), tuple(second))
    recall, precision = common / len(second), common / len(first)
    expected = 2 * recall * precision / (recall + precision) if common else 0.0
    assert rouge_l(" ".join(first), " ".join(second)) == pytest.approx(expected)


def papineni(answer, other):
    """BLEU-4 as Papineni et al. wrote it, without smoothing: for texts that share a run of four words."""
    logs = 0.0
    for n in range(1, 5):
        runs, wanted = (Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1)) for words in (answer, other))
        logs += math.log(sum((runs & wanted).values()) / sum(runs.values())) / 4
    return math.exp(logs) * (1.0 if len(answer) > len(other) else math.exp(1 - len(other) / len(answer)))


@pytest.mark.parametrize(
    ("answer", "other"),
    [
        ("the cat sat on the mat today", "the cat sat on the mat yesterday"),
        ("on friday the launch moves to berlin at last", "the launch moves to berlin"),
        ("the launch moves to berlin", "we hear that the launch moves to berlin in may"),
    ],
)
def test_bleu_is_the_formula_of_its_paper(answer, other):
    assert bleu(answer, other) == pytest.approx(papineni(answer.split(), other.split()), rel=1e-6)


def test_chrf_is_one_for_the_same_and_nothing_for_no_letter_in_common():
    assert chrf("Der Zug fährt.", "der zug fährt") == pytest.approx(1.0)
    assert chrf("xyz", "aeiou") == 0.0
    assert 0.5 < chrf("cancelled meetings", "cancel the meeting") < 0.9


@pytest.mark.parametrize("measure", ["rouge_l", "bleu", "chrf"])
def test_texts_without_a_word_have_no_overlap(measure):
    assert Overlap({"min": 0, "with": "…", "measure": measure}).decide("?!").detail.endswith("0.000, at least 0 asked")


def test_no_text_is_too_long():
    assert Overlap({"min": 0.9, "with": "tram " * 100_000}).decide("tram " * 500_000).passed


# --- beside a reference


def test_a_prompts_reference_is_what_is_compared_with():
    assert grade(prompt(0.6, "The launch moves to Friday."), "the launch moves to Monday").score == 1.0
    assert grade(prompt(0.9, "The launch moves to Friday."), "the launch moves to Monday").score == 0.0


def test_a_text_of_its_own_goes_before_the_reference():
    assert grade(prompt({"max": 0.2, "with": "Seagulls circle."}, "The launch moves."), "the launch moves").score == 1.0


def test_without_anything_to_compare_with_the_check_fails_and_is_no_zero():
    graded = grade(prompt(0.6), "the launch moves")
    assert (graded.state, graded.score) == ("failed", None)
    assert "no reference" in graded.aspects[0].detail


def test_another_reference_is_another_grader():
    digests = set()
    for reference in ("one", "two"):
        given = prompt(0.5, reference)
        made = Checks([given], REGISTRY.load).grade("p", "t", Completion(text="one"))
        assert made == grade(given, "one")
        digests.add(made.grader_digest)
    assert len(digests) == 2


def test_a_reference_that_nothing_compares_with_is_no_part_of_the_digest():
    plain = Prompt(id="p", messages=(Message(role="user", content="?"),), aspects=(Aspect(id="a", check=Check(name="contains", argument="x")),))
    with_one = Prompt(id="p", messages=plain.messages, aspects=plain.aspects, reference="r")
    assert {grader_digest(each, prepare_rules(each, REGISTRY.load)) for each in (plain, with_one)} == {grader_digest(plain)}


# --- what is refused


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ({}, "write min or max"),
        (2, "write a share from 0 to 1"),
        (True, "write a share from 0 to 1"),
        ("much", "write a share from 0 to 1"),
        ({"min": 0.8, "max": 0.2}, "no answer can meet that"),
        ({"min": 0.8, "measure": "rouge"}, "rouge_l"),
        ({"least": 0.8}, "unknown option"),
        ({"min": 0.8, "with": " "}, "empty"),
    ],
)
def test_arguments_that_make_no_sense_are_refused_with_what_to_write(argument, words):
    with pytest.raises(ValueError, match=words):
        Overlap(argument)


def test_without_the_extra_the_message_has_the_install_line(monkeypatch):
    monkeypatch.setattr("bench.judge.checks.overlap.find_spec", lambda name: None if name == "rapidfuzz" else util.find_spec(name))
    with pytest.raises(MissingExtension) as caught:
        Overlap(0.5)
    assert "rapidfuzz" in caught.value.message
    assert caught.value.hint == "pip install 'bench-spec[overlap]'"
    Overlap({"min": 0.5, "measure": "bleu"})


def test_a_spec_that_compares_with_a_reference_that_is_not_there_is_refused(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text(SPEC, encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        load_spec(path, extensions=REGISTRY, environ={})
    (found,) = [each for each in caught.value.diagnostics if each.severity == "error"]
    assert (found.code, found.hint) == ("nothing-to-compare", "add `reference:` to the prompt, or `with:` to the check")
    path.write_text(SPEC + "    reference: Hello.\n", encoding="utf-8")
    assert load_spec(path, extensions=REGISTRY, environ={}).spec.prompts[0].reference == "Hello."
