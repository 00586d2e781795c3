import hashlib
import time
from pathlib import Path

import pytest
from harness.serving import Answer, answering, context

from bench.errors import ServingError
from bench.records.spec import Weights
from bench.serving.weights import fetch

CONTENT = b"GGUF" + bytes(range(256)) * 40
COMMIT = "a" * 40
SOURCE = Weights(parts=("hf:owner/repo/sub/model.gguf",))


def hub(path, _headers):
    """As much of a hub as one file needs."""
    facts = {"ETag": f'"{hashlib.sha256(CONTENT).hexdigest()}"', "X-Repo-Commit": COMMIT}
    if path == "/owner/repo/resolve/main/sub/model.gguf":
        return Answer(body=CONTENT, headers=facts)
    code = "EntryNotFound" if path.startswith("/owner/repo/") else "RepoNotFound"
    return Answer(status=404, value={"error": code}, headers={**facts, "X-Error-Code": code})


def refusal(folder, source, endpoint):
    with pytest.raises(ServingError) as caught:
        fetch(Weights(parts=(source,)), None, context(folder, environ={"HF_ENDPOINT": endpoint}))
    return caught.value


def test_a_file_of_a_repository_comes_from_the_endpoint_in_the_environment(tmp_path):
    told = []
    with answering(hub) as url:
        found = fetch(SOURCE, None, context(tmp_path, environ={"HF_ENDPOINT": url}, progress=lambda *news: told.append(news)))
    assert Path(found.path).read_bytes() == CONTENT
    assert Path(found.path).name == "model.gguf"
    assert ("download model.gguf", len(CONTENT), len(CONTENT)) in told
    assert fetch(SOURCE, None, context(tmp_path, offline=True)).path == found.path


@pytest.mark.parametrize(("source", "words"), [("hf:owner/repo/none.gguf", "has no such file"), ("hf:nobody/repo/model.gguf", "no such repository")])
def test_what_the_hub_does_not_have_is_unavailable(tmp_path, source, words):
    with answering(hub) as url:
        found = refusal(tmp_path, source, url)
    assert found.state == "unavailable"
    assert words in found.message


def test_a_hub_that_cannot_be_reached_costs_less_than_three_seconds(tmp_path):
    started = time.monotonic()
    found = refusal(tmp_path, "hf:owner/repo/model.gguf", "http://127.0.0.1:9")
    assert time.monotonic() - started < 30.0  # on a machine at rest less than three
    assert found.state == "unavailable"
    assert "the hub http://127.0.0.1:9 cannot be reached" in found.message
    assert "--offline" in found.hint
    assert not list((tmp_path / "cache" / "weights").glob("*.part"))


def test_a_hub_in_trouble_is_unavailable_with_its_status(tmp_path):
    with answering(lambda *_: Answer(status=503)) as url:
        found = refusal(tmp_path, "hf:owner/repo/model.gguf", url)
    assert "answers 503" in found.message


@pytest.mark.parametrize("source", ["hf:model.gguf", "hf:owner/repo", "hf:owner/repo/", "hf:../../x/y"])
def test_what_names_no_file_is_refused(tmp_path, source):
    with answering(hub) as url:
        assert refusal(tmp_path, source, url).message
