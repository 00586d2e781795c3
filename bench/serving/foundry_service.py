"""A Foundry Local service that already runs, and is not ours: 1.x or 2.x, started by its command or by another program.

The service of 2.x answers to exact names (`name:version`) only, while an alias serves only to load; that of 1.x takes either. An alias need not begin
a name, so what it means is found by loading it and looking which name is new. On what a model runs such a service does not tell: what its
catalogue says is read from the model cache that it names, where that lies on this machine; else only the name is left, and is marked as that.
"""

import json
import re
import time
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from msgspec.structs import replace

from bench.errors import ServingError
from bench.protocols import ServingContext
from bench.records.plan import Treatment
from bench.records.serving import Endpoint, Server, ServingFacts
from bench.records.spec import ModelSpec
from bench.serving.external import ServedElsewhere, normalise
from bench.serving.foundry_choice import unheeded, wanted_device
from bench.serving.foundry_files import served_digest
from bench.serving.foundry_process import plain
from bench.serving.probe import Reply, Silence, get, model_ids, names
from bench.serving.process_tree import ProcessTree

# Source: names of Foundry Local's catalogue, e.g. phi-4-mini-instruct-cuda-gpu:5 (read 2026-11-22).
_DEVICE = re.compile(r"-(?P<backend>[a-z0-9]+)-(?P<device>cpu|gpu|npu)(:\d+)?$")
_CATALOGUE = "foundry.modelinfo.json"  # in the model cache; what the service itself reads when it cannot reach the network
_MOST_BYTES = 32 << 20
_UNLOADS = 5  # a service may still count a stream that has just ended
_MOST_SAID = 1000  # bytes of a refusal that is no JSON
_LOAD_IT = (
    "a service that runs already loads by alias and takes the variant itself: load this one there first (`foundry model load`; it may have to be "
    "downloaded), or name no service, so that bench hosts it (extra `foundry`)"
)
_LIST_S = 8.0  # without a network the service itself first waits for its catalogue

Devices = dict[str, tuple[str, str | None]]
"""Of each name in the catalogue the device and the execution provider that it was made for."""


def serve_running(address: str, treatment: Treatment, hint: str, context: ServingContext) -> "ServedFoundry":
    """Find the service, find the model's exact name, load it if it is not loaded.

    Raises: ServingError, `unavailable` when it is not there or has no such model.
    """
    model = treatment.model
    root = normalise(address, model.id).removesuffix("/v1")
    status = get(f"{root}/status")
    listing = get(f"{root}/v1/models", within_s=_LIST_S)
    offered = model_ids(listing.value()) if isinstance(listing, Reply) and listing.status == 200 else None
    if offered is None:
        said = listing.detail if not isinstance(listing, Reply) else f"it answered {listing.status}"
        advice = f"start it and read its address from `foundry status`; its port changes, so {hint}"
        raise ServingError(f"no Foundry Local service answers on {root}: {said}", hint=advice, state="unavailable")
    listed = _catalogue(root, status)
    devices = _devices(listed)
    if model.alias is None and (alias := next((entry.get("alias") for entry in listed if entry.get("id") == model.model), None)) is not None:
        model = replace(model, alias=str(alias))  # 2.x loads by alias only
    exact, load_s = _loaded(root, model, offered, (wanted_device(treatment), devices))
    pid, cache = _pid(root, status), _of_this_machine(root, status).get("modelCachePath")
    since = None if load_s is not None else pid
    is_known = isinstance(cache, str) and (load_s is not None or pid is not None)
    endpoint = Endpoint(
        base_url=f"{root}/v1",
        served_model=exact,
        owned=False,
        pid=pid,
        weights_digest=served_digest(str(cache), exact, since, context) if is_known else None,
        load_s=load_s,
        device=device_of(exact, devices),
        runtime_version="Foundry Local",
        server=Server(name="Foundry Local", dialect="foundry-local", evidence=_evidence(status)),
    )
    notes = unheeded(treatment, is_ours=False)
    return ServedFoundry(endpoint, root, (model.alias or exact) if load_s is not None else None, notes)


class ServedFoundry(ServedElsewhere):
    """A model in a service that is not ours. What we loaded we also unload."""

    def __init__(self, endpoint: Endpoint, root: str, loaded_alias: str | None, notes: tuple[str, ...] = ()) -> None:
        """Note where it is, and whether to unload it."""
        shared = ("memory is that of the whole Foundry Local service, with every model it has loaded",) if endpoint.pid else ()
        super().__init__(endpoint, None, (*shared, *notes))
        self._root = root
        self._loaded_alias = loaded_alias
        self._tree = ProcessTree(endpoint.pid, spawns=False) if endpoint.pid is not None else None
        self._rss_loaded = self._tree.rss_bytes() if self._tree is not None else None
        self._cpu_loaded_s = (self._tree.cpu_s() if self._tree is not None else None) or 0.0

    def facts(self) -> ServingFacts:
        """Memory and CPU time of the service's process as of now."""
        if self._tree is None:
            return super().facts()
        cpu_s = self._tree.cpu_s()
        return ServingFacts(
            rss_loaded_bytes=self._rss_loaded,
            rss_peak_bytes=self._tree.root_peak_bytes(),
            cpu_s=cpu_s - self._cpu_loaded_s if cpu_s is not None else None,
            notes=self._notes,
        )

    def close(self) -> None:
        """Unload the model if bench loaded it."""
        alias, self._loaded_alias = self._loaded_alias, None
        if alias is not None:
            _unload(self._root, alias)


def device_of(exact: str, devices: Devices) -> str | None:
    """What the catalogue, else the name, says of the device, marked as that: a `generic-gpu` model may well run elsewhere."""
    if (told := devices.get(exact)) is not None:
        return f"{told[0]} ({told[1] or 'provider unknown'}, by its catalogue)"
    found = _DEVICE.search(exact.lower())
    return f"{found['device']} ({found['backend']}, by its name)" if found is not None else None


def _catalogue(root: str, status: Reply | Silence) -> list[dict[str, Any]]:
    """The entries of the catalogue in the model cache that the service names, where the service runs on this machine."""
    told = _of_this_machine(root, status)
    folder = told.get("modelCachePath")
    if not isinstance(folder, str):
        return []
    try:
        with (Path(folder) / _CATALOGUE).open("rb") as stream:
            listed = json.loads(stream.read(_MOST_BYTES))["models"]
        return [entry for entry in listed if isinstance(entry, dict)]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return []


def _devices(listed: list[dict[str, Any]]) -> Devices:
    try:
        return {
            str(entry["id"]): (str(entry["runtime"]["deviceType"]).lower(), str(entry["runtime"]["executionProvider"]))
            for entry in listed
            if isinstance(entry.get("runtime"), dict) and entry["runtime"].get("deviceType")
        }
    except LookupError:
        return {}


def _loaded(root: str, model: ModelSpec, offered: tuple[str, ...], wanted: tuple[str, Devices]) -> tuple[str, float | None]:
    """The exact name of the loaded model, and the seconds it took to load; None when it was loaded before.

    Raises: ServingError when it cannot be loaded, is not on the wanted device, or its name stays unclear.
    """
    asked = model.model or model.alias or model.id
    if model.model is not None and model.model not in offered:
        raise _unknown(root, asked, offered)
    before = _loaded_names(root)
    if model.model in before:
        return _on_device(str(model.model), wanted, offered), None
    started = time.perf_counter()
    answer = get(f"{root}/models/load/{quote(model.alias or asked, safe='')}", within_s=model.load_timeout_s)
    load_s = time.perf_counter() - started
    if isinstance(answer, Reply) and answer.status == 404:
        raise _unknown(root, asked, offered)
    if not isinstance(answer, Reply) or answer.status >= 400:
        said = answer.detail if not isinstance(answer, Reply) else f"{answer.status} {_said(answer)}"
        raise ServingError(f"Foundry Local does not load {asked!r}: {said}", hint=_LOAD_IT)
    after = _loaded_names(root)
    new = [name for name in after if name not in before]
    found = new or list(after)  # nothing new: it was loaded before
    if len(new) == 1 and model.model not in {None, new[0]}:
        _unload(root, model.alias or asked)
        raise ServingError(f"Foundry Local loads {new[0]} for {model.alias!r}, not {model.model}", hint=_LOAD_IT, state="unavailable")
    if len(found) != 1 or model.model not in {None, found[0]}:
        hint = f"set `model:` to one of them; loaded: {', '.join(after) or 'none'}"
        raise ServingError(f"which loaded model {asked!r} means is unclear", hint=hint, state="unavailable")
    try:
        return _on_device(found[0], wanted, offered), load_s if new else None
    except ServingError:
        if new:
            _unload(root, model.alias or asked)
        raise


def _unload(root: str, alias: str) -> None:
    for _ in range(_UNLOADS):
        reply = get(f"{root}/models/unload/{quote(alias, safe='')}", within_s=10.0)
        if not isinstance(reply, Reply) or reply.status < 400:
            return
        time.sleep(0.3)


def _on_device(exact: str, wanted: tuple[str, Devices], offered: tuple[str, ...]) -> str:
    """The name, where it is for the wanted device. Raises: ServingError where it is not."""
    device, devices = wanted

    def made_for(name: str) -> str | None:
        found = _DEVICE.search(name.lower())
        return devices[name][0] if name in devices else found["device"] if found is not None else None

    if device in {"auto", made_for(exact)}:
        return exact
    stem = _DEVICE.sub("", exact.lower())
    others = [name for name in offered if _DEVICE.sub("", name.lower()) == stem and made_for(name) == device]
    hint = (
        f"load {others[0]} with `foundry model load` and set `model: {others[0]}`"
        if others
        else "its GPU and NPU variants show only once they can run here"
    )
    by = "its catalogue" if exact in devices else "its name"
    raise ServingError(f"Foundry Local serves {exact}, which by {by} does not run on device {device!r}", hint=hint, state="unavailable")


def _loaded_names(root: str) -> tuple[str, ...]:
    reply = get(f"{root}/models/loaded")
    return names(reply.value()) if isinstance(reply, Reply) and reply.status == 200 else ()


def _said(answer: Reply) -> str:
    """The words of a refusal."""
    told = answer.value()
    error = told.get("error") if isinstance(told, dict) else None
    message = error.get("message") if isinstance(error, dict) else None
    return plain(message if isinstance(message, str) else answer.body[:_MOST_SAID].decode(errors="replace"))


def _of_this_machine(root: str, status: Reply | Silence) -> dict[str, object]:
    """What the service tells of itself, if it is one of this machine."""
    told = status.value() if isinstance(status, Reply) and urlsplit(root).hostname in {"localhost", "127.0.0.1", "::1"} else None
    return told if isinstance(told, dict) else {}


def _evidence(status: Reply | Silence) -> str:
    """What shows that it is Foundry Local; no service tells its version."""
    told = status.value() if isinstance(status, Reply) and status.status == 200 else None
    says_so = isinstance(told, dict) and "modelCachePath" in told
    return "GET /status" if says_so else "`runtime: foundry-local` of the spec; its `/status` does not say so"


def _pid(root: str, status: Reply | Silence) -> int | None:
    pid = _of_this_machine(root, status).get("pid")
    return pid if isinstance(pid, int) and pid > 0 else None


def _unknown(root: str, asked: str, offered: tuple[str, ...]) -> ServingError:
    near = get_close_matches(asked, offered, n=3, cutoff=0.4) or list(offered[:8])
    hint = f"near: {', '.join(near)}" if near else "its catalogue is empty: it needs the network once, or a cached model"
    return ServingError(f"Foundry Local on {root} knows no model {asked!r}", hint=hint, state="unavailable")
