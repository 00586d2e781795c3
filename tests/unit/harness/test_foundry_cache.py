"""The script that builds a cache of Foundry Local: what it takes for a whole cache, what it leaves alone, and what it says. Nothing is built here."""

import json
import sys
from pathlib import Path

import pytest
from harness import foundry_cache
from harness.foundry_cache import CATALOGUE, CPU, CUDA, MADE, VARIANTS, main, mend_catalogue, trouble

from bench.errors import ServingError


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache with all that belongs to one, and few bytes."""
    folder = tmp_path / "cache"
    for variant in CPU:
        place = foundry_cache._place(folder, variant)
        place.mkdir(parents=True)
        (place / "genai_config.json").write_text('{"model": {"context_length": 8192}}', encoding="utf-8")
        (place / "model.onnx.data").write_bytes(variant.precision.encode() * 1000)
    foundry_cache._link(foundry_cache._place(folder, CPU[0]), foundry_cache._place(folder, CUDA))
    foundry_cache._describe(folder, lambda _: None)
    return folder


def test_a_whole_cache_is_left_alone(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.stat().st_mtime_ns for path in cache.rglob("*")}
    assert main([str(cache)]) == 0
    told = capsys.readouterr()
    assert told.out == f"{cache}\n"
    assert told.err == "the cache is whole; nothing to do\n"
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*")} == before


def test_catalogue_lists_every_variant_under_one_alias_with_its_device(cache: Path) -> None:
    listed = json.loads((cache / CATALOGUE).read_text(encoding="utf-8"))["models"]
    assert [entry["id"] for entry in listed] == [f"{variant.name}:1" for variant in VARIANTS]
    assert {entry["alias"] for entry in listed} == {"smollm2-135m"}
    assert [entry["runtime"]["deviceType"] for entry in listed] == ["CPU", "CPU", "CPU", "GPU"]
    assert {entry["contextLength"] for entry in listed} == {8192}


def test_the_variant_that_wants_a_gpu_holds_the_files_of_int4_once(cache: Path) -> None:
    cpu, cuda = (foundry_cache._place(cache, variant) / "model.onnx.data" for variant in (CPU[0], CUDA))
    assert cpu.samefile(cuda)
    names = [json.loads((place.parent / "inference_model.json").read_text(encoding="utf-8"))["Name"] for place in (cpu, cuda)]
    assert names == ["smollm2-135m-int4-generic-cpu:1", "smollm2-135m-int4-cuda-gpu:1"]


def test_a_changed_a_missing_and_another_recipes_file_are_told_apart(cache: Path) -> None:
    data = foundry_cache._place(cache, CPU[1]) / "model.onnx.data"
    data.write_bytes(b"x" + data.read_bytes()[1:])
    assert trouble(cache) == "bench/smollm2-135m-int8-generic-cpu-1/v1/model.onnx.data has changed"
    data.unlink()
    assert trouble(cache) == "bench/smollm2-135m-int8-generic-cpu-1/v1/model.onnx.data is missing"
    made = json.loads((cache / MADE).read_text(encoding="utf-8"))
    (cache / MADE).write_text(json.dumps(made | {"recipe": {"layout": 0}}), encoding="utf-8")
    assert trouble(cache) == "it was made by another recipe"
    (cache / MADE).write_text("{", encoding="utf-8")
    assert str(trouble(cache)).startswith("made.json cannot be read: ")
    assert trouble(cache / "elsewhere") == "there is none"


def test_a_catalogue_that_the_sdk_replaced_is_written_anew(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (cache / CATALOGUE).write_text('{"version": 1, "models": [{"id": "phi-4-mini-instruct-generic-cpu:5"}]}', encoding="utf-8")
    assert main([str(cache)]) == 0
    assert "its catalogue was written anew" in capsys.readouterr().err
    assert not mend_catalogue(cache)


def test_bytes_that_other_machines_do_not_make_are_noted(cache: Path) -> None:
    said: list[str] = []
    foundry_cache._describe(cache, said.append)
    assert [line.split()[:5] for line in said] == [["note:", precision, "differs", "from", "what"] for precision in ("int4", "int8", "fp32")]


def test_a_folder_with_somebodys_models_is_never_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    theirs = tmp_path / "models" / "phi"
    theirs.mkdir(parents=True)
    assert main([str(tmp_path / "models")]) == 1
    assert "is not empty and was not made by this script" in capsys.readouterr().err
    assert theirs.is_dir()


def test_an_interpreter_without_torch_is_told_what_it_lacks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foundry_cache, "_weights", lambda _: tmp_path / "weights.gguf")
    monkeypatch.setattr(foundry_cache, "MODULES", ("json", "no_such_package"))
    assert main([str(tmp_path / "cache"), "--python", sys.executable]) == 1
    said = capsys.readouterr().err
    assert "has no no_such_package; install: torch==2.13.0 " in said
    assert main([str(tmp_path / "cache"), "--python", str(tmp_path / "nowhere")]) == 1
    assert "nowhere does not run" in capsys.readouterr().err


def test_weights_that_cannot_be_had_end_it_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ServingError("the package index cannot be reached", hint="try again")

    monkeypatch.setattr(foundry_cache, "fetch", refuse)
    assert main([str(tmp_path / "cache")]) == 1
    assert "error: the package index cannot be reached\ntry again" in capsys.readouterr().err
    assert not (tmp_path / "cache").exists()


def test_a_step_that_fails_shows_the_end_of_its_log(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "int4.log"
    words = [sys.executable, "-c", "print('50 %\\r100 %'); raise SystemExit('no such architecture')"]
    with pytest.raises(foundry_cache.CannotBuildError) as raised:
        foundry_cache._call(words, log, "int4 could not be built")
    assert str(raised.value).startswith(f"int4 could not be built (exit code 1); the end of {log}:\n")
    assert "no such architecture" in str(raised.value)


def test_the_folder_is_named_by_the_environment_or_lies_in_benchs_cache(tmp_path: Path) -> None:
    assert foundry_cache.cache_folder({"BENCH_FOUNDRY_CACHE": str(tmp_path)}) == tmp_path
    assert foundry_cache.cache_folder({"BENCH_CACHE": str(tmp_path)}) == tmp_path / "foundry"
