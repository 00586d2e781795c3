import pytest
from harness.summarized import block_health, manifest, served, summary_of

from bench.records.sketch import observation

STALLED = (1.0, 1.02, 1.04, 1.06, 1.9)


def notes_of(*seen, **more):
    return summary_of(seen, **more).notes


def enough(**said):
    return [observation(prompt_id=f"p{p}", round=r, **said) for p in range(6) for r in range(1, 6)]


def test_a_sound_run_needs_no_word():
    assert notes_of(*enough(finish_reason="stop", completion_tokens=4), statuses=[served()], health=[block_health()]) == ()


def test_the_usual_revision_of_a_model_is_no_other_model():
    assert notes_of(*enough(finish_reason="stop", served_model="m.gguf@main"), statuses=[served()]) == ()


@pytest.mark.parametrize(
    ("said", "note"),
    [
        ({"tokens_estimated": True}, "m: tokens of 30 of 30 answers are estimated, not counted by the server; figures per token are approximate."),
        ({"completion_tokens": None}, "m: nobody counted the tokens of 30 of 30 answers; they have no figures per token."),
        ({"served_model": "other"}, "m: asked for m.gguf, the server says it answered as other."),
        ({"finish_reason": "length"}, "m: 30 of 30 answers were cut at the token limit."),
        ({"completion_tokens": 5}, "m: up to 33 % of the chunks carry more than one token: ITL is the gap between chunks, not tokens."),
        ({"token_s": STALLED}, "Answers stood still in the middle, the longest for 0.84 s (m 30 of 30): see “Longest stall”."),
        ({"cached_tokens": 9}, "m: 24 of 24 repeated prompts were in the server's prefix cache: read TTFT by prefix, or set `cache: bypass`."),
    ],
)
def test_what_limits_belief_is_said(said, note):
    assert notes_of(*enough(**({"finish_reason": "stop"} | said)), statuses=[served()]) == (note,)


def test_what_holds_for_all_models_is_said_once():
    seen = [*enough(model_id="a"), *enough(model_id="b")]
    assert notes_of(*seen) == ("All models: 30 of 30 answers were cut at the token limit.",)
    some = [*enough(model_id="a"), *enough(model_id="b", finish_reason="stop"), *enough(model_id="c")]
    assert notes_of(*some) == ("a, c: 30 of 30 answers were cut at the token limit.",)


def test_a_variant_is_named_where_there_are_several():
    seen = [*enough(variant_id="cold"), *enough(variant_id="warm", finish_reason="stop"), *enough(model_id="b", variant_id="warm")]
    assert notes_of(*seen) == ("m · cold, b · warm: 30 of 30 answers were cut at the token limit.",)


def test_stalls_are_one_sentence_however_many_models_had_some():
    seen = [one for n in range(10) for one in enough(model_id=f"m{n}", finish_reason="stop", token_s=STALLED)]
    (note,) = notes_of(*seen)
    assert note.startswith("Answers stood still in the middle, the longest for 0.84 s (m0 30 of 30, m1 30 of 30, ")
    assert note.endswith("m7 30 of 30 and of 2 more): see “Longest stall”.")


def test_few_prompts_and_rounds_are_said():
    few, rounds = notes_of(*(observation(prompt_id=f"p{p}", finish_reason="stop") for p in range(3)))
    assert few == "Few prompts (3): a median across prompts takes at least 6 of them for an interval."
    assert rounds == "Outliers are looked for from 5 trials of a prompt on; this run has 1 round."


def test_stop_rule_and_resume_are_said():
    run = manifest("stopped", "killed", "max_error_rate")
    notes = notes_of(*enough(finish_reason="stop"), run=run, health=[block_health(stopped_by="max_error_rate")])
    assert notes == (
        "The run was ended early by: max_error_rate.",
        "The run was resumed: it consists of 2 sessions, and models were loaded again in each.",
    )


def test_two_names_of_one_model_are_said():
    seen = [*enough(finish_reason="stop")[:-1], observation(prompt_id="p5", round=5, finish_reason="stop", served_model="b")]
    assert notes_of(*seen, statuses=[served()]) == ("m: answers came from models that call themselves differently: b, m.gguf.",)
