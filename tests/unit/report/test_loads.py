"""The load in the report: its table, its steps, its capacity and its course."""

import re

import pytest
from harness.report_run import manifest, observations, spec, summary
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bench.catalog import CATALOG, REGISTRY
from bench.records.estimate import Estimate, Group
from bench.records.load import Capacity, LoadFacts, Series, Steady, Step
from bench.records.spec import Load
from bench.report.view import build_view

MODEL = "smollm2-135m"
FORMATS = [REGISTRY.load("report", name)() for name in sorted(CATALOG["report"])]
SERIES = Series(width_s=0.5, arrivals_per_s=(2, 4, 2), answers_per_s=(0, 2, 4), in_flight=(1, 2, 1), waiting=(0, 0, 0), ttft_p50_s=(0.1, None, 0.2))
STEPS = tuple(
    Step(step=k, level=2.0**k, planned=40, requests=40, failed=0, dropped=0, good=good, request_rate=10.0 * k, in_flight=k)
    for k, good in ((1, 40), (2, 39), (3, 20))
)
FACTS = LoadFacts(
    model_id=MODEL, variant_ids=("default",), kind="poisson", requests=120, span_s=1.5, arrivals_per_s=20.0, answers_per_s=18.25, in_flight=1.5,
    in_flight_max=7, send_delay_p50_s=0.0004, send_delay_p99_s=0.9, send_delay_max_s=1.0, waiting_max=9, dropped=3,
    steady=Steady(from_s=0.25, to_s=1.25, n=80, cut_before=25, cut_after=15, answers_per_s=20.5, in_flight=6.0), series=SERIES,
)  # fmt: skip
SWEPT = replace(
    FACTS, kind="sweep", steady=None, steps=STEPS, not_needed=200,
    capacity=Capacity(of="concurrency", min_goodput=0.95, step=2, level=4, request_rate=20.0, ended="step 3 (concurrency 8): 20 of 40 requests"),
)  # fmt: skip


def view(facts, load):
    steady = Estimate(
        metric="ttft", statistic="p50", unit="s", better="lower", group=Group(model_id=MODEL, variant_id="default", window="steady"), value=0.123,
        n=80, clusters=8, method="m",
    )  # fmt: skip
    whole = summary()
    given = replace(whole, loads=(facts,), estimates=(*whole.estimates, steady))
    return build_view(manifest=manifest(), summary=given, spec=replace(spec(), load=load), resolved={}, observations=observations())


def test_the_load_that_was_put_on_is_a_row():
    shown = view(FACTS, Load(kind="poisson", concurrency=256, settings={"rate": 20}))
    (table,) = shown.section("load").tables
    texts = [cell.text for cell in table.rows[0]]
    assert texts == [MODEL, "120", "20.0", "18.2", "1.50 (7)", "0.40 ms, 900 ms".replace("0.40 ms", "400 µs"), "9", "3", "123 ms"]
    assert "80 requests wholly in it, 25 before and 15 after it cut off" in " ".join(shown.section("load").text)


def test_a_sweep_says_what_the_server_takes_and_why_it_ended():
    shown = view(SWEPT, Load(kind="sweep", steps=8, concurrency=256, settings={"from": 2, "to": 256}))
    text = " ".join(shown.section("load").text)
    assert f"{MODEL} takes 20.0 answers per s (step 2, concurrency 4.00): the highest rate at which 95 % met the slo." in text
    assert "The sweep ended after step 3 (concurrency 8): 20 of 40 requests. 200 planned trials were not needed." in text
    steps = shown.section("load").tables[1]
    assert [row[1].value for row in steps.rows] == ["1", "2", "3"]
    assert [row[4].is_best for row in steps.rows] == [False, True, False]


@pytest.mark.parametrize(
    ("capacity", "said"),
    [
        (
            Capacity(of="rate", min_goodput=0.9, ended="step 1 (rate 5): no"),
            "at no step did 90 % of the requests meet the slo. The sweep ended after",
        ),
        (
            Capacity(of="rate", min_goodput=0.9, step=3, level=9, request_rate=8.9, is_lower_bound=True),
            "takes at least 8.90 answers per s (step 3, rate",
        ),
    ],
)
def test_a_capacity_that_was_not_found_is_not_made_up(capacity, said):
    assert said in " ".join(view(replace(SWEPT, capacity=capacity), Load(kind="sweep", steps=3)).section("load").text)


def test_one_request_at_a_time_needs_no_table():
    assert view(FACTS, Load()).section("load") is None


def test_the_course_is_drawn_inside_its_picture():
    shown = view(FACTS, Load(kind="poisson", concurrency=256))
    drawn = [chart for chart in shown.charts if chart.kind == "course"]
    assert [chart.id for chart in drawn] == ["answers-over-time", "in-flight-over-time", "ttft-over-time"]
    for chart in drawn:
        (line,) = chart.lines
        points = [tuple(map(float, point.split(","))) for point in line.path.split()]
        assert len(points) == (2 if chart.id.startswith("ttft") else 3)
        assert all(float(chart.left) <= x <= float(chart.right) and float(chart.top) <= y <= float(chart.bottom) for x, y in points)
        assert [x for x, _ in points] == sorted(x for x, _ in points)
    assert drawn[2].summary == f"{MODEL}: 100 ms at first, 200 ms at last, at most 200 ms"
    page = REGISTRY.load("report", "html")().render(shown, None)
    assert page.count("<polyline") == 3


NUMBERS = st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.sampled_from([0.0, -1.0, 1e300, 5e-324]))


@settings(max_examples=40)
@given(st.lists(NUMBERS, min_size=12, max_size=12), st.lists(st.one_of(st.none(), NUMBERS), max_size=5), st.sampled_from([FACTS, SWEPT]))
def test_any_damaged_load_is_rendered_and_no_number_made_of_what_is_none(values, course, facts):
    broken = replace(
        facts, span_s=values[0], arrivals_per_s=values[1], answers_per_s=values[2], in_flight=values[3], send_delay_p50_s=values[4],
        steady=Steady(from_s=values[5], to_s=values[6], n=1, cut_before=0, cut_after=0, answers_per_s=values[7], in_flight=values[8]),
        steps=tuple(replace(step, level=values[9], request_rate=values[10]) for step in facts.steps),
        series=replace(SERIES, width_s=values[11], in_flight=tuple(0.0 if one is None else one for one in course), ttft_p50_s=tuple(course)),
    )  # fmt: skip
    shown = view(broken, Load(kind="sweep", steps=3, concurrency=256))
    for report in FORMATS:
        text = report.render(shown, None)
        if report.filename.endswith((".md", ".html")):
            assert not re.search(r"\b(nan|inf)\b", re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL))
