"""`bench doctor`: what it finds on this machine, and how it judges machines that are worse."""

import json
import re
import socket
import tomllib
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
from harness.model_list_server import model_list_server
from harness.verb import verb

from bench.cli.commands import doctor
from bench.cli.doctor import hardware, places, software
from bench.cli.doctor.finding import Finding
from bench.errors import Exit
from bench.records.machine import Machine

ROOT = Path(__file__).parents[3]


@pytest.fixture
def quiet_machine(monkeypatch, tmp_path):
    """A machine whose state does not depend on who else uses it, and no slow look at the embedded runtime."""
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path))
    for name in ("FOUNDRY_LOCAL_ENDPOINT", "OLLAMA_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(software, "_DEVICES", 'print(\'[["CPU", "a chip"]]\')')


@pytest.mark.usefixtures("quiet_machine")
def test_everything_is_looked_at_and_nothing_needed_is_broken(capsys):
    assert verb(doctor, "--format", "json") == 0
    findings = {found["what"]: found for found in json.loads(capsys.readouterr().out)}
    expected = {"Python", "packages", "schemas and templates", "embedded llama.cpp", "cores", "load", "timer", "GPU", "energy sensors", "cache"}
    assert expected | {"kernel stamps", "Foundry Local (FOUNDRY_LOCAL_ENDPOINT)", "Ollama (OLLAMA_HOST)"} <= set(findings)
    assert {"extra local", "extra hub", "extra prices"} <= set(findings)
    assert {found["state"] for found in findings.values()} <= {"ok", "absent", "problem"}
    assert all(found["advice"] for found in findings.values() if found["state"] != "ok")
    assert findings["packages"]["state"] == "ok"
    assert "msgspec" in findings["packages"]["detail"]


def test_it_knows_what_each_extra_is_for():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert set(software._FOR) == set(extras) - {"dev"}


@pytest.mark.usefixtures("quiet_machine")
def test_text_says_what_to_do_and_counts(capsys):
    assert verb(doctor) == 0
    shown = capsys.readouterr().out
    assert re.search(r"^ok +Python: CPython 3\.\d+", shown, re.MULTILINE)
    assert re.search(r"^absent +Ollama .* is not set\n +→ to measure models of Ollama", shown, re.MULTILINE)
    assert "0 of them in the way of a run" in shown


@pytest.mark.usefixtures("quiet_machine")
def test_server_that_answers_is_shown_with_its_first_models(capsys):
    with model_list_server(map(str, range(9))) as address:
        assert verb(doctor, "--endpoint", address) == 0
    assert "with 9 models: 0, 1, 2, 3, 4, …" in " ".join(capsys.readouterr().out.split())


def test_words_of_a_server_cannot_steer_the_terminal():
    shown = doctor._text(Finding(what="endpoint", state="ok", detail="models: \x1b[2J\nok  fake"))
    assert "\x1b" not in shown
    assert shown.count("\n") == 1


def test_dead_server_is_a_problem_and_not_in_the_way():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    (found,) = [found for found in places.servers({}, [f"127.0.0.1:{port}"]) if found.what == "endpoint"]
    assert (found.state, found.is_needed) == ("problem", False)
    assert "refused" in found.detail
    assert found.advice


@pytest.mark.parametrize("form", ["127.0.0.1:{port}", "http://127.0.0.1:{port}", "0.0.0.0:{port}"])
def test_ollama_is_found_by_its_own_name_in_each_form(form):
    with model_list_server(["llama3"]) as address:
        host = form.format(port=address.rpartition(":")[2])
        found = next(found for found in places.servers({"OLLAMA_HOST": host}, []) if found.what.startswith("Ollama"))
    assert found.state == "ok"


def test_a_server_that_is_not_named_is_no_trouble_and_foundry_local_needs_none():
    foundry, ollama = places.servers({}, [])
    assert (foundry.state, ollama.state) == ("absent", "absent")
    assert "bench hosts it by the extra `foundry`" in foundry.advice
    assert ollama.advice == "to measure models of Ollama, start it and set OLLAMA_HOST to its address"


def test_ollama_without_a_port_is_asked_at_its_own():
    assert places._with_port("somewhere", 11434) == "somewhere:11434"


def test_missing_package_is_in_the_way_and_named_with_its_install_line(monkeypatch):
    known = software.version

    def version(name):
        if name == "msgspec":
            raise PackageNotFoundError(name)
        return known(name)

    monkeypatch.setattr(software, "version", version)
    found = next(found for found in software._packages() if found.what == "packages")
    assert (found.state, found.detail) == ("problem", "msgspec is not installed")
    assert "pip install" in found.advice
    assert doctor.exit_code([found]) == Exit.MISSING_EXTENSION


def test_package_that_is_too_old_is_named_with_both_versions(monkeypatch):
    monkeypatch.setattr(software, "requires", lambda _name: ["jinja2>=999.1", 'psutil>=0.1; extra == "local"', 'nothing-such>=1; extra == "hub"'])
    needed, local, hub = software._packages()
    assert re.fullmatch(r"jinja2 is [\d.]+, needed is 999\.1 or newer", needed.detail)
    assert local.state == "ok"
    assert (hub.state, hub.detail) == ("absent", "nothing-such is not installed")
    assert "bench-spec[hub]" in hub.advice


def test_embedded_runtime_that_kills_its_process_is_a_problem_with_a_reason(monkeypatch):
    monkeypatch.setattr(software, "_DEVICES", "import os; os.abort()")
    found = software._embedded()
    assert found.state == "problem"
    assert "does not load" in found.detail


def test_too_old_python_is_in_the_way(monkeypatch):
    monkeypatch.setattr(software, "_OLDEST_PYTHON", (99, 0))
    found = software._python()
    assert (found.state, found.is_needed) == ("problem", True)
    assert doctor.exit_code([found]) == Exit.NOTHING_MEASURED


def test_busy_machine_is_a_problem_and_an_idle_one_is_not(monkeypatch):
    for load, state in ((0.1, "ok"), (1.9, "problem")):
        monkeypatch.setattr(hardware.os, "getloadavg", lambda load=load: (load, 0, 0))
        assert hardware._load(2).state == state


def test_machine_with_one_core_is_warned_about():
    assert hardware._cores(1, "1 core").state == "problem"


def test_gpu_that_the_driver_names_is_shown(monkeypatch):
    one = Machine(system="Linux", architecture="x86_64", cpu="c", cores=2, memory_bytes=None, gpus=("NVIDIA X, 24 GB, 600.1",))
    monkeypatch.setattr(hardware, "machine", lambda: one)
    found = next(found for found in hardware.examine() if found.what == "GPU")
    assert (found.state, found.detail) == ("ok", "NVIDIA X, 24 GB, 600.1")


def test_energy_counters_are_told_apart_by_who_may_read_them(tmp_path, monkeypatch):
    kfd = tmp_path / "kfd"
    monkeypatch.setattr(hardware.sys, "platform", "linux")
    monkeypatch.setattr(hardware, "find_spec", lambda _name: object())
    nothing = hardware._energy(tmp_path / "none", kfd, ())  # the packages are installed, and there is nothing for them to read
    assert (nothing.state, nothing.detail) == ("absent", "no RAPL counters and no device that NVML or zeus would read")
    assert hardware._energy(tmp_path / "none", kfd, ("NVIDIA X",)).detail == "NVML (nvidia-ml-py); a run reads what answers"
    assert hardware._energy(tmp_path / "none", tmp_path, ()).detail == "zeus; a run reads what answers"
    monkeypatch.setattr(hardware, "find_spec", lambda _name: None)
    assert "bench-spec[gpu]" in hardware._energy(tmp_path / "none", kfd, ("NVIDIA X",)).advice
    zone = tmp_path / "intel-rapl:0"
    zone.mkdir()
    (zone / "energy_uj").write_text("1", encoding="utf-8")
    assert "intel-rapl:0" in hardware._energy(tmp_path, kfd, ()).detail
    monkeypatch.setattr(hardware.os, "access", lambda *_: False)
    found = hardware._energy(tmp_path, kfd, ())
    assert found.state == "absent"
    assert "chmod" in found.advice


def test_cache_that_cannot_be_written_is_in_the_way(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    found = places.cache_folder(tmp_path / "file" / "cache")
    assert (found.state, found.is_needed) == ("problem", True)
    assert "BENCH_CACHE" in found.advice


def test_little_room_is_said_and_not_in_the_way(tmp_path, monkeypatch):
    monkeypatch.setattr(places.cache, "free_bytes", lambda _folder: 10**6)
    found = places.cache_folder(tmp_path)
    assert (found.state, found.is_needed) == ("problem", False)


def test_absent_things_and_unneeded_problems_leave_the_exit_code_alone():
    findings = [Finding(what="a", state="absent", detail=""), Finding(what="b", state="problem", detail="")]
    assert doctor.exit_code(findings) == Exit.OK
