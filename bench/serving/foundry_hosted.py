"""A model of Foundry Local in a process of ours: found, downloaded, loaded and served by the SDK, one process for each treatment.

`load_s` is from the process's start until the model is ready, without what the catalogue, execution providers and the download took. Where it ran is
told with what shows it: a variant made for a GPU loads on the CPU without a word where its execution provider is absent.
"""

import re
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from bench.errors import ServingError
from bench.protocols import ServingContext
from bench.records.foundry import ExecutionProvider, FoundryCatalogue, FoundryVariant
from bench.records.plan import Treatment
from bench.records.serving import Endpoint, Placement, Server, ServingFacts
from bench.serving.digests import folder_digest
from bench.serving.foundry_choice import CPU_PROVIDER, choose, unheeded, wanted_device, wanted_name
from bench.serving.foundry_overlay import Overlay
from bench.serving.foundry_process import NETWORK, FoundryProcess, Refused, providers_of
from bench.serving.foundry_trouble import check_room, not_cached, not_downloaded, not_loaded
from bench.serving.process import log_path

_MOST_RESTARTS = 3
_TRIES, _PAUSE_S = 3, 2.0  # of a download
_STALLED_S, _LONGEST_S = 120.0, 24 * 3600.0  # a download that brings nothing, and one that ends at all
_REGISTER_S, _PATH_S, _UNLOAD_S = 1800.0, 10.0, 15.0
_BROKEN_LINE = re.compile(r"transport|connect|network|resolve|timed? ?out|tls|ssl|HTTP 5\d\d|HTTP 429", re.IGNORECASE)
# A part of the file name of each execution provider's library. Source: the names in the packages onnxruntime, onnxruntime-gpu and the SDK's wheel.
_LIBRARIES = {"cuda": "cuda", "webgpu": "webgpu", "openvino": "openvino", "qnn": "qnn", "vitisai": "vitis", "dml": "directml", "tensorrt": "tensorrt"}


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """What was found and made ready before the model is loaded. `before_s`: seconds that are no part of loading."""

    variant: FoundryVariant
    catalogue: FoundryCatalogue
    folder: Path
    before_s: float
    download_s: float | None = None
    notes: tuple[str, ...] = ()
    overlay: Overlay | None = None  # settings of its own, beside the cache


def host(treatment: Treatment, context: ServingContext) -> "ServedByFoundry":
    """A model that is ready to answer.

    Raises: SdkMissing; ServingError, `unavailable` for what is not to be had here, `failed` for what breaks.
    """
    log = log_path(treatment, context)
    process, overlay = FoundryProcess(context, log), None
    try:
        prepared = _prepare(process, treatment, context)
        if treatment.threads is not None or treatment.context is not None:
            _check_context(treatment, prepared.variant)
            overlay = Overlay(prepared.variant.id, prepared.folder, threads=treatment.threads, context=treatment.context)
            process.close()
            process = FoundryProcess(msgspec.structs.replace(context, offline=True), log, cache=overlay.cache)
            prepared = msgspec.structs.replace(prepared, before_s=0.0, overlay=overlay)
        answer = _load(process, treatment, prepared)
        return _with_digest(ServedByFoundry(process, treatment, prepared, answer), prepared, context)
    except BaseException:
        process.close()
        if overlay is not None:
            overlay.close()
        raise


def _check_context(treatment: Treatment, variant: FoundryVariant) -> None:
    if treatment.context is not None and variant.context is not None and treatment.context > variant.context:
        message = f"{variant.id} has a context of {variant.context} tokens, and `context:` asks for {treatment.context}"
        raise ServingError(message, hint=f"ask for at most {variant.context}", state="unavailable")


def _prepare(process: FoundryProcess, treatment: Treatment, context: ServingContext) -> Prepared:
    """Execution providers first: variants that need one are listed only once it is registered."""
    started_s = time.perf_counter()
    device, name = wanted_device(treatment), wanted_name(treatment)
    notes = register(process, context) if device != "cpu" else ()
    catalogue = process.catalogue()
    choice = choose(catalogue, name, device)
    download_s = None if choice.variant.is_cached else fetch(process, choice.variant, catalogue, context)
    folder = _ask(process, "path", _PATH_S, choice.variant)["path"]
    return Prepared(
        variant=choice.variant,
        catalogue=catalogue,
        folder=Path(folder),
        before_s=time.perf_counter() - started_s,
        download_s=download_s,
        notes=(*notes, *choice.notes),
    )


def register(process: FoundryProcess, context: ServingContext) -> tuple[str, ...]:
    """Register what this machine can use. What fails is noted: a variant that needs it will say so itself when it is loaded."""
    missing = [provider.name for provider in process.providers() if not provider.is_registered]
    if not missing:
        return ()

    def progress(percent: float, what: str) -> None:
        context.progress(f"register {what}", int(percent), 100)

    try:
        process.ask("register", within_s=_REGISTER_S, progress=progress, names=missing)
    except Refused as error:
        return (f"execution providers could not be registered ({', '.join(missing)}): {error.words}",)
    return ()


def fetch(process: FoundryProcess, variant: FoundryVariant, catalogue: FoundryCatalogue, context: ServingContext) -> float:
    """Download a variant, some times more where the line breaks. Returns the seconds it took.

    Raises: ServingError, `unavailable`. An interrupt cancels the download; the SDK goes on with what is there, or begins anew, as it can.
    """
    if catalogue.unreachable:
        raise not_cached(variant, catalogue, is_offline=context.offline)
    check_room(variant, catalogue)
    started_s = time.perf_counter()
    total = variant.size_bytes

    def progress(percent: float, _what: str) -> None:
        done = int(percent / 100 * total) if total else int(percent)
        context.progress(f"download {variant.id}", done, total or 100)

    for turn in range(1, _TRIES + 1):
        context.progress(f"download {variant.id}", 0, total)
        try:
            process.ask("pull", within_s=_LONGEST_S, progress=progress, stalled_s=_STALLED_S, model=variant.id)
        except Refused as error:
            is_line = error.code == NETWORK or _BROKEN_LINE.search(error.words) is not None
            if not is_line or turn == _TRIES:
                raise not_downloaded(variant, error, turn) from error
            time.sleep(_PAUSE_S * turn)
        else:
            break
    return time.perf_counter() - started_s


def _ask(process: FoundryProcess, do: str, within_s: float, variant: FoundryVariant) -> dict[str, Any]:
    try:
        return process.ask(do, within_s=within_s, model=variant.id)
    except Refused as error:
        raise ServingError(f"Foundry Local has no files of {variant.id}: {error.words}", hint="remove it and fetch it again") from error


def _load(process: FoundryProcess, treatment: Treatment, prepared: Prepared) -> dict[str, Any]:
    variant = prepared.variant
    try:
        return process.ask("load", within_s=treatment.model.load_timeout_s, model=variant.id)
    except Refused as error:
        raise not_loaded(variant, error, prepared.catalogue, process.process.log) from error


class ServedByFoundry:
    """A model in our process, answering over the SDK's own web service."""

    def __init__(self, process: FoundryProcess, treatment: Treatment, prepared: Prepared, answer: dict[str, Any]) -> None:
        """Take what was loaded. Raises: ServingError when it does not run where it was asked to."""
        self._foundry = process
        self._prepared = prepared
        self._load_timeout_s = treatment.model.load_timeout_s
        self._restarts: list[str] = []
        self._address = str(answer["url"]).rstrip("/")
        self._disk_bytes = size_of(prepared.folder)
        self._is_closed = False
        self._parting: tuple[str, ...] = ()
        self.credential: str | None = None
        placement, unknown = what_ran(prepared.variant, answer, wanted_device(treatment))
        self._notes = (*prepared.notes, *unheeded(treatment, is_ours=True), *((unknown,) if unknown else ()))
        self.endpoint = Endpoint(
            base_url=f"{self._address}/v1",
            served_model=prepared.variant.id,
            owned=True,
            pid=process.process.pid,
            load_s=process.process.mark_loaded() - prepared.before_s,
            device=f"{placement.on} ({placement.name})" if placement is not None else None,
            placement=placement,
            runtime_version=f"Foundry Local SDK {process.sdk}",
            server=Server(name="Foundry Local", version=process.sdk, dialect="foundry-local", evidence="bench started it"),
        )

    def facts(self) -> ServingFacts:
        """Memory, CPU time since loading, and sizes as of now."""
        child = self._foundry.process
        restarts = tuple(f"its service was restarted after: {why}" for why in self._restarts)
        return ServingFacts(
            download_s=self._prepared.download_s,
            disk_bytes=self._disk_bytes,
            rss_loaded_bytes=child.rss_loaded_bytes,
            rss_peak_bytes=child.rss_peak_bytes(),
            cpu_s=child.cpu_s(),
            notes=(*self._notes, *restarts),
        )

    def death(self) -> str | None:
        """Why the process is gone, or None while it lives."""
        return self._foundry.process.death()

    def restart(self, why: str) -> bool:
        """Close and open the SDK again, with the same model at the same address; at most three times. False where that did not help."""
        if self.death() is not None or len(self._restarts) == _MOST_RESTARTS:
            return False
        self._restarts.append(why)
        try:
            answer = self._foundry.ask("restart", within_s=self._load_timeout_s, model=self._prepared.variant.id)
        except (Refused, ServingError):
            self._foundry.close()  # what cannot be started again is dead, and its trials stay pending
            return False
        return str(answer["url"]).rstrip("/") == self._address

    def close(self) -> None:
        """Unload the model, then end the process."""
        if not self._is_closed and self.death() is None:
            self._is_closed = True
            try:
                self._foundry.ask("unload", within_s=_UNLOAD_S, model=self._prepared.variant.id)
            except (Refused, ServingError) as error:
                self._parting = (f"it could not be unloaded, so its process was ended: {error}",)
            finally:  # also where a second Ctrl-C does not wait for the unloading
                self._end()
        else:
            self._end()

    def parting(self) -> tuple[str, ...]:
        """What went amiss while it was unloaded."""
        return self._parting

    def _end(self) -> None:
        self._foundry.close()
        if self._prepared.overlay is not None:
            self._prepared.overlay.close()


def what_ran(variant: FoundryVariant, answer: dict[str, Any], device: str) -> tuple[Placement | None, str | None]:
    """On what the model runs with what shows it; None, and why, where nothing does.

    Raises: ServingError when another device was demanded than can be shown.
    """
    providers, libraries = providers_of(answer), [str(name) for name in answer["libraries"]]
    asked = [str(name) for name in answer["asked_providers"]]
    name = variant.execution_provider
    if variant.device in {None, "cpu"} and not asked:
        others = f"its settings ask for no other provider; others registered: {_registered(providers) or 'none'}"
        return Placement(on="cpu", name=CPU_PROVIDER, evidence=others), None
    if variant.device in {"gpu", "npu"} and name is not None and (shown := _shown(name, providers, libraries)) is not None:
        return Placement(on="npu" if variant.device == "npu" else "gpu", name=name, evidence=shown), None
    made = f"{variant.id} was made for {variant.device or 'no named device'} ({name})" + (
        f", its settings ask for {', '.join(asked)}" if asked else ""
    )
    why = f"{made}, but nothing shows where it runs: registered providers: {_registered(providers) or 'none'}"
    if device == "auto":
        return None, why
    hint = "without its execution provider such a variant loads on the CPU without a word; use `device: cpu` for that"
    raise ServingError(why, hint=hint, state="unavailable")


def _registered(providers: list[ExecutionProvider]) -> str:
    return ", ".join(provider.name for provider in providers if provider.is_registered)


def _shown(name: str, providers: list[ExecutionProvider], libraries: list[str]) -> str | None:
    """What shows that this execution provider runs the model: its library in the process; where the system does not tell those, its registration."""
    kind = name.lower().removesuffix("executionprovider")
    part = next((part for start, part in _LIBRARIES.items() if start in kind), kind)
    found = [library for library in libraries if part in library.lower() and "provider" in library.lower()]
    if found:
        return f"{found[0]} is loaded in its process"
    is_registered = any(provider.name == name and provider.is_registered for provider in providers)
    return f"{name} is registered" if is_registered and sys.platform != "linux" else None


def _with_digest(served: ServedByFoundry, prepared: Prepared, context: ServingContext) -> ServedByFoundry:
    """The same with what its files are known by. Taken only now that it is loaded: to read them before would warm its load."""
    served.endpoint = msgspec.structs.replace(served.endpoint, weights_digest=digest_of(prepared.variant, prepared.folder, context))
    return served


def digest_of(variant: FoundryVariant, folder: Path, context: ServingContext) -> str | None:
    """The digest of all files of a cached variant; None where they cannot be read."""
    try:
        return folder_digest(folder, variant.id, context)
    except OSError:
        return None


def size_of(folder: Path) -> int | None:
    """What the files of a model take, links followed. Unit: bytes."""
    try:
        return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) or None
    except OSError:
        return None
