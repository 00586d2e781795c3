"""What a user may have meant: near misses, words of other tools, and keys that belong elsewhere."""

from collections.abc import Iterable
from difflib import get_close_matches

from bench.spec import schema
from bench.spec.marked import Path

# What other tools and people call it -> what this language calls it, the first that is allowed at that place.
SYNONYMS: dict[str, tuple[str, ...]] = {
    "api_base": ("base_url",),
    "api_key_env": ("api_key",),
    "apikey": ("api_key",),
    "args": ("arguments", "command"),
    "assertions": ("aspects", "check"),
    "assert": ("aspects", "check"),
    "asserts": ("aspects", "check"),
    "backend": ("runtime",),
    "cases": ("prompts",),
    "checks": ("aspects", "check"),
    "checksum": ("sha256",),
    "concurrent": ("concurrency",),
    "configs": ("variants",),
    "content": ("user", "messages"),
    "contexts": ("context",),
    "context_length": ("context",),
    "context_size": ("context",),
    "cmd": ("command",),
    "ctx": ("context",),
    "endpoint": ("base_url",),
    "engine": ("runtime",),
    "env": ("environment", "api_key"),
    "epochs": ("rounds",),
    "evaluator": ("judge",),
    "expected": ("expect", "aspects", "reference"),
    "expected_aspects": ("aspects",),
    "expects": ("expect",),
    "file": ("weights", "include"),
    "gguf": ("weights",),
    "grader": ("judge",),
    "hash": ("sha256",),
    "host": ("base_url",),
    "ideal": ("reference",),
    "input": ("user",),
    "inputs": ("vars", "prompts"),
    "iterations": ("rounds",),
    "key": ("api_key",),
    "licence": ("license",),
    "matrix": ("variants",),
    "max_completion_tokens": ("max_tokens",),
    "max_new_tokens": ("max_tokens",),
    "max_output_tokens": ("max_tokens",),
    "model_id": ("id", "model"),
    "must": ("expect",),
    "must_not": ("forbid",),
    "n_ctx": ("context",),
    "n_gpu_layers": ("layers", "gpu"),
    "n_predict": ("max_tokens",),
    "n_threads": ("threads",),
    "name": ("id",),
    "ngl": ("layers", "gpu"),
    "outputs": ("report",),
    "parallel": ("concurrency",),
    "path": ("weights", "include", "file"),
    "prompt": ("user", "prompts"),
    "provider": ("runtime",),
    "providers": ("models",),
    "question": ("user", "expect"),
    "reject": ("forbid",),
    "repeat": ("rounds",),
    "repeats": ("rounds",),
    "reports": ("report",),
    "retry": ("retries",),
    "runs": ("rounds",),
    "samples": ("rounds",),
    "scoring": ("rubrics", "judge"),
    "server": ("runtime",),
    "shape": ("kind",),
    "source": ("weights",),
    "targets": ("models",),
    "temp": ("temperature",),
    "template": ("user",),
    "tests": ("prompts",),
    "text": ("user", "expect"),
    "thresholds": ("gates",),
    "title": ("name",),
    "token": ("api_key",),
    "topp": ("top_p",),
    "type": ("runtime", "kind"),
    "uri": ("base_url",),
    "url": ("base_url",),
    "users": ("concurrency",),
    "variables": ("vars",),
    "warm_up": ("warmup",),
    "workers": ("concurrency",),
}


AS_A_LIST = "write them as a list: start each with `- id: …`"


def near(word: str, known: Iterable[str]) -> str | None:
    """The known word that this one looks like, if any."""
    names = list(known)
    folded = {name.casefold().replace("-", "_"): name for name in names}
    same = folded.get(word.casefold().replace("-", "_"))
    if same is not None and same != word:
        return same
    close = get_close_matches(word[:80], [name for name in names if name != word], n=1, cutoff=0.7)
    longer = [name for name in names if len(word) >= 3 and name.startswith(f"{word}_")]
    return next(iter([*close, *longer]), None)


def meant(key: str, allowed: Iterable[str]) -> str | None:
    """The allowed key that an unknown one stands for: by likeness, else by what other tools call it."""
    names = set(allowed)
    for target in SYNONYMS.get(key.casefold().replace("-", "_"), ()):
        if target in names:
            return target
    return near(key, sorted(names))


def for_name(name: str, known: Iterable[str], what: str) -> str:
    """A hint for a name that is not there: the near miss, or all that there are."""
    names = sorted(known)
    if (close := near(name, names)) is not None:
        return f"did you mean `{close}`?"
    if not names:
        return f"there are no {what} yet: define one under `{what}:`" if what in {"judges", "rubrics"} else f"there are no {what} here"
    listed = ", ".join(f"`{one}`" for one in names[:12]) + (", …" if len(names) > 12 else "")
    return f"{what}: {listed}"


def for_key(key: str, file: str, path: Path, beside: Iterable[str]) -> str:
    """A hint for an unknown key: the one that was meant, the place where it belongs, or the keys that are allowed."""
    if path in {("models",), ("prompts",)}:
        return AS_A_LIST
    if set(beside) == {"include"}:
        return "`include` stands alone; what holds for the whole set goes to its `defaults`"
    allowed = schema.keys(file, path)
    if (target := meant(key, allowed)) is not None:
        return f"did you mean `{target}`?"
    if (place := _elsewhere(key, file, path)) is not None:
        return place
    listed = ", ".join(f"`{name}`" for name in list(allowed)[:20]) + (", …" if len(allowed) > 20 else "")
    return f"keys here: {listed}" if allowed else "remove it"


def _elsewhere(key: str, file: str, path: Path) -> str | None:
    """Where a key belongs that stands in the wrong place."""
    for name in schema.keys(file, path):
        if key in schema.keys(file, (*path, name)):
            return f"`{key}` belongs under `{name}`"
    return f"`{key}` belongs at the top of the file" if path and key in schema.keys(file, ()) else None
