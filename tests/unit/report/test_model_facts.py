"""What a report says of the software that served each model."""

import pytest
from harness.report_run import manifest, observations, spec, summary
from msgspec.structs import replace

from bench.records.serving import Server
from bench.report.view import build_view


@pytest.mark.parametrize(
    ("runtime", "version", "shown"),
    [
        ("foundry-local", "Foundry Local SDK 2.2.1", "foundry-local SDK 2.2.1"),
        ("foundry-local", "Foundry Local", "foundry-local"),
        ("llama.cpp", "xllamacpp 2026.10", "llama.cpp xllamacpp 2026.10"),
        ("command", None, "command"),
    ],
)
def test_a_runtime_is_named_once(runtime, version, shown):
    assert shown in column("Runtime and server", runtime, runtime_version=version)


@pytest.mark.parametrize(
    ("runtime", "server", "shown"),
    [
        (
            "llama.cpp",
            Server(name="llama.cpp", version="xllamacpp 2026.10", dialect="llama.cpp", evidence="started by bench"),
            "llama.cpp xllamacpp 2026.10",
        ),
        ("external", Server(name="vLLM", version="0.11", dialect="vllm", evidence="/version"), "external (vLLM 0.11, spoken to as vllm: /version)"),
        ("external", Server(name="Ollama", dialect="ollama", api="ollama", evidence="/"), "external (Ollama, spoken to as ollama by its own API: /)"),
    ],
)
def test_a_server_is_named_where_the_runtime_does_not_say_it(runtime, server, shown):
    version = "xllamacpp 2026.10" if runtime == "llama.cpp" else None
    assert shown in column("Runtime and server", runtime, runtime_version=version, server=server)


def test_what_no_model_has_takes_no_column():
    assert "Capabilities" not in titles(replace(spec(), models=tuple(replace(model, capabilities=()) for model in spec().models)))
    assert "Capabilities" in titles(spec())


def titles(said):
    return [column.title for column in facts(said, summary()).columns]


def column(title, runtime, **endpoint):
    said, found = spec(), summary()
    status = next(one for one in found.models if one.endpoint is not None)
    others = [one for one in found.models if one is not status]
    served = replace(status, endpoint=replace(status.endpoint, **endpoint))
    models = tuple(replace(model, runtime=runtime) if model.id == status.model_id else model for model in said.models)
    table = facts(replace(said, models=models), replace(found, models=(served, *others)))
    place = [column.title for column in table.columns].index(title)
    return [row[place].text for row in table.rows]


def facts(said, found):
    view = build_view(manifest=manifest(), summary=found, spec=said, resolved={}, observations=observations())
    section = next(one for one in view.sections if any(table.id == "facts" for table in one.tables))
    return next(table for table in section.tables if table.id == "facts")
