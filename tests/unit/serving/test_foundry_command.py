import os
import sys

import pytest
from harness.serving import Answer, answering, context, models, treatment

from bench.records.spec import ModelSpec
from bench.serving.foundry_command import running_service
from bench.serving.foundry_local import FoundryLocal

CPU = "Phi-4-mini-instruct-generic-cpu:5"
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for the command is a shell script")


def command(folder, *lines):
    """An installed command `foundry` that prints these lines, each for one way of asking."""
    program = folder / "bin" / "foundry"
    program.parent.mkdir(exist_ok=True)
    program.write_text("#!/bin/sh\n" + "\n".join(lines) + "\n")
    program.chmod(0o755)
    return {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}


@pytest.mark.parametrize(
    "lines",
    [
        ["echo 'Service running'", "echo 'Web: http://127.0.0.1:50123/openai/status  pid 77'"],
        ['[ "$2" = status ] && echo "Model management service is running on http://localhost:50123/openai/status" || exit 1'],
    ],
)
def test_the_address_that_the_command_tells_is_taken(tmp_path, lines):
    assert running_service(command(tmp_path, *lines)).address in {"http://127.0.0.1:50123", "http://localhost:50123"}


@pytest.mark.parametrize("line", ["echo 'not running'", "exit 3", "echo 'see https://example.com:443/docs'", "printf '\\377\\376'"])
def test_a_command_that_tells_no_address_of_this_machine_is_no_reason_to_guess_one(tmp_path, line):
    told = running_service(command(tmp_path, line))
    assert (told.address, told.said) == (None, "`foundry status` tells of no running service")


def test_a_command_that_hangs_or_is_not_there_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("bench.serving.foundry_command._WITHIN_S", 0.1)
    assert "TimeoutExpired" in running_service(command(tmp_path, "exec sleep 5")).said
    assert running_service({"PATH": str(tmp_path)}).said == "The command `foundry` is not installed"


class Service:
    def __call__(self, path, _headers):
        if path == "/v1/models":
            return models(CPU)
        return Answer(value=[CPU] if path == "/models/loaded" else {})


def test_without_the_sdk_the_running_service_is_measured_and_an_address_always_wins(tmp_path):
    hidden = tmp_path / "none" / "foundry_local_sdk.py"
    hidden.parent.mkdir()
    hidden.write_text("raise ImportError('No module named foundry_local_sdk')")
    with answering(Service()) as told, answering(Service()) as named, answering(Service()) as written:
        environ = {**command(tmp_path, f"echo {told}"), "PYTHONPATH": str(hidden.parent)}
        found = []
        for model, more in (
            (ModelSpec(id="phi", runtime="foundry-local", model=CPU), {}),
            (ModelSpec(id="phi", runtime="foundry-local", model=CPU), {"FOUNDRY_LOCAL_ENDPOINT": named}),
            (ModelSpec(id="phi", runtime="foundry-local", model=CPU, base_url=written), {"FOUNDRY_LOCAL_ENDPOINT": named}),
        ):
            served = FoundryLocal().serve(treatment(model), context(tmp_path, environ={**environ, **more}))
            found.append(served.endpoint.base_url.removesuffix("/v1"))
            served.close()
    assert found == [told, named, written]
