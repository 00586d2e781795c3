"""Sheet and page: whatever a model wrote stays text in them."""

import csv
import io
import json
import re

import pytest
from harness.browser import BROWSER, dom

from bench.annotate.answers import read_sheet
from bench.records.annotation import AnnotationItem, AnnotationQuestion
from bench.report.annotation_sheet import page, sheet

HOSTILE = "</script><script>alert(1)</script><!-- \x1b[31m \u202e &lt; ' \" \u2028 =1+1"


def items(answer=HOSTILE):
    questions = (
        AnnotationQuestion(id="date", kind="expect", text="Names <b>the date</b>"),
        AnnotationQuestion(id="clear", kind="question", text="Is it clear?", scale=(1, 5), anchors=((1, "no word"), (5, "perfectly"))),
        AnnotationQuestion(id="overall", kind="overall", text="How good?", scale=(1, 5)),
    )
    return tuple(AnnotationItem(item_id=f"i{k}", trial_id="t", prompt_id="p", task="Sum\nup.", answer=answer, questions=questions) for k in range(3))


def test_a_sheet_has_a_row_per_question_and_is_read_back():
    rows = list(csv.DictReader(io.StringIO(sheet(items()).removeprefix("\ufeff"), newline="")))
    assert len(rows) == 9
    assert rows[1]["allowed"] == "1 to 5"
    assert rows[0]["task"] == "Sum\nup."
    assert rows[1]["task"] == ""
    assert read_sheet(sheet(items()), "x.csv") == ()


@pytest.mark.parametrize("answer", ["=cmd()", "+1", "-1", "@x", "\t=1", "\n=1"])
def test_no_field_of_a_sheet_is_a_formula(answer):
    for row in csv.reader(io.StringIO(sheet(items(answer)).removeprefix("\ufeff"), newline="")):
        assert not any(field.lstrip().startswith(("=", "+", "-", "@")) for field in row)


def test_nothing_in_a_text_leaves_its_place_in_the_page():
    shown = page(items(), "run", "kim")
    assert "<script>alert" not in shown
    assert shown.count("</script>") == 2  # of the data and of the page's own script
    data = json.loads(re.search(r'id="items">(.*?)</script>', shown, re.DOTALL)[1])
    assert data["items"][0]["answer"].startswith("</script><script>alert(1)</script>")
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_the_page_may_load_nothing_and_run_only_its_own_script():
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page(items(), "run", "kim"))[1].replace("&#39;", "'")
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert not re.search(r"""(?:src|href)=["']?http""", page(items(), "run", "kim"))


# Beside the page, in a frame: grades the first answer as a person would, by the keyboard and by a click, and reads what the page says then.
PROBE = """<!DOCTYPE html><meta charset="utf-8"><iframe src="page.html" width="900" height="800"></iframe><script>
onload = () => {
  const frame = document.querySelector("iframe");
  const page = frame.contentDocument;
  const seen = { answer: page.getElementById("answer").textContent, scripts: page.scripts.length, before: page.getElementById("count").textContent };
  page.dispatchEvent(new frame.contentWindow.KeyboardEvent("keydown", { key: "y", bubbles: true }));
  seen.checked = page.querySelector("input:checked").value;
  page.querySelector('input[name="clear"][value="4"]').click();
  seen.after = page.getElementById("count").textContent;
  page.getElementById("next").click();
  seen.place = page.getElementById("place").textContent;
  seen.title = frame.contentWindow.alert === undefined;
  page.getElementById("back").click();
  seen.kept = page.querySelectorAll("input:checked").length;
  frame.contentWindow.URL.createObjectURL = (blob) => { blob.text().then((text) => { seen.saved = JSON.parse(text).answers;
    document.title = "seen " + JSON.stringify(seen); }); return "#"; };
  page.getElementById("save").click();
};</script>"""


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="no chromium, chromium-browser or google-chrome on PATH")
def test_a_browser_grades_with_it(tmp_path):
    (tmp_path / "page.html").write_text(page(items(), "run", "kim"), encoding="utf-8")
    (tmp_path / "probe.html").write_text(PROBE, encoding="utf-8")
    found = re.search(r"<title>seen (.*?)</title>", dom((tmp_path / "probe.html").as_uri(), tmp_path), re.DOTALL)
    assert found
    seen = json.loads(found[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    assert seen["answer"].startswith("</script><script>alert(1)</script>")
    assert seen["before"] == "0 of 3 graded"
    assert seen["checked"] == "yes"
    assert seen["after"] == "1 of 3 graded"
    assert seen["place"] == "Answer 2 of 3"
    assert seen["kept"] == 2
    assert [(each["item"], each["question"], each["label"]) for each in seen["saved"]] == [("i0", "date", "yes"), ("i0", "clear", "4")]
