import msgspec
import pytest
from harness.runs import block, plan

from bench.errors import RunFolderError
from bench.records.plan import Block, Trial
from bench.store.plan_lines import PlanHeader, PlanLine, plan_from_lines, plan_to_lines


def read(lines):
    header, *rest = lines
    return plan_from_lines(msgspec.json.decode(header, type=PlanHeader), (msgspec.json.decode(line, type=PlanLine) for line in rest))


def test_plan_round_trips_byte_for_byte():
    planned = plan(block("one"), block("two", "three", rounds=1))
    lines = list(plan_to_lines(planned))
    assert read(lines) == planned
    assert list(plan_to_lines(read(lines))) == lines
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in lines)


def test_header_comes_first_and_counts_the_trials():
    planned = plan()
    header = msgspec.json.decode(next(plan_to_lines(planned)))
    assert header["trials"] == sum(len(part.trials) for part in planned.blocks)
    assert [treatment["model_id"] for treatment in header["treatments"]] == ["one", "two"]
    assert (header["digest"], header["seed"], header["order"], header["blocks"]) == (planned.digest, 7, "blocked", [[0], [1]])


def test_request_is_written_once_however_often_it_is_sent():
    text = b"".join(plan_to_lines(plan(block("one", "two", rounds=5, prompts=2), block("three", rounds=5, prompts=2))))
    assert text.count(b"Summarise p0") == text.count(b"Summarise p1") == 1


def test_two_requests_with_one_digest_are_both_kept():
    one, other = block("one", rounds=1).trials[1:3]
    other = msgspec.structs.replace(other, request_digest=one.request_digest)
    planned = plan(msgspec.structs.replace(block("one"), trials=(one, other, one)))
    assert read(plan_to_lines(planned)) == planned


def test_same_plan_whatever_the_order_of_settings():
    def with_settings(settings):
        planned = block("one")
        treatment = planned.treatments[0]
        model = msgspec.structs.replace(treatment.model, settings=settings)
        return plan(msgspec.structs.replace(planned, treatments=(msgspec.structs.replace(treatment, model=model),)))

    assert list(plan_to_lines(with_settings({"a": 1, "b": 2}))) == list(plan_to_lines(with_settings({"b": 2, "a": 1})))


def test_empty_plan_round_trips():
    empty = msgspec.structs.replace(plan(), blocks=())
    assert read(plan_to_lines(empty)) == empty


def test_line_that_points_nowhere_is_an_error():
    header, first, *_ = (msgspec.json.decode(line) for line in plan_to_lines(plan()))
    for change in ({"block": 99}, {"block": -1}, {"request": None}):
        with pytest.raises(RunFolderError, match="not there"):
            read([msgspec.json.encode(header), msgspec.json.encode(first | change)])
    for change in ({"blocks": [[9], [9]]}, {"blocks": [[-1], [0]]}):
        with pytest.raises(RunFolderError, match="not there"):
            read([msgspec.json.encode(header | change | {"trials": 1}), msgspec.json.encode(first)])


def test_line_says_all_of_a_trial():
    every = {field.name for field in msgspec.structs.fields(Trial)}
    assert every <= {field.name for field in msgspec.structs.fields(PlanLine)}
    stepped = msgspec.structs.replace(block("one").trials[-1], step=3)
    (again,) = read(plan_to_lines(plan(Block(treatments=block("one").treatments, trials=(stepped,))))).blocks[0].trials
    assert again == stepped
