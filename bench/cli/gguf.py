"""What the header of a GGUF file says: architecture, context length, quantisation. Only the header is read, and no more of it than a bounded amount.

Source: the GGUF specification, https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (version 3); file types from `llama_ftype` in llama.cpp's
`include/llama.h`.
"""

import struct
from pathlib import Path
from typing import BinaryIO

_HEADER = struct.Struct("<4sIQQ")
_NUMBER = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_TEXT, _ARRAY = 8, 9
_MOST_PAIRS = 10_000
_MOST_ITEMS = 2_000_000  # of one array: the largest vocabularies hold some 300,000 tokens
_MOST_BYTES = 256 << 20  # of the whole header
_MOST_TEXT = 4096  # characters of a value that are kept
_FILE_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S", 12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S",
    15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS", 21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S",
    25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S", 29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0", 37: "TQ2_0",
}  # fmt: skip

Value = str | int | float | bool


class NotGguf(ValueError):
    """The file is no GGUF file that can be read; the message says why."""


def describe(path: Path) -> dict[str, Value]:
    """What people ask of a model file, by a readable name; keys the file does not say are left out.

    Raises: NotGguf, OSError.
    """
    pairs = read_header(path)
    architecture = pairs.get("general.architecture")
    wanted = {
        "architecture": architecture,
        "name": pairs.get("general.name"),
        "size": pairs.get("general.size_label"),
        "licence": pairs.get("general.license"),
        "quantisation": _file_type(pairs.get("general.file_type")),
        "context length": pairs.get(f"{architecture}.context_length"),
        "layers": pairs.get(f"{architecture}.block_count"),
        "chat template": "tokenizer.chat_template" in pairs,
    }
    return {name: value for name, value in wanted.items() if value is not None}


def read_header(path: Path) -> dict[str, Value]:
    """All pairs of the header whose value is a text, a number or a boolean; arrays are skipped.

    Raises: NotGguf, OSError.
    """
    with path.open("rb") as file:
        reader = _Reader(file)
        magic, version, _tensors, n_pairs = _HEADER.unpack(reader.take(_HEADER.size))
        if magic != b"GGUF":
            raise NotGguf("it does not begin with GGUF")
        if version not in {2, 3}:
            raise NotGguf(f"its version is {version}; 2 and 3 can be read")
        if n_pairs > _MOST_PAIRS:
            raise NotGguf(f"its header says it holds {n_pairs} pairs")
        pairs: dict[str, Value] = {}
        for _ in range(n_pairs):
            key = reader.text()
            value = reader.value(reader.number(4))
            if value is not None:
                pairs[key] = value
        return pairs


class _Reader:
    """Reads typed values from the start of a file, and never more than `_MOST_BYTES` of it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = _MOST_BYTES

    def take(self, n: int) -> bytes:
        self._left -= n
        if self._left < 0:
            raise NotGguf("its header is too long")
        data = self._file.read(n)
        if len(data) < n:
            raise NotGguf("it ends within its header")
        return data

    def number(self, kind: int) -> int:
        return int(self._scalar(kind))

    def _scalar(self, kind: int) -> int | float | bool:
        pattern = struct.Struct(f"<{_NUMBER[kind]}")
        value: int | float | bool = pattern.unpack(self.take(pattern.size))[0]
        return value

    def text(self) -> str:
        return self.take(self.number(10)).decode("utf-8", errors="replace")[:_MOST_TEXT]

    def value(self, kind: int) -> Value | None:
        """The value of this kind; None for an array, which is skipped."""
        if kind in _NUMBER:
            return self._scalar(kind)
        if kind == _TEXT:
            return self.text()
        if kind != _ARRAY:
            raise NotGguf(f"its header holds a value of the unknown kind {kind}")
        self._skip_array()
        return None

    def _skip_array(self) -> None:
        kind, n = self.number(4), self.number(10)
        if n > _MOST_ITEMS:
            raise NotGguf(f"its header says it holds an array of {n} items")
        if kind in _NUMBER:
            self.take(n * struct.calcsize(f"<{_NUMBER[kind]}"))
        elif kind == _TEXT:
            for _ in range(n):
                self.take(self.number(10))
        else:
            raise NotGguf(f"its header holds an array of the kind {kind}")


def _file_type(value: Value | None) -> str | None:
    if not isinstance(value, int):
        return None
    return _FILE_TYPES.get(value, f"type {value}")
