"""The resolved spec as YAML that both YAML 1.1 and 1.2 readers understand alike."""

import re
from typing import Any

import yaml

# What a YAML 1.2 core reader takes for null, a boolean or a number, where PyYAML, a YAML 1.1 writer, sees plain text: `1e3`, `0o17`, `+.5`.
_NOT_TEXT = re.compile(r"~|null|true|false|0o[0-7]+|0x[0-9a-f]+|[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)(e[-+]?[0-9]+)?|[-+]?\.inf|\.nan", re.IGNORECASE)
# Line breaks other than the newline survive only as escapes, which only double quotes know.
_ODD = re.compile(r"[\r\x85\u2028\u2029\ufeff]")


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 -- PyYAML's signature; a repeated value is written out, as a reader expects
        return True


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = None
    if _NOT_TEXT.fullmatch(text) or _ODD.search(text):
        style = '"'
    elif "\n" in text and not text[0].isspace():
        style = "|"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def to_yaml(resolved: dict[str, Any]) -> bytes:
    """The YAML text of a resolved spec, keys in its own order, UTF-8."""
    text: str = yaml.dump(resolved, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=150)
    return text.encode()
