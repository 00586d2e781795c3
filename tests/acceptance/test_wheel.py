"""The wheel is what users get: built, installed into a fresh environment, and used from a folder that knows nothing of the checkout."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest
from harness.published import validated
from harness.source_tree import ROOT


def call(*command, cwd, **environment):
    """The output of a command that has to succeed; the checkout is on no path."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")} | environment
    done = subprocess.run([str(word) for word in command], cwd=cwd, env=environ, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("dist")
    # Built from the tracked state of the tree, as a user's installer would: nothing that lies about by chance may be needed.
    source = tmp_path_factory.mktemp("source") / "bench"
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".*", "__pycache__", "runs", "tests"))
    call(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, source, cwd=out)
    (found,) = out.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def fresh(wheel, tmp_path_factory):
    """A fresh environment with the wheel. The packages it needs are lent by this one; the checkout is not."""
    folder = tmp_path_factory.mktemp("fresh") / "venv"
    venv.create(folder, with_pip=False)
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    call(sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--no-index", wheel, cwd=folder)
    own = Path(call(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip())
    (own / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def test_wheel_carries_code_schemas_and_templates_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for folder in ("schemas", "templates"):
        shipped = {f"bench/_data/{path.relative_to(ROOT)}" for path in (ROOT / folder).rglob("*") if path.is_file()}
        assert shipped
        assert shipped <= names
    assert "bench/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert {name.split("/")[0].split("-")[0] for name in names} == {"bench", "bench_spec"}


def test_installed_package_is_not_the_checkout(fresh, tmp_path):
    code = "import bench.resources as r; print(r.__file__); print(r.folder('schemas')); print(r.folder('templates'))"
    for line in call(fresh, "-c", code, cwd=tmp_path).splitlines():
        assert Path(line).is_relative_to(fresh.parent.parent), line


def test_command_validates_a_spec_from_outside_the_checkout(fresh, tmp_path):
    shutil.copytree(ROOT / "specs", tmp_path / "specs")
    said = call(fresh.parent / "bench", "validate", "specs/summarizer.yaml", cwd=tmp_path)
    assert "summarizer.yaml" in said


SPEC = """\
bench: 1
name: outside
version: 1.0.0
models:
  - {{id: mock, runtime: external, base_url: {base_url}, model: mock}}
prompts:
  - id: hello
    user: Say hello.
    aspects: [{{id: short, check: {{max_words: 500}}}}]
rounds: 3
"""


@pytest.fixture
def mock_server(fresh, tmp_path):
    server = subprocess.Popen([fresh, "-m", "bench.providers.mock_server"], cwd=tmp_path, stdout=subprocess.PIPE)
    yield json.loads(server.stdout.readline())["base_url"]
    server.kill()
    server.wait()
    server.stdout.close()


def test_command_runs_a_spec_from_outside_the_checkout_and_writes_what_the_schemas_say(fresh, mock_server, tmp_path):
    (tmp_path / "outside.yaml").write_text(SPEC.format(base_url=mock_server))
    folder = tmp_path / call(fresh.parent / "bench", "run", "outside.yaml", cwd=tmp_path).splitlines()[-1]
    assert folder.is_relative_to(tmp_path / "runs" / "outside")
    assert (folder / "report.md").stat().st_size > 0
    found = validated(folder)
    assert found["plan"] == 1 + 1 + 3
    assert found["sample"] >= 3
    assert min(found["status"], found["health"]) >= 1
    assert (found["grade"], found["run"], found["summary"]) == (3, 1, 1)
