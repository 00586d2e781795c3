"""Whole runs of a made-up model whose speed and answers are planted, for what compares runs."""

import json

from harness.fake_bench import FakeServed, fake_registry, means_for
from msgspec.structs import replace

from bench.catalog import CATALOG
from bench.pipeline import run
from bench.store.layout import RunLayout

PROMPTS = 12


class PlantedServed(FakeServed):
    """A model that behaves as the run's environment says."""

    def __init__(self, treatment, context):
        super().__init__(treatment)
        self.endpoint = replace(self.endpoint, base_url=f"fake://model?{context.environ.get('PLANTED', '')}", runtime_version="1.0")


class PlantedRuntime:
    """Serves anything at once."""

    def serve(self, treatment, context):
        return PlantedServed(treatment, context)


def spec_text(*, prompts=PROMPTS, more="", reworded=(), check="contains: alpha", rounds=3):
    """A spec whose prompts begin with what the fake model says first."""
    asked = "\n".join(
        f"  - {{id: p{n:02}, user: '{'beta' if n in reworded else 'alpha'} {n} gamma', aspects: [{{id: begins, check: {{{check}}}}}]}}"
        for n in range(prompts)
    )
    return (
        f"bench: 1\nname: planted\nversion: 1.0.0\nmodels: [{{id: m, runtime: external, base_url: 'http://localhost:1/v1', model: m}}]\n"
        f"prompts:\n{asked}\nrounds: {rounds}\nwarmup: 0\nreport: {{formats: [json]}}\n{more}\n"
    )


def planted_run(folder, planted="", **spec):
    """A run of such a spec in `folder/runs`; its layout."""
    path = folder / "planted.yaml"
    path.write_text(spec_text(**spec), encoding="utf-8")
    registry = fake_registry(runtime=dict.fromkeys(CATALOG["runtime"], "harness.planted:PlantedRuntime"))
    layout = RunLayout(run(means_for(path, folder, registry=registry, environ={"PLANTED": planted})).folder)
    return restated(layout, client_saturated=False)  # whatever else this machine is doing


def restated(layout, **changed):
    """The run, as if its manifest said something else; and its summary, of the client."""
    for path in (layout.manifest, layout.summary):
        told = {name: value for name, value in changed.items() if path == layout.manifest or name == "client_saturated"}
        path.write_text(json.dumps(json.loads(path.read_bytes()) | told), encoding="utf-8")
    return layout


def another_machine(layout, **changed):
    """The run, as if it had been measured elsewhere."""
    return restated(layout, machine=json.loads(layout.manifest.read_bytes())["machine"] | changed)
