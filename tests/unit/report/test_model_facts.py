"""What a report says of the software that served each model."""

import pytest
from harness.report_run import manifest, observations, spec, summary
from msgspec.structs import replace

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
    said, found = spec(), summary()
    status = next(one for one in found.models if one.endpoint is not None)
    others = [one for one in found.models if one is not status]
    served = replace(status, endpoint=replace(status.endpoint, runtime_version=version))
    models = tuple(replace(model, runtime=runtime) if model.id == status.model_id else model for model in said.models)
    view = build_view(
        manifest=manifest(),
        summary=replace(found, models=(served, *others)),
        spec=replace(said, models=models),
        resolved={},
        observations=observations(),
    )
    section = next(one for one in view.sections if any(table.id == "facts" for table in one.tables))
    table = next(table for table in section.tables if table.id == "facts")
    place = [column.title for column in table.columns].index("Runtime")
    assert shown in [row[place].text for row in table.rows]
