"""A workshop's `models.json`, `prompts.json` and environment variables as a spec of its own: written out, to be edited.

A spec may also take the two files as they are (`models: {file: models.json}`); then the variables have no say. The variables are those that the
samples of Microsoft's "EdgeAI for Beginners" workshop read (Workshop/ENV_CONFIGURATION.md, read 2026-11-23).
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from bench.errors import SpecError, UsageError
from bench.interchange.findings import DIFFERS, LEFT_OUT
from bench.interchange.naming import Names, plain_name
from bench.interchange.yaml_writer import Block, to_yaml
from bench.records.source import Diagnostic, SourceFile
from bench.spec.diagnostics import in_order
from bench.spec.files import Folder
from bench.spec.inclusion import expand
from bench.spec.marked import Marked

VARIABLES = (
    "FOUNDRY_LOCAL_ALIAS", "FOUNDRY_LOCAL_ENDPOINT", "BENCH_MODELS", "BENCH_ROUNDS", "BENCH_PROMPT", "BENCH_STREAM", "SLM_ALIAS", "LLM_ALIAS",
    "COMPARE_PROMPT", "COMPARE_RETRIES", "RETRY_ON_FAIL", "RETRY_BACKOFF", "TEMPERATURE", "TOP_P", "SHOW_USAGE", "EMBED_MODEL", "RAG_QUESTION",
    "AGENT_MODEL_PRIMARY", "AGENT_MODEL_EDITOR", "AGENT_QUESTION",
)  # fmt: skip
_NO_COUNTERPART = {
    "RETRY_BACKOFF": "bench waits between attempts by rules of its own",
    "EMBED_MODEL": "bench measures chat models",
    "RAG_QUESTION": "a question about retrieved passages is a prompt with those passages: write it under `prompts`",
    "AGENT_MODEL_PRIMARY": "bench asks models one by one",
    "AGENT_MODEL_EDITOR": "bench asks models one by one",
    "AGENT_QUESTION": "bench asks models one by one",
}
_ALIASES = ("BENCH_MODELS", "SLM_ALIAS", "LLM_ALIAS", "FOUNDRY_LOCAL_ALIAS")
_COUNTED = re.compile(r"[0-9]{1,6}")
_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")
_MOST = 256 * 2**10  # bytes of a file of variables


class Workshop(msgspec.Struct, frozen=True, kw_only=True):
    """A spec as text, and what there is to say about it. `used`: the variables that went into it."""

    text: str
    findings: tuple[Diagnostic, ...]
    sources: tuple[SourceFile, ...]
    used: tuple[str, ...]


def import_workshop(models: Path | None, prompts: Path | None, environ: Mapping[str, str]) -> Workshop:
    """The spec of a workshop's files and variables; either file may be missing where variables stand in for it.

    Raises: SpecError when a file is not what the workshop hands out, UsageError when there is no model or no prompt, or a variable makes no sense.
    """
    given = {name: environ[name].strip() for name in VARIABLES if environ.get(name, "").strip()}
    work = _Work(given)
    found_models, model_sources = _expanded("models", models)
    found_prompts, prompt_sources = _expanded("prompts", prompts)
    document: dict[str, Any] = {"bench": 1, "name": "workshop", "version": "1.0.0"}
    document["models"] = [Block(one) for one in work.models(found_models)]
    document["prompts"] = [Block(one) for one in work.prompts(found_prompts)]
    document |= work.settings()
    names = " and ".join(path.name for path in (models, prompts) if path is not None)
    head = [f"Made from {names or 'environment variables'} by `bench import workshop`."]
    head += [f"Environment variables that went into it: {', '.join(work.used)}."] if work.used and names else []
    return Workshop(text=to_yaml(document, head), findings=tuple(work.found), sources=(*model_sources, *prompt_sources), used=tuple(work.used))


def read_variables(path: Path) -> dict[str, str]:
    """The variables of a `.env` file: `NAME=value` lines, quotes and comments aside; nothing in it is replaced or run.

    Raises: UsageError when it cannot be read.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST + 1)
        text = content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read as a file of variables: {error}", hint="write NAME=value lines, as UTF-8") from error
    if len(content) > _MOST:
        raise UsageError(f"{path} has more than {_MOST:,} bytes", hint="a file of variables is short; is this the right one?")
    found = {}
    for line in text.splitlines():
        if (match := _LINE.fullmatch(line.strip())) is not None:
            value = match[2].strip()
            is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
            found[match[1]] = value[1:-1] if is_quoted else re.sub(r"\s+#.*", "", value)
    return found


def _expanded(key: str, path: Path | None) -> tuple[list[dict[str, Any]], tuple[SourceFile, ...]]:
    """What a workshop's file says, in the spec's own words. Raises: SpecError with every finding."""
    if path is None:
        return [], ()
    folder = Folder(path)
    tree, found = expand(Marked({key: {"file": path.name}}, {}), folder)
    if wrong := [*folder.found, *found]:
        raise SpecError(in_order(wrong, folder.sources), tuple(folder.sources))
    return [{name: value for name, value in one.items() if name != "origin"} for one in tree.data[key]], tuple(folder.sources)


class _Work:
    """The variables, and what was made of them."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = given
        self.used: list[str] = []
        self.found: list[Diagnostic] = [
            Diagnostic(code=LEFT_OUT, severity="warning", message=f"{name} has no counterpart", hint=hint)
            for name, hint in _NO_COUNTERPART.items()
            if name in given
        ]

    def _take(self, name: str) -> str | None:
        if (value := self._given.get(name)) is not None and name not in self.used:
            self.used.append(name)
        return value

    def models(self, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The file's models; where variables name aliases, those, with what the file knows of them."""
        aliases: list[str] = []
        for name in _ALIASES if not found else _ALIASES[:1]:
            if name == "FOUNDRY_LOCAL_ALIAS" and aliases:
                continue
            aliases += [one.strip() for one in (self._take(name) or "").split(",") if one.strip()]
        known = {one["alias"]: one for one in found}
        names = Names("model")
        wanted = [dict(known.get(alias, {"runtime": "foundry-local", "alias": alias})) for alias in dict.fromkeys(aliases)] or found
        if not wanted:
            raise UsageError("no model is named", hint="give models.json, or set BENCH_MODELS to aliases with commas between")
        endpoint = self._take("FOUNDRY_LOCAL_ENDPOINT")
        made = []
        for one in wanted:
            rest = {key: value for key, value in one.items() if key not in {"id", "runtime", "alias", "size", "device"}}
            size = {"size": f"{one['size'] / 1_000_000:g} MB"} if "size" in one else {}
            made.append({"id": names.of(plain_name(one["alias"])), **self._serving(one, endpoint), **size, **rest})
        return made

    def _serving(self, model: dict[str, Any], endpoint: str | None) -> dict[str, Any]:
        """Foundry Local by alias, or the server that a variable names."""
        if endpoint is None:
            return {key: model[key] for key in ("runtime", "alias", "device") if key in model}
        ending = "" if re.search(r"/v[0-9]+/?$", endpoint) else "/v1"
        if len(self.found) == 0 or all("FOUNDRY_LOCAL_ENDPOINT" not in one.message for one in self.found):
            message = "FOUNDRY_LOCAL_ENDPOINT names a running service, which is asked for the aliases as they stand"
            hint = "Foundry Local 2 knows models by exact names such as `qwen2.5-0.5b-instruct-generic-cpu:4`; a run lists them"
            self.found.append(Diagnostic(code=DIFFERS, severity="note", message=message, hint=hint))
        return {"runtime": "external", "base_url": f"${{FOUNDRY_LOCAL_ENDPOINT}}{ending}", "model": model["alias"]}

    def prompts(self, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The file's prompts, and those of the variables."""
        names = Names("prompt")
        made = [{"id": names.of(one["id"]), **{key: value for key, value in one.items() if key != "id"}} for one in found]
        for name in ("BENCH_PROMPT", "COMPARE_PROMPT"):
            if (text := self._take(name)) is not None:
                is_template = re.search(r"\{[{%#]", text) is not None
                literal = {"user": "{{ text }}", "vars": {"text": text}} if is_template else {"user": text}
                made.append({"id": names.of(name.lower().replace("_", "-")), **literal})
        if not made:
            raise UsageError("nothing is asked", hint="give prompts.json, or set BENCH_PROMPT")
        return made

    def settings(self) -> dict[str, Any]:
        """Rounds, retries and what is sent."""
        generation: dict[str, Any] = {}
        for name, key, most in (("TEMPERATURE", "temperature", 100.0), ("TOP_P", "top_p", 1.0)):
            if (text := self._take(name)) is not None:
                generation[key] = self._share(name, text, most)
        if (stream := self._take("BENCH_STREAM")) is not None:
            generation["stream"] = stream == "1"
        found: dict[str, Any] = {"generation": generation} if generation else {}
        if (text := self._take("BENCH_ROUNDS")) is not None:
            found["rounds"] = self._count("BENCH_ROUNDS", text, 1, 100_000)
        if self._take("RETRY_ON_FAIL") == "0":
            found["retries"] = 0
        elif (text := self._take("COMPARE_RETRIES")) is not None:
            found["retries"] = self._count("COMPARE_RETRIES", text, 0, 20)
        return found

    def _count(self, name: str, text: str, least: int, most: int) -> int:
        if _COUNTED.fullmatch(text) is None or not least <= int(text) <= most:
            raise UsageError(f"{name} is {text[:40]!r}", hint=f"write a whole number from {least} to {most}, or unset it")
        return int(text)

    def _share(self, name: str, text: str, most: float) -> float:
        if re.fullmatch(r"[0-9]{0,3}\.?[0-9]{0,6}", text) is None or text in {"", "."} or float(text) > most:
            raise UsageError(f"{name} is {text[:40]!r}", hint=f"write a number from 0 to {most:g}, or unset it")
        return float(text)
