import pytest

from bench.store.away import Numbers


@pytest.mark.parametrize("n", [0, 10, 100_000])
def test_numbers_stay_where_they_were_put_when_let_go(n):
    numbers = Numbers("Q", n)
    assert len(numbers.seen) == n
    for place in range(0, n, 3):
        numbers.seen[place] = place << 40
    numbers.let_go()
    assert all(numbers.seen[place] == (0 if place % 3 else place << 40) for place in range(n))
