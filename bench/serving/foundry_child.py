"""Foundry Local's SDK in a process of its own. Run as a file: `python -P foundry_child.py`, with its settings as JSON in the environment.

Says `{"hello": {…}}` (or `{"missing": "why"}`, `{"broken": "why"}`), then does what it hears on standard input, a JSON line each, one after another:
`{"id": 1, "do": "list"}` is answered by `{"reply 1": {…}}`, or by `{"reply 1": {"error": "why", "code": 4}}`; `{"progress": {…}}` comes in between.
`{"do": "cancel"}` ends a download. When standard input closes, so does the process. The only file that imports foundry_local_sdk (extra `foundry`).
Written for what versions 1 and 2 of the SDK share. Imports nothing of bench, so that the memory measured is the model's and the runtime's.
"""

import importlib.metadata
import inspect
import json
import os
import queue
import re
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

SETTINGS = "BENCH_FOUNDRY"  # the environment name
_UNLOADS, _UNLOAD_PAUSE_S = 10, 0.2  # the SDK may still count a stream that has just ended
_PROVIDER_FILES = re.compile(r"providers?_|cuda|cudnn|tensorrt|webgpu|dawn|openvino|qnn|vitis|directml|metal", re.IGNORECASE)
_NO_CATALOGUE = "/asset-gallery/v1.0/models"  # the path that the SDK demands of a catalogue's address
_NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"


class Host:
    """The SDK, opened on one model cache."""

    def __init__(self, sdk: Any, asked: dict[str, Any], tell: Callable[..., None]) -> None:
        """Open it. `broken`: what the SDK may raise."""
        self._sdk = sdk
        self.broken = _broken()
        self._asked = asked
        self._tell = tell
        self._cancel = threading.Event()
        self._manager: Any = None
        self._open(
            None if hasattr(sdk.FoundryLocalManager, "close") else f"http://127.0.0.1:{_free_port()}"
        )  # 1.x cannot open again on the same port

    def _open(self, url: str | None) -> None:
        sdk, asked = self._sdk, self._asked
        more: dict[str, Any] = {}
        known = inspect.signature(sdk.Configuration.__init__).parameters
        if "disable_nonessential_telemetry" in known:
            more["disable_nonessential_telemetry"] = True  # what it would send is no part of a measurement
        if asked["offline"] and "catalog_urls" in known:
            more["catalog_urls"] = [(f"http://127.0.0.1:{_refusing_port()}{_NO_CATALOGUE}", None)]
        config = sdk.Configuration(
            app_name="bench",
            model_cache_dir=asked["cache"],
            logs_dir=asked["logs"],
            web=sdk.Configuration.WebService(urls=url) if url is not None else None,
            **more,
        )
        sdk.FoundryLocalManager.initialize(config)
        self._manager = sdk.FoundryLocalManager.instance

    def cancel(self) -> None:
        """End the download that is under way."""
        self._cancel.set()

    def do(self, what: str, message: dict[str, Any]) -> dict[str, Any]:
        """One thing that was asked for. Raises: what the SDK raises."""
        self._cancel.clear()
        if what == "list":
            return self._list()
        if what == "providers":
            return {"providers": self._providers()}
        if what == "register":
            return self._register(message["names"])
        of_a_model = {
            "pull": self._pull, "path": self._path, "load": self._load, "unload": self._unload, "remove": self._remove, "restart": self._restart,
        }  # fmt: skip
        return of_a_model[what](message["model"])

    def _pull(self, wanted: str) -> dict[str, Any]:
        self._variant(wanted).download(lambda percent: self._tell(progress=self._progress(wanted, percent)), self._cancel)
        return {"cancelled": self._cancel.is_set()}

    def _path(self, wanted: str) -> dict[str, Any]:
        return {"path": str(self._variant(wanted).get_path())}

    def _remove(self, wanted: str) -> dict[str, Any]:
        self._variant(wanted).remove_from_cache()
        return {}

    def _progress(self, what: str, percent: float) -> dict[str, Any]:
        if self._cancel.is_set():
            raise RuntimeError("cancelled")  # 1.x looks at its event between pieces only
        return {"what": what, "percent": float(percent)}

    def _models(self) -> Iterator[Any]:
        """One entry for each alias; models that the user registered are in a catalogue of their own."""
        yield from self._manager.catalog.list_models()
        if (kinds := getattr(self._sdk, "CatalogType", None)) is not None:
            yield from self._manager.get_catalog(kinds.LOCAL).list_models()

    def _list(self) -> dict[str, Any]:
        started = time.perf_counter()
        models = list(self._models())
        cached = {model.id for model in self._manager.catalog.get_cached_models()} if models else set()
        loaded = {model.id for model in self._manager.catalog.get_loaded_models()} if models else set()
        found: dict[str, dict[str, Any]] = {}
        for model in models:
            for variant in model.variants or [model]:
                told = _facts(variant.info)
                told |= {"cached": told["id"] in cached or bool(variant.is_cached), "loaded": told["id"] in loaded, "chosen": told["id"] == model.id}
                found.setdefault(told["id"], told)
        return {"variants": list(found.values()), "providers": self._providers(), "took_s": time.perf_counter() - started}

    def _providers(self) -> list[dict[str, Any]]:
        return [{"name": provider.name, "registered": bool(provider.is_registered)} for provider in self._manager.discover_eps()]

    def _register(self, names: list[str]) -> dict[str, Any]:
        started = time.perf_counter()
        self._manager.download_and_register_eps(names, lambda name, percent: self._tell(progress=self._progress(name, percent)))
        return {"providers": self._providers(), "took_s": time.perf_counter() - started}

    def _variant(self, wanted: str) -> Any:
        for model in self._models():
            for variant in model.variants or [model]:
                if variant.id == wanted:
                    return variant
        raise LookupError(f"{wanted} is not in the catalogue any more")

    def _load(self, wanted: str) -> dict[str, Any]:
        started = time.perf_counter()
        variant = self._variant(wanted)
        variant.load()
        loaded_s = time.perf_counter() - started
        self._manager.start_web_service()
        return {
            "url": self._manager.urls[0],
            "load_s": loaded_s,
            "providers": self._providers(),
            "libraries": _provider_libraries(),
            "asked_providers": _asked_providers(str(variant.get_path())),
        }

    def _unload(self, wanted: str) -> dict[str, Any]:
        for turn in range(_UNLOADS):
            try:
                self._variant(wanted).unload()
            except self.broken:
                if turn == _UNLOADS - 1:
                    raise
                time.sleep(_UNLOAD_PAUSE_S)
            else:
                return {"tries": turn + 1}
        return {}

    def _restart(self, wanted: str) -> dict[str, Any]:
        """The same model at the same address, from the ground up where the SDK can be closed."""
        url = self._manager.urls[0]
        if hasattr(self._manager, "close"):
            self._manager.close()
            self._open(url)
        else:
            self._manager.stop_web_service()
            self._unload(wanted)
        return self._load(wanted)


def _broken() -> tuple[type[Exception], ...]:
    from foundry_local_sdk.exception import FoundryLocalException  # noqa: PLC0415 - 1.x does not offer it at its top

    return (FoundryLocalException, RuntimeError, OSError, LookupError, ValueError, TypeError, AttributeError, MemoryError)


def _facts(info: Any) -> dict[str, Any]:
    runtime = info.runtime
    device = getattr(runtime, "device_type", None)
    words = ("id", "name", "version", "alias", "license", "task", "publisher", "context_length", "max_output_tokens", "capabilities")
    told = {word: getattr(info, word, None) for word in words}
    told["device"] = str(getattr(device, "value", device)).lower() if device is not None else None
    told["provider"] = getattr(runtime, "execution_provider", None) or None
    told["size_mb"] = info.file_size_mb
    told["tools"] = info.supports_tool_calling
    return told


def _provider_libraries() -> list[str]:
    """The names of execution providers' libraries in this process, where the system tells (Linux)."""
    try:
        lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    names = {line.rsplit("/", 1)[1] for line in lines if "/" in line}
    return sorted(name for name in names if _PROVIDER_FILES.search(name) and ".so" in name)


def _asked_providers(folder: str) -> list[str]:
    """The execution providers that the model's own settings ask for; none: the CPU's."""
    try:
        settings = json.loads((Path(folder) / "genai_config.json").read_text(encoding="utf-8"))
        options = settings["model"]["decoder"]["session_options"]["provider_options"]
        return [str(name) for option in options for name in option]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return []


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _refusing_port() -> int:
    """A catalogue that has nothing: without it the SDK tries to reach the network for four seconds before it takes what is cached."""
    listener = socket.create_server(("127.0.0.1", 0))

    def refuse() -> None:
        while True:
            asking, _ = listener.accept()
            with asking:
                asking.settimeout(1.0)
                try:
                    asking.recv(65536)
                    asking.sendall(_NOT_FOUND)
                except OSError:
                    continue

    threading.Thread(target=refuse, name="no catalogue", daemon=True).start()
    return int(listener.getsockname()[1])


def _version(sdk: Any) -> str:
    told = getattr(sys.modules.get("foundry_local_sdk.version"), "__version__", None) or getattr(sdk, "__version__", None)
    return str(told) if told else importlib.metadata.version("foundry-local-sdk")


def _work(host: Host, tell: Callable[..., None], heard: "queue.Queue[dict[str, Any]]") -> None:
    while True:
        message = heard.get()
        try:
            answer = host.do(message["do"], message)
        except host.broken as error:
            answer = {"error": str(error) or type(error).__name__, "code": getattr(error, "error_code", None), "kind": type(error).__name__}
        tell(**{f"reply {message['id']}": answer})


def main() -> None:
    """Open the SDK, say hello, do what is asked until nobody listens."""
    asked = json.loads(os.environ.pop(SETTINGS))
    out = os.dup(1)
    os.dup2(2, 1)  # what the SDK prints belongs in the log

    def tell(**message: object) -> None:
        os.write(out, (json.dumps(message) + "\n").encode())

    started = time.perf_counter()
    try:
        import foundry_local_sdk as sdk  # type: ignore[import-untyped, unused-ignore] # noqa: PLC0415 - a missing package is an answer here
    except ImportError as error:
        tell(missing=str(error))
        return
    try:
        host = Host(sdk, asked, tell)
    except _broken() as error:
        tell(broken=str(error) or type(error).__name__)
        return
    tell(hello={"sdk": _version(sdk), "took_s": time.perf_counter() - started})
    heard: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_work, args=(host, tell, heard), name="sdk", daemon=True).start()
    for line in sys.stdin:
        message = json.loads(line)
        if message["do"] == "cancel":
            host.cancel()
        else:
            heard.put(message)
    os._exit(0)  # the guardian ends what is left; the SDK's own farewell may wait for streams


if __name__ == "__main__":
    main()
