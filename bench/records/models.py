"""What `bench models` tells: models by their source, those of a spec, one of them in full, and whether each of a spec's answers."""

from typing import Any, Literal

import msgspec

from bench.records.exchange import Transport
from bench.records.foundry import ExecutionProvider, FoundryVariant
from bench.records.serving import Placement, Server
from bench.records.weights import CacheEntry

Role = Literal["model", "judge"]
Outlook = Literal["ready", "to fetch", "to start", "unavailable", "unknown"]
CheckState = Literal["answered", "unanswered", "unavailable", "failed", "skipped"]


class WeightsList(msgspec.Struct, frozen=True, kw_only=True):
    """Bench's own cache of weights: its folder and files."""

    folder: str
    files: tuple[CacheEntry, ...]


class FoundryList(msgspec.Struct, frozen=True, kw_only=True):
    """Foundry Local's catalogue and cache. `reason` and `hint`: why nothing can be listed, or only what an earlier reading left.

    `cache` is the folder that BENCH_FOUNDRY_CACHE names; None: the SDK's own.
    """

    cache: str | None
    sdk: str | None = None
    variants: tuple[FoundryVariant, ...] = ()
    providers: tuple[ExecutionProvider, ...] = ()
    reason: str | None = None
    hint: str | None = None


class ServerList(msgspec.Struct, frozen=True, kw_only=True):
    """What a server offers, and what software it is, as it told. Names are the server's words."""

    base_url: str
    server: Server | None
    models: tuple[str, ...]


class SpecModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model of a spec as it stands before anything is fetched or started, once for each way in which variants have it served.

    `source` is where it comes from; states: `ready`; `to fetch`; `to start` (a command's program is there); `unavailable`; `unknown` (only bringing
    it up would show). `bytes`: on this machine's disk, or of the download where its source says so.
    """

    model_id: str
    variants: tuple[str, ...]
    role: Role
    runtime: str
    source: str
    state: Outlook
    is_optional: bool = False
    bytes: int | None = None
    reason: str | None = None
    hint: str | None = None


class ModelList(msgspec.Struct, frozen=True, kw_only=True):
    """The output of `bench models list --format json`: what was asked for, null what was not."""

    weights: WeightsList | None = None
    foundry: FoundryList | None = None
    server: ServerList | None = None
    spec: tuple[SpecModel, ...] | None = None


class WeightsDetails(msgspec.Struct, frozen=True, kw_only=True):
    """A file of bench's cache, with what its header says where it is GGUF; `note`: why that cannot be read."""

    entry: CacheEntry
    gguf: dict[str, Any] = {}
    note: str | None = None


class FoundryDetails(msgspec.Struct, frozen=True, kw_only=True):
    """A variant of Foundry Local; of a cached one its folder, size on disk and digest (that of `Endpoint.weights_digest`)."""

    variant: FoundryVariant
    folder: str | None = None
    disk_bytes: int | None = None
    digest: str | None = None


class ServedDetails(msgspec.Struct, frozen=True, kw_only=True):
    """A model that a running server offers; `context` in tokens, None where the server does not say."""

    base_url: str
    name: str
    server: Server | None
    context: int | None = None


class ModelDetails(msgspec.Struct, frozen=True, kw_only=True):
    """The output of `bench models show --format json`: one of these, null the others."""

    weights: WeightsDetails | None = None
    foundry: tuple[FoundryDetails, ...] | None = None
    server: ServedDetails | None = None


class ModelCheck(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one model of a spec when it was brought up, asked one short question and put away.

    States: `answered`; `unanswered` (it came up, and gave no answer); `unavailable`, `failed`, `skipped` as in a run. `is_listed`: whether its
    server's list of models names it; None where it has none. `is_unloaded`: whether its process is gone; None where it is not bench's. `answer` is
    the beginning of what it said, as it came. Sizes in bytes, times in seconds.
    """

    model_id: str
    variants: tuple[str, ...]
    role: Role
    runtime: str
    state: CheckState
    is_optional: bool = False
    reason: str | None = None
    hint: str | None = None
    served_model: str | None = None
    server: Server | None = None
    transport: Transport | None = None
    is_listed: bool | None = None
    is_unloaded: bool | None = None
    device: str | None = None
    placement: Placement | None = None
    weights_digest: str | None = None
    download_s: float | None = None
    load_s: float | None = None
    answer_s: float | None = None
    disk_bytes: int | None = None
    rss_loaded_bytes: int | None = None
    rss_peak_bytes: int | None = None
    gpu_bytes: int | None = None
    answer: str | None = None
    notes: tuple[str, ...] = ()


class CheckReason(msgspec.Struct, frozen=True, kw_only=True):
    """Why a check does not exit with 0: one exit code, and what asks for it. What happened to the model stands in its row."""

    code: int
    message: str


class CheckReport(msgspec.Struct, frozen=True, kw_only=True):
    """The output of `bench models check --format json`. `reasons`: why the exit code is not 0; `logs`: servers' logs, kept where one had trouble."""

    spec: str
    models: tuple[ModelCheck, ...]
    exit_code: int
    reasons: tuple[CheckReason, ...] = ()
    logs: str | None = None
