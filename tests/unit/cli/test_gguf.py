"""GGUF headers: what is read, and that no file makes the reader hang, crash or read without end."""

import contextlib
import struct

import pytest
from harness.gguf_file import SMALL, gguf, text
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.cli.gguf import NotGguf, describe, read_header


@pytest.fixture
def write(tmp_path):
    def put(data):
        path = tmp_path / "x.gguf"
        path.write_bytes(data)
        return path

    return put


def test_header_says_what_people_ask(write):
    assert describe(write(SMALL)) == {
        "architecture": "llama",
        "name": "Tiny \x1b[31mred",
        "licence": "apache-2.0",
        "quantisation": "Q4_K_M",
        "context length": 8192,
        "layers": 30,
        "chat template": True,
    }


def test_every_kind_of_number_is_read(write):
    kinds = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
    pairs = [(f"k{kind}", kind, struct.pack(f"<{letter}", 1)) for kind, letter in kinds.items()]
    assert read_header(write(gguf(pairs))) == {f"k{kind}": 1 for kind in kinds}


def test_unknown_file_type_is_shown_as_its_number(write):
    assert describe(write(gguf([("general.file_type", 4, struct.pack("<I", 999))])))["quantisation"] == "type 999"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "ends within"),
        (gguf([], magic=b"GGML"), "does not begin"),
        (gguf([], version=1), "version is 1"),
        (gguf([], n=2**60), "pairs"),
        (gguf([], n=1), "ends within"),
        (gguf([("k", 99, b"")]), "unknown kind 99"),
        (gguf([("k", 9, struct.pack("<IQ", 9, 1))]), "array of the kind 9"),
        (gguf([("k", 9, struct.pack("<IQ", 8, 2**60))]), "array of"),
        (gguf([("k", 8, struct.pack("<Q", 2**62))]), "too long"),
    ],
)
def test_damaged_header_is_refused_with_its_reason(write, data, reason):
    with pytest.raises(NotGguf, match=reason):
        read_header(write(data))


def test_header_cut_at_any_byte_is_refused(write):
    for end in range(len(SMALL)):
        with pytest.raises(NotGguf):
            read_header(write(SMALL[:end]))


@settings(max_examples=150, deadline=None)
@given(place=st.integers(0, len(SMALL) - 1), value=st.integers(0, 255))
def test_changed_byte_gives_a_header_or_a_reason(tmp_path_factory, place, value):
    path = tmp_path_factory.getbasetemp() / "changed.gguf"
    path.write_bytes(SMALL[:place] + bytes([value]) + SMALL[place + 1 :])
    with contextlib.suppress(NotGguf):
        assert isinstance(read_header(path), dict)


def test_long_text_is_kept_in_part(write):
    assert len(read_header(write(gguf([("k", 8, text("x" * 100_000))])))["k"]) == 4096
