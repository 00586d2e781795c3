"""What a judge believes, read from the log-probabilities of one token.

A label has many spellings (case, a leading space, SentencePiece's `▁`, byte tokens): their probabilities are summed, and the sums renormalised by us.
How much they carried together, the label mass, says whether the judge was about to answer at all.
"""

import math
import re
from collections.abc import Mapping, Sequence

import msgspec

from bench.records.judging import TokenChoice

LEAST_MASS = 0.5  # below it the judge was about to say something else: no answer (design of the judge, 1.5)
UNDECIDED = 0.05  # so near one half a belief decides nothing (the same)
_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_SPACES = str.maketrans({"▁": " ", "Ġ": " ", "Ċ": "\n"})


class Belief(msgspec.Struct, frozen=True, kw_only=True):
    """The probabilities of the labels, renormalised (they sum to 1, or are all 0), and what they carried together.

    `unlisted` is the most that a label which the server did not list can have had, as a share of the labels' mass.
    """

    shares: dict[str, float]
    label_mass: float
    unlisted: float = 0.0


def spelled(token: str) -> str:
    r"""The text of a token as a label would be written: without leading or trailing space, in small letters.

    >>> [spelled(token) for token in (" Yes", "▁yes", "ĠYES", "<0x35>", "\n")]
    ['yes', 'yes', 'yes', '5', '']
    """
    if token.startswith("<0x") and _BYTE.sub("", token) == "":
        token = bytes(int(pair, 16) for pair in _BYTE.findall(token)).decode("utf-8", "replace")
    return token.translate(_SPACES).strip().casefold()


def probabilities(choice: TokenChoice) -> dict[str, float]:
    """Each token's probability, once. What cannot be one (not a number, over 1) counts as none and as 1."""
    found: dict[str, float] = {}
    for token, logprob in (*choice.alternatives, (choice.token, choice.logprob)):
        p = math.exp(min(logprob, 0.0)) if not math.isnan(logprob) else 0.0
        found[token] = max(p, found.get(token, 0.0))
    return found


def read_labels(choice: TokenChoice, labels: Sequence[str]) -> Belief:
    """What each label has of the next token's probability."""
    tokens = probabilities(choice)
    sums = dict.fromkeys(labels, 0.0)
    names = {label.casefold(): label for label in labels}
    for token, p in tokens.items():
        label = names.get(spelled(token))
        if label is not None:
            sums[label] += p
    total = sum(sums.values())
    if total <= 0:
        return Belief(shares=sums, label_mass=0.0)
    rest = max(0.0, 1.0 - sum(tokens.values()))
    missing = min(rest, *tokens.values()) if any(p == 0 for p in sums.values()) else 0.0
    return Belief(shares={label: p / total for label, p in sums.items()}, label_mass=min(total, 1.0), unlisted=missing / total)


def share_of(belief: Belief, label: str, other: str) -> float:
    """P(label) of two labels. Where the server listed only one of them, the other gets the most it can have had.

    Two listed alternatives may hold `Yes` and `The`: that `No` is not among them says only that it is below the lesser one.
    """
    one, two = belief.shares[label], belief.shares[other]
    if one == 0:
        return belief.unlisted / (belief.unlisted + two)
    if two == 0:
        return one / (one + belief.unlisted)
    return one / (one + two)


def expected_share(shares: Mapping[int, float], low: int, high: int) -> float:
    """The expected place on a scale as a share of it, 0–1.

    Source: Liu et al., G-Eval (arXiv 2303.16634), section 2, "scoring function": the sum of score times probability.

    >>> expected_share({1: 0.0, 3: 0.5, 5: 0.5}, 1, 5)
    0.75
    """
    total = sum(shares.values())
    place = sum((grade - low) / (high - low) * p for grade, p in shares.items()) / total
    return min(max(place, 0.0), 1.0)
