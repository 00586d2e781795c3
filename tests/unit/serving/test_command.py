import os
import sys

import psutil
import pytest
from harness.serving import Answer, answering, context, models, tiny, treatment

from bench.errors import ServingError
from bench.records.spec import ModelSpec, SecretName, Weights
from bench.serving import command
from bench.serving.command import Command
from bench.serving.command_ready import is_secret
from bench.serving.probe import Silence, get


def model(*words: str, **fields):
    return ModelSpec(id="tiny", runtime="command", command=words, **fields)


def serve(folder, entry, **fields):
    return Command().serve(treatment(entry), context(folder, allow_commands=True, **fields))


def refusal(folder, entry, **fields):
    with pytest.raises(ServingError) as caught:
        serve(folder, entry, **fields)
    return caught.value


def test_a_command_needs_permission(tmp_path):
    with pytest.raises(ServingError, match=r"would start the program 'python.*not allowed") as caught:
        Command().serve(treatment(model(*tiny())), context(tmp_path))
    assert caught.value.state == "skipped"
    assert "--allow-commands" in caught.value.hint
    assert not (tmp_path / "logs").exists()


def test_a_command_is_started_served_and_ended(tmp_path):
    served = serve(tmp_path, model(*tiny("model=tiny-1")))
    endpoint, facts = served.endpoint, served.facts()
    assert endpoint.served_model == "tiny-1"
    assert endpoint.owned
    assert endpoint.base_url.startswith("http://127.0.0.1:")
    assert endpoint.base_url.endswith("/v1")
    assert endpoint.load_s > 0
    assert facts.rss_loaded_bytes > 1_000_000
    assert facts.rss_peak_bytes >= facts.rss_loaded_bytes
    assert facts.disk_bytes is None
    assert served.death() is None
    served.close()
    assert not psutil.pid_exists(endpoint.pid)


def test_a_server_without_the_ready_path_is_ready_when_it_lists_its_models(tmp_path):
    served = serve(tmp_path, model(*tiny("no-health")))
    assert served.endpoint.served_model == "tiny"
    served.close()


def test_the_weights_and_the_port_are_replaced_without_a_shell(tmp_path):
    (tmp_path / "a b;$(x).gguf").write_bytes(b"GGUF weights")
    entry = model(*tiny("say={weights}", "show=WHERE"), weights=Weights(parts=("file:a b;$(x).gguf",)), environment=(("WHERE", "at {port}"),))
    served = serve(tmp_path, entry)
    said = (tmp_path / "logs" / "tiny-default-dddddddd.log").read_text().splitlines()
    assert said[:2] == [str(tmp_path / "a b;$(x).gguf"), f"WHERE=at {served.endpoint.base_url.split(':')[2].removesuffix('/v1')}"]
    assert served.facts().disk_bytes == 12
    assert served.endpoint.weights_digest is not None
    served.close()


def test_secrets_of_our_environment_stay_out_of_the_program(tmp_path):
    served = serve(tmp_path, model(*tiny("show=OFFICE_KEY")), environ={"OFFICE_KEY": "s3cret", "PATH": "/usr/bin"})
    served.close()
    assert "OFFICE_KEY=None" in (tmp_path / "logs" / "tiny-default-dddddddd.log").read_text()


def test_a_crash_at_start_costs_seconds_and_shows_the_last_words(tmp_path):
    found = refusal(tmp_path, model(*tiny("crash")))
    assert found.message == "the server of model 'tiny' ended before it was ready: exit code 3"
    assert found.hint == "last lines of tiny-default-dddddddd.log:\ncannot start: no such device"
    assert found.state == "failed"


def test_a_kill_at_start_is_named_as_want_of_memory(tmp_path):
    assert "probably out of memory" in refusal(tmp_path, model(*tiny("abort"))).message


def test_a_secret_in_the_log_is_not_repeated_in_the_message(tmp_path):
    entry = model(*tiny("show=API_TOKEN", "show=API_TOKEN", "crash"), environment=(("API_TOKEN", "s3cret-value"),))
    found = refusal(tmp_path, entry)
    assert "API_TOKEN=***" in found.hint
    assert "s3cret" not in found.hint


@pytest.mark.parametrize(
    ("names", "is_one"),
    [
        ("HF_TOKEN HUB_TOKEN_1 PGPASSWORD AUTHTOKEN authToken apiKey AWS_ACCESS_KEY_ID SSH_PASSPHRASE HF_ACCESS_TOKENS CLIENTSECRET API_KEYS", True),
        ("MAX_TOKENS TOKENIZERS_PARALLELISM TOKENIZER KV_CACHE KEYSPACE MAX_NUM_BATCHED_TOKENS OLLAMA_KEEP_ALIVE", False),
    ],
)
def test_a_secret_is_known_by_its_name_however_that_is_put_together(names, is_one):
    assert {name: is_secret(name, "long enough") for name in names.split()} == dict.fromkeys(names.split(), is_one)


def test_settings_that_only_sound_like_secrets_are_left_as_they_are(tmp_path):
    harmless = (("TOKENIZERS_PARALLELISM", "false"), ("MAX_TOKENS", "127"), ("CACHE_KEY", "q8_0"))
    served = serve(tmp_path, model(*tiny("say=127.0.0.1 false q8_0", "show=MAX_TOKENS"), environment=harmless))
    served.close()
    assert (tmp_path / "logs" / "tiny-default-dddddddd.log").read_text().splitlines()[:2] == ["127.0.0.1 false q8_0", "MAX_TOKENS=127"]
    assert served.facts().started.environment == harmless


def test_a_secret_is_blotted_out_of_the_log_when_the_program_has_ended(tmp_path):
    secret = (("API_TOKEN", "s3cret-value"),)
    log = tmp_path / "logs" / "tiny-default-dddddddd.log"
    refusal(tmp_path, model(*tiny("show=API_TOKEN", "crash"), environment=secret))
    refusal(tmp_path, model(*tiny("show=API_TOKEN", "crash"), environment=secret))
    assert log.read_text().count("API_TOKEN=************\n") == 2
    served = serve(tmp_path, model(*tiny("show=API_TOKEN"), environment=secret))
    assert "s3cret-value" in log.read_text()
    served.close()
    served.close()
    assert "API_TOKEN=************\n" in log.read_text()


def test_a_program_that_leaves_for_the_background_is_told_to_stay(tmp_path):
    found = refusal(tmp_path, model(sys.executable, "-c", "'{port}'"))
    assert "exit code 0; a program that goes on in the background must be told to stay in the foreground" in found.message
    assert found.hint.endswith("(nothing)")


def test_a_server_that_never_listens_is_given_up_and_ended(tmp_path):
    found = refusal(tmp_path, model(*tiny("hang"), load_timeout_s=0.3))
    assert "was not ready at http://127.0.0.1:" in found.message
    assert "within 0.3 s" in found.message
    assert "load_timeout" in found.message
    assert "see that it listens on the port that it is told" in found.message


def test_a_death_while_serving_is_noticed(tmp_path):
    served = serve(tmp_path, model(*tiny()))
    asked = get(served.endpoint.base_url.removesuffix("/v1") + "/die")
    assert isinstance(asked, Silence)
    served._process.wait_end(5.0)
    assert served.death() == "exit code 9"
    served.close()


def test_a_wrong_model_name_shows_what_the_server_offers_and_ends_it(tmp_path):
    found = refusal(tmp_path, model(*tiny("model=tiny-1"), model="tiny-2"))
    assert "offers no model 'tiny-2'" in found.message
    assert found.hint == "did you mean `model: tiny-1`? It offers: tiny-1"


def test_an_address_in_use_is_refused_before_the_program_starts(tmp_path):
    with answering(lambda _path, _headers: Answer()) as url:
        found = refusal(tmp_path, model(*tiny(port="1"), base_url=f"{url}/v1"))
    assert "something already listens" in found.message
    assert not (tmp_path / "logs").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="who listens on a port is told to every user on Linux only")
def test_a_port_that_another_program_took_meanwhile_is_not_measured_in_place_of_ours(tmp_path, monkeypatch):
    with answering(lambda path, _headers: models("tiny") if path == "/v1/models" else Answer()) as url:
        monkeypatch.setattr(command, "_free_port", lambda: int(url.rpartition(":")[2]))
        monkeypatch.setattr(command, "_check_free", lambda _url, _model: None)
        found = refusal(tmp_path, model(*tiny("hang")))
    assert f"answers at {url}/v1, which model 'tiny' was to be served at, and bench did not start it" in found.message
    assert found.message.startswith(f"process {os.getpid()} (")
    assert found.state == "unavailable"


@pytest.mark.skipif(sys.platform != "linux", reason="who listens on a port is told to every user on Linux only")
def test_a_container_that_listens_has_sizes_that_are_not_the_programs(tmp_path, monkeypatch):
    with answering(lambda path, _headers: models("tiny") if path == "/v1/models" else Answer()) as url:
        monkeypatch.setattr(command, "_free_port", lambda: int(url.rpartition(":")[2]))
        monkeypatch.setattr(command, "_check_free", lambda _url, _model: None)
        monkeypatch.setattr(command, "foreign_listener", lambda _port, _tree: (77, "docker-proxy"))
        served = serve(tmp_path, model(*tiny("hang")))
        facts = served.facts()
        served.close()
    assert (facts.rss_loaded_bytes, facts.rss_peak_bytes, facts.cpu_s, served.endpoint.pid) == (None, None, None, None)
    assert "process 77 (docker-proxy) listens in the program's place" in facts.notes[0]


def test_a_command_that_is_not_told_its_port_is_refused(tmp_path):
    found = refusal(tmp_path, model(sys.executable))
    assert "not told its port" in found.message
    assert "{port}" in found.hint


def test_a_word_without_its_weights_is_refused(tmp_path):
    assert "no `weights:`" in refusal(tmp_path, model(*tiny("say={weights}"))).message


def test_a_word_that_no_system_takes_is_refused(tmp_path):
    assert "null byte" in refusal(tmp_path, model(*tiny("say=\0"))).message


def test_a_missing_program_is_unavailable(tmp_path):
    found = refusal(tmp_path, model("no-such-server", "{port}"))
    assert found.state == "unavailable"
    assert found.message == "'no-such-server', which is to serve model 'tiny', is not on PATH"


def test_a_missing_key_is_found_before_the_program_starts(tmp_path):
    found = refusal(tmp_path, model(*tiny(), api_key=SecretName(env="TINY_KEY")))
    assert "TINY_KEY is not set" in found.message
    assert not (tmp_path / "logs").exists()
