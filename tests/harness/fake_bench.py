"""A registry in which every runtime is at hand and every model is made up: whole runs without a server, in milliseconds."""

import gc

from harness.quiet_machine import QUIET

from bench.catalog import CATALOG
from bench.clock import Clock
from bench.pipeline import Means, RunOptions
from bench.records.serving import Endpoint, ServingFacts
from bench.registry import Registry
from bench.session import Asked
from bench.spec.load import load_spec


class FakeServed:
    """A model that is up in name only."""

    credential = None

    def __init__(self, treatment):
        self.endpoint = Endpoint(
            base_url="http://fake.invalid/v1", served_model=treatment.model.model or treatment.model_id, owned=True, load_s=0.5, device="cpu"
        )

    def facts(self):
        return ServingFacts(disk_bytes=98_000_000, rss_loaded_bytes=120_000_000, rss_peak_bytes=150_000_000, cpu_s=1.5)

    def death(self):
        return None

    def close(self):
        return None


class FakeRuntime:
    """Serves anything at once."""

    def serve(self, treatment, _context):
        return FakeServed(treatment)


def fake_registry(**doors):
    """The built-in catalogue with every runtime and provider made up, on a machine that does nothing else; more doors may be replaced."""
    runtimes = dict.fromkeys(CATALOG["runtime"], "harness.fake_bench:FakeRuntime")
    providers = dict.fromkeys(CATALOG["provider"], CATALOG["provider"]["fake"])
    return Registry({**CATALOG, "runtime": runtimes, "provider": providers, "telemetry": QUIET, **doors})


class Silent:
    """Progress that nobody watches; keeps what it was told."""

    def __init__(self):
        self.events = []
        self.statuses = []
        self.notes = []

    def notify(self, event):
        self.events.append(event)

    def transferred(self, _what, _done, _total):
        return None

    def status(self, status):
        self.statuses.append(status)

    def judged(self, _what, _done, _of):
        return None

    def note(self, text):
        self.notes.append(text)


def means_for(spec_path, folder, *, registry=None, environ=None, overrides=(), **options):
    """What `bench.pipeline.run` takes, for a spec and a folder to write in."""
    gc.freeze()  # see tests/conftest.py
    registry = registry or fake_registry()
    loaded = load_spec(spec_path, extensions=registry, environ=environ or {}, overrides=overrides)
    asked = options.pop("asked", None) or Asked(command=("bench", "run", spec_path.name), overrides=tuple(overrides))
    run_options = RunOptions(asked=asked, runs=folder / "runs", cache_folder=folder / "cache", environ=environ or {}, **options)
    return Means(loaded=loaded, options=run_options, registry=registry, progress=Silent(), clock=Clock())
