"""`bench models` over Foundry Local, with a stand-in for its SDK; what is around the SDK is real."""

import json
import os
import signal
import sys
import time

import pytest
from harness.command import start_bench
from harness.foundry_sdk import CPU_ONLY, CUDA, FP32, INT4, WITH_CUDA, environment, variant
from harness.published import validator
from harness.verb import verb

from bench.cli.commands import models
from bench.cli.models import listing
from bench.errors import Exit, ServingError, UsageError


@pytest.fixture
def foundry(tmp_path, monkeypatch):
    """Sets the stand-in's script, and so what there is."""
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FOUNDRY_LOCAL_ENDPOINT", raising=False)
    monkeypatch.chdir(tmp_path)

    def scripted(listed, **script):
        for name, value in environment(listed, tmp_path, **script).items():
            monkeypatch.setenv(name, value)

    return scripted


def json_of(capsys, *words, schema):
    assert verb(models, *words, "--format", "json") == 0
    document = json.loads(capsys.readouterr().out)
    validator(schema).validate(document)
    return document


def test_catalogue_is_listed_beside_the_cache_of_weights(foundry, capsys):
    foundry(WITH_CUDA, providers={"CUDAExecutionProvider": False})
    assert verb(models, "list") == 0
    shown = capsys.readouterr()
    assert "the cache is empty" in shown.out
    for part in (INT4, FP32, f"{CUDA} ", "gpu (CUDA)", "94 MB", "apache-2.0"):
        assert part in shown.out
    assert "3 variants of Foundry Local (SDK 2.2.1)" in shown.err


def test_filters_keep_what_is_cached_and_what_is_for_a_device(foundry, capsys):
    foundry([variant(INT4), variant(FP32, cached=False), variant(CUDA, "GPU", "CUDAExecutionProvider", cached=False)])

    def ids(*words):
        listed = json_of(capsys, "list", *words, schema="models")
        return [each["id"] for each in listed["foundry"]["variants"]]

    assert ids("--cached") == [INT4]
    assert ids("--device", "gpu") == [CUDA]
    assert ids("--device", "cpu", "--source", "foundry") == [INT4, FP32]


def test_names_of_the_catalogue_cannot_steer_the_terminal_or_fake_a_row(foundry, capsys):
    foundry([variant("a\x1b[2J\nb:1", license="MIT\x1b]0;x\x07", alias="c\u202ed")])
    assert verb(models, "list", "--source", "foundry") == 0
    shown = capsys.readouterr().out
    assert len(shown.splitlines()) == 2
    assert shown.isprintable() or set(shown) - {"\n"} == {letter for letter in shown if letter.isprintable()}


def test_absent_sdk_is_one_message_and_no_error_of_the_other_sources(foundry, monkeypatch, capsys, tmp_path):
    foundry([])
    (tmp_path / "foundry_local_sdk.py").write_text("raise ImportError('No module named foundry_local_sdk')\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    listed = json_of(capsys, "list", schema="models")
    assert listed["weights"]["files"] == []
    assert "is not installed" in listed["foundry"]["reason"]
    assert "pip install" in listed["foundry"]["hint"]
    with pytest.raises(ServingError, match="is not installed"):
        verb(models, "list", "--source", "foundry")


def test_unreachable_catalogue_is_one_message(foundry, capsys):
    foundry(CPU_ONLY, generation=1, breaks={"list": ["Catalog request failed across 7 region(s)", None]})
    assert verb(models, "list") == 0
    shown = capsys.readouterr()
    assert shown.err.count("its catalogue cannot be read (Catalog request failed across 7 region(s))") == 1
    assert "BENCH_FOUNDRY_CACHE" in shown.err
    assert "the cache is empty" in shown.out


def test_cache_that_cannot_be_written_is_told_as_that(foundry, monkeypatch, capsys, tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir()
    foundry([], breaks={"list": [f"FileLock: failed to open {locked}/foundry.local.modelinfo.lock", 2]})  # as 2.2.1 does
    monkeypatch.setenv("BENCH_FOUNDRY_CACHE", str(locked))
    monkeypatch.setattr(os, "access", lambda path, _mode: str(path) != str(locked))  # who runs the tests may write everywhere
    assert verb(models, "list", "--source", "foundry") == 0
    told = capsys.readouterr().err
    assert f"nothing of {locked} is listed, because Foundry Local cannot write there" in told
    assert "make the folder writable" in told


def test_weights_are_shown_before_the_catalogue_is_asked(foundry, monkeypatch, capsys):
    foundry(CPU_ONLY)
    shown = []

    def asked(_context):
        shown.append(capsys.readouterr().out)
        raise ServingError("not now")

    monkeypatch.setattr(listing, "catalogue", asked)
    assert verb(models, "list") == 0
    assert "the cache is empty" in shown[0]


def test_what_could_not_be_unloaded_stands_in_the_row(foundry, capsys, tmp_path):
    foundry([variant(INT4)], breaks={"unload": ["still using it", 4]})
    spec = tmp_path / "my.yaml"
    spec.write_text(
        "bench: 1\nname: stuck\nversion: 1.0.0\nmodels: [{id: m, runtime: foundry-local, alias: smol}]\nprompts: [{id: p, user: Hi}]\n",
        encoding="utf-8",
    )
    (row,) = json_of(capsys, "check", str(spec), schema="check")["models"]
    assert row["state"] == "answered"
    assert row["notes"][-1] == "it could not be unloaded, so its process was ended: still using it"
    assert row["is_unloaded"] is True


def test_show_tells_each_variant_of_an_alias_with_what_is_known_of_its_files(foundry, capsys, tmp_path):
    files = tmp_path / "int4"
    files.mkdir()
    (files / "model.onnx").write_bytes(b"weights")
    told = {"context_length": 8192, "capabilities": "chat", "publisher": "Someone", "supports_tool_calling": True}
    foundry([variant(INT4, path=str(files), **told), variant(FP32, cached=False)])
    found = json_of(capsys, "show", "foundry:smol", schema="model")
    first, second = found["foundry"]
    assert (first["disk_bytes"], len(first["digest"]), second["digest"]) == (7, 64, None)
    assert verb(models, "show", f"foundry:{INT4}") == 0
    shown = capsys.readouterr().out
    for part in ("8192", "chat, tools", "apache-2.0", "Someone", first["digest"], str(files)):
        assert part in shown
    with pytest.raises(ServingError, match="no model 'smal'"):
        verb(models, "show", "foundry:smal")
    with pytest.raises(UsageError, match="without a name"):
        verb(models, "show", "foundry:")


def test_pull_fetches_what_an_alias_and_a_device_mean(foundry, capsys):
    foundry([variant(INT4, cached=False), variant(CUDA, "GPU", "CUDAExecutionProvider", cached=False)])
    assert verb(models, "pull", "foundry:smol", "--device", "gpu") == 0
    said = capsys.readouterr()
    assert said.out == f"foundry:smol: fetched, {CUDA} on gpu, 94 MB\n"
    assert f"download {CUDA}" in said.err
    assert verb(models, "pull", "foundry:smol", "--device", "npu") == Exit.NOTHING_MEASURED
    assert "no variant of 'smol' for device 'npu'" in capsys.readouterr().err
    with pytest.raises(UsageError, match="--device goes with"):
        verb(models, "pull", "pypi:x==1/y.gguf", "--device", "cpu")


SPEC = f"""\
bench: 1
name: two
version: 1.0.0
models:
  - {{id: int4, runtime: foundry-local, model: "{INT4}"}}
  - {{id: any, runtime: foundry-local, alias: smol, optional: true}}
variants: [{{id: cpu, device: cpu}}, {{id: npu, device: npu, optional: true}}]
prompts: [{{id: p, user: Say hello.}}]
"""


def test_pull_and_list_of_a_spec_know_its_variants(foundry, capsys, tmp_path):
    foundry([variant(INT4, cached=False)])
    (tmp_path / "s.yaml").write_text(SPEC, encoding="utf-8")
    listed = json_of(capsys, "list", "s.yaml", schema="models")["spec"]
    assert [(each["model_id"], each["variants"], each["state"]) for each in listed] == [
        ("int4", ["cpu"], "to fetch"), ("int4", ["npu"], "unavailable"), ("any", ["cpu"], "to fetch"), ("any", ["npu"], "unavailable"),
    ]  # fmt: skip
    assert verb(models, "pull", "s.yaml") == 0
    said = capsys.readouterr()
    assert said.out.count(f"fetched, {INT4} on cpu") == 2  # of a stand-in that forgets what an earlier process fetched
    assert said.err.count("optional, not fetched") == 2


def test_only_the_named_variant_is_removed_and_only_with_a_yes(foundry, capsys):
    foundry(CPU_ONLY)
    with pytest.raises(UsageError, match="means 2 cached variants"):
        verb(models, "rm", "foundry:smol", "--yes")
    with pytest.raises(UsageError, match="nobody is there"):
        verb(models, "rm", f"foundry:{INT4}")
    assert verb(models, "rm", f"foundry:{INT4}", "--yes") == 0
    assert capsys.readouterr().out == f"removed {INT4} (94 MB) from Foundry Local's cache\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send to a process")
def test_interrupt_cancels_a_download_and_leaves_no_process(tmp_path):
    environ = {**environment([variant(INT4, cached=False)], tmp_path, slow=100.0), "BENCH_CACHE": str(tmp_path / "cache")}
    process = start_bench("models", "pull", f"foundry:{INT4}", folder=tmp_path, environ=environ)
    assert f"download {INT4}" in process.stderr.readline()
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=100)
    assert process.returncode == Exit.INTERRUPTED
    assert "interrupted" in err
    assert time.monotonic() - started < 80
