"""JUnit XML: valid by the narrowest schema, read back by a parser, and saying what became of each gate and each prompt."""

from pathlib import Path

import pytest
from harness.gated import aspect, counts, estimate, judge, status, summary
from harness.report_run import manifest, view
from lxml import etree
from msgspec.structs import replace

from bench.records.gate import GateResult
from bench.records.source import Position
from bench.records.view import Answer, View
from bench.report import junit
from bench.report.junit import JUnit
from bench.report.sketch import SMALLEST

SCHEMA = etree.XMLSchema(etree.parse(Path(__file__).parents[2] / "data" / "junit.xsd"))
HOSTILE = "<script>&\"'\x00\x1b[31m\ufffe\ud800]]> \u202e\n</failure>"


def read(shown: View):
    root = etree.fromstring(JUnit().render(shown).encode())
    SCHEMA.assertValid(root)
    for suite in root:
        cases = suite.findall("testcase")
        told = {name: sum(case.find(tag) is not None for case in cases) for name, tag in (("failures", "failure"), ("errors", "error"))}
        assert (int(suite.get("tests")), int(suite.get("failures")), int(suite.get("errors"))) == (len(cases), *told.values())
    return root


def shown(**more) -> View:
    answers = more.pop("answers", ())
    return View(manifest=manifest(), summary=summary(**more), spec={}, answers=answers)


def case(root, name):
    (found,) = [one for one in root.iter("testcase") if one.get("name") == name]
    return found


def rate(failed, n, prompt="p"):
    one = estimate("error_rate", failed / n, statistic="share", unit="share", n=n)
    return replace(one, group=replace(one.group, prompt_id=prompt))


def gate(outcome, cause="bound", **more):
    return GateResult(
        gate=0, name="ttft p95 ≤ 800 ms", metric="ttft", outcome=outcome, cause=cause, reason="so it is", model_id="m", variant_id="default", **more
    )


@pytest.mark.parametrize("of", [view(), SMALLEST], ids=["whole", "smallest"])
def test_what_is_written_is_valid_and_read_back(of):
    assert len(read(of))


@pytest.mark.parametrize(
    ("result", "tag", "kind"),
    [
        (gate("pass"), None, None),
        (gate("fail"), "failure", "gate"),
        (gate("undecided", "noise"), "error", "undecided"),
        (gate("undecided", "judge"), "error", "judge"),
    ],
)
def test_each_gate_is_a_test_with_its_reason(result, tag, kind):
    position = Position(file="specs/a.yaml", line=3, column=5)
    root = read(shown(gates=(replace(result, position=position),)))
    found = case(root, "ttft p95 ≤ 800 ms (m)")
    if tag is None:
        assert len(found) == 0
        assert "so it is" in root[0].findtext("system-out")
    else:
        assert [child.tag for child in found] == [tag]
        assert found[0].get("type") == kind
        assert "so it is" in found[0].get("message")
        assert "at specs/a.yaml:3:5" in found[0].text


def test_each_prompt_of_each_model_is_a_test_with_its_missed_aspects():
    missed = Answer(model_id="m", variant_id="default", prompt_id="p", text="…", is_cut=False, missed=("short (found 92 words)",))
    root = read(shown(estimates=(rate(0, 20), rate(0, 20, "q")), aspects=(aspect(passed=18), aspect("kind", 20)), answers=(missed,)))
    failure = case(root, "p")[0]
    assert (failure.tag, failure.get("type"), failure.get("message")) == ("failure", "aspect", "short (check): met by 18 of 20 answers")
    assert "first answer: short (found 92 words)" in failure.text
    assert len(case(root, "q")) == 0


def test_requests_that_failed_are_errors_and_hide_no_missed_aspect():
    error = case(read(shown(estimates=(rate(3, 20),), aspects=(aspect(passed=10, graded=17),))), "p")[0]
    assert (error.tag, error.get("type"), error.get("message")) == ("error", "request", "3 of 20 requests failed")
    assert "short (check): met by 10 of 17 answers" in error.text


def test_an_outage_of_the_judge_is_an_error():
    error = case(read(shown(estimates=(rate(0, 20),), aspects=(aspect("kind", 4, 4, kind="expect", failed=16),), judges=(judge(),))), "p")[0]
    assert (error.tag, error.get("type")) == ("error", "judge")
    assert error.get("message") == "kind (expect): the grader failed on 16 of 20 answers"


def test_a_judge_whose_word_is_not_taken_misses_nothing():
    seen = {"estimates": (rate(0, 20),), "aspects": (aspect("kind", 4, kind="expect"),)}
    doubted = read(shown(**seen, judges=(judge("unqualified", may_count=False),)))
    assert len(case(doubted, "p")) == 0
    assert "met by 4 of 20 answers, says a judge whose word is not taken" in doubted[0].findtext("system-out")
    assert case(read(shown(**seen, judges=(judge(),))), "p")[0].tag == "failure"


def test_a_model_that_was_not_there_is_an_error_or_skipped_where_it_is_optional():
    away = (counts("m", 0), counts("n", 0))
    root = read(shown(counts=away, models=(status("m", "failed"), status("n", "unavailable", optional=True))))
    assert [found[0].tag for found in root.iter("testcase")] == ["error", "skipped"]


def test_hostile_text_stays_text():
    hostile = replace(gate("fail"), reason=HOSTILE, name=HOSTILE)
    found = read(shown(gates=(hostile,), models=(replace(status("m", "failed"), reason=HOSTILE),)))
    assert len(found) == 2
    assert "<script>" in found[0][1][0].text
    assert "\x1b" not in etree.tostring(found, encoding="unicode")


def test_of_very_many_tests_those_that_did_not_pass_are_kept(monkeypatch):
    monkeypatch.setattr(junit, "MOST_TESTS", 3)
    rates = [rate(int(number == 7), 20, f"p{number}") for number in range(10)]
    (suite,) = read(shown(estimates=tuple(rates)))
    assert [found.get("name") for found in suite.iter("testcase")] == ["p0", "p1", "p7"]
    assert suite.findtext("system-out") == "7 further tests are in the CSV report"
