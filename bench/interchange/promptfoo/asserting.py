"""Aspects as promptfoo's assertions: the other way of `decisions`."""

import json
import re
from collections.abc import Callable
from typing import Any

from bench.records.spec import Aspect, Check

_TEMPLATE = re.compile(r"\{[{%#]")
_PYTHON_ONLY = re.compile(r"\(\?[aiLmsux-]+[:)]|\(\?P[=>]|\(\?#|\(\?\(|[*+?}]\+|\\N\{")


class NoAssertion(Exception):
    """An aspect has no counterpart; the message says why."""


def assertion(aspect: Aspect) -> dict[str, Any]:
    """The assertion that decides what an aspect decides. Raises: NoAssertion."""
    if aspect.expect is not None:
        return {"type": "llm-rubric", "value": raw(aspect.expect)}
    if aspect.forbid is not None:
        return {"type": "llm-rubric", "value": raw(f"The answer must not do or be this: {aspect.forbid}")}
    if aspect.check is None:
        raise NoAssertion("it decides nothing")
    make = _OF_CHECK.get(aspect.check.name)
    if make is None:
        raise NoAssertion(f"promptfoo has no check like `{aspect.check.name}`")
    return make(aspect.check)


def raw(text: str) -> str:
    """A text that promptfoo, which fills templates everywhere, leaves as it is."""
    return f"{{% raw %}}{text}{{% endraw %}}" if _TEMPLATE.search(text) and "endraw" not in text else text


def _texts(value: Any) -> list[str]:
    return [raw(str(one)) for one in (value if isinstance(value, list | tuple) else [value])]


def _contains(check: Check) -> dict[str, Any]:
    given = check.argument
    options = given if isinstance(given, dict) else {"all" if check.name == "contains" else "any": given}
    if options.get("whole_words"):
        raise NoAssertion("promptfoo has no `whole_words`")
    if options.get("at_least", 1) != 1:
        raise NoAssertion("promptfoo has no `at_least`")
    case = "contains" if options.get("case") == "exact" else "icontains"
    kind = "all" if "all" in options else "any"
    texts = _texts(options[kind])
    no = "not-" if check.name == "not_contains" else ""
    return {"type": f"{no}{case}", "value": texts[0]} if len(texts) == 1 else {"type": f"{no}{case}-{kind}", "value": texts}


def _whole(check: Check) -> dict[str, Any]:
    """`equals` and `starts_with`, which ignore case unless told not to."""
    options = check.argument if isinstance(check.argument, dict) else {"any": check.argument}
    if options.get("punctuation") == "ignore":
        raise NoAssertion("promptfoo keeps punctuation")
    given = options["any"]
    texts = [str(one) for one in (given if isinstance(given, list | tuple) else [given])]
    if options.get("case") == "exact" and len(texts) == 1:
        return {"type": check.name.replace("_", "-"), "value": raw(texts[0])}
    heard = "output.trim()" if options.get("case") == "exact" else "output.trim().toLowerCase()"
    wanted = json.dumps(texts if options.get("case") == "exact" else [text.lower() for text in texts])
    method = f"{wanted}.includes({heard})" if check.name == "equals" else f"{wanted}.some((start) => {heard}.startsWith(start))"
    return {"type": "javascript", "value": raw(method)}


def _regex(check: Check) -> dict[str, Any]:
    options = check.argument if isinstance(check.argument, dict) else {"pattern": check.argument}
    pattern = str(options["pattern"])
    if _PYTHON_ONLY.search(pattern):
        raise NoAssertion("its pattern uses what only Python's patterns know")
    pattern = re.sub(r"(?<!\\)\(\?P<", "(?<", pattern)
    pattern = re.sub(r"(?<!\\)((?:\\\\)*)\\([AZ])", lambda found: found[1] + ("^" if found[2] == "A" else "$"), pattern)
    if options.get("match") == "whole":
        pattern = rf"^\s*(?:{pattern})\s*$"
    if options.get("case") == "ignore":
        return {"type": "javascript", "value": raw(f'new RegExp({json.dumps(pattern)}, "i").test(output)')}
    return {"type": "regex", "value": raw(pattern)}


def _json(check: Check) -> dict[str, Any]:
    given = check.argument
    is_wrapped = isinstance(given, dict) and "schema" in given and set(given) <= {"schema", "find"}
    schema, find = (given["schema"], given.get("find", "anywhere")) if is_wrapped else (given, "anywhere")
    if schema is False:
        raise NoAssertion("its schema accepts nothing")
    value = {"value": schema} if isinstance(schema, dict) and schema else {}
    return {"type": "is-json" if find == "whole" else "contains-json", **value}


_OF_CHECK: dict[str, Callable[[Check], dict[str, Any]]] = {
    "contains": _contains,
    "not_contains": _contains,
    "equals": _whole,
    "starts_with": _whole,
    "regex": _regex,
    "min_words": lambda check: {"type": "word-count", "value": {"min": check.argument}},
    "max_words": lambda check: {"type": "word-count", "value": {"max": check.argument}},
    "json_schema": _json,
}
