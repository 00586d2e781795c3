import errno
import json
from types import SimpleNamespace

import pytest
from harness.serving import Answer, answering

from bench.errors import ServingError
from bench.serving import room
from bench.serving.transfer import download, place

CONTENT = bytes(range(256)) * 4000


class Flaky:
    """A file server that breaks off after so many bytes the first time."""

    def __init__(self, *, break_at=None, etag='"one"', ranges=True):
        self.break_at, self.etag, self.ranges, self.asked = break_at, etag, ranges, []

    def __call__(self, _path, headers):
        asked, condition = headers.get("Range"), headers.get("If-Range")
        self.asked.append(asked)
        tag = {"ETag": self.etag} if self.etag else {}
        if self.break_at is not None:
            sent, self.break_at = CONTENT[: self.break_at], None
            return Answer(body=sent, headers={**tag, "Content-Length": str(len(CONTENT)), "Connection": "close"})
        if asked and self.ranges and condition == self.etag:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(CONTENT):
                return Answer(status=416)
            span = f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"
            return Answer(status=206, body=CONTENT[start:], headers={**tag, "Content-Range": span})
        return Answer(body=CONTENT, headers=tag)


def get(url, folder, **options):
    told = []
    path = download(f"{url}/file", folder / "file", progress=lambda *news: told.append(news), schemes=("http",), **options)
    return path, told


def break_then_get(server, folder):
    with answering(server) as url:
        with pytest.raises(ServingError, match="broke off") as caught:
            get(url, folder)
        assert caught.value.state == "unavailable"
        assert (folder / "file.part").stat().st_size == 5000
        return get(url, folder)


def test_a_file_arrives_with_its_progress(tmp_path):
    with answering(Flaky()) as url:
        path, told = get(url, tmp_path)
    assert path.read_bytes() == CONTENT
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert [found.name for found in tmp_path.iterdir()] == ["file"]


def test_a_broken_download_goes_on_where_it_stopped(tmp_path):
    server = Flaky(break_at=5000)
    path, told = break_then_get(server, tmp_path)
    assert path.read_bytes() == CONTENT
    assert server.asked == [None, "bytes=5000-"]
    assert told[0][0] > 5000
    assert told[-1] == (len(CONTENT), len(CONTENT))


def test_a_file_that_changed_meanwhile_is_fetched_whole(tmp_path):
    server = Flaky(break_at=5000)
    with answering(server) as url:
        with pytest.raises(ServingError):
            get(url, tmp_path)
        server.etag = '"two"'
        path, _ = get(url, tmp_path)
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("etag", [None, 'W/"weak"'])
def test_without_a_strong_validator_nothing_is_gone_on_with(tmp_path, etag):
    server = Flaky(break_at=5000, etag=etag)
    path, _ = break_then_get(server, tmp_path)
    assert path.read_bytes() == CONTENT
    assert server.asked == [None, None]


def test_a_server_without_ranges_sends_all_of_it(tmp_path):
    path, _ = break_then_get(Flaky(break_at=5000, ranges=False), tmp_path)
    assert path.read_bytes() == CONTENT


def test_a_part_that_is_longer_than_the_file_is_thrown_away(tmp_path):
    (tmp_path / "file.part").write_bytes(CONTENT + b"more")
    (tmp_path / "file.facts").write_text(json.dumps({"validator": '"one"'}))
    with answering(Flaky()) as url:
        assert get(url, tmp_path)[0].read_bytes() == CONTENT


@pytest.mark.parametrize("facts", ["[]", "{", '{"validator": null}'])
def test_damaged_notes_mean_a_fresh_start(tmp_path, facts):
    (tmp_path / "file.part").write_bytes(b"wrong start")
    (tmp_path / "file.facts").write_text(facts)
    with answering(Flaky()) as url:
        assert get(url, tmp_path)[0].read_bytes() == CONTENT


def test_what_does_not_fit_on_the_disk_is_not_begun(tmp_path, monkeypatch):
    monkeypatch.setattr(room.shutil, "disk_usage", lambda _folder: SimpleNamespace(free=1000))
    with answering(Flaky()) as url, pytest.raises(OSError, match="do not fit") as caught:
        get(url, tmp_path)
    assert caught.value.errno == errno.ENOSPC


@pytest.mark.parametrize("is_resumable", [False, True])
def test_a_server_that_never_ends_does_not_fill_the_disk(tmp_path, monkeypatch, is_resumable):
    def respond(_path, _headers):
        return Answer(body=CONTENT, headers={"Content-Length": "", "Connection": "close", **({"ETag": '"one"'} if is_resumable else {})})

    monkeypatch.setattr(room.shutil, "disk_usage", lambda _folder: SimpleNamespace(free=500_000))
    with answering(respond) as url, pytest.raises(OSError, match="do not fit") as caught:
        get(url, tmp_path)
    assert caught.value.errno == errno.ENOSPC
    assert not (tmp_path / "file.part").exists()


def test_only_https_is_fetched(tmp_path):
    with pytest.raises(ServingError, match="no https address"):
        download("http://127.0.0.1:9/file", tmp_path / "file", progress=lambda *_: None)


def test_a_redirect_away_from_https_is_not_followed(tmp_path):
    with (
        answering(lambda *_: Answer(status=302, headers={"Location": "ftp://127.0.0.1/file"})) as url,
        pytest.raises(ServingError, match="redirects to ftp:"),
    ):
        get(url, tmp_path)


def test_a_credential_stays_with_its_host(tmp_path):
    seen = []

    def respond(path, headers):
        seen.append((path, headers.get("Authorization")))
        return Answer(body=CONTENT)

    with answering(respond) as other, answering(lambda *_: Answer(status=302, headers={"Location": f"{other}/there"})) as url:
        get(url, tmp_path, headers={"Authorization": "Bearer s3cret"})
    assert seen == [("/there", None)]


@pytest.mark.parametrize(("status", "words"), [(404, "check the address"), (403, "login"), (500, "try again later")])
def test_a_refusal_is_unavailable_with_its_status(tmp_path, status, words):
    with answering(lambda *_: Answer(status=status)) as url, pytest.raises(ServingError, match=f"answers {status}") as caught:
        get(url, tmp_path)
    assert caught.value.state == "unavailable"
    assert words in caught.value.hint


def test_nobody_there_is_unavailable(tmp_path):
    with pytest.raises(ServingError, match=r"127.0.0.1:9/file cannot be fetched: .*refused"):
        get("http://127.0.0.1:9", tmp_path)


def test_an_address_is_shown_without_its_secrets():
    assert place("https://me:s3cret@h.example:8443/a/b?sig=s3cret#x") == "https://h.example:8443/a/b"
