"""What people write is checked before it is believed, and nothing is taken over by halves."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.annotate.answers import Labelled, annotations, annotator, disagreements, read_page, read_sheet
from bench.errors import UsageError
from bench.records.annotation import Annotation, AnnotationItem, AnnotationQuestion, AspectAnswer, CriterionAnswer

QUESTIONS = (
    AnnotationQuestion(id="date", kind="expect", text="Names the date"),
    AnnotationQuestion(id="clear", kind="question", text="Is it clear?", scale=(1, 5)),
    AnnotationQuestion(id="overall", kind="overall", text="How good?", scale=(1, 5)),
)
ITEM = AnnotationItem(item_id="i1", trial_id="t1", prompt_id="p", task="task", answer="answer", questions=QUESTIONS)
ITEMS = {"i1": ITEM}
HEADER = "item,question_id,label,note"


def take(text, **more):
    return annotations(read_sheet(text, "filled.csv"), ITEMS, "kim", "2026-11-23T00:00:00Z", **more)


def test_a_filled_sheet_becomes_one_annotation_per_item():
    (found,) = take(f'{HEADER}\ni1,date,Yes,on Friday\ni1,clear,4,\ni1,overall,"3,5",\n')
    assert found == Annotation(
        trial_id="t1", annotator="kim", at="2026-11-23T00:00:00Z", item_id="i1", prompt_id="p", score=3.5,
        aspects=(AspectAnswer(aspect_id="date", answer="yes", note="on Friday"),), criteria=(CriterionAnswer(criterion_id="clear", score=4.0),),
    )  # fmt: skip


def test_what_was_left_empty_stays_open():
    (found,) = take(f"{HEADER}\ni1,date,,\ni1,clear,2,\ni1,overall,,\n")
    assert found.aspects == ()
    assert found.score is None
    assert take(f"{HEADER}\ni1,date,,\n") == ()


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_sheets_of_other_countries_are_read(delimiter):
    text = "\ufeff" + f"{HEADER}\r\ni1,date,u,\r\n".replace(",", delimiter)
    assert take(text)[0].aspects[0].answer == "unsure"


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("i9,date,yes,", "filled.csv:2: the item 'i9' is not of this run"),
        ("i1,dat,yes,", "filled.csv:2: the item has no question 'dat'; it has date, clear, overall"),
        ("i1,date,perhaps,", "filled.csv:2: 'perhaps' is no answer to 'date'; expected yes, no or unsure"),
        ("i1,date,yes,\ni1,clear,6,", "filled.csv:3: '6' is no answer to 'clear'; expected a number from 1 to 5"),
        ("i1,clear,nan,", "'nan' is no answer"),
        ("i1,clear,1e999,", "'1e999' is no answer"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(rows, words):
    with pytest.raises(UsageError) as refused:
        take(f"{HEADER}\n{rows}\n")
    assert words in refused.value.message


def test_a_sheet_without_its_columns_says_which_is_missing():
    with pytest.raises(UsageError, match="no column 'label'; found item, question_id"):
        take("item,question_id\ni1,date\n")
    with pytest.raises(UsageError, match="found nothing"):
        take("")


def test_the_pages_file_is_read():
    page = {
        "format": "bench-annotations",
        "version": 1,
        "run": "r",
        "annotator": "kim",
        "answers": [{"item": "i1", "question": "date", "label": "no"}],
    }
    assert read_page(json.dumps(page), "a.json")[0][:3] == ("i1", "date", "no")


@pytest.mark.parametrize("text", ["{}", '{"format": "other"}', "[1]", '{"format":"bench-annotations","version":1,"answers":[{"item":1}]}'])
def test_another_file_is_not_taken_for_the_pages(text):
    with pytest.raises(UsageError, match="not what the page saves"):
        read_page(text, "a.json")


@given(st.text())
def test_any_text_is_a_sheet_or_an_error(text):
    with suppress(UsageError):  # any other exception fails this test
        assert all(each.label for each in read_sheet(text, "x.csv"))


@pytest.mark.parametrize("name", ["", "../kim", "a b", "-x", "k" * 49, "kim\n"])
def test_what_is_no_pseudonym_is_refused(name):
    with pytest.raises(UsageError, match="no name for an annotator"):
        annotator(name)


def said(who, date=None, clear=None, *, is_adjudication=False):
    rows = [Labelled("i1", name, label, "", "here") for name, label in (("date", date), ("clear", clear)) if label]
    return annotations(rows, ITEMS, who, "2026-11-23T00:00:00Z", is_adjudication=is_adjudication)


def test_only_questions_on_which_people_differ_are_adjudicated_without_names():
    (item,) = disagreements([ITEM], [*said("kim", "yes", "4"), *said("lee", "no", "5"), *said("max", "yes", "4")])
    (question,) = item.questions
    assert question.id == "date"
    assert question.said == (("no", 1), ("yes", 2))


def test_more_than_a_quarter_of_the_scale_is_a_difference():
    assert disagreements([ITEM], [*said("kim", clear="2"), *said("lee", clear="3")]) == ()
    assert disagreements([ITEM], [*said("kim", clear="2"), *said("lee", clear="4")])[0].questions[0].id == "clear"


def test_one_who_changes_their_mind_does_not_differ_with_themselves():
    assert disagreements([ITEM], [*said("kim", "yes"), *said("kim", "no")]) == ()


def test_an_adjudication_is_no_further_vote():
    assert disagreements([ITEM], [*said("kim", "yes"), *said("lead", "no", is_adjudication=True)]) == ()
