"""LLM benchmark tools as neighbours: how each is started on a workload, and what its report says of TTFT.

A tool takes part where its command is on PATH (each may lie in a virtual environment of its own). None is a dependency of bench.
"""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from workloads import Workload

Quantiles = tuple[float, float]  # p50 and p99, ms


class Tool(NamedTuple):
    """`words(workload, base_url, folder)` behind its command; `ttft_ms(folder)` from what it left there."""

    words: Callable[[Workload, str, Path], list[str]]
    ttft_ms: Callable[[Path], Quantiles]


def _prompts(workload: Workload) -> Iterator[str]:
    return (f"tag-{number} Write on." for number in range(workload.requests))


def _lines(workload: Workload, folder: Path) -> Path:
    path = folder / "prompts.txt"
    path.write_text("".join(f"{prompt}\n" for prompt in _prompts(workload)), encoding="utf-8")
    return path


def _only(folder: Path, pattern: str) -> Any:
    (path,) = folder.rglob(pattern)
    return json.loads(path.read_text(encoding="utf-8"))


def _aiperf(workload: Workload, base_url: str, folder: Path) -> list[str]:
    """It wants a tokenizer even where the server counts; its own would be downloaded, so it gets one of three words."""
    data = folder / "prompts.jsonl"
    data.write_text("".join(json.dumps({"text": prompt}) + "\n" for prompt in _prompts(workload)), encoding="utf-8")
    tokenizer = folder / "tokenizer"
    tokenizer.mkdir()
    model = {"type": "WordLevel", "vocab": {"[UNK]": 0, "token": 1, "write": 2, "on": 3}, "unk_token": "[UNK]"}
    (tokenizer / "tokenizer.json").write_text(
        json.dumps({"version": "1.0", "pre_tokenizer": {"type": "Whitespace"}, "added_tokens": [], "model": model})
    )
    (tokenizer / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "[UNK]"}))
    return [
        "profile", "--model", "mock", "--url", base_url, "--endpoint-type", "chat", *(["--streaming"] if workload.is_stream else []),
        "--tokenizer", str(tokenizer), "--use-server-token-count", "--input-file", str(data), "--custom-dataset-type", "single-turn",
        "--request-count", str(workload.requests), "--concurrency", str(workload.concurrency), "--ui", "none", "--no-server-metrics",
        "--no-gpu-telemetry", "--output-artifact-dir", str(folder / "report"),
    ]  # fmt: skip


def _of_aiperf(folder: Path) -> Quantiles:
    found = _only(folder / "report", "profile_export_aiperf.json")["time_to_first_token"]
    return found["p50"], found["p99"]


def _evalscope(workload: Workload, base_url: str, folder: Path) -> list[str]:
    return [
        "perf", "--url", f"{base_url}/v1/chat/completions", "--model", "mock", "--api", "openai", "--dataset", "line_by_line",
        "--dataset-path", str(_lines(workload, folder)), "--parallel", str(workload.concurrency), "--number", str(workload.requests),
        "--stream" if workload.is_stream else "--no-stream", "--outputs-dir", str(folder / "report"),
    ]  # fmt: skip


def _of_evalscope(folder: Path) -> Quantiles:
    found = {row["Percentiles"]: row["TTFT (ms)"] for row in _only(folder / "report", "benchmark_percentile.json")}
    return found["50%"], found["99%"]


def _guidellm(workload: Workload, base_url: str, folder: Path) -> list[str]:
    backend = f"kind=openai_http,target={base_url},model=mock" + ("" if workload.is_stream else ",stream=false")
    return [
        "run", "--backend", backend, "--profile", f"kind=concurrent,streams={workload.concurrency}",
        "--constraint", f"kind=max_requests,count={workload.requests}", "--data", f"kind=text_file,path={_lines(workload, folder)}",
        "--output", f"kind=json,path={folder / 'report.json'}", "--disable-console",
    ]  # fmt: skip


def _of_guidellm(folder: Path) -> Quantiles:
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    found = report["benchmarks"][0]["metrics"]["time_to_first_token_ms"]["successful"]["percentiles"]
    return found["p50"], found["p99"]


TOOLS = {
    "aiperf": Tool(_aiperf, _of_aiperf),
    "evalscope": Tool(_evalscope, _of_evalscope),
    "guidellm": Tool(_guidellm, _of_guidellm),
}


def command_of(name: str, workload: Workload, port: int, folder: Path) -> list[str]:
    """How a tool is started."""
    return [name, *TOOLS[name].words(workload, f"http://127.0.0.1:{port}", folder)]


def version_of(name: str) -> str:
    """The version of an installed tool, from the interpreter beside its command."""
    python = Path(shutil.which(name) or name).resolve().with_name("python")
    asked = [str(python), "-c", f"from importlib.metadata import version; print(version({name!r}))"]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()


def missing(name: str) -> str | None:
    """Why a tool cannot take part."""
    return None if shutil.which(name) else f"no command `{name}` on PATH"
