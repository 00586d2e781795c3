"""Trials in columns say what trials held one by one say, and cost next to nothing each."""

import hashlib
from collections import Counter

import msgspec
import pytest
from harness.growth import kept, spec_of
from harness.runs import block, sample, trial
from hypothesis import given
from hypothesis import strategies as st

from bench.digest import digest
from bench.plan.expand import expand
from bench.records.plan import Request, Trial
from bench.records.spec import Generation, Load, Message, Variant
from bench.store.pending import pending
from bench.store.plan_lines import PlanHeader, PlanLine, plan_from_lines, plan_to_lines
from bench.trials import Trials, columns, left, measured, warmups

WORDS = st.text(alphabet='ab"\\é–\u2028', min_size=1, max_size=3)
REQUESTS = tuple(Request(messages=(Message(role="user", content=text),), generation=Generation()) for text in ("one", "two"))


def planned_id(**of):
    """The id of a trial as docs/architecture.md §5 says it."""
    middle = ["warmup", of["round"]] if of["is_warmup"] else [of["round"]]
    return digest([of["model_id"], of["prompt_id"], of["variant_id"], *middle, of["request_digest"], of["treatment_digest"]])


@st.composite
def trials(draw):
    of = {
        "request_digest": draw(st.sampled_from(["r1", "r2"])), "treatment_digest": draw(WORDS), "model_id": draw(WORDS), "prompt_id": draw(WORDS),
        "variant_id": draw(WORDS), "round": draw(st.integers(0, 2**32 - 1)), "is_warmup": draw(st.booleans()),
    }  # fmt: skip
    trial_id = draw(st.sampled_from([planned_id(**of), "another"]))
    seed, step = draw(st.none() | st.integers(-(2**70), 2**70)), draw(st.none() | st.integers(1, 3))
    return Trial(id=trial_id, seed=seed, step=step, request=draw(st.sampled_from(REQUESTS)), **of)


MANY = st.lists(trials(), max_size=8)


@given(MANY, st.data())
def test_columns_are_the_sequence_of_their_trials(given_trials, data):
    held = columns(given_trials)
    assert list(held) == given_trials
    assert held == given_trials
    assert given_trials == list(held)
    assert list(held.ids()) == [each.id for each in given_trials]
    assert [held[place] for place in range(-len(held), len(held))] == given_trials * 2
    part = slice(
        data.draw(st.none() | st.integers(-9, 9)), data.draw(st.none() | st.integers(-9, 9)), data.draw(st.sampled_from([None, 1, 2, 3, -1]))
    )
    assert isinstance(held[part], Trials)
    assert list(held[part]) == given_trials[part]
    assert list(held[part].ids()) == [each.id for each in given_trials[part]]


@given(MANY, st.data())
def test_choosing_keeps_order_and_what_was_chosen(given_trials, data):
    held = columns(given_trials)
    flags = data.draw(st.lists(st.booleans(), min_size=len(held), max_size=len(held)))
    assert list(held.chosen(flags)) == [each for each, is_wanted in zip(given_trials, flags, strict=True) if is_wanted]
    assert list(measured(given_trials)) == [each for each in given_trials if not each.is_warmup]
    assert list(warmups(given_trials)) == [each for each in given_trials if each.is_warmup]
    assert list(held.flagged(lambda kind: kind.step == 1)) == [each.step == 1 for each in given_trials]
    assert left(given_trials) == Counter(each.key for each in given_trials)
    assert sum(n for _, n in held.counted()) == len(given_trials)


def test_what_is_in_columns_stays_as_it_is():
    held = columns(block("one").trials)
    assert columns(held) is held
    assert held.where(lambda _kind: True) is held


def test_one_trial_more_or_less_makes_other_trials():
    of = list(block("one").trials)
    held = columns(of)
    assert held != of[:-1]
    assert held != [*of[:-1], trial("two", "p0", 1)]
    assert held != len(of)
    assert repr(columns([of[1]] * 3)) == "<3 trials of 1 kinds>"
    with pytest.raises(IndexError):
        held[len(of)]
    with pytest.raises(TypeError):
        hash(held)


def eager(spec):
    """The trials of each block as the matrix defines them, one object each, sorted as a whole: what `expand` must give without holding them."""
    found = []
    groups = {}
    for treatment in (each for part in expand(spec).blocks for each in part.treatments):
        groups.setdefault("all" if spec.order == "interleaved" else treatment.key, []).append(treatment)
    for treatments in groups.values():
        last = {}
        in_order = []
        for number in range(1, spec.rounds * spec.load.steps + 1):
            cells = [(treatment, prompt) for treatment in treatments for prompt in spec.prompts]
            for treatment, prompt in sorted(cells, key=lambda cell: rank(spec, number, *cell)):
                in_order.append(one(spec, treatment, prompt, number))
                last[treatment.key] = in_order[-1]
        for key in dict.fromkeys(treatment.key for treatment in treatments):
            for number in range(1, spec.warmup + 1):
                warm = msgspec.structs.replace(last[key], round=number, step=None, is_warmup=True)
                found.append(msgspec.structs.replace(warm, id=planned_id(**msgspec.structs.asdict(warm))))
        found += in_order
    return found


def rank(spec, number, treatment, prompt):
    def drawn(*words):
        return hashed("\0".join((str(spec.seed), str(number), *words)))

    if spec.order == "interleaved":
        return drawn(treatment.model_id, treatment.variant_id, prompt.id), ""
    return drawn(prompt.id), drawn(prompt.id, treatment.variant_id)


def hashed(text):
    return hashlib.sha256(text.encode()).hexdigest()


def one(spec, treatment, prompt, number):
    variant = next(each for each in spec.variants if each.id == treatment.variant_id)
    generation = variant.generation or spec.generation
    request = Request(messages=prompt.messages, generation=generation, cache=spec.cache)
    of = {
        "request_digest": digest(msgspec.to_builtins(request)), "treatment_digest": treatment.digest, "model_id": treatment.model_id,
        "prompt_id": prompt.id, "variant_id": variant.id, "round": number, "is_warmup": False,
    }  # fmt: skip
    step = None if spec.load.steps == 1 else (number - 1) // spec.rounds + 1
    seed = None if generation.seed is None else generation.seed + number - 1
    return Trial(id=planned_id(**of), step=step, seed=seed, request=request, **of)


SPECS = st.builds(
    spec_of,
    st.integers(1, 3),
    st.integers(1, 4),
    rounds=st.integers(1, 3),
    warmup=st.integers(0, 2),
    seed=st.integers(0, 3),
    order=st.sampled_from(["blocked", "interleaved"]),
    generation=st.builds(Generation, seed=st.none() | st.integers(0, 9)),
    load=st.builds(Load, steps=st.integers(1, 3)),
    variants=st.sampled_from(
        [
            (Variant(id="default"),),
            (Variant(id="hot", generation=Generation(temperature=1.0, seed=3)), Variant(id="cold"), Variant(id="slow", threads=1)),
        ]
    ),
)


@given(SPECS)
def test_a_plan_in_columns_is_the_plan_held_trial_by_trial(spec):
    plan = expand(spec)
    expected = eager(spec)
    assert [each for part in plan.blocks for each in part.trials] == expected
    assert all(not part.trials._odd for part in plan.blocks)
    assert plan.digest == digest([spec.digest, [[each.id for each in part.trials] for part in plan.blocks]])


@given(SPECS)
def test_a_plan_that_was_read_back_is_the_plan_that_was_written(spec):
    plan = expand(spec)
    lines = list(plan_to_lines(plan))
    again = plan_from_lines(msgspec.json.decode(lines[0], type=PlanHeader), (msgspec.json.decode(line, type=PlanLine) for line in lines[1:]))
    assert again == plan
    assert all(not part.trials._odd for part in again.blocks)
    assert list(plan_to_lines(again)) == lines


@given(SPECS, st.data())
def test_what_is_left_is_what_is_missing_in_the_order_of_the_plan(spec, data):
    plan = expand(spec)
    every = [each for part in plan.blocks for each in part.trials]
    done = {each.id for each in every if not each.is_warmup and data.draw(st.booleans())}
    rest = pending(plan, (sample(each.id) for each in reversed(every) if each.id in done), retry_failed=data.draw(st.booleans()))
    missing = {each.key for each in every if not each.is_warmup and each.id not in done}
    wanted = [each for each in every if each.id not in done and (not each.is_warmup or each.key in missing)]
    assert [each for part in rest.blocks for each in part.trials] == wanted
    assert {each.key for part in rest.blocks for each in part.treatments} == missing


def test_a_trial_more_costs_no_more_than_ten_bytes():
    assert kept(lambda n: expand(spec_of(prompts=10, rounds=n // 10)), 1_000, 9_000) < 10


def test_a_trial_more_that_was_read_or_is_left_costs_no_more_than_ten_bytes():
    plans = {n: expand(spec_of(prompts=10, rounds=n // 10)) for n in (500, 4_500)}
    lines = {n: list(plan_to_lines(plan)) for n, plan in plans.items()}

    def again(n):
        first, *rest = lines[n]
        return plan_from_lines(msgspec.json.decode(first, type=PlanHeader), (msgspec.json.decode(line, type=PlanLine) for line in rest))

    assert kept(again, 500, 4_500) < 10
    assert kept(lambda n: pending(plans[n], (), retry_failed=False), 500, 4_500) < 10
