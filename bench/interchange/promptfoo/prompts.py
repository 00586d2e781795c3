"""promptfoo's prompts as messages: texts, chats in JSON or YAML, and files of them."""

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgspec

from bench.interchange.findings import Spot, quoted
from bench.interchange.promptfoo.reading import DATA, Config, as_json
from bench.spec.yaml_source import parse
from bench.spec.yaml_text import Unreadable

_SEPARATOR = re.compile(r"^---[ \t]*$", re.MULTILINE)
_PATH = re.compile(r"[\w./*?\[\]-]+\.(?:txt|md|json|ya?ml|csv|j2|[cm]?[jt]s|py)(?::[\w.]+)?")
_YAML_CHAT = re.compile(r"\s*-\s+role\s*:")
_DUMP = re.compile(r"(\{\{[^{}]*?)\|\s*dump\s*(?=\||-?\}\})")
_UNREAD = [{"role": None}]
_ROLES = {"system": "system", "developer": "system", "user": "user", "human": "user", "assistant": "assistant"}


class Asked(msgspec.Struct, frozen=True):
    """One prompt: a text, or messages as (role, text) pairs; templates all. `label` is its name, empty when it has none."""

    text: str
    messages: tuple[tuple[str, str], ...]
    label: str
    spot: Spot


def prompts(config: Config) -> list[Asked]:
    """The prompts of a configuration, in order; what is no prompt for bench is left out with a finding."""
    found: list[Asked] = []
    for spot in config.root.at("prompts").items():
        found += _prompt(spot, config)
    return found


def _prompt(spot: Spot, config: Config) -> Iterator[Asked]:
    value, label = spot.value, ""
    if isinstance(value, dict) and "role" in value:
        config.findings.left_out(spot, "a message stands where a prompt is expected", "put the messages of one prompt into a JSON file")
        return
    if isinstance(value, dict):
        for key in value.keys() - {"raw", "id", "label", "display"}:
            config.findings.left_out(spot.at(key), f"the prompt's {quoted(key)} has no counterpart")
        label = str(value.get("label") or value.get("display") or "")
        value = value.get("raw") if isinstance(value.get("raw"), str) else value.get("id")
    if not isinstance(value, str) or not value.strip():
        config.findings.left_out(spot, "this prompt has no text")
        return
    name = config.file_named(value)
    if name is None and "\n" not in value and _PATH.fullmatch(value.strip()):
        name = value.strip().removeprefix("./")
    if value.startswith("exec:"):
        config.findings.left_out(spot, "a prompt that a program writes is code, and an import runs none")
    elif name is not None:
        yield from _of_file(name, label, spot, config)
    else:
        yield _made(value, label, spot, config)


def _of_file(pattern: str, label: str, spot: Spot, config: Config) -> Iterator[Asked]:
    names = config.matching(pattern, spot) if any(sign in pattern for sign in "*?[") else [pattern]
    for name in names:
        if config.refuse_code(name, spot, "the prompt"):
            continue
        if name.endswith(".jsonl"):
            lines = enumerate(config.lines(name, spot), start=1)
            yield from (_made(line.strip(), f"{label or name}-{number}", place, config) for number, (line, place) in lines)
            continue
        if (text := config.text(name, spot)) is None:
            continue
        if name.endswith(".csv"):
            config.findings.left_out(spot, f"prompts in a table ({quoted(name)}) are not read", "write them under `prompts`")
            continue
        if name.endswith(DATA):
            data = as_json(text) if name.endswith(".json") else _yaml(name, spot, config)
            if (messages := messages_of(data)) is not None:
                yield Asked("", messages, label or name, spot)
            else:
                config.findings.left_out(spot, f"{quoted(name)} holds no chat of texts", "a chat is a list of `{role: …, content: …}`")
            continue
        parts = [part.strip("\n") for part in _SEPARATOR.split(text)] if _SEPARATOR.search(text) else [text.strip()]
        for number, part in enumerate(parts, start=1):
            if part.strip():
                yield _made(part, (label or name) + (f"-{number}" if len(parts) > 1 else ""), spot, config)


def _yaml(name: str, spot: Spot, config: Config) -> Any:
    data = config.data(name, spot)
    return data.value if data is not None else None


def _made(text: str, label: str, spot: Spot, config: Config) -> Asked:
    """A text that stands for itself, or is a chat. One that is none before its variables are filled in may be one afterwards."""
    if text != (text := _DUMP.sub(r"\1| tojson ", text)):
        config.findings.differs(spot, "the filter `dump` becomes `tojson`, which writes a space behind each `,` and `:` of lists and mappings")
    messages = messages_of(chat_of(text))
    return Asked(text, (), label, spot) if messages is None else Asked("", messages, label, spot)


def chat_of(text: str) -> Any:
    """The data of a text that promptfoo sends as a chat: a list of messages in JSON or YAML; None for every other text."""
    data: Any = None
    if text.lstrip().startswith("["):
        data = as_json(text)
    elif _YAML_CHAT.match(text):
        data = _UNREAD
        with suppress(Unreadable):
            data = parse(text.encode(errors="replace"), "")[0].data
    return data if isinstance(data, list) and any(isinstance(one, dict) and "role" in one for one in data) else None


def messages_of(data: Any) -> tuple[tuple[str, str], ...] | None:
    """A chat's messages; None when it is none, or holds more than texts."""
    if not isinstance(data, list) or not data:
        return None
    pairs = []
    for one in data:
        role, content = (_ROLES.get(str(one.get("role"))), one.get("content")) if isinstance(one, dict) else (None, None)
        if role is None or not isinstance(content, str) or not content.strip():
            return None
        pairs.append((role, content))
    return tuple(pairs)
