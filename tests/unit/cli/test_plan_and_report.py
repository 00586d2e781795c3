"""`bench plan` opens nothing; `bench report` renders again what lies there."""

import json

import pytest
from harness.command import Here
from harness.fake_bench import means_for
from harness.mock_llm import mock_llm, refusing_endpoint
from harness.written_spec import external, latest, write_spec

from bench.pipeline import run


@pytest.fixture
def bench(tmp_path, capsys, monkeypatch):
    return Here(tmp_path, capsys, monkeypatch)


def test_a_plan_shows_what_would_happen_and_does_nothing(bench, tmp_path):
    with mock_llm() as server:
        spec = write_spec(tmp_path, external("m", server.base_url), more="rounds: 2\nwarmup: 1")
        shown = bench("plan", spec).stdout
        assert not server.log
        assert server.n_connections == 0
    assert "6 measured + 1 warm-up" in shown
    assert "model         m [default]: external" in shown
    assert server.base_url.split("/")[2] in shown
    assert not (tmp_path / "runs").exists()


def test_a_plan_for_a_program_is_one_json_document_with_the_trials_on_request(bench, tmp_path):
    spec = write_spec(tmp_path, external("m", "http://localhost:1/v1"), more="rounds: 2\nwarmup: 1")
    document = json.loads(bench("plan", spec, "--format", "json").stdout)
    assert document["budget"]["requests"] == 6
    assert document["models"] == [{"model_id": "m", "variant_id": "default", "runtime": "external", "optional": False, "last_time": None}]
    assert "trials" not in document
    trials = json.loads(bench("plan", spec, "--format", "json", "--trials").stdout)["trials"]
    assert len(trials) == 7
    assert [trial["is_warmup"] for trial in trials] == [True] + [False] * 6
    assert (
        len(bench("plan", spec, "--trials", "--only", "p1").stdout.splitlines()) - len(bench("plan", spec, "--only", "p1").stdout.splitlines()) == 3
    )


def test_a_plan_knows_what_the_latest_run_could_not_measure(bench, tmp_path):
    with mock_llm() as server:
        gone = external("gone", refusing_endpoint().base_url, more=", optional: true")
        spec = write_spec(tmp_path, external("there", server.base_url), gone)
        bench("run", spec)
    shown = bench("plan", spec).stdout
    assert "gone [default]: external, optional, unavailable in the latest run: nothing listens on" in shown
    assert "latencies of an earlier run of this spec; assumed for gone" in shown
    models = json.loads(bench("plan", spec, "--format", "json").stdout)["models"]
    assert models[0]["last_time"] is None
    assert models[1]["last_time"].startswith("unavailable")


@pytest.fixture
def finished(tmp_path):
    run(means_for(write_spec(tmp_path, external("m", "http://localhost:1/v1"), more="report: {formats: [markdown, csv]}"), tmp_path))
    return latest(tmp_path)


def test_a_report_is_rendered_again_to_the_same_bytes(bench, finished):
    names = ("report.md", "report.csv", "summary.json")
    before = {name: (finished.folder / name).read_bytes() for name in names}
    for name in names:
        (finished.folder / name).unlink()
    shown = bench("report")
    assert {line.rpartition("/")[2] for line in shown.stdout.splitlines()} == set(names)
    assert {name: (finished.folder / name).read_bytes() for name in names} == before


def test_other_formats_and_a_template_of_ones_own(bench, finished, tmp_path):
    bench("report", finished.folder, "--formats", "html, csv")
    assert finished.report("report.html").is_file()
    (tmp_path / "own.j2").write_text("Mine: {{ view.manifest.spec_name }}", encoding="utf-8")
    bench("report", "small", "--template", "own.j2", "--formats", "markdown")
    assert finished.report("report.md").read_text(encoding="utf-8") == "Mine: small"
    assert "TTFT" in bench("report", "--show").stdout


def test_what_is_not_there_is_named(bench, finished):
    assert "did you mean 'markdown'" in bench("report", "--formats", "markdwon", code=4).stderr
    assert "there is no run 'nowhere' in runs\nhint: the newest are: small/" in bench("report", "nowhere", code=5).stderr
    assert "cannot read the report template" in bench("report", "--template", "none.j2", code=2).stderr
    assert finished.summary.is_file()
