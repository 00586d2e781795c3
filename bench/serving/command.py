"""Any server command: a known server by `server:` (`command_words.py`), or words of one's own. It runs a program, so it needs `--allow-commands`.

No shell: `{port}` and `{weights}` are replaced inside each word of the command, in the values of `environment:` and in `base_url:`. The program sees
a minimal environment and what the entry adds.
"""

import re
import socket
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from msgspec.structs import replace

from bench.errors import ServingError
from bench.protocols import Served, ServingContext
from bench.records.plan import Treatment
from bench.records.serving import Endpoint, Server, ServingFacts, Started, root_of
from bench.records.spec import ModelSpec
from bench.records.weights import WeightsFile
from bench.serving.command_ready import blot_out, find_program, is_port_taken, is_secret, trouble, wait_ready
from bench.serving.command_words import Start, start_of, unheeded
from bench.serving.detached import ServedDetached, Way
from bench.serving.dialect import is_here, server_at, server_started
from bench.serving.external import choose, normalise, read_credential
from bench.serving.gpu_words import wanted_gpu
from bench.serving.ollama import loaded_at, options_of, speaks_native
from bench.serving.ollama_models import Prepared, Wanted, prepare
from bench.serving.placement import first, from_log, from_machine, settled
from bench.serving.probe import Reply, get
from bench.serving.process import ChildProcess, log_path
from bench.serving.process_tree import foreign_listener, is_readable
from bench.serving.weights import fetch

_DEFAULT_URL = "http://127.0.0.1:{port}/v1"
# What a program needs to run at all and to find libraries, devices and its own caches. Everything else, keys above all, stays out.
_INHERITED = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|LANG|LC_\w+|TZ|TMPDIR|TEMP|TMP|XDG_\w+|LD_LIBRARY_PATH|DYLD_\w+|CUDA_\w+|NVIDIA_\w+|HIP_\w+|ROCR_\w+|HSA_\w+|VK_\w+"
    r"|OMP_\w+|OLLAMA_MODELS|HF_HOME|HF_HUB_CACHE|SSL_CERT_\w+|SYSTEMROOT|SYSTEMDRIVE|COMSPEC|PATHEXT|WINDIR|USERPROFILE|APPDATA|LOCALAPPDATA"
    r"|PROGRAM\w+|VIRTUAL_ENV",
    re.IGNORECASE,
)
# What listens for a container on the machine's own ports: Docker's on Linux, macOS and Windows, and those of other container programs.
_RELAY = re.compile(r"docker|containerd|podman|rootless|slirp|pasta|vpnkit|wslrelay|lima|colima|orb", re.IGNORECASE)
_OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}


class Command:
    """The runtime `command`."""

    def serve(self, treatment: Treatment, context: ServingContext) -> Served:
        """Start the program and wait until it serves the model."""
        model = treatment.model
        start = start_of(treatment, slots=context.slots)
        _check_words(model, start, context)
        inherited = {name: value for name, value in context.environ.items() if _INHERITED.fullmatch(name)}
        inherited |= _OFFLINE if context.offline else {}
        credential = read_credential(model, context.environ)
        find_program(model, start.words[0], inherited | dict(start.environment))
        weights = fetch(model.weights, model.sha256, context) if model.weights is not None else None
        try:
            return _started(treatment, _filled(start, model, weights), inherited, (weights, credential), context)
        except _PortTakenError:  # between its choice and the program's start
            return _started(treatment, _filled(start, model, weights), inherited, (weights, credential), context)


class _PortTakenError(ServingError):
    """Another program was faster."""


class _Filled(Start, frozen=True, kw_only=True):
    """A start with everything in its place, and where it will answer."""

    base_url: str


def _check_words(model: ModelSpec, start: Start, context: ServingContext) -> None:
    if not context.allow_commands:
        program = Path(start.words[0]).name if start.words else "?"
        hint = "read the command in the spec, then allow it with `--allow-commands`; `bench plan` shows it whole"
        raise ServingError(f"model {model.id!r} would start the program {program!r}, which was not allowed", hint=hint, state="skipped")
    if not start.words:
        raise ServingError(f"model {model.id!r} has no `command:`", hint="add the words of the command, or name a `server:`", state="unavailable")
    if model.weights is None and any("{weights" in word for word in start.words):
        message = f"the command of model {model.id!r} has the word {{weights}}, but the entry has no `weights:`"
        raise ServingError(message, hint="add `weights:` with their source, or write the path into the command", state="unavailable")
    if model.base_url is None and not any("{port}" in text for text in (*start.words, *(value for _, value in start.environment))):
        hint = "use `{port}` where the command takes a port, or set `base_url:` to where it listens"
        raise ServingError(f"the command of model {model.id!r} is not told its port, so its address is unknown", hint=hint, state="unavailable")


def _filled(start: Start, model: ModelSpec, weights: WeightsFile | None) -> _Filled:
    """With a port chosen and the weights in place.

    Raises: ServingError when something already listens there: it would be measured in place of ours.
    """
    path = Path(weights.path) if weights is not None else Path()
    words = {"{port}": str(_free_port()), "{weights}": str(path), "{weights_folder}": str(path.parent), "{weights_file}": path.name}
    base_url = normalise(_fill(model.base_url or _DEFAULT_URL, words), model.id)
    _check_free(base_url, model)
    parts = urlsplit(base_url)
    return _Filled(
        words=_fill_all(start.words, words),
        then=tuple(_fill_all(one, words) for one in start.then),
        finally_=tuple(_fill_all(one, words) for one in start.finally_),
        detaches=start.detaches,
        environment=tuple((name, _fill(value, words)) for name, value in start.environment),
        ready=f"{parts.scheme}://{parts.netloc}/{start.ready.lstrip('/')}",
        served_model=start.served_model,
        options=start.options,
        base_url=base_url,
    )


def _started(
    treatment: Treatment, start: _Filled, inherited: Mapping[str, str], means: tuple[WeightsFile | None, str | None], context: ServingContext
) -> Served:
    environment = {**inherited, **dict(start.environment)}
    log = log_path(treatment, context)
    told = Started(
        commands=(start.words, *start.then, *start.finally_),
        environment=tuple((name, "***" if is_secret(name, value) else value) for name, value in start.environment),
        ready=start.ready,
        log=log.name,
    )
    if start.detaches:
        return ServedDetached(treatment, told, Way(environment, log, start.finally_, means[1]))
    process = ChildProcess(start.words, environment=environment, log=log)
    try:
        return ServedCommand(process, treatment, (start, told), means, context)
    except BaseException as error:
        is_taken = isinstance(error, ServingError) and treatment.model.base_url is None and is_port_taken(process)
        process.close()
        blot_out(log, treatment.model, means[1])
        if is_taken and isinstance(error, ServingError):
            raise _PortTakenError(error.message, hint=error.hint, state=error.state) from error
        raise


class ServedCommand:
    """A server program of the user's, started by bench."""

    def __init__(
        self,
        process: ChildProcess,
        treatment: Treatment,
        start: tuple[_Filled, Started],
        means: tuple[WeightsFile | None, str | None],
        context: ServingContext,
    ) -> None:
        """Wait until it is ready.

        Raises: ServingError when it ends before, takes too long, or does not offer the model.
        """
        filled, self._started = start
        self._weights, self.credential = means
        self._process = process
        model, base_url = treatment.model, filled.base_url
        self._model = model
        wait_ready(process, model, filled.ready, base_url, self.credential)
        self._prepared, server = _prepared(treatment, filled, self.credential, context)
        load_s = process.mark_loaded() - (self._prepared.download_s or 0.0)
        self._relay = _relay(process, model, base_url)
        reply = get(f"{base_url}/models", credential=self.credential)
        if not isinstance(reply, Reply):
            raise trouble(process, model, f"is ready, but {base_url}/models does not answer: {reply.detail}", self.credential)
        if (served_model := self._prepared.name or filled.served_model) is not None:
            notes = self._prepared.notes
        else:
            served_model, notes = choose(reply, model, base_url, has_key=self.credential is not None)
        self._notes = (*notes, *unheeded(treatment), *((self._relay,) if self._relay is not None else ()))
        endpoint = Endpoint(
            base_url=base_url,
            served_model=served_model,
            owned=True,
            pid=process.pid if self._relay is None else None,
            load_s=load_s,
            weights_digest=self._weights.digest if self._weights is not None else None,
            server=server or server_started(model, server_at(base_url, credential=self.credential, listing=reply, forced=model.dialect)),
        )
        looks = (lambda: loaded_at(endpoint, self.credential), lambda: from_log(process.log_text()), from_machine)
        placed = settled(wanted_gpu(treatment), first(*looks))
        self._notes += placed.notes
        self.endpoint = replace(endpoint, device=placed.device, placement=placed.placement)

    def facts(self) -> ServingFacts:
        """Memory and CPU time of the program and all it started, as of now."""
        missing = () if is_readable() else ("memory and CPU time are unknown without psutil: pip install 'bench-spec[local]'",)
        is_ours = self._relay is None
        return ServingFacts(
            download_s=self._weights.download_s if self._weights is not None else self._prepared.download_s,
            disk_bytes=self._weights.bytes if self._weights is not None else None,
            rss_loaded_bytes=self._process.rss_loaded_bytes if is_ours else None,
            rss_peak_bytes=self._process.rss_peak_bytes() if is_ours else None,
            cpu_s=self._process.cpu_s() if is_ours else None,
            notes=self._notes + missing,
            started=self._started,
        )

    def death(self) -> str | None:
        """Why the program is gone, or None while it lives."""
        return self._process.death()

    def close(self) -> None:
        """End the program and all it started."""
        if self._process.death() is None:
            self._prepared.end()
        self._process.close()
        blot_out(self._process.log, self._model, self.credential)


def _relay(process: ChildProcess, model: ModelSpec, base_url: str) -> str | None:
    """A note when a container's relay listens in the program's place, so that its sizes are not the server's.

    Raises: ServingError when what listens has nothing to do with the program: it would be measured in place of ours.
    """
    port = urlsplit(base_url).port
    if port is None or not is_here(base_url) or (found := foreign_listener(port, process.tree)) is None:
        return None
    pid, name = found
    if _RELAY.search(name):
        return f"process {pid} ({name}) listens in the program's place: memory and CPU time of the server are not known"
    hint = "end that program; a server that runs without bench is measured with `runtime: external`"
    message = f"process {pid} ({name}) answers at {base_url}, which model {model.id!r} was to be served at, and bench did not start it"
    raise (_PortTakenError if model.base_url is None else ServingError)(message, hint=hint, state="unavailable")


def _prepared(treatment: Treatment, start: _Filled, credential: str | None, context: ServingContext) -> tuple[Prepared, Server | None]:
    """What a server is to be told once it is up, before it has the model, and who it is, where that had to be known."""
    model, base_url = treatment.model, start.base_url
    if model.server != "ollama" or model.model is None:
        return Prepared(None, None, (), lambda: None), None
    server = server_started(model, server_at(base_url, credential=credential, listing=None, forced=model.dialect))
    if speaks_native(server, context):
        server = replace(server, api="ollama", options=options_of(treatment))
    wanted = Wanted(model.model, start.options, server.options if server.api == "ollama" else None)
    return prepare(root_of(base_url), wanted, context, model.load_timeout_s), server


def _fill(text: str, words: Mapping[str, str]) -> str:
    for name, value in words.items():
        text = text.replace(name, value)
    return text


def _fill_all(texts: tuple[str, ...], words: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(_fill(text, words) for text in texts)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _check_free(base_url: str, model: ModelSpec) -> None:
    """Refuse to start beside a server that is already there: it would be measured in place of ours."""
    parts = urlsplit(base_url)
    try:
        socket.create_connection((parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)), timeout=1.0).close()
    except OSError:
        return
    hint = "end that server, or use `{port}` in the command and in `base_url:`"
    raise ServingError(f"something already listens on {base_url}, where model {model.id!r} is to be started", hint=hint, state="unavailable")
