"""A stand-in for Foundry Local's SDK: what cannot be had on a machine without network, GPU or patience, by a script in the environment (STANDIN).

generation      1 or 2: 1 cannot be closed and opened again, and knows no `catalog_urls`
models          [{id, alias, device, provider, cached, path, …}]
providers       {name: registered}; registering one makes it so, unless it is in `unregistrable`
breaks          {what: [words, code] | "kill" | "memory"}: what goes wrong at load, unload, download, list; a download breaks `times`
breaks_after    completions until the service says 500; opening it again mends it
slow            seconds between two steps of a download
"""

import json
import os
import signal
import time
from types import SimpleNamespace
from urllib.parse import urlsplit

from harness.foundry_web import Service

from foundry_local_sdk.exception import FoundryLocalException
from foundry_local_sdk.version import __version__ as __version__

SCRIPT = json.loads(os.environ.get("STANDIN", "{}"))
GENERATION = SCRIPT.get("generation", 2)
REGISTERED = dict(SCRIPT.get("providers", {}))
DONE = {}  # how often something was tried
DOWNLOADED = set()
FIELDS = ("license", "task", "publisher", "context_length", "max_output_tokens", "capabilities", "file_size_mb", "supports_tool_calling")


def breaks(what):
    wrong = SCRIPT.get("breaks", {}).get(what)
    DONE[what] = DONE.get(what, 0) + 1
    if wrong == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if wrong == "memory":
        raise MemoryError("std::bad_alloc")
    if wrong is not None and DONE[what] <= (wrong[2] if len(wrong) > 2 else 1000):
        raise FoundryLocalException(wrong[0], error_code=wrong[1])


class Configuration:
    class WebService:
        def __init__(self, urls=None, external_url=None):
            self.urls, self.external_url = urls, external_url

    if GENERATION == 1:

        def __init__(self, *, app_name, model_cache_dir=None, logs_dir=None, web=None):
            self.app_name, self.web, self.model_cache_dir, self.logs_dir = app_name, web, model_cache_dir, logs_dir

    else:

        def __init__(self, *, app_name, model_cache_dir=None, logs_dir=None, web=None, catalog_urls=None, disable_nonessential_telemetry=False):
            assert disable_nonessential_telemetry
            self.app_name, self.web, self.model_cache_dir, self.logs_dir = app_name, web, model_cache_dir, logs_dir
            self.catalog_urls = catalog_urls


class Model:
    def __init__(self, manager, told):
        self._manager, self._told = manager, told
        self.id, self.alias = told["id"], told["alias"]
        self.variants = [self]
        name, _, version = self.id.rpartition(":")
        runtime = SimpleNamespace(device_type=told.get("device"), execution_provider=told.get("provider")) if "device" in told else None
        more = {field: told.get(field) for field in FIELDS}
        self.info = SimpleNamespace(id=self.id, name=name, version=int(version), alias=self.alias, runtime=runtime, **more)

    @property
    def is_cached(self):
        return self._told.get("cached", True) or self.id in DOWNLOADED

    @property
    def is_loaded(self):
        return self.id in self._manager.service_loaded

    def download(self, progress_callback=None, cancel_event=None):
        for percent in (0.0, 50.0, 100.0):
            if cancel_event.is_set():
                raise FoundryLocalException("cancelled", error_code=5)
            progress_callback(percent)
            if percent == 50.0:
                breaks("download")
            time.sleep(SCRIPT.get("slow", 0.0))
        DOWNLOADED.add(self.id)

    def get_path(self):
        if not self.is_cached:
            raise FoundryLocalException("Model path does not exist", error_code=4)
        return self._told.get("path", self._manager.config.model_cache_dir)

    def load(self):
        breaks("load")
        provider = self._told.get("provider")
        if provider not in {None, "CPUExecutionProvider", "GenericExecutionProvider"} and not REGISTERED.get(provider):
            words = f"model_load_manager.cc:228 fl::LoadModel(std::string_view) model '{self.id}' requires {provider} which is not registered."
            raise FoundryLocalException(words, error_code=4)
        self._manager.service_loaded.append(self.id)

    def unload(self):
        breaks("unload")
        self._manager.service_loaded.remove(self.id)

    def remove_from_cache(self):
        self._told["cached"] = False
        DOWNLOADED.discard(self.id)


class Catalog:
    def __init__(self, manager):
        self._manager = manager

    def list_models(self):
        breaks("list")
        for words in SCRIPT.get("says", []):
            print(words, flush=True)  # noqa: T201 - as the SDK: the native log goes to standard output
        listed = [told for told in SCRIPT.get("models", []) if told.get("needs") is None or REGISTERED.get(told["needs"])]
        models = [Model(self._manager, told) for told in listed]
        grouped = {}
        for model in models:
            grouped.setdefault(model.alias, []).append(model)
        for group in grouped.values():
            group[0].variants = group
        return [group[0] for group in grouped.values()]

    def get_cached_models(self):
        return [variant for model in self.list_models() for variant in model.variants if variant.is_cached]

    def get_loaded_models(self):
        return []


class FoundryLocalManager:
    instance = None

    def __init__(self, config):
        if FoundryLocalManager.instance is not None:
            raise FoundryLocalException("FoundryLocalManager is a singleton and has already been initialized.")
        breaks("open")
        self.config, self.urls, self._service = config, None, None
        self.service_loaded = []
        self.catalog = Catalog(self)
        FoundryLocalManager.instance = self

    @staticmethod
    def initialize(config):
        FoundryLocalManager(config)

    def discover_eps(self):
        return [SimpleNamespace(name=name, is_registered=is_registered) for name, is_registered in REGISTERED.items()]

    def download_and_register_eps(self, names=None, progress_callback=None):
        for name in names:
            progress_callback(name, 50.0)
            if name in SCRIPT.get("unregistrable", []):
                raise FoundryLocalException(f"{name} cannot be fetched", error_code=6)
            REGISTERED[name] = True

    def start_web_service(self):
        wanted = urlsplit(self.config.web.urls).port if self.config.web is not None else 0
        ids = [told["id"] for told in SCRIPT.get("models", [])]
        self._service = Service(ids, generation=GENERATION, breaks_after=SCRIPT.get("breaks_after"), port=wanted)
        self._service.loaded = self.service_loaded
        self.urls = [self._service.url]

    def stop_web_service(self):
        self._service.close()

    if GENERATION == 2:

        def close(self):
            breaks("close")
            self._service.close()
            FoundryLocalManager.instance = None
