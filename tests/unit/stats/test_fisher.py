import pytest
from scipy import stats

from bench.stats.fisher import fisher

TABLES = [((3, 4), (1, 4)), ((10, 10), (4, 10)), ((0, 5), (5, 5)), ((0, 3), (0, 9)), ((7, 30), (18, 25)), ((1, 1), (0, 1)), ((50, 100), (65, 100))]


@pytest.mark.parametrize(("first", "second"), TABLES)
def test_it_says_what_scipy_says(first, second):
    (a, n), (b, m) = first, second
    assert fisher(first, second) == pytest.approx(stats.fisher_exact([[a, n - a], [b, m - b]]).pvalue)
    assert fisher(second, first) == pytest.approx(fisher(first, second))
