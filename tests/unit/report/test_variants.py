"""The section about variants, as every format shows it."""

import csv
import io

import msgspec
from harness.report_run import HOSTILE_LINE, manifest, observations, spec, summary

from bench.records.comparison import VariantRatio
from bench.records.serving import ModelStatus
from bench.records.spec import Gpu, Variant
from bench.report.csv_table import CsvTable
from bench.report.html_page import HtmlPage
from bench.report.markdown import Markdown
from bench.report.view import build_view


def ratio(**said):
    known = {
        "metric": "ttft", "unit": "s", "better": "lower", "model_id": "smollm2-135m", "variant_id": "gpu", "baseline_id": "cpu",
        "ratio": 0.412, "low": 0.401, "high": 0.423, "p": 0.0001, "p_holm": 0.0002, "n_pairs": 16, "n_prompts": 2, "over": "rounds",
        "method": "t over rounds within prompts", "verdict": "better",
    }  # fmt: skip
    return VariantRatio(**known | said)


UNTESTED = {"low": None, "high": None, "p": None, "p_holm": None, "verdict": None}
ONCE = ratio(**UNTESTED, metric="load_s", ratio=1.5, n_pairs=1, n_prompts=0, over=None, method="one value each")


def view_of(*found, variants=(), order="blocked", models=None):
    said = msgspec.structs.replace(spec(), order=order)
    if variants:
        said = msgspec.structs.replace(said, variants=variants)
    told = msgspec.structs.replace(summary(), ratios=found, **({"models": models} if models else {}))
    return build_view(manifest=manifest(), summary=told, spec=said, resolved={}, observations=observations())


def section(view):
    return next((one for one in view.sections if one.id == "variants"), None)


def cells(view):
    return [[cell.text for cell in row] for row in section(view).tables[0].rows]


def test_a_ratio_stands_with_its_interval_and_what_it_is_over():
    shown = cells(view_of(ratio(), ratio(metric="tpot", ratio=1.02, low=0.97, high=1.08, p_holm=0.41, verdict="cannot_tell"), ONCE))
    assert shown[0] == ["TTFT", "smollm2-135m", "gpu", "cpu", "× 0.412 [0.401–0.423]", "<0.001", "better", "rounds (16 pairs of 2 prompts)"]
    assert shown[1][4:7] == ["× 1.02 [0.97–1.08]", "0.41", "cannot tell"]
    assert shown[2] == ["Load", "smollm2-135m", "gpu", "cpu", "× 1.50", "–", "not tested", "– (one value each)"]


def test_the_variants_are_described_by_what_they_set():
    two = (
        Variant(id="cpu", gpu=Gpu(mode="off"), threads=2),
        Variant(
            id="gpu",
            gpu=Gpu(mode="on", layers=12),
            context=4096,
            generation=msgspec.structs.replace(spec().generation, max_tokens=3, temperature=None, stop=("###",)),
        ),
    )
    assert section(view_of(ratio(), variants=two)).text == (
        (
            "gpu (context 4096, GPU on, 12 layers, the server's own temperature, max_tokens 3, other stop) against cpu (threads 2, GPU off), "
            "the variant that is declared first: × 2 is twice as much."
        ),
    )


def test_ratios_of_what_was_measured_one_after_the_other_say_how_far_drift_reaches():
    hidden = ratio(verdict="cannot_tell", is_apart=True, drift=3.456)
    assert cells(view_of(hidden))[0][6] == "cannot tell (within drift, × 3.46)"
    assert "one after the other" in section(view_of(hidden)).text[-1]
    assert "`order: interleaved`" in section(view_of(hidden)).text[-1]
    assert cells(view_of(ratio(is_apart=True, drift=1.1)))[0][6] == "better"
    assert cells(view_of(ratio(verdict="cannot_tell", is_apart=True)))[0][6] == "cannot tell (its drift is not known)"
    assert "there is no verdict" in section(view_of(ratio(verdict="cannot_tell", is_apart=True))).text[-1]
    assert cells(view_of(ratio(verdict="cannot_tell", is_apart=True, drift=1e9)))[0][6] == "cannot tell (within drift, more than × 1000)"
    assert cells(view_of(ratio(verdict="cannot_tell", p_holm=0.3, is_apart=True, drift=3.4)))[0][6] == "cannot tell"
    assert not any("one after the other" in text for text in section(view_of(ONCE)).text)
    assert not any("one after the other" in text for text in section(view_of(ratio())).text)


def test_a_variant_that_was_not_measured_is_named_beside_those_that_were():
    gone = ModelStatus(model_id="smollm2-135m", variant_id="npu", treatment_digest="n", state="unavailable", reason="no NPU here")
    both = (Variant(id="cpu"), Variant(id="gpu"), Variant(id="npu"))
    found = section(view_of(ratio(), variants=both, models=(*summary().models, gone)))
    assert "Not measured, so without a ratio: smollm2-135m · npu (unavailable). The reasons stand under “Models”." in found.text


def test_a_ratio_without_an_interval_says_why():
    alone = ratio(**UNTESTED, method="too few rounds of a prompt for an interval")
    assert cells(view_of(alone))[0][4:] == ["× 0.412", "–", "not tested", "– (too few rounds of a prompt for an interval)"]


def test_a_run_without_variants_has_no_such_section():
    assert section(view_of()) is None
    assert section(view_of(ratio(ratio=float("inf")))) is None


def test_every_format_shows_it_and_escapes_it():
    view = view_of(ratio(variant_id=HOSTILE_LINE, baseline_id=HOSTILE_LINE))
    page, text = HtmlPage().render(view, None), Markdown().render(view, None)
    assert "× 0.412" in page
    assert "×\xa00.412<br>[0.401" in text
    assert "<b>|</b>" not in page
    rows = [row for row in csv.DictReader(io.StringIO(CsvTable().render(view_of(ratio(), ONCE)))) if row["kind"] == "variant ratio"]
    assert [(row["metric"], row["state"], row["value"], row["low"], row["n"]) for row in rows] == [
        ("ttft", "better", "0.412", "0.401", "16"),
        ("load_s", "no interval", "1.5", "", "1"),
    ]
    assert rows[0]["note"] == "against cpu; p 0.0001; p (Holm) 0.0002"


def test_a_row_tells_the_settings_of_its_variant():
    variants = (Variant(id="default", threads=3, gpu=Gpu(mode="off")),)
    models = next(one for one in view_of(variants=variants).sections if one.id == "models")
    row = next(row for row in models.tables[-1].rows if row[0].value == "smollm2-135m")
    assert any("threads 3" in cell.value and "GPU off" in cell.value for cell in row)
