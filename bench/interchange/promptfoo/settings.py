"""What a promptfoo configuration says about the evaluation as a whole."""

from typing import Any

from bench.interchange.findings import LEFT_OUT, SECRET, quoted
from bench.interchange.promptfoo.reading import Config

_READ = {"description", "prompts", "providers", "targets", "tests", "defaultTest", "scenarios", "evaluateOptions", "assertionTemplates"}
_NO_MATTER = {"$schema", "sharing", "outputPath", "writeLatestResults"}
_CODE = {"nunjucksFilters", "extensions"}
_SHOWN = {"showProgressBar", "generateSuggestions", "silent", "cache"}


def settings(config: Config) -> dict[str, Any]:
    """Rounds, load and timeout of the spec; the rest is left out with a finding."""
    root = config.root
    _leave_out(config)
    found: dict[str, Any] = {}
    if not isinstance(root.value.get("evaluateOptions", {}), dict):
        config.findings.left_out(root.at("evaluateOptions"), "`evaluateOptions` is no mapping")
    for key, spot in root.at("evaluateOptions").entries():
        value = spot.value
        is_count = isinstance(value, int) and not isinstance(value, bool)
        if key == "maxConcurrency" and is_count and 1 <= value <= 100_000:
            found["load"] = {"kind": "closed", "concurrency": value}
        elif key == "repeat" and is_count and 1 <= value <= 100_000:
            found["rounds"] = value
        elif key == "timeoutMs" and is_count and value > 0:
            found["timeout"] = f"{value} ms"
        elif key not in _SHOWN:
            config.findings.left_out(spot, f"the option {quoted(key)} has no counterpart")
    return found


def _leave_out(config: Config) -> None:
    """Say which keys of the configuration have no counterpart."""
    for key, spot in config.root.entries():
        if key in _NO_MATTER:
            config.findings.differs(spot, f"{quoted(key)} says where results go; bench keeps them in its run folder")
        elif key == "env":
            what = "`env` is not carried over: it may hold secrets"
            config.findings.left_out(spot, what, "set the variables where bench runs", code=SECRET)
        elif key not in _READ:
            what = f"{quoted(key)} is code, and an import runs none" if key in _CODE else f"{quoted(key)} has no counterpart"
            config.findings.left_out(spot, what, code=LEFT_OUT)
