"""How often some, or all, of k answers to one question are right, from n answers of which c are."""

from math import comb


def pass_at_k(n: int, c: int, k: int) -> float | None:
    """Chance that at least one of k answers is right: 1 − C(n−c, k) / C(n, k). None where there are fewer than k answers.

    Unbiased for independent answers; the plug-in 1 − (1 − c/n)^k is not.
    Source: M. Chen et al., Evaluating Large Language Models Trained on Code (arXiv 2107.03374), equation 1.

    >>> pass_at_k(4, 1, 2), pass_at_k(4, 0, 2), pass_at_k(1, 1, 2)
    (0.5, 0.0, None)
    """
    return None if not 1 <= k <= n else 1.0 - comb(n - c, k) / comb(n, k)


def pass_hat_k(n: int, c: int, k: int) -> float | None:
    """Chance that all of k answers are right, pass^k: C(c, k) / C(n, k). None where there are fewer than k answers.

    Source: S. Yao et al., τ-bench (arXiv 2406.12045), section 4.

    >>> pass_hat_k(4, 3, 2), pass_hat_k(4, 1, 2), pass_hat_k(1, 1, 2)
    (0.5, 0.0, None)
    """
    return None if not 1 <= k <= n else comb(c, k) / comb(n, k)
