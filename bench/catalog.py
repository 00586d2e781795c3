"""Every built-in extension, one line each: door -> name -> "module:attribute"."""

from bench.registry import Registry

CATALOG = {
    "runtime": {
        "external": "bench.serving.external:External",
        "llama.cpp": "bench.serving.llama_cpp:LlamaCpp",
        "command": "bench.serving.command:Command",
        "foundry-local": "bench.serving.foundry_local:FoundryLocal",
        "replay": "bench.serving.replay:Replay",
    },
    "provider": {
        "wire": "bench.providers.openai_chat:OpenAIChat",
        "openai-sdk": "bench.providers.openai_sdk:OpenAISdk",
        "fake": "bench.providers.fake:Fake",
        "replay": "bench.providers.replay:Replay",
    },
    "load": {
        "closed": "bench.execute.load.closed:Closed",
        "constant": "bench.execute.load.constant:Constant",
        "poisson": "bench.execute.load.poisson:Poisson",
        "ramp": "bench.execute.load.ramp:Ramp",
        "burst": "bench.execute.load.burst:Burst",
        "trace": "bench.execute.load.trace:Trace",
        "sweep": "bench.execute.load.sweep:Sweep",
    },
    "check": {
        "contains": "bench.judge.checks.contains:Contains",
        "not_contains": "bench.judge.checks.not_contains:NotContains",
        "regex": "bench.judge.checks.regex:Regex",
        "equals": "bench.judge.checks.equals:Equals",
        "starts_with": "bench.judge.checks.starts_with:StartsWith",
        "max_words": "bench.judge.checks.max_words:MaxWords",
        "min_words": "bench.judge.checks.min_words:MinWords",
        "sentences": "bench.judge.checks.sentences:Sentences",
        "json_schema": "bench.judge.checks.json_schema:JsonSchema",
        "number": "bench.judge.checks.number:Number",
    },
    "grader": {
        "aspects": "bench.judge.graders.aspects:Aspects",
        "score": "bench.judge.graders.score:Score",
        "samples": "bench.judge.graders.samples:Samples",
        "verdict": "bench.judge.graders.verdict:WrittenVerdicts",
        "pairwise": "bench.judge.graders.pairwise:Pairwise",
        "panel": "bench.judge.graders.panel:Panel",
        "escalate": "bench.judge.graders.escalate:Escalate",
        "prometheus": "bench.judge.graders.prometheus:Prometheus",
    },
    "metric": {
        "ttft": "bench.metrics.ttft:TimeToFirstToken",
        "ttfb": "bench.metrics.ttfb:TimeToFirstByte",
        "itl": "bench.metrics.itl:InterTokenLatency",
        "tpot": "bench.metrics.tpot:TimePerOutputToken",
        "latency": "bench.metrics.latency:Latency",
        "decode_tps": "bench.metrics.decode_tps:DecodeTokensPerSecond",
        "prefill_tps": "bench.metrics.prefill_tps:PrefillTokensPerSecond",
        "prefill_tps_ttft": "bench.metrics.prefill_tps_ttft:PrefillTokensPerSecondByTtft",
        "server_decode_tps": "bench.metrics.server_decode_tps:ServerDecodeTokensPerSecond",
        "completion_tokens": "bench.metrics.completion_tokens:CompletionTokens",
        "prompt_tokens": "bench.metrics.prompt_tokens:PromptTokens",
        "multi_token_chunks": "bench.metrics.multi_token_chunks:MultiTokenChunks",
        "stalls": "bench.metrics.stalls:Stalls",
        "longest_stall": "bench.metrics.longest_stall:LongestStall",
        "connect": "bench.metrics.connect:Connect",
        "error_rate": "bench.metrics.error_rate:ErrorRate",
        "quality": "bench.metrics.quality:Quality",
        "checks_met": "bench.metrics.checks_met:ChecksMet",
        "judged": "bench.metrics.judged:Judged",
    },
    "cost": {
        "energy": "bench.cost.energy:Energy",
        "price_table": "bench.cost.price_table:PriceTable",
        "hourly": "bench.cost.hourly:Hourly",
    },
    "report": {
        "markdown": "bench.report.markdown:Markdown",
        "csv": "bench.report.csv_table:CsvTable",
        "json": "bench.report.json_document:JsonDocument",
        "html": "bench.report.html_page:HtmlPage",
    },
}

REGISTRY = Registry(CATALOG)
