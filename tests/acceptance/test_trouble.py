"""What goes wrong for users, each with a message that says what to do, quickly and without a traceback."""

import socket
import time

import pytest
from harness.command import bench
from harness.mock_llm import mock_llm
from markdown_it import MarkdownIt

SPEC = """
bench: 1
name: trouble
version: 1.0.0
models:
  - {model}
prompts:
  - {{id: hello, user: Say hello.}}
warmup: 0
"""
QUICK_S = 45.0  # 3 s on a machine at rest; what waits in vain waits for a minute or more


def write(folder, model):
    path = folder / "spec.yaml"
    path.write_text(SPEC.format(model=model), encoding="utf-8")
    return path


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def server():
    with mock_llm(n=4) as running:
        yield running


def told(folder, spec, *words, environ=None):
    """Exit code and words of a run that must neither hang nor end in a traceback."""
    began = time.monotonic()
    ended = bench("run", spec, *words, folder=folder, environ=environ)
    assert time.monotonic() - began < QUICK_S
    assert "Traceback" not in ended.stderr
    return ended.returncode, ended.stderr, ended.stdout


def test_a_dead_endpoint_is_named_with_its_address(tmp_path):
    port = free_port()
    code, said, shown = told(tmp_path, write(tmp_path, f'{{id: m, runtime: external, base_url: "http://127.0.0.1:{port}/v1", model: x}}'))
    assert code == 3
    assert f"nothing listens on http://127.0.0.1:{port}/v1" in said
    assert "unavailable" in shown


def test_a_wrong_model_name_shows_what_the_server_has(tmp_path, server):
    code, said, _ = told(tmp_path, write(tmp_path, f'{{id: m, runtime: external, base_url: "{server.base_url}", model: mokc}}'))
    assert code == 3
    assert "mokc" in said
    assert "mock" in said


def test_a_missing_key_is_named_and_never_sent(tmp_path, server):
    model = f'{{id: m, runtime: external, base_url: "{server.base_url}", model: mock, api_key: {{env: NO_SUCH_KEY_HERE}}}}'
    code, said, _ = told(tmp_path, write(tmp_path, model))
    assert code == 3
    assert "NO_SUCH_KEY_HERE" in said
    assert not server.log


def test_a_key_is_sent_and_stands_in_no_file(tmp_path, server):
    secret = "sk-do-not-store-me-91c2"  # noqa: S105 - made up, to look for it afterwards
    model = f'{{id: m, runtime: external, base_url: "{server.base_url}", model: mock, api_key: {{env: A_KEY}}}}'
    code, said, shown = told(tmp_path, write(tmp_path, model), environ={"A_KEY": secret})
    assert code == 0, said
    assert server.log[-1].headers["authorization"] == f"Bearer {secret}"
    assert secret not in said + shown
    files = [path for path in (tmp_path / "runs").rglob("*") if path.is_file()]
    assert len(files) > 8
    assert not [path for path in files if secret.encode() in path.read_bytes()]


def test_a_command_runs_only_when_it_is_allowed(tmp_path):
    marker = tmp_path / "started"
    model = f'{{id: m, runtime: command, command: [touch, "{marker}"], model: x, load_timeout: 2 s}}'
    code, said, _ = told(tmp_path, write(tmp_path, model))
    assert code == 3
    assert "--allow-commands" in said
    assert not marker.exists()


def test_an_unknown_verb_and_a_missing_spec_are_usage_errors(tmp_path):
    unknown = bench("rnu", "spec.yaml", folder=tmp_path)
    assert unknown.returncode == 2
    missing = bench("run", "nowhere.yaml", folder=tmp_path)
    assert missing.returncode == 2
    assert "nowhere.yaml" in missing.stderr
    assert "Traceback" not in unknown.stderr + missing.stderr


def test_a_required_model_that_fails_sets_the_code_and_costs_no_other_row(tmp_path, server):
    spec = tmp_path / "spec.yaml"
    both = (
        f'{{id: there, runtime: external, base_url: "{server.base_url}", model: mock}}\n'
        f'  - {{id: gone, runtime: external, base_url: "http://127.0.0.1:{free_port()}/v1", model: x}}'
    )
    spec.write_text(SPEC.format(model=both), encoding="utf-8")
    code, said, shown = told(tmp_path, spec)
    assert code == 10
    assert "gone" in said
    assert "1 of 1" in shown
    optional = spec.read_text(encoding="utf-8").replace("id: gone,", "id: gone, optional: true,")
    spec.write_text(optional, encoding="utf-8")
    assert told(tmp_path, spec)[0] == 0


def test_a_gate_that_cannot_be_decided_never_passes_silently(tmp_path, server):
    spec = write(tmp_path, f'{{id: m, runtime: external, base_url: "{server.base_url}", model: mock}}')
    spec.write_text(spec.read_text(encoding="utf-8") + "gates:\n  - {metric: latency, at: p99, max: 10 s}\n", encoding="utf-8")
    code, said, _ = told(tmp_path, spec)
    assert code == 9
    assert "undecided" in said


def test_a_hostile_answer_steers_neither_the_terminal_nor_a_report(tmp_path):
    text = "\x1b]0;owned\x07<script>alert(1)</script> | ![x](http://evil.invalid/x.png) </details> =cmd()"
    with mock_llm(text=text, n=1) as server:
        code, said, shown = told(tmp_path, write(tmp_path, f'{{id: m, runtime: external, base_url: "{server.base_url}", model: mock}}'))
    assert code == 0, said
    assert "\x1b" not in said + shown
    (folder,) = (tmp_path / "runs" / "trouble").iterdir()
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "evil.invalid" in page  # shown, as text
    assert '<img src="http' not in page
    rendered = MarkdownIt("commonmark", {"html": True}).enable("table").render((folder / "report.md").read_text(encoding="utf-8"))
    assert "<img" not in rendered
    assert "<script" not in rendered
