"""The report's section about the machine: what was read, what contended, and energy with its source."""

import csv
import io

from harness.report_run import summary
from harness.report_run import view as whole_view
from msgspec.structs import replace

from bench.records.estimate import Estimate, Group
from bench.records.telemetry import Contention, EnergyFacts, GpuUse, MachineSeries, MachineUse, SourceState
from bench.report import numbers
from bench.report.courses import course
from bench.report.csv_table import CsvTable
from bench.report.html_page import HtmlPage
from bench.report.lookup import Lookup
from bench.report.machine import machine, machine_courses
from bench.report.markdown import Markdown

HOSTILE = "bad <b>|</b> @octocat [a](http://evil.example)"
LOUD = Contention(
    kind="cpu", value=0.4, limit=0.1, unit="share", text="other processes took 0.80 of 2 cores (40%)", spoils=("ttft", "decode_tps", "energy_j")
)
SERIES = MachineSeries(
    width_s=1.0,
    model_cores=(1.0, 1.0),
    others_cores=(0.5, 1.1),
    rss_bytes=(1e8, 2e8),
    gpu_bytes=(None, None),
    power_w=(40.0, float("nan")),
)
USE = MachineUse(
    model_id="smollm2-135m",
    variant_ids=("default",),
    window_s=21.4,
    read_s=21.4,
    cores=2,
    model_cores=0.97,
    client_cores=0.03,
    others_cores=0.8,
    rss_peak_bytes=243_000_000,
    threads=5,
    available_least_bytes=4_000_000_000,
    swap_in_bytes=0,
    swap_out_bytes=0,
    pressure_cpu=0.25,
    gpus=(GpuUse(id="nvidia:0", name=HOSTILE, memory_peak_bytes=6_000_000_000, power_w=281.2, temperature_peak_c=61.0),),
    contention=(LOUD,),
    series=SERIES,
)
ENERGY = EnergyFacts(
    model_id="smollm2-135m",
    variant_id="default",
    basis="measured",
    sources=("rapl package-0",),
    window_s=21.4,
    gross_j=640.0,
    idle_w=8.0,
    idle_j=171.2,
    net_j=468.8,
    counter_j=640.0,
    requests=8,
    tokens=900,
    per_request_j=58.6,
    per_token_j=0.521,
)
SOURCES = (
    SourceState(name="host", state="read", detail="/proc"),
    SourceState(name="nvml", state="absent", detail="no NVIDIA GPU: NVML library not found"),
    SourceState(name="nvidia:1", state="lost", detail="after 3.2 s: GPU is lost"),
)


def seen(**said):
    made = whole_view()
    given = replace(summary(), **({"machine": (USE,), "energy": (ENERGY,), "sources": SOURCES} | said))
    from harness.report_run import spec  # noqa: PLC0415 - beside the view it belongs to

    return Lookup(given, spec()), replace(made, summary=given)


def table(section, name):
    return next(table for table in section.tables if table.id == name)


def texts(table_):
    return [[cell.text for cell in row] for row in table_.rows]


def test_run_without_readings_has_no_such_section():
    lookup, _ = seen(machine=(), energy=(), sources=())
    assert machine(lookup) is None
    assert machine_courses(lookup) == ()


def test_absent_source_is_one_plain_line_and_a_lost_one_says_when():
    section = machine(seen()[0])
    assert section.text == ("Not read: nvml (no NVIDIA GPU: NVML library not found).", "Lost on the way: nvidia:1, after 3.2 s: GPU is lost.")


def test_contention_stands_with_the_figures_that_it_may_have_spoilt():
    ((model, what, limit, spoilt),) = texts(table(machine(seen()[0]), "contention"))
    assert (model, what, limit) == ("smollm2-135m", LOUD.text, "10 %")
    assert spoilt == "TTFT p50 142 ms; Decode 58 tokens/s"


def test_use_and_energy_have_units_and_sources():
    section = machine(seen()[0])
    ((_, window, mine, client, others, threads, free, swapped, waiting, _),) = texts(table(section, "machine-use"))
    assert (window, mine, client, others, threads) == ("21.4 s", "0.97", "0.030", "0.80", "5")
    assert (free, swapped, waiting) == ("4.00 GB", "0 B", "25 %")
    ((_, source, per_answer, per_token, run, *rest),) = texts(table(section, "energy"))
    assert (source, per_answer, per_token, run) == ("rapl package-0, measured", "58.6 J", "0.521 J", "640 J")
    assert rest == ["171 J", "469 J", "640 J", "–"]


def test_memory_stands_here_only_of_a_server_of_which_the_results_know_none():
    titles = [column.title for column in table(machine(seen()[0]), "machine-use").columns]
    assert "Memory peak" not in titles
    unowned = tuple(replace(status, rss_peak_bytes=None) for status in summary().models)
    there = table(machine(seen(models=unowned)[0]), "machine-use")
    assert dict(zip([column.title for column in there.columns], *texts(there), strict=True))["Memory peak"] == "243 MB"


def test_note_of_several_models_stands_once_and_columns_of_sensors_only_with_one():
    two = tuple(
        replace(ENERGY, model_id=name, basis="declared", sources=("declared watts",), counter_j=None, notes=("an estimate",))
        for name in ("smollm2-135m", "gemma-3-270m")
    )
    found = table(machine(seen(energy=two)[0]), "energy")
    assert found.columns[-1].title == "Above rest"
    assert {len(row) for row in found.rows} == {len(found.columns)}
    assert [note for note in found.notes if "an estimate" in note] == ["smollm2-135m, gemma-3-270m: an estimate."]


def test_figure_from_declared_watts_says_so_wherever_it_stands():
    group = Group(model_id="smollm2-135m", variant_id="default")
    note = "an estimate: watts as declared in the spec, not measured"
    guess = Estimate(metric="energy_j", statistic="value", unit="J", better="lower", group=group, value=34.0, n=8, clusters=0, method="x", note=note)
    assert numbers.estimate_cell(guess, numbers.Scale(1.0, "J")).text == "34.0 J (estimate)"


def test_declared_energy_is_never_called_measured():
    guess = replace(ENERGY, basis="declared", sources=("declared watts",), notes=("an estimate",))
    ((_, source, *_),) = texts(table(machine(seen(energy=(guess,))[0]), "energy"))
    assert source == "declared watts"


def test_courses_leave_out_what_was_not_read():
    charts = machine_courses(seen()[0])
    assert [chart.id for chart in charts] == ["memory-over-time", "power-over-time", "others-over-time"]
    assert charts[0].summary == "smollm2-135m: 100 MB at first, 200 MB at last, at most 200 MB"
    quiet = machine_courses(seen(machine=(replace(USE, contention=()),))[0])
    assert [chart.id for chart in quiet] == ["memory-over-time", "power-over-time"]


def test_lines_of_several_models_are_named_without_touching():
    chart = course(("a", "A", "s"), [(f"{'model' * 6} {n}", [(0.0, 1.0), (1.0, 2.0)]) for n in range(4)])
    places = [(float(line.label_x), float(line.label_y)) for line in chart.lines]
    assert len(set(places)) == 4
    assert all(abs(a[0] - b[0]) > 140 for a in places for b in places if a[1] == b[1] and a is not b)
    assert max(y for _, y in places) < float(chart.top)
    assert all(len(line.label) <= 23 for line in chart.lines)


def test_a_server_of_all_variants_is_named_by_its_model():
    both = replace(USE, variant_ids=("cold", "warm"))
    assert machine_courses(seen(machine=(both,))[0])[0].summary.startswith("smollm2-135m: 100 MB")


def test_every_format_escapes_what_a_machine_calls_itself():
    lookup, made = seen()
    made = replace(made, sections=(*made.sections, machine(lookup)), charts=machine_courses(lookup))
    markdown, page = Markdown().render(made, None), HtmlPage().render(made, None)
    assert "bad <b>" not in markdown
    assert "@octocat [a](http://evil" not in markdown
    assert "<b>|" not in page
    assert "Memory of the model over time" in page


def test_csv_has_a_row_for_each_figure_and_source():
    _, made = seen()
    rows = list(csv.DictReader(io.StringIO(CsvTable().render(made))))
    found = {(row["kind"], row["metric"]): row for row in rows if row["kind"] in {"machine", "energy", "contention", "source", "gpu"}}
    assert found["machine", "others_cores"]["value"] == "0.8"
    assert found["energy", "net_j"]["unit"] == "J"
    assert found["energy", "net_j"]["method"] == "measured: rapl package-0"
    assert found["energy", "integral_j"]["state"] == "not applicable"
    assert found["contention", "cpu"]["note"].endswith("may be spoilt: ttft, decode_tps, energy_j")
    assert found["source", "nvml"]["state"] == "absent"
    assert found["gpu", "temperature_peak_c"]["unit"] == "°C"
