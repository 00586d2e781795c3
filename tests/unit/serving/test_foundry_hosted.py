import json
import os
import sys
import threading
import time

import pytest
from harness.foundry_sdk import CPU_ONLY, CUDA, FP32, GENERIC, INT4, WITH_CUDA, environment, variant
from harness.serving import context, treatment

from bench.errors import ServingError
from bench.records.spec import ModelSpec
from bench.serving.foundry_local import FoundryLocal
from bench.serving.foundry_process import FoundryProcess
from bench.serving.probe import get
from bench.serving.process import ChildProcess


def entry(**fields):
    return ModelSpec(**{"id": "phi", "runtime": "foundry-local", "alias": "smol", "load_timeout_s": 20.0, **fields})


def serve(folder, environ, model=None, *, device=None, **fields):
    return FoundryLocal().serve(treatment(model or entry(), device=device), context(folder, environ=environ, **fields))


def refusal(folder, environ, model=None, **fields):
    with pytest.raises(ServingError) as caught:
        serve(folder, environ, model, **fields)
    return caught.value


def test_what_answers_is_known_by_the_digest_of_its_files_which_is_taken_anew_only_for_what_changed(tmp_path):
    files = tmp_path / "int4"
    files.mkdir()
    (files / "model.onnx").write_bytes(b"graph")
    (files / "model.onnx.data").write_bytes(b"weights")
    environ = environment([variant(INT4, path=str(files))], tmp_path)

    def digest():
        read = []
        served = serve(tmp_path, environ, progress=lambda what, *_: read.append(what))
        served.close()
        return served.endpoint.weights_digest, sorted(set(read))

    first, read = digest()
    assert len(first) == 64
    assert read == [f"check {INT4} model.onnx", f"check {INT4} model.onnx.data"]
    assert digest() == (first, [])
    (files / "model.onnx.data").write_bytes(b"other weights")
    other, read = digest()
    assert other != first
    assert read == [f"check {INT4} model.onnx.data"]


@pytest.mark.parametrize("generation", [1, 2])
def test_an_alias_is_served_by_a_process_of_ours_and_unloaded(tmp_path, generation):
    served = serve(tmp_path, environment(CPU_ONLY, tmp_path, generation=generation), entry(model=INT4))
    try:
        endpoint = served.endpoint
        assert (endpoint.served_model, endpoint.owned) == (INT4, True)
        assert endpoint.device == "cpu (CPUExecutionProvider)"
        assert endpoint.placement.on == "cpu"
        assert "no other provider" in endpoint.placement.evidence
        assert endpoint.runtime_version == {1: "Foundry Local SDK 1.2.4", 2: "Foundry Local SDK 2.2.1"}[generation]
        assert endpoint.pid != os.getpid()
        assert get(f"{endpoint.base_url.removesuffix('/v1')}/models/loaded").value() == [INT4]
        assert served.facts().rss_loaded_bytes > 0
        assert served.death() is None
    finally:
        served.close()
        served.close()
    assert served.death() == "ended by bench"
    assert served.facts().notes == ()
    with pytest.raises(ProcessLookupError):
        os.kill(endpoint.pid, 0)
    assert (tmp_path / "logs").is_dir()  # its log is with the run's


def test_the_device_is_the_catalogues_word_and_never_the_names(tmp_path):
    models = [variant(CUDA, "CPU"), variant(INT4, "GPU", "CUDAExecutionProvider")]  # names that say the contrary
    served = serve(tmp_path, environment(models, tmp_path), device="cpu")
    served.close()
    assert served.endpoint.served_model == CUDA
    found = refusal(tmp_path, environment([variant(CUDA, "CPU")], tmp_path), device="gpu")
    assert found.state == "unavailable"
    assert found.message == "Foundry Local has no variant of 'smol' for device 'gpu' on this machine"
    assert f"{CUDA} (cpu, CPUExecutionProvider)" in found.hint


def test_left_open_the_device_is_one_that_can_run_and_the_reader_is_told(tmp_path):
    served = serve(tmp_path, environment(WITH_CUDA, tmp_path))
    served.close()
    assert served.endpoint.served_model == FP32  # by the order of names, as nothing else decides
    notes = served.facts().notes
    assert f"{CUDA} was passed over: CUDAExecutionProvider is not registered here" in notes
    assert any(INT4 in note and "`model:` names one exactly" in note for note in notes)


def test_a_variant_whose_execution_provider_is_absent_is_refused_in_the_sdks_words(tmp_path):
    found = refusal(tmp_path, environment(WITH_CUDA, tmp_path), device="gpu")
    assert found.state == "unavailable"
    assert f"{CUDA} needs CUDAExecutionProvider, which is not at hand: model '{CUDA}' requires CUDAExecutionProvider which is not" in found.message
    assert "registered: none but the CPU's" in found.hint


def test_execution_providers_are_registered_before_the_catalogue_is_read(tmp_path):
    told = []
    models = [*CPU_ONLY, variant(CUDA, "GPU", "CUDAExecutionProvider", needs="CUDAExecutionProvider")]
    environ = environment(models, tmp_path, providers={"CUDAExecutionProvider": False})
    found = refusal(tmp_path, environ, device="gpu", progress=lambda *step: told.append(step))
    # It was listed, taken and loaded; on Linux the process has no library of CUDA, so nothing shows that a GPU was used.
    assert ("register CUDAExecutionProvider", 50, 100) in told
    if sys.platform == "linux":
        assert f"{CUDA} was made for gpu (CUDAExecutionProvider), but nothing shows where it runs" in found.message
        assert "registered providers: CUDAExecutionProvider" in found.message


def test_a_step_that_is_told_before_anyone_waits_for_it_is_not_lost(tmp_path, monkeypatch):
    told, say = [], ChildProcess.say

    def say_and_hear(process, **words):
        say(process, **words)
        until_s = time.perf_counter() + 60
        while words.get("do") == "register" and process.told("progress") is None and time.perf_counter() < until_s:
            time.sleep(0.01)

    monkeypatch.setattr(ChildProcess, "say", say_and_hear)
    environ = environment(CPU_ONLY, tmp_path, providers={"QNNExecutionProvider": False})
    serve(tmp_path, environ, progress=lambda *step: told.append(step)).close()
    assert ("register QNNExecutionProvider", 50, 100) in told


def test_a_generic_variant_that_falls_back_to_the_cpu_is_not_called_a_gpus(tmp_path):
    environ = environment([variant(GENERIC, "GPU", "GenericExecutionProvider")], tmp_path)
    served = serve(tmp_path, environ)
    served.close()
    assert (served.endpoint.device, served.endpoint.placement) == (None, None)
    assert "nothing shows where it runs" in served.facts().notes[0]
    assert "nothing shows where it runs" in refusal(tmp_path, environ, device="gpu").message


def test_what_cannot_be_registered_is_told_and_leaves_the_cpu(tmp_path):
    environ = environment(CPU_ONLY, tmp_path, providers={"QNNExecutionProvider": False}, unregistrable=["QNNExecutionProvider"])
    served = serve(tmp_path, environ)
    served.close()
    assert "execution providers could not be registered (QNNExecutionProvider): QNNExecutionProvider cannot be fetched" in served.facts().notes
    assert serve_and_close(tmp_path, environ, device="cpu").facts().notes[0].startswith("'smol' may also mean")  # nothing was tried


def serve_and_close(folder, environ, **fields):
    served = serve(folder, environ, **fields)
    served.close()
    return served


def test_a_download_is_told_step_by_step_and_tried_again_where_the_line_breaks(tmp_path, monkeypatch):
    monkeypatch.setattr("bench.serving.foundry_hosted._PAUSE_S", 0.01)
    told = []
    environ = environment([variant(INT4, cached=False)], tmp_path, breaks={"download": ["transport error: connection reset", 6, 1]}, slow=0.25)
    served = serve(tmp_path, environ, progress=lambda *step: told.append(step))
    served.close()
    assert served.facts().download_s > 0.5
    assert served.endpoint.load_s < served.facts().download_s + 2
    assert (f"download {INT4}", 45 << 20, 90 << 20) in told
    assert told.count((f"download {INT4}", 0, 90 << 20)) >= 2  # twice from the start


def test_a_download_that_goes_on_failing_is_unavailable(tmp_path, monkeypatch):
    monkeypatch.setattr("bench.serving.foundry_hosted._PAUSE_S", 0.01)
    uncached = [variant(INT4, cached=False)]
    found = refusal(tmp_path, environment(uncached, tmp_path, breaks={"download": ["Could not resolve hostname", 6]}))
    assert (found.state, found.message) == ("unavailable", f"{INT4} cannot be downloaded after 3 tries: Could not resolve hostname")
    found = refusal(tmp_path, environment(uncached, tmp_path, breaks={"download": ["no space left on device", 1]}))
    assert found.message == f"{INT4} cannot be downloaded: no space left on device"  # trying again frees none


def test_a_download_that_stalls_is_cancelled(tmp_path, monkeypatch):
    monkeypatch.setattr("bench.serving.foundry_hosted._PAUSE_S", 0.01)
    monkeypatch.setattr("bench.serving.foundry_hosted._STALLED_S", 0.1)
    monkeypatch.setattr("bench.serving.foundry_hosted._TRIES", 1)
    monkeypatch.setattr("bench.serving.foundry_process._LOOK_S", 0.02)
    found = refusal(tmp_path, environment([variant(INT4, cached=False)], tmp_path, slow=0.3))
    assert "nothing came for 0.1 s" in found.message


def test_an_interrupt_cancels_the_download_and_ends_the_process(tmp_path):
    seen = []

    def progress(_what, done, _total):
        seen.append(done)
        if done:
            raise KeyboardInterrupt  # as Ctrl-C raises while a model comes up

    with pytest.raises(KeyboardInterrupt):
        serve(tmp_path, environment([variant(INT4, cached=False)], tmp_path, slow=0.25), progress=progress)
    assert seen[-1] == 45 << 20


def test_offline_what_is_not_cached_is_not_fetched(tmp_path):
    found = refusal(tmp_path, environment([variant(INT4, cached=False)], tmp_path), offline=True)
    assert found.state == "unavailable"
    assert found.message == f"{INT4} is not cached, and `--offline` is set"
    assert f"`bench models pull foundry:{INT4}`" in found.hint


def test_out_of_reach_what_is_not_cached_is_not_fetched(tmp_path):
    found = refusal(tmp_path, environment([variant(INT4, cached=False)], tmp_path, says=[UNREACHED]))
    assert found.message.startswith(f"{INT4} is not cached, and Foundry Local's catalogue cannot be reached (https://api.catalog.example/")
    assert "with a network" in found.hint


def test_what_does_not_fit_on_the_disk_is_not_fetched(tmp_path):
    found = refusal(tmp_path, environment([variant(INT4, cached=False, file_size_mb=1 << 40)], tmp_path))
    assert found.state == "unavailable"
    assert found.message.startswith(f"{INT4} takes 1152921504607 MB, and ")
    assert "BENCH_FOUNDRY_CACHE" in found.hint


def test_what_fills_the_disk_says_so(tmp_path):
    broken = {"download": ["write failed: No space left on device", 1]}
    found = refusal(tmp_path, environment([variant(INT4, cached=False)], tmp_path, breaks=broken))
    assert found.message == f"{INT4} cannot be downloaded: write failed: No space left on device"
    assert found.hint == "free some space, or set BENCH_FOUNDRY_CACHE to a folder on a larger disk"


def test_a_cache_in_which_nothing_can_be_written_is_told_as_that(tmp_path, monkeypatch):
    locked = tmp_path / "locked"
    locked.mkdir()
    monkeypatch.setattr(os, "access", lambda path, _mode: str(path) != str(locked))  # who runs the tests may write everywhere
    refused = {"list": [f"FileLock: failed to open {locked}/foundry.local.modelinfo.lock", 2]}  # as 2.2.1 does
    found = refusal(tmp_path, environment([], tmp_path, breaks=refused) | {"BENCH_FOUNDRY_CACHE": str(locked)}, offline=True)
    assert found.message == f"nothing of {locked} is listed, because Foundry Local cannot write there, so 'smol' is not known"
    assert "make the folder writable" in found.hint


def test_why_the_catalogue_is_refused_is_told_offline_too(tmp_path):
    broken = {"list": ["foundry.modelinfo.json: parse error at line 2", 2]}
    found = refusal(tmp_path, environment([], tmp_path, breaks=broken), offline=True)
    assert "(foundry.modelinfo.json: parse error at line 2)" in found.message


def test_an_exact_name_for_another_device_says_what_it_was_made_for(tmp_path):
    found = refusal(tmp_path, environment([variant(INT4)], tmp_path), entry(model=INT4), device="gpu")
    assert found.message == f"{INT4} was made for cpu (CPUExecutionProvider), and device 'gpu' is asked for"
    assert "leave `device:` out" in found.hint


UNREACHED = (
    "[error] failed to fetch catalog from https://api.catalog.example/asset-gallery/v1.0/models: http_client.cc:304 std::string f() operation failed "
    "after 4 attempts: transport failure: Could not resolve hostname"
)


def test_a_catalogue_out_of_reach_is_no_empty_list(tmp_path):
    found = refusal(tmp_path, environment([], tmp_path, says=[UNREACHED]))
    why = "https://api.catalog.example/asset-gallery/v1.0/models: transport failure: Could not resolve hostname"
    assert found.state == "unavailable"
    assert found.message == f"Foundry Local's catalogue cannot be read, and nothing of it is cached ({why}), so 'smol' is not known"
    found = refusal(tmp_path, environment([], tmp_path) | {"BENCH_FOUNDRY_CACHE": ""})
    assert found.message == "Foundry Local's catalogue is empty, so 'smol' is not known"
    assert found.hint == "set BENCH_FOUNDRY_CACHE to the folder that holds the models"
    found = refusal(tmp_path, environment([], tmp_path) | {"BENCH_FOUNDRY_CACHE": str(tmp_path / "typo")})
    assert found.hint == f"set BENCH_FOUNDRY_CACHE to the folder that holds the models; it names {tmp_path / 'typo'} now"


def test_on_no_network_the_sdk_is_spared_its_tries_and_the_reader_its_detour(tmp_path, monkeypatch):
    monkeypatch.setattr("bench.serving.foundry_process.has_way_out", lambda _environ: False)
    refused = "[error] failed to fetch catalog from http://127.0.0.1:40000/asset-gallery/v1.0/models: http_client.cc:262 std::string f() HTTP 404: {}"
    found = refusal(tmp_path, environment([variant(INT4, cached=False)], tmp_path, says=[refused]))
    assert found.message == f"{INT4} is not cached, and Foundry Local's catalogue cannot be reached (this machine is on no network)"


def test_an_unknown_alias_gets_near_misses(tmp_path):
    found = refusal(tmp_path, environment(CPU_ONLY, tmp_path), entry(alias="smoll"))
    assert found.message == "Foundry Local's catalogue has no model 'smoll'"
    assert found.hint.startswith("did you mean smol")
    assert found.hint.endswith("it has: smol")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("memory", "ran out of memory while it was loaded: std::bad_alloc"),
        (["Failed to allocate memory for requested buffer of size 9", 1], "ran out of memory while it was loaded"),
        (["Load model from model.onnx failed: Protobuf parsing failed", 2], f"Foundry Local cannot load {INT4}: Load model from model.onnx failed"),
        ("kill", "Foundry Local ran out of memory (load): killed by SIGKILL"),
    ],
)
def test_what_breaks_while_it_is_loaded_is_a_failure_with_its_reason(tmp_path, wrong, message):
    found = refusal(tmp_path, environment([variant(INT4)], tmp_path, breaks={"load": wrong}))
    assert found.state == "failed"
    assert message in found.message


def test_an_sdk_that_cannot_be_opened_says_why(tmp_path):
    found = refusal(tmp_path, environment(CPU_ONLY, tmp_path, breaks={"open": ["the cache cannot be written", 1]}))
    assert (found.state, found.message) == ("unavailable", "the Foundry Local SDK cannot be opened: the cache cannot be written")


def test_without_the_sdk_the_line_to_install_it_is_shown(tmp_path):
    empty = tmp_path / "none" / "foundry_local_sdk.py"  # hides an installed one
    empty.parent.mkdir()
    empty.write_text("raise ImportError('No module named foundry_local_sdk')")
    found = refusal(tmp_path, {"PATH": "/nowhere", "PYTHONPATH": str(empty.parent)})
    assert (found.state, found.message) == ("unavailable", "the Foundry Local SDK is not installed: No module named foundry_local_sdk")
    assert found.hint.startswith("pip install 'bench-spec[foundry]'")
    assert found.hint.endswith("The command `foundry` is not installed")


def test_unloading_is_tried_again_while_a_stream_is_counted(tmp_path):
    environ = environment(CPU_ONLY, tmp_path, breaks={"unload": ["cannot unload: 1 session(s) still using it", 4, 2]})
    assert serve_and_close(tmp_path, environ).facts().notes[-1].startswith("'smol'")  # no complaint
    stuck = environment([variant(INT4)], tmp_path, breaks={"unload": ["still using it", 4]})
    served = serve(tmp_path, stuck)
    assert served.parting() == ()
    served.close()
    assert served.parting() == ("it could not be unloaded, so its process was ended: still using it",)
    assert served.death() == "ended by bench"


def test_a_second_interrupt_while_it_is_unloaded_still_ends_its_process(tmp_path, monkeypatch):
    served = serve(tmp_path, environment([variant(INT4)], tmp_path))

    def insist(*_args, **_words):
        raise KeyboardInterrupt

    monkeypatch.setattr(served._foundry, "ask", insist)
    with pytest.raises(KeyboardInterrupt):
        served.close()
    with pytest.raises(ProcessLookupError):
        os.kill(served.endpoint.pid, 0)


def test_what_its_files_are_to_blame_for_is_told_with_how_to_fetch_them_again(tmp_path):
    words = (
        "failed to create preprocessor: preprocessor.cc:32 static X fl::Preprocessor::Create(OgaModel&, bool) failed: Invalid file: tokenizer.json"
    )
    found = refusal(tmp_path, environment([variant(INT4)], tmp_path, breaks={"load": [words, 1]}))
    assert found.message == f"Foundry Local cannot load {INT4}: failed to create preprocessor: failed: Invalid file: tokenizer.json"
    assert f"`bench models rm foundry:{INT4}`, then `bench models pull foundry:{INT4}`" in found.hint


def test_an_interrupt_while_it_is_loaded_waits_for_nothing(tmp_path):
    process = FoundryProcess(context(tmp_path, environ=environment([variant(INT4)], tmp_path)), tmp_path / "log")
    said = []
    process.process.say = lambda **message: said.append(message["do"])
    process.process.wait_report = interrupted
    with process, pytest.raises(KeyboardInterrupt):
        process.ask("load", within_s=60, model=INT4)
    assert said == ["load"]


def interrupted(*_):
    raise KeyboardInterrupt


@pytest.mark.parametrize("generation", [1, 2])
def test_a_restart_keeps_address_process_and_model(tmp_path, generation):
    served = serve(tmp_path, environment([variant(INT4)], tmp_path, generation=generation))
    try:
        assert served.restart("HTTP 500: bad state")
        assert get(f"{served.endpoint.base_url}/models").status == 200
        assert get(f"{served.endpoint.base_url.removesuffix('/v1')}/models/loaded").value() == [INT4]
        assert served.facts().notes == ("its service was restarted after: HTTP 500: bad state",)
        assert served.death() is None
        assert served.restart("again")
        assert served.restart("again")
        assert not served.restart("once too often")
    finally:
        served.close()


def test_what_cannot_be_restarted_is_dead(tmp_path):
    served = serve(tmp_path, environment([variant(INT4)], tmp_path, breaks={"close": ["stuck", 1]}))
    assert not served.restart("HTTP 500")
    assert served.death() is not None
    served.close()


def test_two_are_hosted_side_by_side(tmp_path):
    environ = environment(CPU_ONLY, tmp_path)
    found = []
    threads = [
        threading.Thread(target=lambda name=name: found.append(serve(tmp_path, environ, entry(id=name[:6], model=name)))) for name in (INT4, FP32)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    addresses = {served.endpoint.base_url for served in found}
    for served in found:
        served.close()
    assert len(addresses) == 2


def cached(folder, **session_options):
    """A model's folder in a cache with two models, as the SDK lays them out."""
    cache = folder / "models"
    model = cache / "publisher" / "smol-int4-generic-cpu-2"
    model.mkdir(parents=True)
    (cache / "foundry.modelinfo.json").write_text(json.dumps({"version": 1, "models": [{"id": INT4}, {"id": FP32}]}))
    (model / "model.onnx").write_bytes(b"weights")
    settings = {"model": {"context_length": 8192, "decoder": {"session_options": session_options}}, "search": {"max_length": 8192}}
    (model / "genai_config.json").write_text(json.dumps(settings))
    return model


def test_threads_and_context_are_set_beside_the_users_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    model = cached(tmp_path, log_id="onnx")
    before = {path: path.read_bytes() for path in model.parents[1].rglob("*") if path.is_file()}
    environ = environment([variant(INT4, path=str(model), context_length=8192)], tmp_path)
    served = FoundryLocal().serve(treatment(entry(), threads=3, context=512), context(tmp_path, environ=environ))
    (made,) = tmp_path.glob("bench-foundry-*")
    beside = made / "publisher" / model.name
    settings = json.loads((beside / "genai_config.json").read_text())
    assert settings["model"]["decoder"]["session_options"] == {"log_id": "onnx", "intra_op_num_threads": 3}
    assert (settings["model"]["context_length"], settings["search"]["max_length"]) == (512, 512)
    assert (beside / "model.onnx").read_bytes() == b"weights"
    assert json.loads((made / "foundry.modelinfo.json").read_text()) == {"version": 1, "models": [{"id": INT4}]}
    served.close()
    assert not made.exists()
    assert {path: path.read_bytes() for path in model.parents[1].rglob("*") if path.is_file()} == before


def test_settings_that_cannot_be_changed_are_refused_and_leave_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    outside = environment([variant(INT4, context_length=8192)], tmp_path)

    def refused(environ, **fields):
        with pytest.raises(ServingError) as caught:
            FoundryLocal().serve(treatment(entry(), **fields), context(tmp_path, environ=environ))
        return caught.value

    assert "does not lie in a model cache" in refused(outside, threads=1).message
    assert refused(outside, context=9000).message == f"{INT4} has a context of 8192 tokens, and `context:` asks for 9000"
    model = cached(tmp_path)
    (model / "genai_config.json").write_text("[]")
    assert "cannot be changed beside its cache" in refused(environment([variant(INT4, path=str(model))], tmp_path), threads=1).message
    assert list(tmp_path.glob("bench-foundry-*")) == []
