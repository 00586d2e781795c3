"""A package of extensions, one for each door: built and installed by pip, used from a spec by the real command, with no change in bench."""

import csv
import json
import shutil

import pytest
from harness.installed import PACKAGES, Environment
from harness.mock_llm import mock_llm
from harness.written_spec import answers

from bench.errors import Exit
from bench.store.layout import RunLayout
from bench.store.reader import read_statuses, read_summary

SOURCE = PACKAGES / "bench-echo"


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    made = Environment(tmp_path_factory.mktemp("environment"), "bench-echo")
    assert made.done.returncode == 0, made.done.stderr
    return made


@pytest.fixture(scope="module")
def ran(environment, tmp_path_factory):
    """The folder with the spec, and what `bench run` said of it."""
    folder = tmp_path_factory.mktemp("work")
    shutil.copy(SOURCE / "spec.yaml", folder / "spec.yaml")
    done = environment.bench("run", "spec.yaml", folder=folder)
    assert done.returncode in {0, Exit.GATE_UNDECIDED}, done.stderr  # where the machine is too busy to measure on
    return folder, done


@pytest.fixture(scope="module")
def layout(ran):
    folder, done = ran
    return RunLayout(folder / done.stdout.splitlines()[-1])


def test_every_extension_of_the_package_took_part(ran, layout):
    summary = read_summary(layout)
    assert [(each.model_id, each.state) for each in summary.models] == [("echo", "served"), ("parrot", "served")]  # runtime, provider
    assert {each.metric for each in summary.estimates} >= {"words_per_second", "ttft"}  # metric
    assert {(cost.cost_model, cost.per) for cost in summary.costs} >= {("per_word", "run"), ("per_word", "request")}  # cost
    assert all(aspect.passed == aspect.graded > 0 for aspect in summary.aspects)  # check
    (gate,) = summary.gates
    assert gate.value > 100  # words a second
    assert (gate.outcome, gate.cause) == (("undecided", "client") if ran[1].returncode else ("pass", "too_few"))  # no interval of two prompts
    assert layout.report("report.slides.md").read_text().startswith("# extended 1.0.0\n\n---\n")  # report
    starts = sorted(sample.timing.scheduled_s for _, sample in answers(layout) if sample.trial_id)
    assert len(starts) >= 8  # load shape
    assert json.loads(layout.manifest.read_text())["packages"]["bench-echo"] == "1.2.0"
    assert not summary.notes or not any("broke" in note for note in summary.notes)
    assert not (layout.logs / "extensions.log").exists()


def test_the_answers_of_an_adapter_are_marked_in_process_and_stamped_as_they_are_yielded(layout):
    echo = next(status for status in read_statuses(layout) if status.model_id == "echo")
    assert echo.endpoint.transport == "in-process"
    assert echo.endpoint.runtime_version == "bench-echo 1.2.0"
    assert "in-process" in echo.notes[0]
    streamed = [sample for _, sample in answers(layout) if sample.timing.chunks]
    assert streamed
    for sample in streamed:
        assert sample.transport == "in-process"
        assert sample.timing.stamped_by == "process"
        assert sample.timing.chunks == sample.outcome.usage.completion_tokens == len(sample.outcome.text.split())
        assert min(sample.timing.gaps_us) >= 1_900  # the pause between two words is 2 ms
        assert sample.outcome.usage.counted_by == "tokenizer"


def test_the_report_and_the_gates_are_made_again_with_it(environment, ran, layout):
    folder, first = ran
    before = layout.summary.read_bytes()
    done = environment.bench("report", layout.folder, "--formats", "slides,csv", folder=folder)
    assert done.returncode == 0, done.stderr
    assert layout.summary.read_bytes() == before
    rows = list(csv.DictReader(layout.report("report.csv").read_text().splitlines()))
    assert {row["model_id"]: row["state"] for row in rows if row["metric"] == "transport"} == {"echo": "in-process", "parrot": "in-process"}
    assert environment.bench("gate", layout.folder, folder=folder).returncode == first.returncode


def test_arguments_are_checked_by_the_extensions_themselves_with_their_place_in_the_spec(environment, ran):
    folder, _ = ran
    text = (SOURCE / "spec.yaml").read_text()
    text = text.replace("mentions_prompt: 2", "mentions_prompt: two").replace("every: 0.01", "every: soon").replace("price: 0.001", "price: free")
    (folder / "wrong.yaml").write_text(text)
    done = environment.bench("validate", "wrong.yaml", folder=folder)
    assert done.returncode == 2
    for words in ("`mentions_prompt`: expected a whole number from 1, found 'two'", "`every` is a time in seconds", "`price` is what one word costs"):
        assert words in done.stderr


def test_doctor_lists_what_is_installed(environment, ran):
    folder, _ = ran
    shown = environment.bench("doctor", "--format", "json", folder=folder).stdout
    ours = {found["what"]: found for found in json.loads(shown) if found["what"].startswith("extension ")}
    assert ours["extension check 'mentions_prompt'"]["detail"] == "bench-echo 1.2.0: loads"
    assert len([what for what, found in ours.items() if found["detail"].startswith("bench-echo") and found["state"] == "ok"]) == 10


JUDGED = """
judges: {{office: {{runtime: external, base_url: "{}", model: mock}}}}
judge: {{use: office, method: blunt, allow_unqualified: true}}
gates:"""


def test_a_judge_grades_by_the_packages_method(environment, ran):
    folder, _ = ran
    text = (SOURCE / "spec.yaml").read_text().replace("check: {mentions_prompt: 2}", "expect: It names a day.")
    with mock_llm(n=1) as server:
        (folder / "judged.yaml").write_text(text.replace("\ngates:", JUDGED.format(server.base_url)))
        done = environment.bench("run", "judged.yaml", folder=folder)
    layout = RunLayout(folder / done.stdout.splitlines()[-1])
    (judge,) = read_summary(layout).judges
    assert (judge.method, judge.state) == ("blunt", "served"), done.stderr
    assert sum(judge.counts.values()) > 0


MIXED = """
  - {{id: served, runtime: external, base_url: "{}", model: mock}}
prompts:"""


@pytest.fixture(scope="module")
def mixed(environment, ran):
    """A run of models in this process and of one over HTTP."""
    folder, _ = ran
    text = (SOURCE / "spec.yaml").read_text().replace("name: extended", "name: mixed").replace("load: {kind: pairs, settings: {every: 0.01}}", "")
    text = text.partition("gates:")[0]  # of this run's times alone: what it decides depends on the machine
    prompts = "".join(f"\n  - {{id: more-{n}, user: 'Say {n} words of {n}.'}}" for n in range(8))
    with mock_llm(n=5) as server:
        (folder / "mixed.yaml").write_text(text.replace("\nprompts:", MIXED.format(server.base_url) + prompts))
        done = environment.bench("run", "mixed.yaml", folder=folder)
    assert done.returncode == 0, done.stderr
    return RunLayout(folder / done.stdout.splitlines()[-1])


def test_in_process_answers_share_no_table_of_times_with_those_over_http(mixed):
    report = mixed.report("report.md").read_text()
    results = report.partition("## Results")[2].partition("\n## ")[0]
    tables = [table for table in results.split("\n\n") if table.startswith("| Model")]
    rows = [{row.split("|")[1].strip(" *") for row in table.splitlines()[2:]} for table in tables]
    assert {"echo (in-process)", "parrot (in-process)"} in rows
    assert {"served (HTTP)"} in rows
    assert all(len({name.partition("(")[2] for name in names}) == 1 for names in rows)
    assert "In-process: called in bench" in results
    assert "Not all answers came over HTTP: echo (in-process), parrot (in-process)" in report


def test_the_terminal_shows_both_apart(environment, ran, mixed):
    shown = environment.bench("report", mixed.folder, "--show", folder=ran[0]).stdout
    before, _, over_http = shown.partition("\nOver HTTP.")
    in_process = before.partition("In-process: called in bench")[2]
    assert "echo (in-process)" in in_process
    assert "served (HTTP)" not in in_process
    assert "served (HTTP)" in over_http.partition("Question")[0]
    assert "echo (in-process)" not in over_http.partition("Question")[0]


def test_no_time_of_one_transport_is_compared_with_one_of_another(mixed):
    summary = read_summary(mixed)
    assert {each.model_id: each.transport for each in summary.counts} == {"echo": "in-process", "parrot": "in-process", "served": "http"}
    compared = {(each.metric, *sorted((each.a.model_id, each.b.model_id))) for each in summary.comparisons}
    assert ("latency", "echo", "parrot") in compared
    assert ("quality", "echo", "served") in compared
    assert not {pair for pair in compared if pair[0] not in {"quality", "judged"} and "served" in pair}


def test_two_runs_of_a_model_by_different_transports_have_no_verdict_on_times(environment, ran):
    folder, _ = ran
    text = (SOURCE / "spec.yaml").read_text().replace("name: extended", "name: moved").partition("gates:")[0]
    text = text.replace("load: {kind: pairs, settings: {every: 0.01}}", "")
    (folder / "moved.yaml").write_text(text)
    first = environment.bench("run", "moved.yaml", folder=folder).stdout.splitlines()[-1]
    with mock_llm(n=5) as server:
        (folder / "moved.yaml").write_text(
            text.replace("runtime: echo\n    settings: {pause: 0.002}", f"runtime: external\n    base_url: {server.base_url}\n    model: mock")
        )
        second = environment.bench("run", "moved.yaml", folder=folder).stdout.splitlines()[-1]
    shown = environment.bench("compare", first, second, "--format", "json", folder=folder)
    found = json.loads(shown.stdout)
    unlike = [each for each in found["unlike"] if each["what"] == "transport"]
    assert [(each["base"], each["head"], each["limits"]) for each in unlike] == [("in-process", "http", "speed")]
    times = [change for change in found["changes"] if change["metric"] == "latency"]
    assert times
    assert all(change.get("verdict", "cannot_tell") == "cannot_tell" and "transport: in-process → http" in change["reason"] for change in times)
