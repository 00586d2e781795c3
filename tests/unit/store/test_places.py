from harness.runs import block
from hypothesis import given
from hypothesis import strategies as st

from bench.digest import digest
from bench.store.places import Following, Places, TrialIndex

IDS = st.text(max_size=70) | st.text("0aA", min_size=32, max_size=34)  # also what looks like a digest, and is none


@given(st.lists(IDS, unique=True, max_size=60), st.integers(0, 80))
def test_every_id_has_its_place_and_no_other_has_one(ids, size):
    places = Places(ids[1:], size)
    assert [places.get(trial_id) for trial_id in ids[1:]] == list(range(len(ids[1:])))
    assert all(places.get(trial_id) is None for trial_id in ids[:1])


def test_digests_are_told_apart_as_they_are():
    ids = [digest(number) for number in range(5000)]
    places = Places(ids, 10)
    assert [places.get(trial_id) for trial_id in ids] == list(range(5000))
    assert places.get(digest("other")) is None
    assert len(places) == 5000


@given(st.lists(st.integers(0, 9999), max_size=30), st.booleans())
def test_ids_are_followed_in_any_order(asked, is_rewound):
    ids = [digest(number) for number in range(9000)]
    following = Following(lambda: iter(ids), len(ids))
    for number in [*asked, *sorted(asked)]:
        if is_rewound and number % 3 == 0:
            following.rewind()
        assert following.get(digest(number)) == (number if number < 9000 else None)


def test_ids_in_order_need_no_index_of_all():
    ids = [digest(number) for number in range(20_000)]
    following = Following(lambda: iter(ids), len(ids))
    for number in (*range(0, 20_000, 7), 19_500, 100):
        assert following.get(ids[number]) == number
        assert number == 100 or following._all is None
    assert following._all is not None


def test_a_trial_is_found_in_its_block():
    blocks = (block("one"), block("two", rounds=1))
    index = TrialIndex(blocks)
    trials = [trial for part in blocks for trial in part.trials]
    assert [index.find(trial.id) for trial in trials] == trials
    assert index.find("another") is None
    assert TrialIndex(()).find("another") is None
