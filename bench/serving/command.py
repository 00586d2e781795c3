"""Any server command: `vllm serve …`, `ollama serve`, `llama-server …`. A spec that names one runs a program, so it needs `--allow-commands`.

No shell: `{port}` and `{weights}` are replaced inside each word of the command, in the values of `environment:` and in `base_url:`. The program sees
a minimal environment and what the entry adds.
"""

import re
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from msgspec.structs import replace

from bench.errors import ServingError
from bench.protocols import Served, ServingContext
from bench.records.plan import Treatment
from bench.records.serving import Endpoint, ServingFacts
from bench.records.spec import ModelSpec
from bench.records.weights import WeightsFile
from bench.serving.dialect import server_at
from bench.serving.external import choose, normalise, read_credential
from bench.serving.gpu_words import gpu_words, wanted_gpu
from bench.serving.ollama import loaded_at
from bench.serving.placement import first, from_log, from_machine, settled
from bench.serving.probe import Reply, get
from bench.serving.process import ChildProcess, log_path
from bench.serving.process_tree import is_readable
from bench.serving.weights import fetch

_DEFAULT_URL = "http://127.0.0.1:{port}/v1"
_AGAIN_S = (0.05, 0.5)  # between two looks at a server that is loading: at first, and at most
# What a program needs to run at all and to find libraries, devices and its own caches. Everything else, keys above all, stays out.
_INHERITED = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|LANG|LC_\w+|TZ|TMPDIR|TEMP|TMP|XDG_\w+|LD_LIBRARY_PATH|DYLD_\w+|CUDA_\w+|NVIDIA_\w+|HIP_\w+|ROCR_\w+|HSA_\w+|VK_\w+"
    r"|OMP_\w+|HF_HOME|HF_HUB_CACHE|SSL_CERT_\w+|SYSTEMROOT|SYSTEMDRIVE|COMSPEC|PATHEXT|WINDIR|USERPROFILE|APPDATA|LOCALAPPDATA|PROGRAM\w+|VIRTUAL_ENV",
    re.IGNORECASE,
)
_SECRET = re.compile(r"key|token|secret|password|credential", re.IGNORECASE)


class Command:
    """The runtime `command`."""

    def serve(self, treatment: Treatment, context: ServingContext) -> Served:
        """Start the program and wait until it serves the model."""
        model = treatment.model
        if not context.allow_commands:
            program = Path(model.command[0]).name if model.command else "?"
            hint = "read the command in the spec, then allow it with `--allow-commands`"
            raise ServingError(f"model {model.id!r} would start the program {program!r}, which was not allowed", hint=hint, state="skipped")
        if not model.command:
            raise ServingError(f"model {model.id!r} has no `command:`", hint="add the words of the command", state="unavailable")
        if model.weights is None and any("{weights}" in word for word in model.command):
            message = f"the command of model {model.id!r} has the word {{weights}}, but the entry has no `weights:`"
            raise ServingError(message, hint="add `weights:` with their source, or write the path into the command", state="unavailable")
        credential = read_credential(model, context.environ)
        weights = fetch(model.weights, model.sha256, context) if model.weights is not None else None
        words = {"{port}": str(_free_port()), "{weights}": weights.path if weights is not None else ""}
        base_url = normalise(_fill(model.base_url or _DEFAULT_URL, words), model.id)
        _check_free(base_url, model)
        environment = {name: value for name, value in context.environ.items() if _INHERITED.fullmatch(name)}
        environment |= dict(gpu_words("a command of one's own", wanted_gpu(treatment)).environment)
        environment |= {name: _fill(value, words) for name, value in model.environment}
        argv = [_fill(word, words) for word in model.command]
        process = ChildProcess(argv, environment=environment, log=log_path(treatment, context))
        try:
            return ServedCommand(process, treatment, weights, (base_url, credential))
        except BaseException:
            process.close()
            raise


class ServedCommand:
    """A server program of the user's, started by bench."""

    def __init__(self, process: ChildProcess, treatment: Treatment, weights: WeightsFile | None, address: tuple[str, str | None]) -> None:
        """Wait until it is ready.

        Raises: ServingError when it ends before, takes too long, or does not offer the model.
        """
        base_url, self.credential = address
        self._process = process
        self._weights = weights
        _wait_ready(process, treatment.model, base_url, self.credential)
        load_s = process.mark_loaded()
        reply = get(f"{base_url}/models", credential=self.credential)
        if not isinstance(reply, Reply):
            raise _trouble(process, treatment.model, f"is ready, but {base_url}/models does not answer: {reply.detail}", self.credential)
        served_model, self._notes = choose(reply, treatment.model, base_url, has_key=self.credential is not None)
        endpoint = Endpoint(
            base_url=base_url,
            served_model=served_model,
            owned=True,
            pid=process.pid,
            load_s=load_s,
            weights_digest=weights.digest if weights is not None else None,
            server=server_at(base_url, credential=self.credential, listing=reply, forced=treatment.model.dialect),
        )
        looks = (lambda: loaded_at(endpoint, self.credential), lambda: from_log(process.log_text()), from_machine)
        placed = settled(wanted_gpu(treatment), first(*looks))
        self._notes += placed.notes
        self.endpoint = replace(endpoint, device=placed.device, placement=placed.placement)

    def facts(self) -> ServingFacts:
        """Memory and CPU time of the program and all it started, as of now."""
        missing = () if is_readable() else ("memory and CPU time are unknown without psutil: pip install 'bench-spec[local]'",)
        return ServingFacts(
            download_s=self._weights.download_s if self._weights is not None else None,
            disk_bytes=self._weights.bytes if self._weights is not None else None,
            rss_loaded_bytes=self._process.rss_loaded_bytes,
            rss_peak_bytes=self._process.rss_peak_bytes(),
            cpu_s=self._process.cpu_s(),
            notes=self._notes + missing,
        )

    def death(self) -> str | None:
        """Why the program is gone, or None while it lives."""
        return self._process.death()

    def close(self) -> None:
        """End the program and all it started."""
        self._process.close()


def _fill(text: str, words: Mapping[str, str]) -> str:
    for name, value in words.items():
        text = text.replace(name, value)
    return text


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _check_free(base_url: str, model: ModelSpec) -> None:
    """Refuse to start beside a server that is already there: it would be measured in place of ours."""
    if not any("{port}" in text for text in (*model.command, *(value for _, value in model.environment))) and model.base_url is None:
        hint = "use `{port}` where the command takes a port, or set `base_url:` to where it listens"
        raise ServingError(f"the command of model {model.id!r} is not told its port, so its address is unknown", hint=hint, state="unavailable")
    parts = urlsplit(base_url)
    try:
        socket.create_connection((parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)), timeout=1.0).close()
    except OSError:
        return
    hint = "end that server, or use `{port}` in the command and in `base_url:`"
    raise ServingError(f"something already listens on {base_url}, where model {model.id!r} is to be started", hint=hint, state="unavailable")


def _wait_ready(process: ChildProcess, model: ModelSpec, base_url: str, credential: str | None) -> None:
    """Until `ready:` answers 200; a server without such a path is ready when it lists its models."""
    parts = urlsplit(base_url)
    ready = f"{parts.scheme}://{parts.netloc}/{model.ready.lstrip('/')}"
    until, pause_s = process.started + model.load_timeout_s, _AGAIN_S[0]
    said = "nothing listened"
    while time.perf_counter() < until:
        if (death := process.death()) is not None:
            memory = "; it ran out of memory" if process.ran_out_of_memory() else ""
            raise _trouble(process, model, f"ended before it was ready: {death}{memory}", credential)
        reply = get(ready, credential=credential)
        if isinstance(reply, Reply) and reply.status in {404, 405, 501}:
            reply = get(f"{base_url}/models", credential=credential)
        if isinstance(reply, Reply) and reply.status in {200, 401, 403}:
            return
        said = f"it answered {reply.status}" if isinstance(reply, Reply) else reply.detail
        process.wait_end(pause_s)
        pause_s = min(pause_s * 1.5, _AGAIN_S[1])
    raise _trouble(
        process, model, f"was not ready at {ready} within {model.load_timeout_s:g} s ({said}); raise `load_timeout:` or set `ready:`", credential
    )


def _trouble(process: ChildProcess, model: ModelSpec, what: str, credential: str | None) -> ServingError:
    """With the log's last lines, without what may be secret in them."""
    tail = process.tail()
    for secret in (credential, *(value for name, value in model.environment if _SECRET.search(name))):
        if secret:
            tail = tail.replace(secret, "***")
    return ServingError(f"the server of model {model.id!r} {what}", hint=f"last lines of {process.log.name}:\n{tail or '(nothing)'}")
