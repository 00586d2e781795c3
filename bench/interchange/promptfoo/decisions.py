"""What one of promptfoo's assertions decides, as a check or a question: by its type and its value alone."""

import re
from collections.abc import Callable
from typing import Any

from bench.interchange.promptfoo.patterns import NotPython, literal, never, python_pattern
from bench.interchange.promptfoo.templates import as_text
from bench.spec.yaml_source import parse
from bench.spec.yaml_text import Unreadable


class NotCarried(Exception):
    """An assertion has no counterpart: why, and what can be done."""

    def __init__(self, why: str, hint: str | None = None) -> None:
        """Keep both for the finding."""
        super().__init__(why)
        self.why = why
        self.hint = hint


CODE = object()  # the value of an assertion whose value is code
MODEL_GRADED = {"llm-rubric", "model-graded-closedqa", "factuality", "model-graded-factuality", "g-eval"}
_JUDGE = "write it as `expect:`, one observable fact, for a judge"
_HINTS = {
    "javascript": "a check such as regex, max_words or json_schema may say the same, or an extension of your own",
    "python": "a check such as regex, max_words or json_schema may say the same, or an extension of your own",
    "similar": "write what must be said as `expect:`, or use the check `overlap` with a reference",
    "rouge-n": "the check `overlap` measures ROUGE-L, BLEU or chrF against a reference",
    "bleu": "the check `overlap` measures ROUGE-L, BLEU or chrF against a reference",
    "is-refusal": "write `expect: Refuses to answer` for a judge, or check for the usual words",
    "answer-relevance": _JUDGE,
    "context-faithfulness": _JUDGE,
    "context-recall": _JUDGE,
    "context-relevance": _JUDGE,
    "select-best": "`judge: {method: pairwise}` compares answers in pairs",
}


def bodies(kind: str, value: Any, *, is_not: bool, is_scored: bool) -> tuple[list[dict[str, Any]], str | None]:
    """The decisions that an assertion stands for, and a reference where it holds one. Raises: NotCarried."""
    if value is CODE:
        raise NotCarried("its value is code, and an import runs none")
    if kind in MODEL_GRADED:
        return _graded(kind, value, is_not=is_not)
    if kind == "word-count":
        return _words(value, is_not=is_not, is_scored=is_scored), None
    if (make := _CHECKS.get(kind)) is None:
        runs = kind in {"javascript", "python", "ruby", "webhook"}
        raise NotCarried(
            "it runs code or asks a server, and bench does neither" if runs else "there is no such check", _HINTS.get(kind.split(":", maxsplit=1)[0])
        )
    return [{"check": make(value, is_not)}], None


def _graded(kind: str, value: Any, *, is_not: bool) -> tuple[list[dict[str, Any]], str | None]:
    texts = [one.strip() for one in (value if isinstance(value, list) else [value]) if isinstance(one, str) and one.strip()]
    if not texts or (isinstance(value, list) and len(texts) < len(value)):
        raise NotCarried("it has no text that a judge could be asked")
    word = "forbid" if is_not else "expect"
    if kind in {"factuality", "model-graded-factuality"}:
        return [{word: f"Agrees in its facts with: {texts[0]}"}], texts[0]
    return [{word: one} for one in texts], None


def _words(value: Any, *, is_not: bool, is_scored: bool) -> list[dict[str, Any]]:
    if isinstance(value, str) and re.fullmatch(r"\s*\d{1,6}\s*", value):
        value = int(value)
    bounds = {"min": value, "max": value} if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(bounds, dict) or not bounds.keys() & {"min", "max"} or bounds.keys() - {"min", "max"}:
        raise NotCarried("its value is neither a number nor `min` and `max`")
    low, high = bounds.get("min"), bounds.get("max")
    if any(one is not None and (not isinstance(one, int) or isinstance(one, bool) or not 0 <= one <= 10_000) for one in (low, high)):
        raise NotCarried("its bounds are no whole numbers from 0 to 10,000")
    if is_not or (is_scored and low is not None and high is not None) or low == 0 or high == 0:
        pattern = _so_many_words(low or 0, high)
        return [{"check": {"regex": never(pattern) if is_not else pattern}}]
    return [{"check": {name: bound}} for name, bound in (("min_words", low), ("max_words", high)) if bound is not None]


def _so_many_words(low: int, high: int | None) -> str:
    if high == 0:
        return r"^\s*$"
    most = "" if high is None else high - 1
    words = rf"\S+(?:\s+\S+){{{max(low, 1) - 1},{most}}}"
    return rf"^{words}$" if low else rf"^(?:{words})?$"


def _texts(value: Any) -> list[str]:
    """The texts of `contains-any` and its like: a list, or one text with commas."""
    if isinstance(value, str):
        quoted_or_bare = re.findall(r'\s*(?:"((?:[^"\\]|\\.|"")*)"|([^,]+))\s*(?:,|$)', value)
        value = [inner.replace('""', '"').replace('\\"', '"') if inner else bare.strip() for inner, bare in quoted_or_bare]
    if not isinstance(value, list) or not value or any(isinstance(one, list | dict) for one in value):
        raise NotCarried("its value is no list of texts")
    return [as_text(one) for one in value]


def _text(value: Any) -> str:
    if value is None or value == "" or isinstance(value, list | dict):
        raise NotCarried("its value is no text")
    return as_text(value)


def _is_plain(text: str) -> bool:
    """Whether a text means the same to `contains`, which takes all white space and all quotation marks for one."""
    return bool(text.strip()) and text == " ".join(text.split()) and text.isprintable()


def _contains(case: str, each: str) -> Callable[[Any, bool], dict[str, Any]]:
    """`contains` and its like: `each` is one, any or all."""

    def make(value: Any, is_not: bool) -> dict[str, Any]:
        texts = [_text(value)] if each == "one" else _texts(value)
        option = {"case": case} if case == "exact" else {}
        if not all(_is_plain(text) for text in texts) or (is_not and each == "all" and len(texts) > 1):
            whole = [rf"(?=[\s\S]*{literal(text)})" for text in texts]
            pattern = f"(?:{'|'.join(map(literal, texts))})" if each == "any" else f"^{''.join(whole)}"
            return {"regex": {"pattern": never(pattern) if is_not else pattern} | ({} if option else {"case": "ignore"})}
        if is_not:
            return {"not_contains": {"any": texts, **option} if option else texts if len(texts) > 1 else texts[0]}
        if each == "any" and len(texts) > 1:
            return {"contains": {"any": texts, **option}}
        return {"contains": {"all": texts, **option} if option else texts if len(texts) > 1 else texts[0]}

    return make


def _equals(value: Any, is_not: bool) -> dict[str, Any]:
    if isinstance(value, list | dict):
        if is_not:
            raise NotCarried("that an answer is other JSON than this cannot be checked")
        return {"json_schema": {"schema": {"const": value}, "find": "whole"}}
    text = _text(value)
    if is_not:
        return {"regex": {"pattern": rf"^(?!{literal(text.strip())}$)"}}
    return {"equals": {"any": [text], "case": "exact"}} if _is_plain(text) else {"regex": {"pattern": literal(text.strip()), "match": "whole"}}


def _starts(value: Any, is_not: bool) -> dict[str, Any]:
    text = _text(value)
    if is_not or not _is_plain(text.rstrip()):
        return {"regex": {"pattern": rf"^(?!{literal(text.lstrip())})" if is_not else rf"^{literal(text.lstrip())}"}}
    return {"starts_with": {"any": [text.strip()], "case": "exact"}}


def _regex(value: Any, is_not: bool) -> dict[str, Any]:
    try:
        pattern = python_pattern(_text(value))
    except NotPython as reason:
        raise NotCarried(str(reason), "write it as a pattern of Python's `re`") from reason
    return {"regex": never(pattern) if is_not else pattern}


def _schema(text: str) -> dict[str, Any]:
    """A JSON Schema that is written as a text."""
    try:
        tree, found = parse(text.encode(), "schema.json")
    except Unreadable as problem:
        raise NotCarried(f"its JSON Schema cannot be read: {problem.found.message}") from problem
    if found or not isinstance(tree.data, dict):
        raise NotCarried("its JSON Schema is no mapping")
    return tree.data


def _json(find: str) -> Callable[[Any, bool], dict[str, Any]]:
    def make(value: Any, is_not: bool) -> dict[str, Any]:
        if is_not:
            raise NotCarried("that an answer holds no JSON cannot be checked")
        if isinstance(value, str):
            value = _schema(value)
        schema = value if isinstance(value, dict) else {"type": ["object", "array"]} if find == "anywhere" else True
        if isinstance(schema, dict):
            schema = {key: child for key, child in schema.items() if key != "$schema"}
        return {"json_schema": {"schema": schema, "find": find}}

    return make


_CHECKS: dict[str, Callable[[Any, bool], dict[str, Any]]] = {
    "contains": _contains("exact", "one"),
    "icontains": _contains("ignore", "one"),
    "contains-any": _contains("exact", "any"),
    "icontains-any": _contains("ignore", "any"),
    "contains-all": _contains("exact", "all"),
    "icontains-all": _contains("ignore", "all"),
    "equals": _equals,
    "starts-with": _starts,
    "regex": _regex,
    "is-json": _json("whole"),
    "contains-json": _json("anywhere"),
}
