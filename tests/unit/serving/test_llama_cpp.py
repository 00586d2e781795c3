import os

import pytest
from harness.serving import context, treatment

from bench.errors import ServingError
from bench.records.spec import Gpu, ModelSpec, Weights
from bench.serving import llama_cpp
from bench.serving.llama_cpp import LlamaCpp


def entry(**fields):
    return ModelSpec(id="tiny", runtime="llama.cpp", weights=Weights(parts=("file:model.gguf",)), **fields)


def refusal(folder, model, **fields):
    with pytest.raises(ServingError) as caught:
        LlamaCpp().serve(treatment(model, **fields), context(folder, environ=os.environ))
    return caught.value


def test_an_entry_without_weights_is_refused(tmp_path):
    assert "has no weights" in refusal(tmp_path, ModelSpec(id="tiny", runtime="llama.cpp")).message


def test_what_is_no_gguf_file_is_refused_before_anything_starts(tmp_path):
    (tmp_path / "model.gguf").write_bytes(b"PK\x03\x04 a wheel")
    found = refusal(tmp_path, entry())
    assert "model.gguf is no GGUF file" in found.message
    assert found.state == "failed"
    assert not (tmp_path / "logs").exists()


def test_a_damaged_gguf_file_fails_with_the_last_words_of_the_log(tmp_path):
    (tmp_path / "model.gguf").write_bytes(b"GGUF\x03\x00\x00\x00" + b"\xff" * 64)
    found = refusal(tmp_path, entry())
    assert found.state == "failed"
    assert found.message.startswith("llama.cpp cannot load model 'tiny'")
    assert "failed to load model" in found.hint


def test_a_gpu_that_is_demanded_and_not_there_is_unavailable(tmp_path):
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    found = refusal(tmp_path, entry(), gpu=Gpu(mode="on"))
    assert found.state == "unavailable"
    assert "finds no GPU here (devices: CPU)" in found.message
    assert "own package index" in found.hint


def test_there_is_no_npu(tmp_path):
    assert refusal(tmp_path, entry(), device="npu").state == "unavailable"


def test_a_load_that_takes_too_long_is_given_up(tmp_path):
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    found = refusal(tmp_path, entry(load_timeout_s=0.01))
    assert "was not loaded within 0.01 s" in found.message


def test_without_the_package_it_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    child = tmp_path / "child.py"
    child.write_text("import sys\nsys.modules['xllamacpp'] = None\n" + llama_cpp._CHILD.read_text())
    monkeypatch.setattr(llama_cpp, "_CHILD", child)
    found = refusal(tmp_path, entry())
    assert found.state == "unavailable"
    assert found.hint == "pip install 'bench-spec[local]'"
