"""What each metric is called in a report and what it means: measurement.md §2 in a reader's words."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from bench.records.estimate import Estimate, Statistic


class Term(NamedTuple):
    """A metric's heading and its definition."""

    title: str
    definition: str


TERMS = {
    "ttft": Term("TTFT", "time to first token: from sending the request to the first chunk with non-empty text (or reasoning)"),
    "ttfb": Term("TTFB", "time to first byte of the response body"),
    "itl": Term("ITL", "inter-token latency: gaps between successive arrivals of text"),
    "tpot": Term("TPOT", "time per output token after the first: (last text − first text) / (output tokens − 1)"),
    "latency": Term("Latency", "from sending the request to the end of the answer"),
    "decode_tps": Term("Decode", "output tokens after the first / (last text − first text): how fast the model writes, seen from the client"),
    "prefill_tps": Term("Prefill", "uncached prompt tokens / the server's own time to read them"),
    "prefill_tps_ttft": Term("Prefill (by TTFT)", "uncached prompt tokens / TTFT, cold prompts only: at least this fast, from any server"),
    "server_decode_tps": Term("Decode (server's clock)", "the same speed by the server's own timings"),
    "completion_tokens": Term("Output tokens", "tokens of an answer, as counted by the server unless marked"),
    "prompt_tokens": Term("Prompt tokens", "tokens of a prompt, as counted by the server unless marked"),
    "multi_token_chunks": Term(
        "Multi-token chunks", "share of chunks that carry more than one token; where it is high, ITL is not a gap between tokens"
    ),
    "stalls": Term("Answers with a stall", "share of answers that stood still: a gap above 50 ms and above ten times the answer's median gap"),
    "longest_stall": Term("Longest stall", "the longest such gap of an answer that has one"),
    "connect": Term("Handshake", "setting up a connection, of requests that needed a new one; part of no latency"),
    "error_rate": Term("Error rate", "trials that ended in a failure / trials tried"),
    "quality": Term("Checks met", "weighted share of an answer's aspects that were met; counted over answers, not over failures"),
    "checks_met": Term("By checks", "the score by checks alone, where a judge also has a word"),
    "judged": Term("By the judge", "the score by the run's judge alone"),
    "output_tps": Term("Throughput", "all output tokens of a model / wall time it was measured for"),
    "request_rate": Term("Request rate", "answers / wall time"),
    "goodput": Term("Goodput", "answers within the spec's service-level objective / wall time"),
    "load_s": Term("Load", "start of the serving process to ready; not part of any latency"),
    "download_s": Term("Download", "fetching the weights; nothing when they were in the cache"),
    "rss_loaded_bytes": Term("Memory after load", "resident memory of the serving processes when ready"),
    "rss_peak_bytes": Term("Memory peak", "largest resident memory of the serving processes"),
    "disk_bytes": Term("Disk", "size of the weights on disk"),
    "gpu_bytes": Term("GPU memory", "GPU memory held by the serving processes"),
    "energy_j": Term(
        "Energy per answer", "energy of the time an answer was in flight, above that of the machine at rest; by the source beside it under “Machine”"
    ),
    "first_request_ttft": Term("First TTFT", "time to first token of the first request after loading, measured apart"),
}

JUDGED_QUALITY = Term(
    "Quality", "weighted share of an answer's aspects that were met, by checks and by whoever else’s word counts; over answers, not over failures"
)

STATISTICS: dict[Statistic, str] = {"p50": "p50", "p90": "p90", "p95": "p95", "p99": "p99", "mean": "mean", "max": "max"}

GENERAL = (
    ("value [low–high]", "an estimate with its two-sided 95 % interval; digits follow the interval's width"),
    ("p50, p95, p99", "percentiles: half, 95 %, 99 % of the values are at or below; the interval's method stands under “Every estimate”"),
    (
        "n too small",
        "too few prompts for an interval (p50 needs 6, p95 72, p99 368; of a single prompt so many answers); the number is the sample's own",
    ),
    ("–", "not applicable: this model or setting has no such value"),
    ("no data", "planned, but never measured; the model's status says why"),
    ("failed", "tried, and every attempt failed; zero is written 0"),
)


_PASSES = {
    "pass@": "at least one of {k} answers to a prompt is accepted: 1 − C(n−c, {k}) / C(n, {k}) of n answers with c accepted, mean over prompts",
    "pass^": "all of {k} answers to a prompt are accepted: C(c, {k}) / C(n, {k}), mean over prompts",
}


def definitions(metrics: Collection[str], *, is_judged: bool = False) -> list[tuple[str, str]]:
    """Headings and definitions of these metrics, in the glossary's order. `is_judged`: more than checks decides the quality."""
    terms = {**TERMS, "quality": JUDGED_QUALITY} if is_judged else TERMS
    known = [(term.title, term.definition) for metric, term in terms.items() if metric in metrics]
    return known + [(metric, _PASSES[metric[:5]].format(k=metric[5:])) for metric in sorted(metrics) if metric[:5] in _PASSES]


def unsaid(estimates: Iterable[Estimate]) -> frozenset[str]:
    """Scores by whose word they are, where no judge spoke: they say again what “Checks met” says, or nothing."""
    spoke = any(found.metric == "judged" and found.n for found in estimates)
    return frozenset() if spoke else frozenset({"checks_met", "judged"})


def title(metric: str) -> str:
    """The metric's heading; its registered name where the glossary does not know it."""
    return TERMS[metric].title if metric in TERMS else metric


def heading(metric: str, statistic: Statistic | None) -> str:
    """The metric's heading with the statistic where that is not plain from the metric: `TTFT p95`, `Output tokens mean`, `Load`."""
    word = STATISTICS.get(statistic, "") if statistic is not None else ""
    return title(metric) if metric == "quality" else f"{title(metric)} {word}".rstrip()
