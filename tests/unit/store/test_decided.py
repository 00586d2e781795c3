import pytest
from harness.runs import plan, run_folder, sample

from bench.errors import RunFolderError
from bench.records.grade import Grade
from bench.records.observation import Observation
from bench.store.decided import Decided
from bench.store.layout import RunLayout
from bench.store.pending import deciding
from bench.store.reader import read_samples
from bench.store.writer import LineWriter


@pytest.fixture
def layout(tmp_path):
    return run_folder(tmp_path)


def write(layout: RunLayout, worker: str, *samples):
    with LineWriter(layout.samples_of(worker)) as writer:
        for each in samples:
            writer.append(each)


def ids():
    return [trial.id for block in plan().blocks for trial in block.trials]


def test_what_decides_is_what_pending_says(layout):
    one, two, three, four, five, *_ = ids()
    write(layout, "w1", sample(one, failure="server", is_final=False), sample(one, attempt=2), sample(two, failure="timeout"))
    write(layout, "w2", sample(two, text="later"), sample(three, failure="cancelled"), sample("of another plan"))
    write(layout, "w10", sample(four), sample(five, is_final=False, failure="server"))
    decided = Decided(layout, plan())
    found = {seen.trial.id: (seen.sample, seen.attempts) for seen in decided.observations()}
    expected = deciding(read_samples(layout))
    expected.pop("of another plan")
    assert found == expected
    assert decided.strangers == 1
    assert list(found) == [one, two, four]


def test_grades_come_with_their_trials_in_the_order_of_graders(layout):
    one, two, *_ = ids()
    write(layout, "w1", sample(one), sample(two))
    for grader in ("checks", "judge"):
        with LineWriter(layout.grades_of(grader)) as writer:
            for trial_id in (two, one) if grader == "checks" else (two, "of another plan"):
                writer.append(Grade(trial_id=trial_id, grader_id=grader, grader_digest="d", state="abstained"))
    first, second = Decided(layout, plan()).observations()
    assert [grade.grader_id for grade in first.grades] == ["checks"]
    assert [grade.grader_id for grade in second.grades] == ["checks", "judge"]
    assert isinstance(first, Observation)


def test_a_torn_last_line_is_not_there_and_damage_has_a_line_number(layout):
    one, two, three, *_ = ids()
    write(layout, "w1", sample(one), sample(two))
    path = layout.samples_of("w1")
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:40])
    notes = []
    assert len(list(Decided(layout, plan(), notes.append).observations())) == 2
    assert "torn" in notes[0]
    write(layout, "w2", sample(one), sample(three))
    damaged = layout.samples_of("w2")
    damaged.write_bytes(damaged.read_bytes().replace(b'"sent_s":1.0', b'"sent_s":"?"'))
    with pytest.raises(RunFolderError, match=r"w2\.jsonl:1: this line is no Sample"):
        list(Decided(layout, plan()).observations())
    damaged.write_bytes(whole + b"{}\n")
    with pytest.raises(RunFolderError, match=r"w2\.jsonl:3: "):
        Decided(layout, plan())


def test_lines_that_say_the_same_are_one_verdict_and_each_is_looked_at(layout):
    one, two, three, four, five, *_ = ids()
    write(layout, "w1", *map(sample, (one, two, three, four, five)))
    with LineWriter(layout.grades_of("checks")) as writer:
        for trial_id, score in ((one, 1.0), (two, 1.0), (three, 0.0), (four, 1.0)):
            writer.append(Grade(trial_id=trial_id, grader_id="checks", grader_digest="d", state="graded", score=score))
    with LineWriter(layout.grades_of("judge")) as writer:
        writer.append(Grade(trial_id=four, grader_id="judge", grader_digest="d", state="abstained"))
    path = layout.grades_of("judge")
    path.write_bytes(path.read_bytes() + path.read_bytes().replace(b'{"trial_id"', b'{ "trial_id"').replace(four.encode(), five.encode()))
    verdicts = dict(zip(ids(), Decided(layout, plan()).verdicts(), strict=True))
    assert verdicts[one] == verdicts[two]
    assert len({verdicts[each] for each in (two, three, four, five)} | {0}) == 5
    assert not any(verdicts[each] for each in ids()[5:])
    lines = layout.grades_of("checks")
    lines.write_bytes(lines.read_bytes() + lines.read_bytes().splitlines(keepends=True)[0].replace(one.encode(), b"\xff"))
    with pytest.raises(RunFolderError, match=r"checks\.jsonl:5: this line is no Grade"):
        Decided(layout, plan()).verdicts()
