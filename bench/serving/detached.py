"""A server that goes on by itself: a program asks it to listen and to load a model, and asks it to let go of both at the end (LM Studio).

Its process is not bench's. So its memory and CPU time are not read, its end is not noticed but by its answers, and when bench is killed hard, the
model stays loaded: what cannot be owned is said in the row.
"""

import contextlib
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from bench.errors import ServingError
from bench.records.plan import Treatment
from bench.records.serving import Endpoint, ServingFacts, Started
from bench.serving.probe import Reply, get

_END_S = 30.0  # each of the commands that end it
_AGAIN_S = 0.2
_TAIL = 12


class ServedDetached:
    """A model that a server which is not ours was asked to load, and will be asked to let go."""

    credential: str | None = None

    def __init__(self, treatment: Treatment, started: Started, environment: Mapping[str, str], log: Path, ends: tuple[tuple[str, ...], ...]) -> None:
        """Run the commands that bring it up. `ends`: those that let go of it.

        Raises: ServingError when one of them fails or takes too long, or the server does not answer then.
        """
        self._environment, self._log, self._ends = environment, log, ends
        model, begun = treatment.model, time.perf_counter()
        until = begun + model.load_timeout_s
        try:
            first, *then = started.commands[: len(started.commands) - len(ends)]
            _run(first, environment, log, until)
            _wait(started.ready, until)
            loading = time.perf_counter()
            for words in then:
                _run(words, environment, log, until)
        except ServingError as error:
            error.message = f"model {model.id!r}: {error.message}"
            self.close()
            raise
        parts = urlsplit(started.ready)
        self._facts = ServingFacts(
            started=started,
            notes=("it runs by itself: bench does not own its process, so its memory and CPU time are not known, and it is only asked to unload",),
        )
        self.endpoint = Endpoint(
            base_url=f"{parts.scheme}://{parts.netloc}/v1",
            served_model=model.id,
            owned=False,
            load_s=time.perf_counter() - loading,
        )

    def facts(self) -> ServingFacts:
        """What was run; its sizes are not ours to read."""
        return self._facts

    def death(self) -> str | None:
        """Not known of a process that is not ours."""
        return None

    def close(self) -> None:
        """Ask it to let go, once."""
        ends, self._ends = self._ends, ()
        for words in ends:
            with contextlib.suppress(ServingError):  # it may be gone; what it said is in the log
                _run(words, self._environment, self._log, time.perf_counter() + _END_S)


def _run(words: tuple[str, ...], environment: Mapping[str, str], log: Path, until: float) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    left_s = max(until - time.perf_counter(), 0.1)
    with log.open("ab") as stream:
        start = stream.seek(0, 2)
        try:
            ended = subprocess.run(words, env=dict(environment), stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, timeout=left_s, check=False)
        except subprocess.TimeoutExpired:
            raise ServingError(f"`{' '.join(words[:3])}` took more than {left_s:.0f} s", hint="raise `load_timeout:`") from None
        except OSError as error:
            raise ServingError(f"`{words[0]}` cannot be run: {error.strerror}", hint="look at the command", state="unavailable") from error
    if ended.returncode != 0:
        said = [line[:240] for line in log.read_bytes()[start:].decode(errors="replace").splitlines() if line.strip() and line.isprintable()]
        tail = "\n".join(said[-_TAIL:]) or "(nothing)"
        raise ServingError(f"`{' '.join(words[:3])}` ended with exit code {ended.returncode}", hint=f"last lines of {log.name}:\n{tail}")


def _wait(ready: str, until: float) -> None:
    while time.perf_counter() < until:
        reply = get(ready)
        if isinstance(reply, Reply) and reply.status == 200:
            return
        time.sleep(_AGAIN_S)
    raise ServingError(f"nothing answers at {ready} in time", hint="raise `load_timeout:`, and look at what the server says of itself")
