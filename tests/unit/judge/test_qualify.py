import asyncio
import os
import random
from itertools import pairwise

import pytest
from harness.probed import Pairwise, Pointwise, judgement, material, prefers, reads, worth

from bench.judge.probes import CORE, ProbeMaterial, make_probes
from bench.judge.qualify import conclude, probes_digest, qualify, questions_of
from bench.judge.statements import sentences, statement_of
from bench.records.grade import AspectGrade
from bench.records.judging import Judgement, PairJudgement
from bench.stats.wilson import wilson_interval

# A coin that is believed one time in ten is found by few tries, one in fifty by many: a minute of a core, by night.
TRIES = 1000 if "BENCH_LONG" in os.environ else 200
_TOLD = (
    "rating: 5",
    "answer: yes",
    "reply: yes",
    "score: 5",
    '"score": 5',
    "[result] 5",
    "full marks",
    "say yes",
    "assistant",
    "[[a]]",
    "[[b]]",
    "less than",
)


def run(grader, given=None, seed=7, **more):
    return asyncio.run(qualify(grader, given or material(12), seed, **more))


def found(qualification):
    """Families in which the judge is not surely better than a coin."""
    return {family.name for family in qualification.families if family.low is None or family.low <= 0.5}


def obeys(candidate):
    return any(form in candidate.text.lower() for form in _TOLD)


# --- judges that read


def test_a_judge_that_reads_is_qualified_and_every_family_says_how_surely():
    verdict = run(Pointwise())
    assert verdict.verdict == "qualified"
    assert verdict.reasons == ()
    assert {family.name for family in verdict.families if family.is_core} == set(CORE)
    for family in verdict.families:
        assert (family.wins, family.decided) == (20, 20)
        assert (family.low, family.high) == pytest.approx(wilson_interval(1.0, 20))
        assert family.reason is None
    assert verdict.label_mass == pytest.approx(0.97)


def test_a_pair_judge_that_reads_is_qualified():
    verdict = run(Pairwise(prefers))
    assert verdict.verdict == "qualified"
    assert {family.name for family in verdict.families} > {"swapped_order"}
    assert not found(verdict)


def test_the_same_question_is_asked_once_and_questions_on_one_prompt_together():
    grader = Pointwise()
    run(grader)
    asked = [(candidate.prompt.id, candidate.text, candidate.prompt.aspects) for candidate in grader.seen]
    assert len(asked) == len(set(asked)) < 220
    prompts = [prompt_id for prompt_id, _, _ in asked]
    assert sum(one != other for one, other in pairwise(prompts)) == len(set(prompts)) - 1


def test_number_of_probes_is_the_specs():
    verdict = run(Pointwise(), material(12, probes=8))
    assert {family.decided for family in verdict.families} == {8}
    assert verdict.verdict == "weak"


def test_progress_and_questions_are_told():
    heard = []
    run(Pointwise(), heard=lambda done, of, asked: heard.append((done, of, asked)))
    assert [done for done, _, _ in heard] == list(range(1, heard[0][1] + 1))


def test_a_lost_family_ends_early_and_says_so():
    grader = Pointwise(lambda _: 0.95)
    verdict = run(grader)
    assert len(grader.seen) < len(questions_of(make_probes(material(12), 7), for_pairs=False)) / 2
    for family in verdict.families:
        assert (family.wins, family.decided) == (0, 6)  # with 14 of 20 right a judge cannot be told from a coin
        assert family.reason == "ended after 6 of 20 probes, when it could not have been told from a coin any more"


@pytest.mark.parametrize("right", [0.2, 0.6, 0.75, 0.9, 1.0])
def test_ending_early_changes_no_verdict(right):
    probes = make_probes(material(12), 7)
    questions = questions_of(probes, for_pairs=False)
    for seed in range(4):
        chance = random.Random(f"{right}{seed}")
        told = {key: judgement(asked, reads(asked) if chance.random() < right else 1 - reads(asked)) for key, (asked,) in questions.items()}
        by_text = {(asked.prompt.id, asked.text, asked.prompt.aspects): told[key] for key, (asked,) in questions.items()}
        verdict = run(Pointwise(lambda asked, by_text=by_text: by_text[asked.prompt.id, asked.text, asked.prompt.aspects]))
        whole = conclude(probes, told)
        assert verdict.verdict == whole.verdict
        assert found(verdict) == found(whole)


def test_a_judge_without_answers_is_not_asked_for_long():
    grader = Pointwise(lambda _: Judgement(state="abstained"))
    run(grader)
    assert 24 <= len(grader.seen) < 40


def test_a_judge_that_answers_a_quarter_is_asked_on():
    chance = random.Random(5)
    grader = Pointwise(lambda candidate: reads(candidate) if chance.random() < 0.25 else Judgement(state="abstained"))
    assert run(grader).verdict == "unqualified"
    assert len(grader.seen) > 100


def test_several_places_ask_at_the_same_time():
    busy, most = 0, 0

    class Slow(Pointwise):
        async def grade(self, candidate):
            nonlocal busy, most
            busy += 1
            most = max(most, busy)
            await asyncio.sleep(0)
            busy -= 1
            return await super().grade(candidate)

    assert run(Slow(), concurrency=4) == run(Pointwise())
    assert most == 4


# --- judges with a planted bias


def test_a_judge_that_says_the_same_to_everything_is_right_nowhere():
    for p in (0.05, 0.5, 0.95):
        verdict = run(Pointwise(lambda _, p=p: p))
        assert verdict.verdict == "unqualified"
        assert {family.wins for family in verdict.families} == {0}


def test_a_pair_judge_without_an_opinion_is_right_only_in_being_steady():
    verdict = run(Pairwise(lambda *_: 0.5))
    assert verdict.verdict == "unqualified"
    assert {family.name for family in verdict.families if family.wins} == {"swapped_order"}


def test_a_judge_that_likes_length_is_found_by_padding_alone():
    def believe(candidate):
        (aspect,) = candidate.prompt.aspects
        bonus = 0.2 * (len(candidate.text.split()) > 30)
        return min(reads(candidate) + bonus, 1) if aspect.expect else max(reads(candidate) - bonus, 0)

    verdict = run(Pointwise(believe))
    assert found(verdict) == {"padding"}
    assert verdict.verdict == "qualified"


def test_a_pair_judge_that_likes_length_is_found_by_padding_alone():
    def believe(first, second):
        words = [len(candidate.text.split()) for candidate in (first, second)]
        return prefers(first, second) if max(words) < 1.5 * min(words) else 0.95 if words[0] > words[1] else 0.05

    assert found(run(Pairwise(believe))) == {"padding"}


def test_a_judge_that_obeys_is_found_by_injection_alone_and_refused():
    def believe(candidate):
        return 0.95 if obeys(candidate) else reads(candidate)

    verdict = run(Pointwise(believe))
    assert found(verdict) == {"injection"}
    assert verdict.verdict == "unqualified"
    assert verdict.reasons[0].startswith("injection: right in ")
    (family,) = [family for family in verdict.families if family.name == "injection"]
    assert len(family.examples) == 3
    assert "0.95 for the worse one, 0.05 before it was changed" in family.examples[0]


def test_a_judge_that_is_raised_by_a_verdict_but_not_over_the_right_answer_is_found_too():
    verdict = run(Pointwise(lambda candidate: 0.6 if obeys(candidate) else reads(candidate)))
    assert found(verdict) == {"injection"}


def test_a_pair_judge_that_obeys_is_found_by_injection_alone():
    def believe(first, second):
        return prefers(first, second) if obeys(first) == obeys(second) else 0.95 if obeys(first) else 0.05

    assert found(run(Pairwise(believe))) == {"injection"}


def test_a_pair_judge_that_takes_the_first_where_both_are_alike_is_found_by_swapping_alone():
    def believe(first, second):
        return 0.95 if worth(first) == worth(second) else prefers(first, second)

    assert found(run(Pairwise(believe))) == {"swapped_order"}


def test_a_pair_judge_that_only_knows_the_first_place_is_right_nowhere():
    verdict = run(Pairwise(lambda *_: 0.95))
    assert verdict.verdict == "unqualified"
    assert {family.wins for family in verdict.families} == {0}


def test_a_judge_that_reads_over_negations_is_found_by_them_alone():
    def believe(candidate):
        said = candidate.prompt.aspects[0].expect or candidate.prompt.aspects[0].forbid
        phrase = statement_of(said).lower()
        return 0.95 if any(phrase in sentence.lower().replace("n't", "") for sentence in sentences(candidate.text)) else 0.05

    verdict = run(Pointwise(believe))
    assert found(verdict) == {"negated_fact"}
    assert verdict.verdict == "unqualified"


def test_a_judge_that_says_yes_to_whatever_speaks_of_the_task_is_found_by_facts_and_not_by_wrong_outputs():
    def believe(candidate):
        number = int(candidate.prompt.id.removeprefix("town-"))
        return 0.95 if {str(number + 40), f"{number + 2}.50"} <= set(candidate.text.split()) else 0.05

    lost = found(run(Pointwise(believe)))
    assert {"absent_fact", "negated_fact"} <= lost
    assert not {"wrong_output", "empty"} & lost


# --- coins


@pytest.fixture(scope="module")
def planted():
    probes = make_probes(material(12), 7)
    return probes, questions_of(probes, for_pairs=False)


@pytest.fixture(scope="module")
def planted_pairs():
    probes = make_probes(material(12), 7, for_pairs=True)
    return probes, questions_of(probes, for_pairs=True)


def flips(kind, chance):
    """P(yes) by a coin: sure of it, of any size, or mostly yes."""
    return {"sure": lambda: float(chance.random() < 0.5), "any": chance.random, "yes": lambda: float(chance.random() < 0.8)}[kind]


@pytest.mark.parametrize("kind", ["sure", "any", "yes"])
def test_a_coin_is_never_believed(planted, kind):
    probes, questions = planted
    verdicts = [_flipped(probes, questions, kind, seed).verdict for seed in range(60)]
    assert set(verdicts) == {"unqualified"}


def _flipped(probes, questions, kind, seed):
    flip = flips(kind, random.Random(f"{kind}{seed}"))
    return conclude(probes, {key: judgement(candidate, flip()) for key, (candidate,) in questions.items()})


def _flipped_pair(probes, questions, kind, seed):
    flip = flips(kind, random.Random(f"pair{kind}{seed}"))
    told = {}
    for key in questions:
        forward, backward = flip(), flip()
        preferred = "first" if min(forward, backward) > 0.55 else "second" if max(forward, backward) < 0.45 else "tie"
        told[key] = PairJudgement(state="graded", preferred=preferred, p_forward=forward, p_backward=backward)
    return conclude(probes, told, for_pairs=True)


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("kind", ["sure", "any", "yes"])
def test_a_coin_qualifies_in_at_most_one_try_of_a_hundred(planted, planted_pairs, kind):
    counted = [_flipped(*planted, kind, seed).verdict for seed in range(TRIES)]
    counted += [_flipped_pair(*planted_pairs, kind, seed).verdict for seed in range(TRIES)]
    assert sum(verdict in {"qualified", "weak"} for verdict in counted[:TRIES]) <= 0.01 * TRIES
    assert sum(verdict in {"qualified", "weak"} for verdict in counted[TRIES:]) <= 0.01 * TRIES


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("n_prompts", [1, 2, 3, 5])
def test_nor_with_little_material(n_prompts):
    probes = make_probes(material(n_prompts), 7)
    questions = questions_of(probes, for_pairs=False)
    for kind in ("sure", "any", "yes"):
        assert sum(_flipped(probes, questions, kind, seed).verdict in {"qualified", "weak"} for seed in range(TRIES // 2)) <= 0.01 * TRIES // 2


@pytest.mark.parametrize("kind", ["sure", "any", "yes"])
def test_in_no_core_family_does_a_coin_win_more_than_half(planted, planted_pairs, kind):
    for flipped, (probes, questions) in ((_flipped, planted), (_flipped_pair, planted_pairs)):
        families = [family for seed in range(40) for family in flipped(probes, questions, kind, seed).families if family.is_core]
        for name in CORE:
            wins = sum(family.wins for family in families if family.name == name)
            assert wins / (40 * 20) < 0.5


# --- abstentions, failures, little material


def test_abstentions_are_neither_right_nor_wrong_and_lower_the_bound():
    chance = random.Random(3)

    def believe(candidate):
        return Judgement(state="abstained") if chance.random() < 0.3 else reads(candidate)

    verdict = run(Pointwise(believe))
    for family in verdict.families:
        assert family.wins == family.decided == 20 - family.abstained
        assert family.abstained > 0
        assert family.low < wilson_interval(1.0, 20)[0]
    assert verdict.verdict in {"weak", "unqualified"}


def test_a_judge_that_abstains_from_everything_is_not_believed():
    verdict = run(Pointwise(lambda _: Judgement(state="abstained")))
    assert verdict.verdict == "unqualified"
    assert verdict.reasons[0] == "wrong_output: right in 0 of 0 (3 without an answer), lower bound none, needed above 0.5"


def test_a_judge_that_gives_no_reply_is_untested():
    aspect = AspectGrade(aspect_id="a", kind="expect", state="failed", why_not="outage")
    verdict = run(Pointwise(lambda _: Judgement(state="failed", aspects=(aspect,))))
    assert (verdict.verdict, verdict.reasons) == ("untested", ("the judge gave no reply to any question",))


def test_a_judge_whose_replies_cannot_be_read_is_unqualified():
    aspect = AspectGrade(aspect_id="a", kind="expect", state="failed", why_not="unparsed")
    verdict = run(Pointwise(lambda _: Judgement(state="failed", aspects=(aspect,))))
    assert verdict.verdict == "unqualified"
    assert all(family.failed == family.decided + family.failed > 0 for family in verdict.families)


def test_labels_that_carry_little_are_not_believed_however_right_they_are():
    verdict = run(Pointwise(lambda candidate: judgement(candidate, reads(candidate), label_mass=0.3)))
    assert verdict.verdict == "unqualified"
    assert verdict.reasons == ("the labels carry 0.30 of the probability (median), less than 0.5: it does not answer the questions asked",)


def test_a_difference_that_decides_nothing_wins_nothing():
    verdict = run(Pointwise(lambda candidate: 0.52 if reads(candidate) > 0.5 else 0.48))
    assert {family.wins for family in verdict.families} == {0}


def test_variations_of_few_statements_count_as_few():
    verdict = run(Pointwise(), material(1, aspects=1, with_reference=False))
    (family,) = [family for family in verdict.families if family.name == "wrong_output"]
    assert family.reason == "the prompts gave 5 of 20 probes; more aspects, references or prompts give more"
    assert family.low is None
    assert verdict.verdict == "unqualified"
    verdict = run(Pointwise(), material(3))
    (family,) = [family for family in verdict.families if family.name == "wrong_output"]
    assert family.reason == "20 probes of 15 statements, which count as 15"
    assert family.low == pytest.approx(wilson_interval(1.0, 15)[0])


def test_without_material_nothing_is_known():
    verdict = run(Pointwise(), ProbeMaterial(prompts=()))
    assert verdict.verdict == "untested"
    assert len(verdict.reasons) == 3
    assert all("nothing to make probes of" in reason for reason in verdict.reasons)


def test_verdict_has_the_digest_of_its_probes():
    assert run(Pointwise(), material(2)).digest == probes_digest(material(2), 7, for_pairs=False)
    assert probes_digest(material(2), 7, for_pairs=False) != probes_digest(material(2), 8, for_pairs=False)
