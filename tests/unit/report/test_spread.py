"""How wide each prompt's values lie stands beside its median, in every format."""

import csv
import io

from harness.report_run import manifest as manifest_of
from harness.report_run import observations, spec, summary
from msgspec.structs import replace

from bench.records.estimate import Group, PromptSpread
from bench.report.csv_table import CsvTable
from bench.report.details import outliers, prompts
from bench.report.lookup import Lookup
from bench.report.view import build_view


def spread(prompt, n, p95, model="smollm2-135m"):
    group = Group(model_id=model, variant_id="default", prompt_id=prompt)
    return PromptSpread(metric="ttft", unit="s", group=group, n=n, least=0.1, p50=0.14, p95=p95, most=0.2554)


def told(*spreads):
    (table,) = prompts(Lookup(replace(summary(), spreads=spreads), spec())).tables
    return [column.title for column in table.columns], {(row[0].value, row[1].value): [cell.value for cell in row] for row in table.rows}


def test_range_and_p95_stand_beside_the_median():
    titles, rows = told(spread("standup", 80, 0.25), spread("retro", 3, None))
    assert titles == ["Prompt", "Model", "n", "TTFT p50", "TTFT p95", "TTFT min–max"]
    assert rows["standup", "smollm2-135m"][4:] == ["250 ms", "100–255 ms"]
    assert rows["retro", "smollm2-135m"][4:] == ["n too small", "100–255 ms"]
    assert rows["retro", "gemma-3-270m"][4:] == ["–", "–"]


def test_no_column_for_a_p95_that_no_prompt_has():
    titles, rows = told(spread("standup", 3, None))
    assert titles[3:] == ["TTFT p50", "TTFT min–max"]
    assert rows["standup", "smollm2-135m"][4:] == ["100–255 ms"]


def test_csv_holds_each_of_them():
    found = replace(summary(), spreads=(spread("standup", 3, None),))
    view = build_view(manifest=manifest_of(), summary=found, spec=spec(), resolved={}, observations=observations())
    rows = [row for row in csv.DictReader(io.StringIO(CsvTable().render(view))) if row["kind"] == "spread"]
    assert [(row["prompt_id"], row["metric"], row["statistic"], row["state"], row["value"], row["n"]) for row in rows] == [
        ("standup", "ttft", "min", "value", "0.1", "3"),
        ("standup", "ttft", "p50", "value", "0.14", "3"),
        ("standup", "ttft", "p95", "n too small", "", "3"),
        ("standup", "ttft", "max", "value", "0.2554", "3"),
    ]


def test_outliers_that_are_not_listed_are_counted():
    section = outliers(Lookup(replace(summary(), outliers_more=41), spec()))
    assert section.title == "Outliers (42)"
    assert "41 more" in section.tables[0].notes[-1]
