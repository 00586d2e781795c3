from pathlib import Path

import pytest

from bench.errors import UsageError
from bench.records.spec import Weights
from bench.serving import cache


def fill(folder: Path, *sources: str) -> list[str]:
    ids = []
    for number, source in enumerate(sources):
        made = folder / "made" / f"model-{number}.gguf"
        made.parent.mkdir(exist_ok=True, parents=True)
        made.write_bytes(source.encode())
        ids.append(cache.write_entry(folder, Weights(parts=(source,)), made, "0" * 64).id)
    return ids


def test_entries_are_listed_by_source(tmp_path):
    fill(tmp_path, "https://b", "https://a")
    found = cache.entries(tmp_path)
    assert [entry.source for entry in found] == [("https://a",), ("https://b",)]
    assert [Path(entry.path).read_text() for entry in found] == ["https://a", "https://b"]
    assert all(entry.fetched_at.endswith("+00:00") for entry in found)


def test_an_empty_cache_has_no_entries(tmp_path):
    assert cache.entries(tmp_path / "none") == ()


def test_the_same_source_has_the_same_name_and_another_file_another():
    assert cache.entry_id(Weights(parts=("a", "b"))) == cache.entry_id(Weights(parts=("a", "b")))
    assert len({cache.entry_id(Weights(parts=parts, file=file)) for parts, file in [(("a", "b"), None), (("b", "a"), None), (("a", "b"), "x")]}) == 3


def test_a_cache_that_was_moved_still_serves(tmp_path):
    fill(tmp_path / "before", "https://a")
    (tmp_path / "before").rename(tmp_path / "after")
    (entry,) = cache.entries(tmp_path / "after")
    assert Path(entry.path).is_relative_to(tmp_path / "after")
    assert Path(entry.path).read_text() == "https://a"


@pytest.mark.parametrize("damage", [b"", b"{", b'{"id": 1}'])
def test_a_damaged_entry_does_not_count(tmp_path, damage):
    (name,) = fill(tmp_path, "https://a")
    (cache.entry_folder(tmp_path, name) / "entry.json").write_bytes(damage)
    assert cache.entries(tmp_path) == ()


def test_an_entry_is_found_by_id_its_start_its_file_and_its_source(tmp_path):
    first, _ = fill(tmp_path, "https://a", "https://b")
    for name in (first, first[:6], "model-0.gguf", "https://a"):
        assert cache.find(tmp_path, name).id == first


@pytest.mark.parametrize("name", ["nothing", ""])
def test_an_unknown_name_shows_what_there_is(tmp_path, name):
    fill(tmp_path, "https://a")
    with pytest.raises(UsageError, match="names no file of the cache") as caught:
        cache.find(tmp_path, name)
    assert "model-0.gguf" in caught.value.hint


def test_an_entry_is_removed_with_what_a_broken_download_left(tmp_path):
    first, second = fill(tmp_path, "https://a", "https://b")
    cache.part_folder(tmp_path, first).mkdir()
    removed = cache.remove(tmp_path, first)
    assert removed.source == ("https://a",)
    assert not Path(removed.path).exists()
    assert not cache.part_folder(tmp_path, first).exists()
    assert [entry.id for entry in cache.entries(tmp_path)] == [second]


@pytest.mark.parametrize(
    ("platform", "environ", "expected"),
    [
        ("linux", {"BENCH_CACHE": "/big/disk", "HOME": "/home/me"}, "/big/disk"),
        ("linux", {"HOME": "/home/me"}, "/home/me/.cache/bench"),
        ("linux", {"HOME": "/home/me", "XDG_CACHE_HOME": "/xdg"}, "/xdg/bench"),
        ("darwin", {"HOME": "/Users/me"}, "/Users/me/Library/Caches/bench"),
        ("win32", {"USERPROFILE": "/me", "LOCALAPPDATA": "/me/Local"}, "/me/Local/bench/cache"),
    ],
)
def test_the_cache_is_where_the_platform_keeps_caches(monkeypatch, platform, environ, expected):
    monkeypatch.setattr(cache.sys, "platform", platform)
    assert cache.default_folder(environ) == Path(expected)
