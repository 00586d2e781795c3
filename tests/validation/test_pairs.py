"""The validation's own parts, with a scripted judge over real HTTP; and the labelled sets, where a machine has them."""

import asyncio
import os
from collections import Counter
from pathlib import Path

import pytest
from harness.labelled_pairs import LabelledPair, drawn, longer, read
from harness.questioning import ABLE, means
from harness.scripted_judge import good, scripted_judge
from validation.pairs import Kept, Outcome, Table, judged, left_over, main

KEYS = {"Name two colours": ["red", "blue"]}
PAIRS = (
    LabelledPair(id="1", subset="clear", task="Name two colours.", first="red and blue", second="a very long answer about trains", preferred="first"),
    LabelledPair(id="2", subset="clear", task="Name two colours.", first="I like trains", second="blue and red", preferred="second"),
    LabelledPair(id="3", subset="odd", task="Name two colours.", first="trains", second="blue, red", preferred="first"),
)


def ask(script, ways=("pairwise", "aspects"), capabilities=ABLE, **abilities):
    """What a judge says of every pair, as its answers by way and pair."""
    told = []
    with scripted_judge(script, **abilities) as judge:
        left = [(pair, way) for pair in PAIRS for way in ways]
        asyncio.run(judged(means(judge, capabilities), "scripted", left, told.append, places=2))
    return {(one.way, one.pair_id): one for one in told}


def test_a_judge_that_reads_finds_the_better_answer_in_both_ways():
    told = ask(good(KEYS | {"Does what": ["red", "blue"]}))
    assert {place: one.said for place, one in told.items()} == {
        (way, pair): said for way in ("pairwise", "aspects") for pair, said in (("1", "first"), ("2", "second"), ("3", "second"))
    }
    assert not any(one.is_place for one in told.values())


def test_a_judge_that_likes_a_place_decides_nothing():
    told = ask(lambda _seen: 0.9, ways=("pairwise",))
    assert {(one.said, one.is_place) for one in told.values()} == {("tie", True)}


def test_a_judge_that_sees_no_difference_has_a_tie():
    told = ask(lambda _seen: 0.3, ways=("aspects",))
    assert {one.said for one in told.values()} == {"tie"}


def test_labels_without_mass_are_no_answer():
    told = ask(lambda _seen: 0.9, label_mass=0.2)
    assert {one.said for one in told.values()} == {"abstained"}


def test_an_outage_is_no_answer_either():
    told = ask(lambda _seen: 0.9, fault="500")
    assert {one.said for one in told.values()} == {"failed"}


def outcomes(*said, way="pairwise"):
    return [
        Outcome(judge="j", way=way, pair_id=pair.id, said=word, is_place=word == "tie" and way == "pairwise")
        for pair, word in zip(PAIRS, said, strict=True)
    ]


def test_a_table_counts_what_was_decided_apart_from_what_was_left_open():
    lines = Table(PAIRS, outcomes("first", "tie", "abstained")).lines()
    assert lines[2] == "| j | pairwise | 3 | 100 % [21–100], 1 of 1 | 67 % | 33 % | 1 | 1 |"
    assert lines[3] == "| the longer answer | – | 3 | 0 % [0–56], 0 of 3 | 0 % | – | 0 | 0 |"
    assert lines[4].startswith("| a coin | – | 3 | 50 % [0–100 in 95 of 100 such samples]")


def test_a_table_by_subset_has_a_column_each():
    lines = Table(PAIRS, outcomes("first", "first", "tie", way="aspects")).by_subset()
    assert lines[0] == "| judge | asked by | clear | odd |"
    assert lines[2] == "| j | aspects | 50 % [9–91], 1 of 2 | none decided |"


def test_a_sample_is_the_same_for_a_seed_and_takes_the_subsets_in_turns():
    many = [LabelledPair(id=f"{k:03}", subset="abc"[k % 3], task="t", first="a", second="b", preferred="first") for k in range(90)]
    chosen = drawn(many, 30, 7)
    assert chosen == drawn(many, 30, 7)
    assert Counter(pair.subset for pair in chosen) == {"a": 10, "b": 10, "c": 10}
    assert chosen != drawn(many, 30, 8)
    assert len(drawn(many, 1000, 7)) == 90


def test_the_longer_answer_is_by_characters():
    assert [longer(pair) for pair in PAIRS] == ["second", "first", "second"]


def test_what_was_asked_before_is_not_asked_again(tmp_path):
    kept = Kept(tmp_path / "outcomes.jsonl")
    for one in outcomes("first", "tie", "first"):
        kept.keep(one)
    again = Kept(tmp_path / "outcomes.jsonl")
    assert again.outcomes == kept.outcomes
    left = left_over(PAIRS, again.outcomes, "j", 7)
    assert {way for _, way in left} == {"aspects"}
    assert len(left) == 3
    assert len(left_over(PAIRS, again.outcomes, "another", 7)) == 6


def labelled_sets():
    """Where the sets lie, or why the test cannot be run."""
    folder = os.environ.get("BENCH_DATA")
    if not folder:
        pytest.skip("BENCH_DATA does not name the folder with the labelled sets")
    return Path(folder)


@pytest.mark.parametrize(
    ("name", "total", "of_each_side", "subsets"), [("llmbar", 419, (206, 213), 5), ("pandalm", 888, None, 10)], ids=["llmbar", "pandalm"]
)
def test_the_sets_are_read_whole(name, total, of_each_side, subsets):
    found = read(name, labelled_sets())
    sides = Counter(pair.preferred for pair in found.pairs)
    assert len(found.pairs) == len({pair.id for pair in found.pairs}) == total
    assert min(sides.values()) > total / 3
    assert of_each_side is None or sorted(sides.values()) == sorted(of_each_side)
    assert len({pair.subset for pair in found.pairs}) == subsets
    assert all(pair.task.strip() for pair in found.pairs)
    assert len({pair.subset for pair in drawn(found.pairs, 100, 7)}) == subsets


def test_the_whole_command_over_a_server(monkeypatch, capsys, tmp_path):
    folder = labelled_sets()
    with scripted_judge(lambda _seen: 0.9) as judge:
        options = ["--data", str(folder), "--pairs", "5", "--base-url", judge.base_url, "--model", "judge", "--keep", str(tmp_path / "kept.jsonl")]
        monkeypatch.setattr("sys.argv", ["pairs.py", *options])
        main()
        n_asked = len(judge.log)
        main()
    text = capsys.readouterr().out
    assert "llmbar: 5 of 419 pairs" in text
    assert "105 pairs that most annotators call a tie" in text
    assert "| judge | pairwise | 5 | none decided | 50 % | 100 % | 5 | 0 |" in text
    assert len(judge.log) == n_asked
