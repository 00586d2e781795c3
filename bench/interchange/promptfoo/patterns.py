"""Regular expressions from JavaScript's dialect to Python's."""

import re

_ESCAPE = re.compile(r"\\(?:[pP]\{|c[A-Za-z]|u\{)")
_SPECIAL = re.compile(r"[.^$*+?{}\[\]\\|()]")


class NotPython(Exception):
    """The pattern uses what Python's `re` does not know."""


def python_pattern(pattern: str) -> str:
    """The same expression for Python. Raises: NotPython where there is none."""
    if (strange := _ESCAPE.search(pattern)) is not None:
        raise NotPython(f"Python's patterns do not know `{strange.group()}`")
    if "[^]" in pattern or "[]" in pattern:
        raise NotPython("Python's patterns do not know `[]` and `[^]`")
    if re.search(r"\(\?[a-zA-Z-]+[):]", pattern):
        raise NotPython("flags inside a pattern are not carried over")
    pattern = re.sub(r"(?<!\\)\(\?<([A-Za-z_]\w*)>", r"(?P<\1>", pattern)
    pattern = re.sub(r"(?<!\\)\\k<([A-Za-z_]\w*)>", r"(?P=\1)", pattern)
    return pattern.replace(r"\/", "/")


def literal(text: str) -> str:
    """A pattern that matches this text and nothing else; only what must be is escaped, so that people can read it."""
    return _SPECIAL.sub(lambda found: "\\" + found.group(), text).replace("\n", r"\n").replace("\t", r"\t").replace("\r", r"\r")


def never(pattern: str) -> str:
    """A pattern that is found in exactly those texts in which the given one is not."""
    return rf"^(?![\s\S]*(?:{pattern}))"
