"""The sample that people grade: blind, stratified, the same for everybody, and never the same text twice."""

import msgspec
import pytest
from harness.report_run import spec as report_spec

from bench.annotate.draw import draw
from bench.annotate.items import OVERALL, item_id, questions
from bench.records.sketch import observation
from bench.records.spec import Aspect, Check, Criterion, Message, Prompt, Rubric

N_PROMPTS = 10
MODELS = ("alpha-7b", "beta-3b", "gamma-1b")


def spec():
    aspects = (
        Aspect(id="date", expect="Names the date"),
        Aspect(id="made-up", forbid="Invents a name"),
        Aspect(id="short", check=Check(name="max_words", argument=9)),
    )
    prompts = tuple(Prompt(id=f"p{k}", messages=(Message(role="user", content=f"task {k}"),), aspects=aspects, rubric="r") for k in range(N_PROMPTS))
    rubric = Rubric(id="r", scale=(0, 3), criteria=(Criterion(id="all", aspects="all"), Criterion(id="clear", question="Is it clear?")))
    return msgspec.structs.replace(report_spec(), prompts=prompts, rubrics=(rubric,))


def answers(text="{model} says of {prompt} in round {round}"):
    return [
        observation(model_id=model, prompt_id=f"p{k}", round=number, text=text.format(model=MODELS.index(model), prompt=k, round=number))
        for number in (1, 2)
        for model in MODELS
        for k in range(N_PROMPTS)
    ]


def models_of(items):
    by_item = {item_id(seen.trial.prompt_id, seen.completion.text): seen.trial.model_id for seen in answers()}
    return [by_item[item.item_id] for item in items]


def test_every_model_is_drawn_equally_and_on_the_same_prompts():
    items = draw(spec(), answers, 12, seed=3)
    assert [models_of(items).count(model) for model in MODELS] == [4, 4, 4]
    assert len({item.prompt_id for item in items}) == 4


def test_a_larger_sample_holds_the_smaller_one_and_its_order():
    small, large = draw(spec(), answers, 6, seed=3), draw(spec(), answers, 18, seed=3)
    assert large[:6] == small


def test_the_draw_does_not_depend_on_the_order_of_the_answers():
    assert draw(spec(), lambda: reversed(answers()), 9, seed=3) == draw(spec(), answers, 9, seed=3)


def test_another_seed_draws_others():
    assert {item.item_id for item in draw(spec(), answers, 9, seed=3)} != {item.item_id for item in draw(spec(), answers, 9, seed=4)}


def test_no_item_tells_the_model_the_variant_or_the_round():
    for item in draw(spec(), answers, 30, seed=3):
        shown = msgspec.json.encode(msgspec.structs.replace(item, trial_id="")).decode()  # shown nowhere, and a digest in a real run
        assert not any(model in shown for model in MODELS)
        assert "default" not in shown


def test_what_several_trials_said_alike_is_shown_once():
    items = draw(spec(), lambda: answers("the same words"), 30, seed=3)
    assert len(items) == N_PROMPTS  # one text per prompt


def test_models_take_turns_in_coming_first():
    items = draw(spec(), answers, 30, seed=3)
    first = [models_of(items[k : k + 3])[0] for k in range(0, 30, 3)]
    assert len(set(first)) > 1


def test_failures_and_warm_ups_are_not_shown():
    bad = [observation(prompt_id="p0", failure="timeout"), observation(prompt_id="p1", is_warmup=True, text="warm")]
    assert draw(spec(), lambda: bad, 10, seed=3) == ()


def test_named_items_are_marked_as_chosen():
    wanted = draw(spec(), answers, 30, seed=3)[7]
    (found,) = draw(spec(), answers, 50, seed=3, only=frozenset({wanted.item_id}))
    assert found.item_id == wanted.item_id
    assert found.drawn == "chosen"


def test_people_are_asked_what_no_program_decides():
    (prompt, *_), (rubric,) = spec().prompts, spec().rubrics
    assert [(each.id, each.kind, each.scale) for each in questions(prompt, rubric)] == [
        ("date", "expect", None),
        ("made-up", "forbid", None),
        ("clear", "question", (0, 3)),
        (OVERALL, "overall", (0, 3)),
    ]


@pytest.mark.parametrize("text", ["", "a\ud800b", "x" * 100_000])
def test_any_text_has_a_name(text):
    assert len(item_id("p", text)) == 16
    assert item_id("p", text) != item_id("q", text)
