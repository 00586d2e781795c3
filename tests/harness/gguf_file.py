"""GGUF headers for tests, written by the specification and without the code under test."""

import struct


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def gguf(pairs, *, magic=b"GGUF", version=3, n=None) -> bytes:
    """A header. `pairs` are (key, kind, packed value)."""
    body = b"".join(text(key) + struct.pack("<I", kind) + value for key, kind, value in pairs)
    return struct.pack("<4sIQQ", magic, version, 0, len(pairs) if n is None else n) + body


SMALL = gguf(
    [
        ("general.architecture", 8, text("llama")),
        ("general.name", 8, text("Tiny \x1b[31mred")),
        ("general.license", 8, text("apache-2.0")),
        ("general.file_type", 4, struct.pack("<I", 15)),
        ("tokenizer.ggml.tokens", 9, struct.pack("<IQ", 8, 2) + text("a") + text("b")),
        ("tokenizer.ggml.scores", 9, struct.pack("<IQ", 6, 3) + struct.pack("<3f", 1, 2, 3)),
        ("llama.context_length", 4, struct.pack("<I", 8192)),
        ("llama.block_count", 4, struct.pack("<I", 30)),
        ("tokenizer.chat_template", 8, text("{{ messages }}")),
    ]
)
