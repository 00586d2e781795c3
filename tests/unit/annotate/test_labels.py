"""Labels that come with a spec."""

import csv
import io

import pytest

from bench.annotate.items import item_id
from bench.annotate.labels import COLUMNS, label_rows, read_labels
from bench.errors import UsageError
from bench.records.annotation import Annotation, AspectAnswer, CriterionAnswer
from bench.records.spec import Aspect, Criterion, Message, Prompt, Rubric

RUBRIC = Rubric(id="r", scale=(1, 5), criteria=(Criterion(id="clear", question="Is it clear?"),))
PROMPT = Prompt(id="p", messages=(Message(role="user", content="task"),), aspects=(Aspect(id="date", expect="Names the date"),), rubric="r")
PROMPTS = {"p": (PROMPT, RUBRIC)}
SAID = (
    Annotation(
        trial_id="", annotator="kim", at="2026-11-23T00:00:00Z", item_id="i1", prompt_id="p", score=4.0, note="fine",
        aspects=(AspectAnswer(aspect_id="date", answer="no", note="=none"),), criteria=(CriterionAnswer(criterion_id="clear", score=2.5),),
    ),
    Annotation(
        trial_id="", annotator="lead", at="2026-11-23T00:00:00Z", item_id="i1", prompt_id="p", drawn="chosen", is_adjudication=True,
        aspects=(AspectAnswer(aspect_id="date", answer="unsure"),),
    ),
)  # fmt: skip


def table(rows):
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def test_what_is_written_is_read_again():
    assert read_labels(table(label_rows(SAID)), "labels.csv", PROMPTS) == SAID


def test_a_label_may_name_its_answer_by_its_text():
    (found,) = read_labels("annotator,prompt,answer,question_id,label\nkim,p,On Friday.,date,yes\n", "labels.csv", PROMPTS)
    assert found.item_id == item_id("p", "On Friday.")
    assert found.drawn == "random"


def test_labels_of_prompts_that_are_gone_are_left_out():
    assert read_labels("annotator,prompt,item,question_id,label\nkim,old,i,date,yes\n", "labels.csv", PROMPTS) == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n", "labels.csv:1: no column 'annotator'; found a, b"),
        ("annotator,prompt,question_id,label\n", "no column 'item'"),
        ("annotator,prompt,item,question_id,label\nkim,p,i,when,yes\n", "labels.csv:2: the prompt 'p' has no question 'when'; it has date, clear"),
        ("annotator,prompt,item,question_id,label\n,p,i,date,yes\n", "labels.csv:2: '' is no name for an annotator"),
        ("annotator,prompt,item,question_id,label\nkim,p,,date,yes\n", "labels.csv:2: neither `item` nor `answer`"),
        ("annotator,prompt,item,question_id,label\nkim,p,i,date,5\n", "labels.csv:2: '5' is no answer to 'date'"),
        ("annotator,prompt,item,question_id,label\nkim,p,i,clear,9\n", "labels.csv:2: '9' is no answer to 'clear'; expected a number from 1 to 5"),
    ],
)
def test_a_row_that_makes_no_sense_is_refused_with_its_place(text, words):
    with pytest.raises(UsageError) as refused:
        read_labels(text, "labels.csv", PROMPTS)
    assert words in refused.value.message
