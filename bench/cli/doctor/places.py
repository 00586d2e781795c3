"""Where bench keeps weights, which servers answer, and whether the kernel stamps what arrives."""

import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bench.cli.doctor.finding import Finding
from bench.cli.endpoints import offered_models
from bench.cli.model_tables import counted, megabytes
from bench.errors import BenchError
from bench.providers.wire.stamps import ANCILLARY_BYTES, KernelClock, ask_for_stamps
from bench.serving import cache

_LITTLE = 2 * 10**9  # a small quantised model takes between 0.1 and 2 GB
_SHOWN_MODELS = 5
_OLLAMA_PORT = 11434  # Ollama's default, where OLLAMA_HOST names none


def examine(environ: Mapping[str, str], endpoints: Sequence[str]) -> Iterator[Finding]:
    """The cache, the servers that the environment and the command line name, and the kernel's stamps."""
    yield cache_folder(cache.default_folder(environ))
    yield kernel_stamps()
    yield from servers(environ, endpoints)


def cache_folder(folder: Path) -> Finding:
    """Whether weights can be kept, and for how many there is room."""
    home = folder
    while not home.exists() and home != home.parent:
        home = home.parent
    entries = cache.entries(folder)
    held = megabytes(sum(entry.bytes for entry in entries))
    free = cache.free_bytes(folder)
    detail = f"{folder}: {counted(len(entries), 'file')}, {held}; {megabytes(free)} free"
    if not home.is_dir() or not os.access(home, os.W_OK | os.X_OK):
        advice = "set BENCH_CACHE to a folder that you may write to"
        return Finding(what="cache", state="problem", detail=f"{folder} cannot be written", advice=advice, is_needed=True)
    if free < _LITTLE:
        advice = "free some, `bench models rm`, or set BENCH_CACHE to a folder on a larger disk"
        return Finding(what="cache", state="problem", detail=detail, advice=advice)
    return Finding(what="cache", state="ok", detail=detail, is_needed=True)


def servers(environ: Mapping[str, str], endpoints: Sequence[str]) -> Iterator[Finding]:
    """Each server that is named, asked for its models within a second; a name of the environment that is not set is absent."""
    known = (
        ("FOUNDRY_LOCAL_ENDPOINT", "Foundry Local", None, "nothing to do: bench hosts it by the extra `foundry`; for a service that runs already"),
        ("OLLAMA_HOST", "Ollama", _OLLAMA_PORT, "to measure models of Ollama, start it and"),
    )
    for name, server, port, when in known:
        address = environ.get(name, "").strip()
        if address:
            yield _server(f"{server} ({name})", _with_port(address, port))
        else:
            yield Finding(what=f"{server} ({name})", state="absent", detail=f"{name} is not set", advice=f"{when} set {name} to its address")
    for address in endpoints:
        yield _server("endpoint", address)


def _server(what: str, address: str) -> Finding:
    started = time.perf_counter()
    try:
        offer = offered_models(address)
    except BenchError as error:
        return Finding(what=what, state="problem", detail=error.message, advice=error.hint)
    took_ms = (time.perf_counter() - started) * 1e3
    names = ", ".join(offer.models[:_SHOWN_MODELS]) + (", …" if len(offer.models) > _SHOWN_MODELS else "")
    detail = f"{offer.base_url} answers in {took_ms:.0f} ms with {counted(len(offer.models), 'model')}" + (f": {names}" if names else "")
    return Finding(what=what, state="ok", detail=detail)


def _with_port(address: str, port: int | None) -> str:
    """`OLLAMA_HOST` may be a host alone, and `0.0.0.0` means all addresses to a server and this machine to a client."""
    host = address.replace("0.0.0.0", "127.0.0.1")  # noqa: S104 - read, not bound
    rest = host.rpartition("://")[2]
    return host if port is None or ":" in rest else f"{host.rstrip('/')}:{port}"


def kernel_stamps() -> Finding:
    """Whether bytes on a loopback connection carry the kernel's time of arrival."""
    if _stamped():
        return Finding(what="kernel stamps", state="ok", detail="arrivals carry the kernel's time (SO_TIMESTAMPNS)")
    advice = "nothing to do: arrivals are stamped right after the read, which adds the delay of a busy machine to each time; Linux has better"
    return Finding(what="kernel stamps", state="absent", detail="the kernel gives no times of arrival", advice=advice)


def _stamped() -> bool:
    if not hasattr(socket.socket, "recvmsg"):
        return False
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname(), timeout=1) as near:
        if not ask_for_stamps(near):
            return False
        far, _ = listener.accept()
        with far:
            clock = KernelClock()
            # The kernel turns stamps on in the background when the first socket asks for them, so the first bytes may come without.
            for _ in range(20):
                far.sendall(b"x")
                _data, ancillary, _flags, _from = near.recvmsg(16, ANCILLARY_BYTES)
                if clock.arrival_ns(ancillary, time.perf_counter_ns()) is not None:
                    return True
                time.sleep(0.005)
    return False
