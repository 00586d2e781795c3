"""`bench annotate`: a person's way through it, in the terminal and by file."""

import csv
import io
import json

import pytest
from harness.command import Here
from harness.fake_bench import means_for
from harness.written_spec import external, latest, write_spec

from bench.pipeline import run
from bench.store.reader import read_annotations

pytestmark = pytest.mark.usefixtures("finished")
MORE = "warmup: 0\nrounds: 1\nreport: {formats: [json]}"


@pytest.fixture
def bench(tmp_path, capsys, monkeypatch):
    return Here(tmp_path, capsys, monkeypatch)


@pytest.fixture
def finished(tmp_path):
    spec = write_spec(tmp_path, external("alpha", "http://a.invalid/v1"), external("beta", "http://b.invalid/v1"), more=MORE)
    text = spec.read_text().replace("user: Say", "aspects: [{id: polite, expect: Is polite}], user: Say")
    spec.write_text(text.replace("Say 0.", "'Say =0.'"))
    return run(means_for(spec, tmp_path)).folder


@pytest.fixture
def typed(monkeypatch):
    """Type these words, then nothing more."""

    def words(*lines):
        left = list(lines)

        def read(_prompt=""):
            if not left:
                raise EOFError
            return left.pop(0)

        monkeypatch.setattr("builtins.input", read)

    return words


def kept(tmp_path):
    return list(read_annotations(latest(tmp_path)))


def test_every_answer_is_kept_at_once_and_the_same_command_goes_on(bench, typed, tmp_path):
    typed("y", "4", "n")  # the second item is left in its middle
    shown = bench("annotate", "--annotator", "kim")
    assert "kim graded 1 answers; 2 are left, the same command goes on" in shown.stderr
    assert [(each.aspects[0].answer, each.score) for each in kept(tmp_path)] == [("yes", 4.0)]
    typed("n", "", "u", "2")
    assert "1 of 3 are graded already" in bench("annotate", "--annotator", "kim").stderr
    assert [each.aspects[0].answer for each in kept(tmp_path)] == ["yes", "no", "unsure"]
    assert (
        "kim: 3 answers graded, 3 questions answered\n3 different answers by 1 people; 0 of them by two or more"
        in bench("annotate", "--status").stdout
    )


def test_a_slip_is_asked_again_and_an_item_may_be_skipped(bench, typed, tmp_path):
    typed("maybe", "y", "7", "5", "s", "m", "y", "1")
    shown = bench("annotate", "--annotator", "kim")
    assert "'maybe' is no answer to 'polite'; expected yes, no or unsure" in shown.stdout
    assert "expected a number from 1 to 5" in shown.stdout
    assert [each.score for each in kept(tmp_path)] == [5.0, 1.0]


def test_nothing_shown_names_a_model(bench, typed):
    typed()
    shown = bench("annotate", "--annotator", "kim").stdout
    assert "Say" in shown
    assert "alpha" not in shown
    assert "beta" not in shown


def test_a_sheet_goes_out_and_comes_back(bench, tmp_path):
    bench("annotate", "--annotator", "kim", "--csv", "sheet.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "sheet.csv").read_text("utf-8-sig"), newline="")))
    for row in rows:
        row["label"] = "yes" if row["question_id"] == "polite" else "3"
    with (tmp_path / "filled.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0], delimiter=";")
        writer.writeheader()
        writer.writerows(rows)
    assert "kim graded 3 answers" in bench("annotate", "--annotator", "kim", "--import", "filled.csv").stderr
    assert {(each.aspects[0].answer, each.score, each.drawn) for each in kept(tmp_path)} == {("yes", 3.0, "random")}


def test_the_page_goes_out_and_its_file_comes_back(bench, tmp_path):
    bench("annotate", "--annotator", "kim", "--html", "page.html", "-n", "2")
    page = (tmp_path / "page.html").read_text("utf-8")
    items = json.loads(page.split('id="items">')[1].split("</script>")[0])["items"]
    assert len(items) == 2
    assert "alpha" not in page
    answers = [{"item": items[0]["item_id"], "question": "polite", "label": "no", "note": "rude"}]
    (tmp_path / "saved.json").write_text(json.dumps({"format": "bench-annotations", "version": 1, "answers": answers}))
    bench("annotate", "--annotator", "lee", "--import", "saved.json")
    assert kept(tmp_path)[0].aspects[0].note == "rude"


def test_two_people_differ_and_a_third_decides(bench, typed, tmp_path):
    typed("y", "3", "y", "3", "y", "3")
    bench("annotate", "--annotator", "kim")
    typed("y", "3", "n", "3", "y", "3")
    bench("annotate", "--annotator", "lee")
    typed("n")
    shown = bench("annotate", "--annotator", "lead", "--adjudicate").stdout
    assert "said so far: no × 1, yes × 1" in shown
    assert "kim" not in shown
    (decided,) = [each for each in kept(tmp_path) if each.is_adjudication]
    assert decided.aspects[0].answer == "no"


def test_named_items_are_asked_in_place_of_a_draw(bench, typed, tmp_path):
    typed("y", "")
    bench("annotate", "--annotator", "kim")
    name = kept(tmp_path)[0].item_id
    typed("n", "")
    bench("annotate", "--annotator", "lee", "--items", name)
    assert [each.drawn for each in kept(tmp_path)] == ["random", "chosen"]
    assert "the run has no item nope" in bench("annotate", "--annotator", "lee", "--items", "nope", code=2).stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "who grades? --annotator is missing"),
        (("--annotator", "../x"), "is no name for an annotator"),
        (("--annotator", "kim", "-n", "0"), "at least one answer"),
        (("--annotator", "kim", "--adjudicate"), "there is nothing to grade"),
        (("--annotator", "kim", "--import", "none.csv"), "cannot read none.csv: No such file or directory"),
    ],
)
def test_a_wrong_command_says_what_is_wrong(bench, words, message):
    assert message in bench("annotate", *words, code=2).stderr


def test_a_file_that_is_none_takes_nothing_over(bench, tmp_path):
    (tmp_path / "bad.csv").write_bytes(b"item,question_id,label\n\xff\xfe,x,yes\n")
    assert "not UTF-8 at byte 23" in bench("annotate", "--annotator", "kim", "--import", "bad.csv", code=2).stderr
    (tmp_path / "wrong.csv").write_text("item,question_id,label\nnope,polite,yes\n")
    assert "the item 'nope' is not of this run" in bench("annotate", "--annotator", "kim", "--import", "wrong.csv", code=2).stderr
    assert kept(tmp_path) == []
