import csv
import io

from harness.golden import assert_golden
from harness.report_run import summary, view

from bench.report.csv_table import COLUMNS, CsvTable


def rows():
    return list(csv.DictReader(io.StringIO(CsvTable().render(view(), None))))


def test_table_is_the_golden_one():
    assert_golden("report.csv", CsvTable().render(view(), None))


def test_every_estimate_count_status_aspect_outlier_and_cost_is_a_row():
    kinds = [row["kind"] for row in rows()]
    shown = summary()
    assert kinds.count("estimate") == len(shown.estimates)
    assert kinds.count("status") == len(shown.models)
    assert kinds.count("count") == 5 * len(shown.counts) + sum(len(count.failures) for count in shown.counts)
    assert kinds.count("aspect") == 5 * len(shown.aspects)
    assert kinds.count("gate") == len(shown.gates)
    assert kinds.count("outlier") == len(shown.outliers)
    assert kinds.count("cost") == len(shown.costs)


def test_numbers_keep_their_precision_and_base_unit():
    row = next(row for row in rows() if (row["metric"], row["statistic"], row["model_id"]) == ("ttft", "p50", "smollm2-135m"))
    assert [row[name] for name in ("value", "low", "high", "unit", "n", "failed", "state")] == ["0.1421", "0.1312", "0.1553", "s", "8", "1", "value"]


def test_a_gate_is_a_row_with_its_outcome_and_reason():
    found = next(row for row in rows() if row["kind"] == "gate" and row["metric"] == "decode_tps" and row["model_id"] == "gemma-3-270m")
    assert (found["state"], found["value"], found["low"], found["unit"]) == ("fail", "31.07", "30.11", "tokens/s")
    assert found["note"].startswith("decode_tps ≥ 40 tokens/s: 31.1 [30.1–32.3]")


def test_an_empty_value_says_what_kind_of_empty_it_is():
    states = {(row["kind"], row["metric"]): row["state"] for row in rows() if row["kind"] in {"cost", "estimate"} and not row["low"]}
    assert states["estimate", "ttft"] == "no interval"
    assert states["cost", "cost_accepted_answer"] == "no value"


def test_every_row_has_every_column_and_no_field_starts_a_formula():
    for row in csv.reader(io.StringIO(CsvTable().render(view(), None))):
        assert len(row) == len(COLUMNS)
        assert not [field for field in row if field.startswith(("=", "+", "@", "\t"))]
