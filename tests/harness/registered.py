"""What is registered, as the spec stage sees it: names and complaints that never change, whatever the catalogue learns."""

NAMES = {
    "runtime": ("command", "external", "foundry-local", "llama.cpp"),
    "provider": ("fake", "openai-sdk", "wire"),
    "load": ("closed",),
    "check": ("contains", "equals", "json_schema", "max_words", "not_contains", "number", "regex", "sentences"),
    "metric": (
        "completion_tokens", "decode_tps", "error_rate", "itl", "latency", "multi_token_chunks", "prefill_tps", "prompt_tokens", "quality",
        "server_decode_tps", "tpot", "ttfb", "ttft",
    ),
    "cost": ("energy", "hourly", "price_table"),
    "grader": ("aspects", "score"),
    "report": ("csv", "html", "json", "markdown"),
}  # fmt: skip


class Registered:
    """An argument is wrong when it is `wrong` or a mapping with `wrong` in it."""

    def names(self, door):
        return NAMES[door]

    def has(self, door, name):
        return name in NAMES[door]

    def problem(self, _door, _name, argument):
        return "this argument makes no sense" if argument == "wrong" or (isinstance(argument, dict) and "wrong" in argument) else None
