"""Providers as models: who can be asked, with which key, and what is never copied."""

import pytest
from harness.imported import Imports, lost

from bench.spec.diagnostics import render

ASKED = "prompts: [Hello]\nproviders:\n"


@pytest.fixture
def read(tmp_path):
    return Imports(tmp_path / "config")


@pytest.mark.parametrize(
    ("provider", "base_url", "model", "key"),
    [
        ("openai:chat:gpt-4o-mini", "https://api.openai.com/v1", "gpt-4o-mini", "OPENAI_API_KEY"),
        ("openai:gpt-4o-mini", "https://api.openai.com/v1", "gpt-4o-mini", "OPENAI_API_KEY"),
        ("ollama:chat:llama3.2:1b", "http://localhost:11434/v1", "llama3.2:1b", None),
        ("ollama:llama3.2:1b", "http://localhost:11434/v1", "llama3.2:1b", None),
        ("localai:chat:phi", "http://localhost:8080/v1", "phi", None),
        ("groq:llama-3.3-70b", "https://api.groq.com/openai/v1", "llama-3.3-70b", "GROQ_API_KEY"),
        ("openrouter:meta/llama", "https://openrouter.ai/api/v1", "meta/llama", "OPENROUTER_API_KEY"),
        ("{id: 'openai:chat:x', config: {apiBaseUrl: 'http://host:9/v1', apiKeyEnvar: MY_KEY}}", "http://host:9/v1", "x", "MY_KEY"),
        ("{id: 'openai:chat:x', config: {apiHost: 'proxy.example'}}", "https://proxy.example/v1", "x", "OPENAI_API_KEY"),
        ("{id: 'openai:chat:x', config: {apiKey: '{{ env.OTHER }}'}}", "https://api.openai.com/v1", "x", "OTHER"),
        ("{'openai:chat:x': {config: {apiKeyEnvar: K}}}", "https://api.openai.com/v1", "x", "K"),
        ("{id: http://h:8/v1/chat/completions, config: {body: {model: m}}}", "http://h:8/v1", "m", None),
        ("{id: https, config: {url: 'https://h/v1/chat/completions', headers: {Authorization: 'Bearer {{env.K}}'}}}", "https://h/v1", "default", "K"),
    ],
)
def test_provider_becomes_a_server_to_ask(read, provider, base_url, model, key):
    imported = read(f"{ASKED}  - {provider}\n")
    (made,) = read.spec(imported).models
    assert (made.runtime, made.base_url, made.model, made.api_key.env if made.api_key else None) == ("external", base_url, model, key)
    assert lost(imported) == []


@pytest.mark.parametrize(
    "provider",
    ["anthropic:messages:claude", "bedrock:x", "openai:embedding:e", "openai:assistant:a", "file://p.py", "python:p.py", "exec:rm -rf x", "custom.js",
     "http://h/generate", "{config: {}}", "7", "{id: 'openai:chat:x', config: {apiBaseUrl: 'ftp://h'}}", "https://user:word@h/v1/chat/completions"],
)  # fmt: skip
def test_provider_without_counterpart_is_left_out_with_its_line(read, provider):
    imported = read(f"{ASKED}  - {provider}\n")
    assert [line for line, _ in lost(imported)] == [3]
    assert "# no provider was carried over: name a model here" in imported.text
    assert [model.id for model in read.spec(imported).models] == ["model"]


def test_environment_in_an_address_stays_a_name(read):
    imported = read(ASKED + "  - {id: 'openai:chat:{{env.NAME}}', config: {apiBaseUrl: '{{ env.BASE }}/v1'}}\n")
    (model,) = read.spec(imported, BASE="http://h:1", NAME="m").models
    assert (model.base_url, model.model) == ("http://h:1/v1", "m")


@pytest.mark.parametrize(
    "config",
    ["{id: 'openai:chat:x', config: {apiKey: sk-secret-1}}", "{id: 'https://h/v1/chat/completions', config: {headers: {x-key: sk-secret-1}}}"],
)
def test_secret_is_neither_copied_nor_shown(read, config):
    imported = read(f"{ASKED}  - {config}\nenv: {{KEY: sk-secret-1}}\n")
    assert "sk-secret-1" not in imported.text
    assert [line for line, _ in lost(imported)] == [3, 4]
    for style in ("text", "json", "github"):
        assert "sk-secret-1" not in render(imported.findings, imported.sources, style)


def test_settings_that_all_providers_share_are_sent(read):
    shared = "config: {temperature: 0.5, max_tokens: 20}"
    imported = read(f"{ASKED}  - {{id: 'openai:chat:a', {shared}}}\n  - {{id: 'openai:chat:b', {shared}}}\n")
    spec = read.spec(imported)
    assert (spec.generation.temperature, spec.generation.max_tokens, lost(imported)) == (0.5, 20, [])


def test_settings_that_differ_are_left_out(read):
    imported = read(ASKED + "  - {id: 'openai:chat:a', config: {temperature: 0.5}}\n  - {id: 'openai:chat:b', config: {temperature: 1, tools: []}}\n")
    assert read.spec(imported).generation.temperature is None
    assert sorted(line for line, _ in lost(imported)) == [3, 4, 4]


def test_names_of_models_are_each_given_once(read):
    imported = read(ASKED + "  - {id: 'openai:chat:a', label: 'My model!'}\n  - {id: 'openai:chat:b', label: My model}\n  - openai:chat:a/b\n")
    assert [model.id for model in read.spec(imported).models] == ["My-model", "My-model-2", "a-b"]


def test_providers_in_a_file_are_read_and_those_outside_the_folder_are_not(read):
    imported = read("prompts: [Hello]\nproviders: [file://p.yaml, file://../q.yaml]\n", p_yaml="- openai:chat:a\n")
    assert [model.model for model in read.spec(imported).models] == ["a"]
    assert lost(imported) == [(2, "the path '../q.yaml' is not inside the spec's folder")]


def test_options_of_a_provider_that_change_the_question_are_listed(read):
    imported = read(ASKED + "  - {id: 'openai:chat:a', prompts: [x], transform: 'output.trim()', delay: 5}\n")
    assert {message.split(" ")[0] for _, message in lost(imported)} == {"which", "`transform`", "`delay`"}


def test_every_setting_that_is_not_carried_over_is_listed_at_its_own_line(read):
    imported = read(
        f"""{ASKED}  - id: openai:chat:one
    config:
      temperature: 0.5
      max_completion_tokens: 9
      headers: {{OpenAI-Beta: x}}
      body: {{a: 1}}
      method: GET
  - id: https://h/v1/chat/completions
    config:
      temperature: 0.5
      headers:
        Content-Type: application/json
        Authorization: Bearer {{{{env.K}}}}
        X-Team: sk-secret-1
"""
    )
    told = sorted(lost(imported))
    assert [line for line, _ in told] == [6, 7, 8, 9, 13]
    assert "may hold secrets (`X-Team`)" in told[-1][1]
    assert "sk-secret-1" not in imported.text
    assert read.spec(imported).generation.temperature == 0.5
