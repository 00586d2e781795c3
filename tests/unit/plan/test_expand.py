"""The matrix, its order and its identities."""

import pytest

from bench.errors import UsageError
from bench.plan.expand import expand
from bench.plan.select import Choice
from bench.records.spec import Generation, Gpu, Load, Message, ModelSpec, Prompt, SecretName, Spec, Variant
from bench.store.plan_lines import plan_to_lines


def model(name, **changes):
    return ModelSpec(**{"id": name, "runtime": "external", "base_url": "http://localhost:1/v1", "model": f"served-{name}", **changes})


def prompt(name, text=None):
    return Prompt(id=name, messages=(Message(role="user", content=text or f"Say {name}."),))


def spec(**changes):
    keys = {
        "bench": 1, "name": "x", "version": "1.0.0", "digest": "d" * 64, "models": (model("a"), model("b")),
        "prompts": tuple(prompt(f"p{number}") for number in range(6)), "rounds": 2, "warmup": 1, "seed": 7,
    }  # fmt: skip
    return Spec(**{**keys, **changes})


def measured(plan):
    return [trial for block in plan.blocks for trial in block.trials if not trial.is_warmup]


def test_the_same_spec_gives_the_same_plan_byte_for_byte():
    assert list(plan_to_lines(expand(spec()))) == list(plan_to_lines(expand(spec())))


def test_every_cell_of_the_matrix_is_there_once_per_round():
    cells = [(trial.model_id, trial.prompt_id, trial.variant_id, trial.round) for trial in measured(expand(spec()))]
    assert len(cells) == len(set(cells)) == 2 * 6 * 2
    assert len({trial.id for block in expand(spec()).blocks for trial in block.trials}) == 2 * 6 * 2 + 2


def test_another_seed_gives_another_order_but_the_same_trials():
    first, second = expand(spec()), expand(spec(seed=8))
    assert {trial.id for trial in measured(first)} == {trial.id for trial in measured(second)}
    assert [trial.id for trial in measured(first)] != [trial.id for trial in measured(second)]


def test_blocked_order_keeps_a_model_together_and_gives_all_models_the_same_prompt_order():
    blocks = expand(spec()).blocks
    assert [{trial.model_id for trial in block.trials} for block in blocks] == [{"a"}, {"b"}]
    orders = [[(trial.prompt_id, trial.round) for trial in block.trials if not trial.is_warmup] for block in blocks]
    assert orders[0] == orders[1]
    assert [number for _, number in orders[0]] == sorted(number for _, number in orders[0])


def test_interleaved_order_is_one_block_that_mixes_models():
    (block,) = expand(spec(order="interleaved")).blocks
    names = "".join(trial.model_id for trial in block.trials if not trial.is_warmup)
    assert "ab" in names
    assert "ba" in names
    assert {trial.model_id for trial in block.trials if trial.is_warmup} == {"a", "b"}


def test_warm_ups_come_first_and_do_not_use_the_prompt_that_is_measured_next():
    for block in expand(spec(warmup=2)).blocks:
        flags = [trial.is_warmup for trial in block.trials]
        assert flags == [True, True] + [False] * 12
        assert block.trials[0].prompt_id != block.trials[2].prompt_id


def test_variants_that_change_only_what_is_sent_share_a_served_model():
    variants = (Variant(id="cold", generation=Generation(temperature=0)), Variant(id="hot", generation=Generation(temperature=1)))
    plan = expand(spec(models=(model("a"),), variants=variants))
    (block,) = plan.blocks
    assert len({treatment.digest for treatment in block.treatments}) == 1
    assert len({trial.request_digest for trial in measured(plan)}) == 2 * 6


def test_variants_that_change_serving_are_served_apart():
    plan = expand(spec(models=(model("a"),), variants=(Variant(id="cpu", gpu=Gpu(mode="off")), Variant(id="gpu", gpu=Gpu(mode="on")))))
    assert len(plan.blocks) == 2
    assert len({trial.request_digest for trial in measured(plan)}) == 6


@pytest.mark.parametrize(
    "same",
    [
        {"base_url": "http://elsewhere:9/v1"},
        {"api_key": SecretName(env="KEY")},
        {"license": "MIT"},
        {"description": "another"},
        {"optional": True},
    ],
)
def test_host_secrets_and_remarks_do_not_change_what_answers(same):
    assert (
        expand(spec(models=(model("a"),))).blocks[0].treatments[0].digest == expand(spec(models=(model("a", **same),))).blocks[0].treatments[0].digest
    )


@pytest.mark.parametrize("other", [{"model": "another"}, {"threads": 2}, {"context": 4096}, {"gpu": Gpu(mode="on")}, {"runtime": "llama.cpp"}])
def test_whatever_answers_differently_is_another_treatment(other):
    assert (
        expand(spec(models=(model("a"),))).blocks[0].treatments[0].digest
        != expand(spec(models=(model("a", **other),))).blocks[0].treatments[0].digest
    )


def test_rounds_are_different_draws_with_one_request_identity():
    trials = [trial for trial in measured(expand(spec(generation=Generation(seed=40)))) if (trial.model_id, trial.prompt_id) == ("a", "p0")]
    assert {trial.seed for trial in trials} == {40, 41}
    assert len({trial.request_digest for trial in trials}) == 1


def test_quick_keeps_the_shortest_the_median_and_the_longest_prompt_once():
    prompts = tuple(prompt(f"p{size}", "word " * size) for size in (50, 10, 90, 30, 70))
    plan = expand(spec(prompts=prompts, rounds=3), Choice(quick=True))
    assert {trial.prompt_id for trial in measured(plan)} == {"p10", "p50", "p90"}
    assert {trial.round for trial in measured(plan)} == {1}


def test_only_and_skip_take_globs_of_any_kind():
    plan = expand(spec(), Choice(only=("a", "p[0-2]"), skip=("prompt:p1",)))
    assert {(trial.model_id, trial.prompt_id) for trial in measured(plan)} == {("a", "p0"), ("a", "p2")}


@pytest.mark.parametrize(
    ("choice", "message", "hint"),
    [
        (Choice(only=("modell:a",)), "fits no model, prompt or variant", "did you mean 'a'"),
        (Choice(only=("prompt:pp5",)), "fits no model, prompt or variant", "did you mean 'p5'"),
        (Choice(only=("*",)), "fits models and prompts and variants", "--only model:*"),
        (Choice(skip=("a", "b")), "leave no model", "models of the spec: a, b"),
    ],
)
def test_a_selection_that_fits_nothing_says_what_there_is(choice, message, hint):
    with pytest.raises(UsageError, match=message) as caught:
        expand(spec(), choice)
    assert hint in caught.value.hint


def test_load_that_rises_in_steps_asks_every_prompt_so_often_in_each():
    plan = expand(spec(load=Load(kind="sweep", steps=3), rounds=2))
    cells = [(trial.model_id, trial.prompt_id, trial.step) for trial in measured(plan)]
    assert all(cells.count(cell) == 2 for cell in cells)
    assert len(cells) == 2 * 6 * 2 * 3
    for block in plan.blocks:
        steps = [trial.step for trial in block.trials]
        assert steps[0] is None  # the warm-up belongs to no step
        assert steps[1:] == sorted(steps[1:])
    assert {trial.step for trial in measured(expand(spec()))} == {None}


def test_a_quick_look_has_one_round_in_each_step():
    quick = measured(expand(spec(load=Load(kind="sweep", steps=3)), Choice(quick=True)))
    assert [trial.step for trial in quick if trial.model_id == "a"] == [1, 1, 1, 2, 2, 2, 3, 3, 3]
