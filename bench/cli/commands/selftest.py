"""Measure the ruler: how wrong this client is on this machine, against a server that knows when it sent.

Without a spec: one streamed request at a time. With one: at its concurrency, with its client, streamed or not. The result is kept in the cache, and
reports of runs with the same setting carry it as an error bar. Nothing leaves this machine. Exit code 3 when the client is not good enough.
"""

import argparse
import os
import sys
from pathlib import Path

import msgspec

from bench.catalog import REGISTRY
from bench.cli.console import plain
from bench.cli.words import add_overrides
from bench.errors import Exit, UsageError
from bench.records.selftest import SelfTest, Spread
from bench.records.spec import Spec
from bench.selftest import MOST_IN_FLIGHT, ruler_of, run_selftest
from bench.serving.cache import default_folder
from bench.spec.diagnostics import render
from bench.spec.load import load_spec
from bench.store.calibration import keep

_SECONDS = 3.0
_LONGEST_S = 600.0


def configure(options: argparse.ArgumentParser) -> None:
    """Options of `bench selftest`."""
    options.add_argument("spec", nargs="?", type=Path, metavar="SPEC", help="test for this spec's concurrency, client and streaming")
    add_overrides(options)
    options.add_argument("--concurrency", type=int, metavar="N", help=f"requests in flight, 1–{MOST_IN_FLIGHT} (default: the spec's, else 1)")
    options.add_argument("--seconds", type=float, default=_SECONDS, metavar="N", help=f"how long to measure (default: {_SECONDS:g})")
    options.add_argument("--format", choices=("text", "json"), default="text", help="text for people, json for programs")


def execute(options: argparse.Namespace) -> int:
    """Measure, keep, show."""
    spec = _spec(options)
    concurrency = options.concurrency if options.concurrency is not None else min(spec.load.concurrency if spec else 1, MOST_IN_FLIGHT)
    if not 1 <= concurrency <= MOST_IN_FLIGHT:
        raise UsageError(
            f"--concurrency {concurrency} is not in 1–{MOST_IN_FLIGHT}",
            hint="more places than that tell no more about one process; `bench run --workers` sends with several",
        )
    if not 0 < options.seconds <= _LONGEST_S:
        raise UsageError(f"--seconds {options.seconds:g} is not in 0–{_LONGEST_S:g}", hint="leave it out for the usual three seconds")
    client = spec.client if spec else "wire"
    is_streamed = spec.generation.stream if spec else True
    ruler = ruler_of(client, REGISTRY.load("provider", client), concurrency, is_streamed=is_streamed)
    found = run_selftest(ruler, options.seconds)
    kept = keep(default_folder(os.environ), found)
    if options.format == "json":
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n")
    else:
        sys.stdout.write(text(found))
        sys.stderr.write(f"kept as {plain(str(kept))}\n")
    return int(Exit.NOTHING_MEASURED if found.is_saturated or found.failed else Exit.OK)


def _spec(options: argparse.Namespace) -> Spec | None:
    if options.spec is None:
        if options.overrides:
            raise UsageError("--set changes a spec, and none is given", hint="bench selftest SPEC --set …, or --concurrency alone")
        return None
    loaded = load_spec(options.spec, extensions=REGISTRY, environ=os.environ, overrides=options.overrides)
    sys.stderr.write(render(loaded.warnings, loaded.sources, "text"))
    return loaded.spec


def text(found: SelfTest) -> str:
    """The result for people."""
    streamed = "streamed" if found.is_streamed else "not streamed"
    stamps = {"kernel": "by the kernel", "process": "by this process, after the read", "both": "some by the kernel, some by this process"}
    lines = [
        f"client        {found.client}, concurrency {found.concurrency}, {streamed}; {found.requests:,} requests in {found.duration_s:.1f} s",
        f"server sent   {_sent(found)}",
        f"stamps        {stamps[found.stamped_by]}",
        *(_spread("TTFT error", found.ttft_error)),
        *(_spread("latency error", found.latency_error)),
        *(_spread("chunks late", found.chunk_lateness)),
        *(_spread("ITL error", found.itl_error)),
        *(_spread("handshake", found.connect, note="apart, in no latency")),
        f"in flight     {'too few requests to say' if found.in_flight is None else f'{found.in_flight:.2f} of {found.concurrency} asked'}",
        f"loop lag      {_ms(found.lag_p50_s)} p50, {_ms(found.lag_p99_s)} p99",
        f"client's CPU  {found.cpu_share:.0%} of a core{_waited(found.cpu_wait_share)}",
        "",
        f"{found.verdict}",
        "Errors are upper bounds: they hold the trip through the loopback and what delayed the server between its stamp and its write.",
    ]
    return "\n".join(lines) + "\n"


def _sent(found: SelfTest) -> str:
    first = _ms(found.ttft_sent_s)
    return f"the first chunk after {first}, the others every {_ms(found.itl_sent_s)}" if found.is_streamed else f"each answer after {first}"


def _spread(name: str, found: Spread | None, note: str = "") -> list[str]:
    if found is None:
        return []
    told = f"; {note}" if note else ""
    return [f"{name:<13} {_ms(found.p50_s)} p50, {_ms(found.p99_s)} p99, {_ms(found.max_s)} at most (n {found.n:,}{told})"]


def _waited(share: float | None) -> str:
    return "" if share is None else f", waited for one {share:.0%} of the time it wanted it"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.3g} ms"
