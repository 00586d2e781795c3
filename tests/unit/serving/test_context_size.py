import json

import pytest
from harness.mock_llm import refusing_endpoint
from harness.raw_server import plain, raw_server
from harness.scripted_judge import scripted_judge

from bench.records.serving import Endpoint
from bench.serving.context_size import context_of


def test_llama_cpp_says_what_a_slot_holds():
    with scripted_judge(context=2048) as judge:
        assert context_of(judge.endpoint(), None) == 2048


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ({"data": [{"id": "other", "max_model_len": 1}, {"id": "m", "max_model_len": 8192}]}, 8192),
        ({"data": [{"id": "m", "meta": {"n_ctx": 512, "n_ctx_train": 8192}}]}, 512),
        ({"data": [{"id": "m", "context_length": "long"}]}, None),
        ({"data": [{"id": "m", "context_length": True}]}, None),
        ({"data": [{"id": "m"}]}, None),
        ({"data": "m"}, None),
        ([], None),
    ],
)
def test_other_servers_say_it_in_their_list_of_models(listed, expected):
    with raw_server(lambda *_: None, models=plain(json.dumps(listed).encode(), "Connection: close")) as base_url:
        assert context_of(Endpoint(base_url=base_url, served_model="m", owned=False), None) == expected


def test_silence_says_nothing():
    assert context_of(refusing_endpoint(), None) is None
