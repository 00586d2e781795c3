"""Graders against people: what is counted, what is left undefined, and what labels correct."""

import random

import numpy as np
import pytest
from scipy import stats

from bench.summarize.calibration import calibration
from bench.summarize.labelled import Answered, Voice

FEW = 60  # resamples: intervals of correlations have tests of their own


def world(n=80, labelled=30, *, bias=0.0, judge=None, drawn=True, people=("kim", "lee")):
    """Two models; b is better by 0.1. The judge sees the truth through noise, plus a bias."""
    chance, of_people = random.Random(1), random.Random(2)
    answers, voices = [], {}
    for model, shift in (("a", 0.0), ("b", 0.1)):
        for k in range(n):
            true, item = _share(chance.gauss(0.5 + shift, 0.2)), f"{model}{k}"
            noise, length, overlap = chance.gauss(0, 0.1), int(100 + 100 * chance.random()), chance.random()
            seen = _share(true + bias + noise) if judge is None else judge
            answers.append(Answered(model, "default", f"p{k}", item, length, overlap, {"local": seen}, {"local": {"x": seen}}))
            if k < labelled:
                said = {person: _share(true + of_people.gauss(0, 0.05)) for person in people}
                voices[item] = Voice(true, said, {"x": float(true > 0.5)}, drawn)
    return answers, voices


def _share(value):
    return min(1.0, max(0.0, value))


def told(*args, passes_from=None, **more):
    answers, voices = world(*args, **more)
    return calibration(answers, voices, scale=(1, 5), passes_from=passes_from, seed=7, resamples=FEW)


def test_agreement_is_scipys_on_the_labelled_answers():
    answers, voices = world()
    (grader,) = told().graders
    pairs = [(answer.scores["local"], voices[answer.item_id].score) for answer in answers if answer.item_id in voices]
    measures = {each.measure: each for each in grader.agreements}
    assert measures["spearman"].value == pytest.approx(stats.spearmanr(pairs).statistic)
    assert measures["kendall"].value == pytest.approx(stats.kendalltau(*zip(*pairs, strict=True)).statistic)
    assert (measures["spearman"].n, measures["spearman"].clusters) == (60, 30)


def test_labels_take_a_judges_bias_out_of_the_mean():
    (grader,) = told(bias=0.25).graders
    truth = {model: float(np.mean([voice.score for name, voice in world(labelled=80)[1].items() if name.startswith(model)])) for model in "ab"}
    for mean in grader.means:
        assert mean.naive > truth[mean.model_id] + 0.15
        assert mean.low < truth[mean.model_id] < mean.high
        assert mean.worth > mean.n_labels


def test_a_difference_is_the_second_minus_the_first():
    (grader,) = told(bias=0.25).graders
    (found,) = grader.differences
    assert (found.model_id, found.against) == ("b", ("a", "default"))
    assert found.value == pytest.approx(grader.means[1].value - grader.means[0].value)


def test_too_few_labels_correct_nothing_and_say_so():
    found = told(labelled=9)
    assert found.graders[0].means == ()
    assert found.notes == ("Means are not corrected: 18 randomly drawn answers are labelled, 20 are needed and 50 advised.",)


def test_answers_that_were_chosen_for_what_they_tell_correct_nothing():
    found = told(drawn=False)
    assert found.graders[0].means == ()
    assert found.graders[0].agreements[0].value is None
    assert found.people.items == 60


def test_a_judge_that_says_one_thing_has_no_agreement():
    (grader,) = told(judge=0.7).graders
    assert [each.value for each in grader.agreements] == [None, None, None]
    assert all(each.why for each in grader.agreements)
    assert [rival.is_beaten for rival in grader.rivals] == [None, None]
    assert [mean.tuning for mean in grader.means] == [0.0, 0.0]  # the labels speak alone


def test_a_trivial_rival_is_beaten_only_by_a_closer_order():
    answers, voices = world()
    as_long = [answer._replace(length=int(1000 * voices[answer.item_id].score) if answer.item_id in voices else 1) for answer in answers]
    (grader,) = calibration(as_long, voices, scale=(1, 5), passes_from=None, seed=7, resamples=FEW).graders
    assert {rival.name: rival.is_beaten for rival in grader.rivals} == {"length": False, "overlap": True}


def test_one_text_of_several_trials_counts_once():
    answers, voices = world(n=30)
    assert calibration(answers * 3, voices, scale=(1, 5), passes_from=None, seed=7, resamples=FEW).graders[0].agreements[0].n == 60


def test_one_person_alone_has_no_ceiling_and_no_alpha():
    people = told(people=("kim",)).people
    assert (people.shared, people.alphas, people.ceiling) == (0, (), None)


def test_pass_rates_come_with_what_they_rest_on():
    (grader,) = told(bias=0.25, passes_from=0.6).graders
    for rate in grader.pass_rates:
        assert rate.n_passed_by_people + rate.n_failed_by_people == 60
        assert rate.value < rate.seen


def test_what_is_to_be_labelled_next_is_in_doubt_unlabelled_and_of_all_models():
    found = told()
    answers, voices = world()
    doubt = {answer.item_id: abs(answer.scores["local"] - 0.5) for answer in answers}
    assert len(found.label_next) == 40
    assert not set(found.label_next) & set(voices)
    assert sum(name.startswith("a") for name in found.label_next) == 20
    of_a = [doubt[name] for name in found.label_next if name.startswith("a")]
    assert of_a == sorted(of_a)


def test_without_any_label_there_is_nothing_to_say():
    answers, voices = world()
    assert calibration(answers, {}, scale=(1, 5), passes_from=None, seed=7, resamples=FEW) is None
    assert calibration([], voices, scale=(1, 5), passes_from=None, seed=7, resamples=FEW) is None
