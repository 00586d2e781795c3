"""Planted judges behind a real server, asked by the real graders: each bias is found by its own family while the others stay quiet."""

import asyncio
from itertools import pairwise

import pytest
from harness.probed import knows, material
from harness.questioning import ABLE, MUTE, means
from harness.scripted_judge import coin, constant, good, gullible, longer_is_better, scripted_judge, slot_a
from harness.source_tree import ROOT
from harness.specs import load

from bench.judge.graders.aspects import Aspects
from bench.judge.graders.pairwise import Pairwise
from bench.judge.graders.samples import Samples
from bench.judge.graders.score import Score
from bench.judge.graders.verdict import WrittenVerdicts
from bench.judge.probes import ProbeMaterial
from bench.judge.qualify import qualify
from bench.judge.statements import statement_of

GIVEN = material(12)
KEYS = {said: [said] for prompt in GIVEN.prompts for aspect in prompt.aspects if (said := statement_of(aspect.expect or aspect.forbid))}
READS = good(KEYS)


def run(make, script, *, able=ABLE, given=GIVEN, settings=None, **abilities):
    with scripted_judge(script, **abilities) as judge:
        grader = make(means(judge, able, **(settings or {})))
        return asyncio.run(qualify(grader, given, 7, concurrency=4)), judge


def found(verdict):
    return {family.name for family in verdict.families if family.low is None or family.low <= 0.5}


@pytest.mark.parametrize("make", [Aspects, Score, Pairwise])
def test_a_judge_that_reads_is_qualified(make):
    verdict, _ = run(make, READS)
    assert (verdict.verdict, verdict.reasons) == ("qualified", ())
    assert not found(verdict)
    assert verdict.label_mass == pytest.approx(0.97, abs=0.01)


@pytest.mark.parametrize("make", [Aspects, Pairwise])
def test_a_judge_that_reads_is_qualified_for_the_shipped_example(make):
    spec = load(ROOT / "specs" / "summarizer.yaml").spec
    verdict, _ = run(make, knows(spec.prompts), given=ProbeMaterial(prompts=spec.prompts, rubrics=spec.rubrics))
    assert (verdict.verdict, verdict.reasons) == ("qualified", ())


@pytest.mark.parametrize(("make", "settings"), [(Samples, {"samples": 3}), (WrittenVerdicts, {})])
def test_a_judge_without_log_probabilities_is_qualified_by_what_it_writes(make, settings):
    verdict, _ = run(make, READS, able=MUTE, given=material(12, probes=10), settings=settings, logprobs=0)
    assert not found(verdict)
    assert verdict.verdict == "weak"  # ten probes say no more


@pytest.mark.parametrize("make", [Aspects, Score, Pairwise])
def test_a_coin_is_refused(make):
    verdict, _ = run(make, coin(3))
    assert verdict.verdict == "unqualified"
    assert {"wrong_output", "absent_fact", "negated_fact", "injection"} <= found(verdict)


@pytest.mark.parametrize("make", [Aspects, Score])
def test_constant_yes_is_refused_by_every_family(make):
    verdict, _ = run(make, constant(0.95))
    assert verdict.verdict == "unqualified"
    assert all(family.wins == 0 for family in verdict.families)


@pytest.mark.parametrize("make", [Aspects, Score, Pairwise])
def test_a_liking_for_length_is_found_by_padding_alone(make):
    verdict, _ = run(make, longer_is_better(READS))
    assert found(verdict) == {"padding"}


@pytest.mark.parametrize("make", [Aspects, Score, Pairwise])
def test_obedience_is_found_by_injection_alone(make):
    verdict, _ = run(make, gullible(READS))
    assert found(verdict) == {"injection"}
    assert verdict.verdict == "unqualified"


def test_a_liking_for_the_first_place_among_equals_is_found_by_swapping_alone():
    def believe(seen):
        p = READS(seen)
        return 0.95 if p == 0.5 else p

    verdict, _ = run(Pairwise, believe)
    assert found(verdict) == {"swapped_order"}
    assert verdict.verdict == "qualified"  # a tie is what it costs, not a wrong preference


def test_a_judge_that_knows_only_the_first_place_is_refused():
    verdict, _ = run(Pairwise, slot_a(READS))
    assert verdict.verdict == "unqualified"
    assert all(family.wins == 0 for family in verdict.families)


def test_labels_that_are_not_what_comes_next_leave_a_judge_unqualified():
    verdict, _ = run(Aspects, READS, label_mass=0.2)
    assert verdict.verdict == "unqualified"
    assert verdict.label_mass == pytest.approx(0.2, abs=0.01)
    assert verdict.reasons[-1].startswith("the labels carry 0.20 of the probability")


def test_a_server_that_fails_leaves_a_judge_untested():
    verdict, _ = run(Aspects, READS, fault="500")
    assert verdict.verdict == "untested"


def test_a_context_that_is_too_short_is_an_abstention():
    verdict, _ = run(Aspects, READS, context=60)
    assert verdict.verdict == "unqualified"
    assert all(family.abstained and not family.decided for family in verdict.families)


def test_questions_follow_each_other_so_that_most_of_each_is_in_the_servers_cache():
    with scripted_judge(READS) as judge:
        asyncio.run(qualify(Aspects(means(judge)), GIVEN, 7))
        tasks = [seen.task for seen in judge.log]
    assert sum(one != other for one, other in pairwise(tasks)) == len(set(tasks)) - 1
