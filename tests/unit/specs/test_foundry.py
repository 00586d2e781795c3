"""The example on Foundry Local: its notes can be answered, a copy of a note is no answer, and each precision is named exactly."""

import shutil
from pathlib import Path

import pytest
from harness.foundry_cache import ALIAS, VARIANTS
from harness.source_tree import ROOT

from bench.catalog import REGISTRY
from bench.records.spec import Prompt, Spec
from bench.spec.load import load_spec


@pytest.fixture(scope="module")
def spec() -> Spec:
    return load_spec(ROOT / "specs" / "foundry.yaml", extensions=REGISTRY, environ={}).spec


def missed(prompt: Prompt, answer: str) -> set[str]:
    checks = [(aspect.id, aspect.check) for aspect in prompt.aspects if aspect.check is not None]
    return {name for name, check in checks if not REGISTRY.load("check", check.name)(check.argument).decide(answer).passed}


def test_every_variant_of_the_built_cache_is_a_row_and_what_needs_cuda_is_optional(spec: Spec) -> None:
    assert [model.model for model in spec.models] == [f"{variant.name}:1" for variant in VARIANTS]
    assert {(model.runtime, model.alias) for model in spec.models} == {("foundry-local", ALIAS)}
    assert [model.device for model in spec.models] == [variant.device.lower() for variant in VARIANTS]
    assert [model.id for model in spec.models if model.optional] == ["int4-cuda"]


def test_models_of_the_real_catalogue_can_take_their_place(tmp_path: Path) -> None:
    text = (ROOT / "specs" / "foundry.yaml").read_text(encoding="utf-8")
    offered = [line.removeprefix("# ") for line in text.splitlines() if line.startswith("#   - {")]
    beginning, _, rest = text.partition("\nmodels:\n")
    (tmp_path / "prompts").mkdir()
    shutil.copy(ROOT / "specs" / "prompts" / "notes.yaml", tmp_path / "prompts")
    theirs = tmp_path / "foundry.yaml"
    theirs.write_text("\n".join([beginning, "models:", *offered, "\nprompts:" + rest.partition("\nprompts:")[2]]), encoding="utf-8")
    loaded = load_spec(theirs, extensions=REGISTRY, environ={})
    assert [(model.id, model.alias, model.device) for model in loaded.spec.models] == [
        ("phi-4-mini", "phi-4-mini", None),
        ("phi-4-mini-cpu", "phi-4-mini", "cpu"),
        ("phi-4-mini-gpu", "phi-4-mini", "gpu"),
    ]
    assert loaded.warnings == ()


def test_a_good_answer_meets_every_check_of_its_note(spec: Spec) -> None:
    assert {prompt.id: missed(prompt, prompt.reference or "") for prompt in spec.prompts} == {prompt.id: set() for prompt in spec.prompts}


def test_a_copy_of_the_note_and_the_answer_to_another_one_are_found_out(spec: Spec) -> None:
    for prompt, other in zip(spec.prompts, (*spec.prompts[1:], spec.prompts[0]), strict=True):
        note = prompt.messages[-1].content.partition("Note: ")[2].partition("\n")[0]
        assert "not-the-other" in missed(prompt, note), prompt.id
        assert "fact" in missed(prompt, other.reference or ""), prompt.id


def test_only_the_fact_decides_whether_an_answer_is_accepted(spec: Spec) -> None:
    for prompt in spec.prompts:
        assert {aspect.id: aspect.required for aspect in prompt.aspects} == {"brief": False, "ends": False, "fact": True, "not-the-other": False}
