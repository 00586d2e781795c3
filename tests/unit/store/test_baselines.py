import json

import msgspec
import pytest
from harness.pool import run_of
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import RunFolderError
from bench.records.baseline import Answered
from bench.store.baselines import MOST_BYTES, list_baselines, path_of, read_baseline, text, write_baseline

ONE = Answered(prompt_id="p", request="r" * 16, n=3, values={"ttft": (0.123456, 3)}, aspects={"a": (2, 3)})


def test_what_is_written_is_read(tmp_path):
    made = run_of([ONE], ["p"], ["a"])
    assert write_baseline(path_of(tmp_path, "s"), made) == (tmp_path / "s.json").stat().st_size
    assert read_baseline(tmp_path / "s.json") == made
    assert list_baselines(tmp_path) == [tmp_path / "s.json"]


@given(st.dictionaries(st.text(max_size=5), st.tuples(st.floats(0, 1e300), st.integers(1, 9)), max_size=4), st.text())
def test_text_is_json_of_the_same_in_the_order_of_its_keys(values, prompt):
    made = run_of([msgspec.structs.replace(ONE, values=values, prompt_id=prompt)], [prompt], ["a"])
    told = text(made)
    assert msgspec.json.decode(told.encode("utf-8", "replace"), type=type(made)).models[0].answers[0].values.keys() == values.keys()
    backwards = run_of([msgspec.structs.replace(ONE, values=dict(reversed(values.items())), prompt_id=prompt)], [prompt], ["a"])
    assert text(backwards) == told
    keys = [list(each) for each in _dictionaries(json.loads(told))]
    assert all(each == sorted(each) for each in keys)


def _dictionaries(value):
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from _dictionaries(each)
    elif isinstance(value, list):
        for each in value:
            yield from _dictionaries(each)


def test_a_number_that_moves_is_a_line_that_moves():
    lines = [text(run_of([msgspec.structs.replace(ONE, values={"ttft": (value, 3)}), other], ["p"], ["a"])).splitlines() for value in (0.1, 0.2)
             for other in [msgspec.structs.replace(ONE, prompt_id="q")]]  # fmt: skip
    assert sum(a != b for a, b in zip(*lines, strict=True)) == 1


@pytest.mark.parametrize(("spec", "name", "file"), [("s", None, "s.json"), ("s", "laptop", "s.laptop.json")])
def test_names_become_files(tmp_path, spec, name, file):
    assert path_of(tmp_path, spec, name) == tmp_path / file


def test_name_never_leads_elsewhere(tmp_path):
    assert path_of(tmp_path, "../../x").parent == tmp_path
    assert path_of(tmp_path, "s", "../x").parent == tmp_path


def test_what_is_too_large_is_neither_written_nor_read(tmp_path):
    many = [msgspec.structs.replace(ONE, prompt_id=f"{'p' * 400}{n}") for n in range(9000)]
    with pytest.raises(RunFolderError, match="at most 4,000,000"):
        write_baseline(tmp_path / "s.json", run_of(many, ["p"], ["a"]))
    assert not list(tmp_path.iterdir())
    (tmp_path / "s.json").write_bytes(b" " * (MOST_BYTES + 1))
    with pytest.raises(RunFolderError, match="more than 4,000,000 bytes"):
        read_baseline(tmp_path / "s.json")
