import pytest

from bench.spec import yaml_source
from bench.spec.yaml_source import parse
from bench.spec.yaml_text import MAX_BYTES, Unreadable


def read(text):
    tree, found = parse(text.encode(), "t.yaml")
    assert found == ()
    return tree.data


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"), ("on", "on"), ("12:30", "12:30"), ("2026-01-01", "2026-01-01"), ("0o17", 15), ("017", 17), ("0x1F", 31), ("1_000", "1_000"),
        ("1e3", 1000.0), (".5", 0.5), ("-3", -3), ("+7", 7), ("true", True), ("False", False), ("~", None), ("", None), ("null", None),
        ("'1'", "1"), ('"true"', "true"), ("=", "="), ("!!str 12", "12"), ("9223372036854775807", 2**63 - 1),
    ],
)  # fmt: skip
def test_values_are_those_of_the_core_schema(text, value):
    assert read(f"a: {text}") == {"a": value}
    assert type(read(f"a: {text}")["a"]) is type(value)


def test_every_value_and_key_has_its_place():
    tree, _ = parse("a: 1\nb:\n  - x: é\n    y: [2, {z: 3}]\n".encode(), "t.yaml")
    places = {mark.pointer: (mark.key, mark.value) for mark in tree.marks.values()}
    assert places == {
        "": (None, (1, 1)),
        "/a": ((1, 1), (1, 4)),
        "/b": ((2, 1), (3, 3)),
        "/b/0": (None, (3, 5)),
        "/b/0/x": ((3, 5), (3, 8)),
        "/b/0/y": ((4, 5), (4, 8)),
        "/b/0/y/0": (None, (4, 9)),
        "/b/0/y/1": (None, (4, 12)),
        "/b/0/y/1/z": ((4, 13), (4, 16)),
    }


def test_an_alias_points_at_what_it_stands_for():
    tree, _ = parse(b"a: &x {k: v}\nb: *x\n", "t.yaml")
    assert tree.data == {"a": {"k": "v"}, "b": {"k": "v"}}
    assert tree.data["a"] is not tree.data["b"]
    assert tree.mark(("b",)).value == (2, 4)
    assert tree.mark(("b", "k")).value == (1, 11)


def test_many_duplicate_keys_are_all_found_quickly():
    tree, found = parse(b"k: 1\n" * 20_000, "t.yaml")
    assert tree.data == {"k": 1}
    assert len(found) == 19_999


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "yaml-empty"),
        (b" \n# x\n", "yaml-empty"),
        (b"x" * (MAX_BYTES + 1), "yaml-size"),
        (b"[1]\n" * 3, "yaml-syntax"),
        (b"- 1\n" * (yaml_source.MAX_NODES + 1), "yaml-size"),
        (b"a: &x 1\nb: [" + b"*x, " * 1_001 + b"]", "yaml-alias"),
        (b"[" * 100_000, "yaml-depth"),
        (b"a: \xc3\x28", "yaml-encoding"),
    ],
)
def test_text_beyond_bounds_is_refused(content, code):
    with pytest.raises(Unreadable) as caught:
        parse(content, "t.yaml")
    assert caught.value.found.code == code


def test_json_pairs_are_read_in_json_files_only():
    assert parse(b'["\\ud83d\\ude00", "\\\\ud83d"]', "p.json")[0].data == ["😀", "\\ud83d"]
    with pytest.raises(Unreadable):
        parse(b'["\\ud83d\\ude00"]', "p.yaml")


def test_a_refused_key_takes_its_value_with_it():
    tree, found = parse(b"1: {a: [b]}\n? {c: d}\n: e\nf: g\n", "t.yaml")
    assert tree.data == {"f": "g"}
    assert [one.code for one in found] == ["yaml-key", "yaml-key"]
