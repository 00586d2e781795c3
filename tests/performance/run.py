"""Runs `bench run` and its neighbours against a server with known send times; prints one JSON line per workload.

    python tests/performance/run.py --workloads W1,W3 [--repeats 3] [--clients bench,c,aiohttp,openai,aiperf,evalscope,guidellm] [--keep FOLDER]

A client that is not installed is left out with its reason. Server on CPU 0, client on CPU 1, everything that a run folder holds written.
`*_per_cpu_s` divides by all CPU of the client's process and of all that it starts, from the start to the end, less what the same client takes for W0
(start-up, plan, report). Ratios are bench / neighbour, within one repeat; each figure is the median of the repeats. `foreign` is what others took of
the two cores meanwhile (0: nothing, 2: both): above about 0.2, read CPU ratios and no times.
"""

import argparse
import importlib.util
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import neighbours
from observed import Truth, figures, percentile, read_run, read_seen, read_truth
from pinned import SERVER_CPU, Server, busy_s, on_cpu, own_s, python, run_client
from workloads import WORKLOADS, Workload

HERE = Path(__file__).resolve().parent
CLIENTS = ("bench", "c", "aiohttp", "openai")
MANY = 20_000  # answers; with the openai SDK and with most tools a minute and more, for a ratio that smaller workloads also show
FAST = {"bench", "c", "aiohttp"}


def build(folder: Path) -> dict[str, Path]:
    """The mock server and the C client.

    Raises: SystemExit with the reason when there is no compiler, or no Linux.
    """
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or not sys.platform.startswith("linux"):
        raise SystemExit("skipped: the performance runs need a C compiler (cc) and Linux (epoll)")
    made = {}
    for name in ("mock_llm", "raw_client"):
        made[name] = folder / name
        subprocess.run([compiler, "-O2", "-o", str(made[name]), str(HERE / f"{name}.c")], check=True)
    return made


def spec_text(workload: Workload, port: int) -> str:
    """A spec that sends each request once. Prompt and seed make its tag."""
    prompts = next(n for n in (8, 4, 2) if workload.requests % n == 0)
    lines = [
        "bench: 1", "name: performance", "version: 1.0.0",
        f"models: [{{id: mock, runtime: external, base_url: 'http://127.0.0.1:{port}/v1', model: mock}}]",
        "prompts:", *(f"  - {{id: tag-{k}, user: 'tag-{k} Write on.'}}" for k in range(prompts)),
        f"generation: {{seed: 1, temperature: 0, stream: {str(workload.is_stream).lower()}}}",
        f"load: {{kind: closed, concurrency: {workload.concurrency}}}",
        f"rounds: {workload.requests // prompts}", "warmup: 0", "retries: 0", "",
    ]  # fmt: skip
    return "\n".join(lines)


def command_of(client: str, workload: Workload, port: int, folder: Path, programs: dict[str, Path]) -> list[str]:
    """How a client is started."""
    if client == "bench":
        spec = folder / "spec.yaml"
        spec.write_text(spec_text(workload, port), encoding="utf-8")
        return [str(python().with_name("bench")), "run", str(spec), "--quiet", "--runs", str(folder / "runs")]
    if client in neighbours.TOOLS:
        return neighbours.command_of(client, workload, port, folder)
    head = [str(programs["raw_client"])] if client == "c" else [str(python()), str(HERE / "loops.py"), client]
    asked = ["--port", str(port), "--requests", str(workload.requests), "--concurrency", str(workload.concurrency)]
    return [*head, *asked, *([] if workload.is_stream else ["--plain"]), "--out", str(folder / "seen")]


def measure(client: str, workload: Workload, folder: Path, programs: dict[str, Path]) -> dict[str, Any]:
    """One client, once."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    server = Server(programs["mock_llm"], workload.server_words(), folder / "truth.jsonl")
    busy, own = busy_s(), own_s()
    with server:
        took = run_client(command_of(client, workload, server.port, folder, programs), folder / "log")
    foreign = (busy_s() - busy - (own_s() - own) - took.cpu_s - server.cpu_s) / took.wall_s
    if took.code != 0:
        raise SystemExit(f"{client} ended with {took.code}: {(folder / 'log').read_text(encoding='utf-8', errors='replace')[-2000:]}")
    truth = read_truth(folder / "truth.jsonl")
    told: dict[str, Any] = {}
    if client == "bench":
        run_folder = next((folder / "runs" / "performance").iterdir())
        seen, kinds = read_run(run_folder)
    elif client in neighbours.TOOLS:
        seen, kinds = {}, {}
        told = by_its_report(client, truth, folder) if workload.is_stream else {}
    else:
        seen, kinds = read_seen(folder / "seen"), {}
    found = figures(workload, truth, seen)
    lead_s = (found.pop("first_received_ns") - took.started_ns) * 1e-9
    agree = workload.requests if client in neighbours.TOOLS else found["matched"]
    if len(truth) != workload.requests or agree != workload.requests:
        agreed = f"the server saw {len(truth)}, {found['matched']} agree chunk by chunk"
        raise SystemExit(f"{client}: {workload.requests} requests asked, {agreed}; {kinds}")
    return {
        "cpu_s": took.cpu_s, "wall_s": took.wall_s, "peak_rss_mb": took.peak_rss_mb, "first_request_s": lead_s, **found, **told,
        "foreign": max(0.0, foreign), "server_cpu_s": server.cpu_s, "samples": kinds or None,
    }  # fmt: skip


def by_its_report(client: str, truth: dict[int, Truth], folder: Path) -> dict[str, float]:
    """What a tool adds to TTFT by its own report: its quantiles less the server's. It keeps no stamps that could be held against each write."""
    really = [(one.sent[0] - one.received) * 1e-6 for one in truth.values()]
    p50, p99 = neighbours.TOOLS[client].ttft_ms(folder)
    return {"ttft_extra_p50_ms": p50 - (percentile(really, 0.5) or 0.0), "ttft_extra_p99_ms": p99 - (percentile(really, 0.99) or 0.0)}


def with_rates(workload: Workload, found: dict[str, Any], startup_cpu_s: float) -> dict[str, Any]:
    """The figures and what they come to per CPU second, start-up apart."""
    net = max(found["cpu_s"] - startup_cpu_s, 1e-4)
    rates = {"net_cpu_s": net, "requests_per_cpu_s": workload.requests / net}
    if workload.is_stream:
        rates["chunks_per_cpu_s"] = workload.requests * workload.chunks / net
    return found | rates


def ratios(workload: Workload, found: dict[str, dict[str, Any]]) -> dict[str, float]:
    """bench / neighbour."""
    what = "chunks_per_cpu_s" if workload.is_stream else "requests_per_cpu_s"
    return {f"{what}_to_{name}": found["bench"][what] / other[what] for name, other in found.items() if name != "bench"} | {
        f"cpu_to_{name}": found["bench"]["net_cpu_s"] / other["net_cpu_s"] for name, other in found.items() if name != "bench"
    }


def median(of: list[Any]) -> Any:
    """Of each number by itself, all the way down; of anything else the first."""
    if isinstance(of[0], dict):
        return {key: median([one[key] for one in of]) for key in of[0]}
    return statistics.median(of) if all(isinstance(one, int | float) for one in of) else of[0]


def rounded(value: Any) -> Any:
    """Four digits say it."""
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    return float(f"{value:.4g}") if isinstance(value, float) else value


def line_of(name: str, repeats: int, folder: Path, programs: dict[str, Path], startup: dict[str, float]) -> dict[str, Any]:
    """One workload: every client whose start-up is known, in turn, so often."""
    workload = WORKLOADS[name]
    wanted = [each for each in startup if each in FAST or workload.requests < MANY]
    rounds = []
    for number in range(repeats):
        found = {each: with_rates(workload, measure(each, workload, folder / f"{name}-{number}-{each}", programs), startup[each]) for each in wanted}
        rounds.append({"ratios": ratios(workload, found) if "bench" in found else {}, "clients": found})
    middle = median(rounds)
    return {"workload": name, "what": workload.what, "requests": workload.requests, "concurrency": workload.concurrency, "repeats": repeats, **middle}


def missing(client: str) -> str | None:
    """Why a client cannot take part, or None."""
    if client in neighbours.TOOLS:
        return neighbours.missing(client)
    if client in {"aiohttp", "openai"} and importlib.util.find_spec(client) is None:
        return f"{client} is not installed beside bench"
    return None


def main() -> None:
    """Build, measure W0, measure what was asked."""
    grammar = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    grammar.add_argument("--workloads", default=",".join(WORKLOADS), help="comma-separated (default: all)")
    grammar.add_argument("--repeats", type=int, default=3)
    grammar.add_argument("--clients", default=",".join(CLIENTS), help=f"comma-separated, of {', '.join((*CLIENTS, *neighbours.TOOLS))}")
    grammar.add_argument("--keep", type=Path, help="keep run folders, truth and logs here")
    options = grammar.parse_args()
    clients = options.clients.split(",")
    names = options.workloads.split(",")
    if unknown := (set(names) - set(WORKLOADS)) | (set(clients) - {*CLIENTS, *neighbours.TOOLS}):
        grammar.error(f"unknown: {', '.join(sorted(unknown))}; see --help")
    left_out = {each: reason for each in clients if (reason := missing(each)) is not None}
    for each, reason in left_out.items():
        sys.stderr.write(f"left out: {each}: {reason}\n")
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        programs = build(folder)
        on_cpu(SERVER_CPU)
        startup = {
            each: statistics.median(measure(each, WORKLOADS["W0"], folder / f"start-{n}-{each}", programs)["cpu_s"] for n in range(options.repeats))
            for each in clients
            if each not in left_out
        }
        versions = {each: neighbours.version_of(each) for each in startup if each in neighbours.TOOLS}
        for name in names:
            line = line_of(name, options.repeats, folder, programs, startup) | {"left_out": left_out, "versions": versions}
            sys.stdout.write(json.dumps(rounded(line)) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
