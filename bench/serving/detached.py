"""A server that goes on by itself: a program asks it to listen and to load a model, and asks it to let go of both at the end (LM Studio).

Its process is not bench's. So its memory and CPU time are not read, its end is not noticed but by its answers, and when bench is killed hard, the
model stays loaded: what cannot be owned is said in the row.
"""

import contextlib
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from bench.errors import ServingError
from bench.records.plan import Treatment
from bench.records.serving import Endpoint, ServingFacts, Started
from bench.serving.command_ready import blot_out, masked
from bench.serving.command_words import unheeded
from bench.serving.dialect import server_at, server_started
from bench.serving.gpu_words import wanted_gpu
from bench.serving.placement import from_machine, settled
from bench.serving.probe import Reply, get
from bench.serving.process import last_lines

_END_S = 30.0  # each of the commands that end it
_AGAIN_S = 0.2
_NOTE = "it runs by itself: bench does not own its process, so its memory and CPU time are not known, and it is only asked to unload"


class Way(NamedTuple):
    """How its commands are run: their environment and log, those that let go of it, and the key that its answers want."""

    environment: Mapping[str, str]
    log: Path
    ends: tuple[tuple[str, ...], ...]
    credential: str | None


class ServedDetached:
    """A model that a server which is not ours was asked to load, and will be asked to let go."""

    def __init__(self, treatment: Treatment, started: Started, way: Way) -> None:
        """Run the commands that bring it up.

        Raises: ServingError when one of them fails or takes too long, or the server does not answer then, or runs elsewhere than the spec demands.
        """
        self._way, self._ends, self._model = way, way.ends, treatment.model
        self.credential = way.credential
        try:
            load_s = self._load(started, time.perf_counter() + treatment.model.load_timeout_s)
            self.endpoint, notes = self._found(treatment, started, load_s)
        except BaseException as error:
            if isinstance(error, ServingError):
                error.message = f"model {treatment.model.id!r}: {error.message}"
                error.hint = masked(error.hint, self._model, self.credential) if error.hint else None
            self.close()
            raise
        self._facts = ServingFacts(started=started, notes=(_NOTE, *notes))

    def _load(self, started: Started, until: float) -> float:
        """The seconds that loading took, once it listens."""
        first, *then = started.commands[: len(started.commands) - len(self._ends)]
        _run(first, self._way, until)
        _wait(started.ready, self.credential, until)
        loading = time.perf_counter()
        for words in then:
            _run(words, self._way, until)
        return time.perf_counter() - loading

    def _found(self, treatment: Treatment, started: Started, load_s: float) -> tuple[Endpoint, tuple[str, ...]]:
        """Where it is, what it is and where it runs, as far as it shows, and what it was not told."""
        parts, model = urlsplit(started.ready), treatment.model
        base_url = f"{parts.scheme}://{parts.netloc}/v1"
        listing = get(f"{base_url}/models", credential=self.credential)
        server = server_at(base_url, credential=self.credential, listing=listing if isinstance(listing, Reply) else None, forced=model.dialect)
        placed = settled(wanted_gpu(treatment), from_machine())
        endpoint = Endpoint(
            base_url=base_url,
            served_model=model.id,
            owned=False,
            load_s=load_s,
            server=server_started(model, server),
            device=placed.device,
            placement=placed.placement,
        )
        return endpoint, (*unheeded(treatment), *placed.notes)

    def facts(self) -> ServingFacts:
        """What was run; its sizes are not ours to read."""
        return self._facts

    def death(self) -> str | None:
        """Not known of a process that is not ours."""
        return None

    def close(self) -> None:
        """Ask it to let go, once."""
        ends, self._ends = self._ends, ()
        try:
            for words in ends:
                with contextlib.suppress(ServingError):  # it may be gone; what it said is in the log
                    _run(words, self._way, time.perf_counter() + _END_S)
        finally:  # also where a second Ctrl-C does not wait for it
            if ends:
                blot_out(self._way.log, self._model, self.credential)


def _run(words: tuple[str, ...], way: Way, until: float) -> None:
    log = way.log
    log.parent.mkdir(parents=True, exist_ok=True)
    left_s = max(until - time.perf_counter(), 0.1)
    with log.open("ab") as stream:
        start = stream.seek(0, 2)
        environment, quiet = dict(way.environment), subprocess.DEVNULL
        try:
            ended = subprocess.run(words, env=environment, stdin=quiet, stdout=stream, stderr=stream, timeout=left_s, check=False)
        except subprocess.TimeoutExpired:
            raise ServingError(f"`{' '.join(words[:3])}` took more than {left_s:.0f} s", hint="raise `load_timeout:`") from None
        except OSError as error:
            raise ServingError(f"`{words[0]}` cannot be run: {error.strerror}", hint="look at the command", state="unavailable") from error
    if ended.returncode != 0:
        tail = last_lines(log, start) or "(nothing)"
        raise ServingError(f"`{' '.join(words[:3])}` ended with exit code {ended.returncode}", hint=f"last lines of {log.name}:\n{tail}")


def _wait(ready: str, credential: str | None, until: float) -> None:
    while time.perf_counter() < until:
        reply = get(ready, credential=credential)
        if isinstance(reply, Reply) and reply.status == 200:
            return
        time.sleep(_AGAIN_S)
    raise ServingError(f"nothing answers at {ready} in time", hint="raise `load_timeout:`, and look at what the server says of itself")
