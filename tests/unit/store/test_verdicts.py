from bench.records.grade import AspectGrade
from bench.records.judging import Judgement, PairJudgement, Qualification
from bench.store.verdicts import Verdicts

KEY = "ab" * 32
SAID = Judgement(state="graded", score=0.5, aspects=(AspectGrade(aspect_id="a", kind="expect", state="graded", score=0.5),))


def test_what_was_said_is_said_again(tmp_path):
    verdicts = Verdicts(tmp_path)
    assert verdicts.get(KEY, Judgement) is None
    assert verdicts.put(KEY, SAID)
    assert verdicts.get(KEY, Judgement) == SAID
    assert Verdicts(tmp_path).get("cd" * 32, Judgement) is None


def test_damage_is_as_if_nothing_were_there(tmp_path):
    verdicts = Verdicts(tmp_path)
    verdicts.put(KEY, SAID)
    (path,) = tmp_path.rglob("*.json")
    for content in (b"", b"{", path.read_bytes()[:-5], b"\xff", b'{"state": "so so"}'):
        path.write_bytes(content)
        assert verdicts.get(KEY, Judgement) is None


def test_one_kind_is_not_read_as_another(tmp_path):
    verdicts = Verdicts(tmp_path)
    verdicts.put(KEY, Qualification(verdict="weak"))
    assert verdicts.get(KEY, Qualification).verdict == "weak"
    assert verdicts.get(KEY, PairJudgement) is None


def test_a_cache_that_cannot_be_written_costs_no_verdict(tmp_path):
    (tmp_path / "judging").write_text("in the way", encoding="utf-8")
    assert not Verdicts(tmp_path).put(KEY, SAID)
    assert Verdicts(tmp_path).get(KEY, Judgement) is None
