"""A model that was brought up, or the reason why it was not."""

from typing import Literal

import msgspec

from bench.records.exchange import Transport

ModelState = Literal["served", "unavailable", "failed", "skipped"]
Api = Literal["openai", "ollama"]
"""The API by which requests go: OpenAI's chat completions, or Ollama's own."""


class Placement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """On what a model runs, and what showed it. Nothing is called a GPU's without `evidence`.

    `on` is `gpu` from the first layer or byte there: `layers` of `of_layers`, or `gpu_bytes` of `of_bytes`, say how much of it, where known.
    """

    on: Literal["cpu", "gpu", "npu"]
    evidence: str
    name: str | None = None
    layers: int | None = None
    of_layers: int | None = None
    gpu_bytes: int | None = None
    of_bytes: int | None = None


class Server(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The software that answers, as it told of itself. `dialect` is how it is spoken to; `openai`: with nothing that OpenAI does not document.

    `evidence` says which of its answers told, or that the spec did. `api` is what requests go by. `options` stand in each request and say how the
    model is served (Ollama's `num_ctx`, `num_gpu`, `num_thread`); `keep_alive`, how long it stays in memory after one.
    """

    name: str
    version: str | None = None
    dialect: str
    evidence: str
    api: Api = "openai"
    options: dict[str, int] = {}
    keep_alive: str | None = None


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A place that answers. `base_url` ends in `/v1` (no trailing slash, no credentials); of a model in bench's own process it only names it.

    `device` says what really ran (`cpu`, `gpu: NVIDIA … (24 of 24 layers)`), and `placement` what showed it, where anything did; `owned` is true when
    bench started the process.
    """

    base_url: str
    served_model: str
    owned: bool
    pid: int | None = None
    load_s: float | None = None
    device: str | None = None
    placement: Placement | None = None
    runtime_version: str | None = None
    weights_digest: str | None = None
    server: Server | None = None  # None: nobody looked
    transport: Transport = "http"

    @property
    def api(self) -> Api:
        """What requests go by."""
        return self.server.api if self.server is not None else "openai"


def root_of(base_url: str) -> str:
    """Where a server's own paths begin: the base URL without the OpenAI part."""
    return base_url.rstrip("/").removesuffix("/v1").removesuffix("/openai").rstrip("/")


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """What bench ran to bring a model up, and what lets go of it: words with ports and paths in place, as the system got them.

    `environment`: what was set besides what every program inherits; the values of what sounds like a secret are `***`. `ready`: the address that told
    that it is up. `log`: the file in the run folder's `logs/`.
    """

    commands: tuple[tuple[str, ...], ...]
    environment: tuple[tuple[str, str], ...] = ()
    ready: str
    log: str


class ModelStatus(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one treatment: a line of `models.jsonl`; the last line of a (model_id, variant_id) holds.

    States: `served`; `unavailable` (not to be had here: no network, no extra, no GPU, nothing listening); `failed` (started and broke: out of
    memory, crash, unreadable weights); `skipped` (a stop rule or the user). `reason` and `hint` are for people. Sizes in bytes; `rss_*` is the
    resident size of the serving process tree; None where it is not ours to read.
    """

    model_id: str
    variant_id: str
    treatment_digest: str
    state: ModelState
    is_optional: bool = False
    reason: str | None = None
    hint: str | None = None
    endpoint: Endpoint | None = None
    download_s: float | None = None
    disk_bytes: int | None = None
    rss_loaded_bytes: int | None = None
    rss_peak_bytes: int | None = None
    gpu_bytes: int | None = None
    cpu_s: float | None = None  # CPU time of the serving process tree over its measured window
    notes: tuple[str, ...] = ()
    started: Started | None = None  # `runtime: command`


class ServingFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a runtime knows of a served model at this moment; the fields of `ModelStatus` of the same names."""

    download_s: float | None = None
    disk_bytes: int | None = None
    rss_loaded_bytes: int | None = None
    rss_peak_bytes: int | None = None
    gpu_bytes: int | None = None
    cpu_s: float | None = None
    notes: tuple[str, ...] = ()
    started: Started | None = None
