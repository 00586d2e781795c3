"""Before and after the start of a server program: whether it is there, whether it is up, and what to say when it is not."""

import contextlib
import mmap
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench.errors import ServingError
from bench.records.servers import SERVERS
from bench.records.spec import ModelSpec
from bench.serving.probe import Reply, Silence, get
from bench.serving.process import ChildProcess, exit_reason

# Names of the environment whose values are no one's business: `HF_TOKEN`, `PGPASSWORD`, `AUTHTOKEN`, `apiKey`, `AWS_ACCESS_KEY_ID`. `MAX_TOKENS`,
# `TOKENIZERS_PARALLELISM` and `KV_CACHE` are none of them.
_SECRET = re.compile(r"SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|(?:KEYS?|TOKEN)(?:_|$)|(?:AUTH|ACCESS|BEARER|API)_?TOKENS", re.IGNORECASE)
_SHORTEST = 6  # what is shorter stands everywhere in a log: a switch, a number, a unit
_AGAIN_S = (0.05, 0.5)  # between two looks at a server that is loading: at first, and at most
_NO_MODULE = re.compile(r"No module named '?([\w.]+)'?")
_BACKGROUND = "; a program that goes on in the background must be told to stay in the foreground"
_TAKEN = re.compile(r"address already in use|EADDRINUSE|couldn't bind|bind.*failed|port.*(?:in use|taken)", re.IGNORECASE)


def find_program(model: ModelSpec, program: str, environment: Mapping[str, str]) -> None:
    """Refuse a program that is not there, before anything is fetched for it.

    Raises: ServingError with what is to be installed, where that is known.
    """
    path = environment.get("PATH")
    if "{" in program or shutil.which(program, path=path) is not None:
        return
    where = "is not a program that can be run" if Path(program).name != program else "is not on PATH"
    hint = "look at the command"
    if (kind := SERVERS.get(model.server or "")) is not None:
        hint = f"{kind.install}; or say where it is: `command: [{' '.join((f'/path/to/{kind.program[0]}', *kind.program[1:])).replace(' ', ', ')}]`"
    elif path is None:
        hint = "the environment names no PATH: write the program's whole path"
    raise ServingError(f"{program!r}, which is to serve model {model.id!r}, {where}", hint=hint, state="unavailable")


def wait_ready(process: ChildProcess, model: ModelSpec, ready: str, base_url: str, credential: str | None) -> None:
    """Until the address `ready` answers 200; a server without such a path is ready when it lists its models.

    Raises: ServingError when the program ends before, or takes too long.
    """
    until, pause_s = process.started + model.load_timeout_s, _AGAIN_S[0]
    said = "nothing listened"
    reply: Reply | Silence | None = None
    while time.perf_counter() < until:
        if (death := process.death()) is not None:
            why = "; it ran out of memory" if process.ran_out_of_memory() else _BACKGROUND if death == exit_reason(0) else ""
            raise trouble(process, model, f"ended before it was ready: {death}{why}", credential)
        reply = get(ready, credential=credential)
        if isinstance(reply, Reply) and reply.status in {404, 405, 501}:
            reply = get(f"{base_url}/models", credential=credential)
        if isinstance(reply, Reply) and reply.status in {200, 401, 403}:
            return
        said = f"it answered {reply.status}" if isinstance(reply, Reply) else reply.detail
        process.wait_end(pause_s)
        pause_s = min(pause_s * 1.5, _AGAIN_S[1])
    is_mute = reply is None or (isinstance(reply, Silence) and reply.kind == "refused")
    port = ", and see that it listens on the port that it is told" if is_mute else ""
    what = f"was not ready at {ready} within {model.load_timeout_s:g} s ({said}); raise `load_timeout:` or set `ready:`{port}"
    raise trouble(process, model, what, credential)


def trouble(process: ChildProcess, model: ModelSpec, what: str, credential: str | None) -> ServingError:
    """With the log's last lines, without what may be secret in them, and what is missing where they say so."""
    tail = masked(process.tail(), model, credential)
    kind = SERVERS.get(model.server or "")
    missing = _NO_MODULE.search(tail)
    install = f"{kind.install}, into the Python that `command:` names\n" if kind is not None and missing is not None else ""
    last = f"{install}{_lacks(model)}last lines of {process.log.name}:\n{tail or '(nothing)'}"
    return ServingError(f"the server of model {model.id!r} {what}", hint=last)


def _lacks(model: ModelSpec) -> str:
    """What a traceback about a hub's names does not say: that a folder was meant, and is not there. No shell replaces a `~`."""
    is_path = model.server is not None and model.model is not None and model.model.startswith(("/", "./", "../", "~"))
    return f"there is no {model.model!r} here\n" if is_path and not Path(model.model or "").exists() else ""


def masked(text: str, model: ModelSpec, credential: str | None) -> str:
    """Without the credential and the values of what sounds like a secret."""
    for secret in _secrets(model, credential):
        text = text.replace(secret, "***")
    return text


def blot_out(log: Path, model: ModelSpec, credential: str | None) -> None:
    """The same in a log that nobody writes any more: a server may print the keys that it is sent, and a run's folder is passed on."""
    with contextlib.suppress(OSError, ValueError), log.open("r+b") as stream, mmap.mmap(stream.fileno(), 0) as text:  # ValueError: it is empty
        for secret in map(str.encode, _secrets(model, credential)):
            place = text.find(secret)
            while place >= 0:
                text[place : place + len(secret)] = b"*" * len(secret)
                place = text.find(secret, place + len(secret))


def is_secret(name: str, value: str) -> bool:
    """Whether the value of an environment's name is not to be shown. The spec's own check refuses the plainer ones of these."""
    return len(value) >= _SHORTEST and _SECRET.search(name) is not None


def _secrets(model: ModelSpec, credential: str | None) -> Iterator[str]:
    if credential:
        yield credential
    yield from (value for name, value in model.environment if is_secret(name, value))


def is_port_taken(process: ChildProcess) -> bool:
    """Whether the program ended because another one took its port between the choice and the start."""
    return process.death() is not None and _TAKEN.search(process.tail()) is not None
