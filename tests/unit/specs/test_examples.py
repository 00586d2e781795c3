"""The example specs say what they claim to say: they load, their checks can be met, and their texts are as long as stated."""

import re
from pathlib import Path

import pytest

from bench.catalog import REGISTRY
from bench.records.spec import Prompt, Spec
from bench.spec.load import load_spec

SPECS = Path(__file__).parents[3] / "specs"
EXAMPLES = sorted(path.relative_to(SPECS).as_posix() for path in SPECS.glob("*.yaml"))
MEETINGS = SPECS / "prompts" / "meetings.yaml"
TRANSCRIPT = re.compile(r"\n\n(.*)\n\nSummary:$", re.DOTALL)


def load(name: str, **environ: str) -> Spec:
    return load_spec(SPECS / name, extensions=REGISTRY, environ=environ).spec


@pytest.fixture(scope="module")
def summarizer() -> Spec:
    return load("summarizer.yaml")


def transcript(prompt: Prompt) -> str:
    found = TRANSCRIPT.search(prompt.messages[-1].content)
    assert found is not None
    return found[1]


def missed(prompt: Prompt, answer: str) -> set[str]:
    """Ids of the checks that an answer does not meet."""
    checks = [(aspect.id, aspect.check) for aspect in prompt.aspects if aspect.check is not None]
    return {name for name, check in checks if not REGISTRY.load("check", check.name)(check.argument).decide(answer).passed}


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_loads_without_a_warning(name: str) -> None:
    loaded = load_spec(SPECS / name, extensions=REGISTRY, environ={"HOSTED_KEY": "k"})
    assert [found for found in loaded.warnings if found.severity != "note"] == []
    assert {found.code for found in loaded.warnings} <= {"ungraded"}  # aspects for a judge, before there is one
    assert loaded.spec.name == Path(name).stem


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_offers_its_schema_to_editors(name: str) -> None:
    first = (SPECS / name).read_text(encoding="utf-8").splitlines()[0]
    schema = first.partition("$schema=")[2]
    assert (SPECS / schema).resolve().is_file()


def test_prompt_set_offers_its_schema_to_editors() -> None:
    first = MEETINGS.read_text(encoding="utf-8").splitlines()[0]
    assert (MEETINGS.parent / first.partition("$schema=")[2]).resolve().is_file()


def test_summarizer_measures_two_models_and_leaves_the_rest_optional(summarizer: Spec) -> None:
    required = [model.id for model in summarizer.models if not model.optional]
    assert required == ["smollm2-135m", "gemma-3-270m"]
    assert all(model.sha256 and model.license and model.threads == 1 for model in summarizer.models if not model.optional)
    assert {model.runtime for model in summarizer.models if model.optional} == {"llama.cpp", "foundry-local", "external"}


def test_summarizer_asks_often_enough_for_an_interval_around_the_median(summarizer: Spec) -> None:
    # A two-sided 95 % order-statistic interval of the median needs n ≥ 6: 2 · 0.5⁶ = 0.031.
    assert len(summarizer.prompts) >= 12
    assert len(summarizer.prompts) * summarizer.rounds >= 24
    assert summarizer.cache == "bypass"


def test_office_server_is_found_by_the_environment() -> None:
    spec = load("summarizer.yaml", FOUNDRY_LOCAL_ENDPOINT="http://localhost:7000/v1")
    assert next(model.base_url for model in spec.models if model.id == "office-server") == "http://localhost:7000/v1"


def test_meetings_are_of_different_length_and_tagged_by_it(summarizer: Spec) -> None:
    lengths = [len(transcript(prompt).split()) for prompt in summarizer.prompts]
    assert min(lengths) < 100
    assert max(lengths) > 550
    for prompt, n in zip(summarizer.prompts, lengths, strict=True):
        assert prompt.tags == ("short" if n <= 150 else "medium" if n <= 350 else "long",), prompt.id


def test_longest_meeting_and_its_answer_fit_the_context(summarizer: Spec) -> None:
    longest = max(sum(len(message.content) for message in prompt.messages) for prompt in summarizer.prompts)
    # Both models need fewer than one token per three characters of these texts (measured: one per 3.3 to 4).
    tokens = longest / 3 + (summarizer.generation.max_tokens or 0)
    assert all(tokens < (model.context or 0) for model in summarizer.models if model.runtime == "llama.cpp")


def test_every_meeting_asks_for_decision_owner_and_date(summarizer: Spec) -> None:
    for prompt in summarizer.prompts:
        ids = [aspect.id for aspect in prompt.aspects]
        assert {"decision", "owner", "date", "brief", "complete", "own-words", "no-dialogue"} <= set(ids), prompt.id
        assert sum(aspect.expect is not None for aspect in prompt.aspects) >= 2, prompt.id
        assert sum(aspect.forbid is not None for aspect in prompt.aspects) == 1, prompt.id


def test_a_good_note_meets_every_check_of_its_meeting(summarizer: Spec) -> None:
    assert {prompt.id: missed(prompt, prompt.reference or "") for prompt in summarizer.prompts} == {prompt.id: set() for prompt in summarizer.prompts}


def test_a_copied_transcript_is_no_note(summarizer: Spec) -> None:
    for prompt in summarizer.prompts:
        assert {"brief", "own-words", "no-dialogue", "three-sentences"} <= missed(prompt, transcript(prompt)), prompt.id


def test_the_note_of_another_meeting_lacks_the_facts(summarizer: Spec) -> None:
    prompts = summarizer.prompts
    for prompt, other in zip(prompts, (*prompts[1:], prompts[0]), strict=True):
        assert {"decision", "owner"} <= missed(prompt, other.reference or ""), prompt.id


def test_no_answer_is_accepted_for_leaking_chat_markup_or_breaking_off(summarizer: Spec) -> None:
    prompt = summarizer.prompts[0]
    assert {"plain", "decision", "owner", "date"} <= missed(prompt, "<|im_end|>\n<|im_start|>user\n")
    assert "complete" in missed(prompt, "Lena has the staging database unlocked before")
    assert all(aspect.required for aspect in prompt.aspects if aspect.id in {"plain", "complete", "no-dialogue"})


def test_workshop_files_become_models_and_prompts() -> None:
    spec = load("workshop.yaml")
    assert [model.id for model in spec.models] == ["phi-4-mini", "qwen2.5-0.5b"]
    assert [prompt.messages[-1].content[:7] for prompt in spec.prompts] == ["Explain", "Explain", "Decline"]
    assert sum(len(prompt.aspects) for prompt in spec.prompts) == 3


def test_hosted_model_has_a_cost_of_its_own() -> None:
    spec = load("hosted-vs-local.yaml")
    costs = {model.id: model.cost.model if model.cost else spec.cost.model if spec.cost else None for model in spec.models}
    assert costs == {"local": "energy", "hosted": "price_table"}


def test_thread_variants_share_everything_else() -> None:
    spec = load("cpu-threads.yaml")
    assert [(variant.id, variant.threads) for variant in spec.variants] == [("one-thread", 1), ("two-threads", 2)]
    assert "crate 10" in spec.prompts[1].messages[-1].content
