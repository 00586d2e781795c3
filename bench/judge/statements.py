"""Statements that a text makes or does not make: taken from an aspect's wording, negated, found and kept out. Pure text, no model.

What is built on these must have a known right answer, so each function refuses (None, empty) where the wording leaves a doubt.
"""

import re
from random import Random

_SENTENCE_END = re.compile(r"(?<=[.!?…。！？])[\"'”’)\]]*\s+|(?<=[。！？])|\n+")
# A dot after these ends no sentence.
_ABBREVIATION = re.compile(r"(?:\b(?:Mr|Mrs|Ms|Dr|St|No|vs|e\.g|i\.e|approx|z\.B|bzw)|\b[A-Z])\.$")
_WORD = re.compile(r"\w+(?:[.,:]\d+)*")
_SAYS = re.compile(
    r"^(?:it\s+|the\s+(?:answer|note|summary|text|reply)\s+)?"
    r"(?:says?|states?|mentions?|notes?|explains?|reports?|claims?|tells?|concludes?|writes?|indicates?|confirms?|asserts?|points\s+out|makes\s+clear)\s+"
    r"(?:correctly\s+|clearly\s+|explicitly\s+)?that\s+(?P<said>\S.*)$",
    re.IGNORECASE | re.DOTALL,
)
_NAMES = re.compile(r"^(?:[Mm]entions?|[Nn]ames?)\s+(?P<named>(?:the|a|an)\s\S.*|[A-Z0-9]\S*.*)$", re.DOTALL)
_QUOTED = re.compile(r"^says this: \"(?P<said>[^\"]+)\"$", re.IGNORECASE)
_AUXILIARIES = {
    "is": "isn't", "are": "aren't", "was": "wasn't", "were": "weren't", "will": "won't", "can": "can't", "could": "couldn't", "should": "shouldn't",
    "must": "mustn't", "would": "wouldn't", "cannot": "can",
}  # fmt: skip
# With one of these inside, it is open which verb the negation belongs to; with a negation inside, what two of them mean.
_DOUBTFUL = re.compile(
    r"\b(?:that|which|who|whom|whose|what|when|where|while|because|if|unless|although|though|since|as|and|or|but|not|no|never|nobody|nothing|none"
    r"|only|nor|neither|without)\b|n't\b|[,;:]",
    re.IGNORECASE,
)
_NEGATIVE = re.compile(r"\b(?:not|no|never|nobody|nothing|none|cannot|without|false|untrue|wrong|incorrect)\b|n't\b", re.IGNORECASE)


def _set(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


_ENGLISH = _set("the a an of to and is are was were be in on at for by with that it from as his her their until not will has have")
_EMPTY = _ENGLISH | _set("this these those which who so then than but or if its they he she we you i our your says say claims about")
_OPENERS = _set("the a an it they we he she this that these those there in on at for by until after before from as all each every one")
FALSE_FRAMES = ("It is false that", "It is untrue that", "It is wrong that", "It is incorrect that")
TRUE_FRAME = "It is true that"
HOLDS = 0.8  # share of a statement's words in a sentence from which on the sentence is taken to make it
FREE = 1 / 3  # share below which it surely does not: one word of four may be the same


def sentences(text: str) -> tuple[str, ...]:
    """The sentences of a text, each on one line."""
    found: list[str] = []
    for piece in _SENTENCE_END.split(text):
        part = " ".join(piece.split())
        if found and _ABBREVIATION.search(found[-1]):
            found[-1] = f"{found[-1]} {part}".strip()
        elif any(map(str.isalnum, part)):
            found.append(part)
    return tuple(found)


def content(text: str) -> frozenset[str]:
    """The words that carry a text's meaning, by their first five letters, so that `cancel` meets `cancelled`; numbers whole."""
    words = (word.casefold() for word in _WORD.findall(text))
    return frozenset(word if word[0].isdigit() else word[:5] for word in words if word not in _EMPTY and (len(word) > 2 or not word.isascii()))


def share(statement: str, text: str) -> float:
    """Which part of a statement's content words stands in the text; 0 where it has none."""
    wanted = content(statement)
    return len(wanted & content(text)) / len(wanted) if wanted else 0.0


def is_free_of(text: str, statement: str) -> bool:
    """No sentence of the text can be taken for the statement."""
    return all(share(statement, sentence) < FREE for sentence in sentences(text))


def holding_sentence(statement: str, text: tuple[str, ...]) -> str | None:
    """The sentence that makes the statement in its own words: nearly all of its content words, and as many negations. None in doubt."""
    if len(content(statement)) < 2:
        return None
    holding = [sentence for sentence in text if share(statement, sentence) >= HOLDS]
    if len(holding) != 1 or len(_NEGATIVE.findall(holding[0])) != len(_NEGATIVE.findall(statement)):
        return None
    return holding[0]


def statement_of(wording: str) -> str | None:
    """What an answer says that meets an aspect, without a dot: `Says that the demo stays` gives `the demo stays`. None where that cannot be told.

    >>> statement_of("Claims that Blitz was chosen."), statement_of("Is written in a friendly tone")
    ('Blitz was chosen', None)
    """
    line = " ".join(wording.split()).rstrip(".!")
    for pattern in (_QUOTED, _SAYS, _NAMES):
        if (found := pattern.match(line if pattern is not _QUOTED else " ".join(wording.split()))) is not None:
            said = found.group(1).rstrip(".!?")
            return said if content(said) and len(said) <= 300 else None
    return None


def is_clause(wording: str) -> bool:
    """The aspect's statement is a whole sentence, and can be negated; `Mentions the budget` names a thing only."""
    line = " ".join(wording.split())
    return _SAYS.match(line) is not None or _QUOTED.match(line) is not None


def as_aspect(sentence: str) -> str:
    """The wording of an aspect that this sentence meets."""
    return f'Says this: "{sentence.replace(chr(34), chr(39))}"'


def affirmed_and_denied(statement: str, chance: Random) -> tuple[str, str] | None:
    """Two English sentences of as many words, of which the first makes the statement and the second denies it. None where it is not English.

    >>> affirmed_and_denied("the status meeting is cancelled", Random(1))
    ('The status meeting is cancelled.', "The status meeting isn't cancelled.")
    >>> affirmed_and_denied("the demo stays on Friday", Random(1))
    ('It is true that the demo stays on Friday.', 'It is untrue that the demo stays on Friday.')
    """
    if not is_english(statement):
        return None
    words = statement.split()
    verbs = [place for place, word in enumerate(words) if word.lower() in _AUXILIARIES]
    if len(verbs) == 1 and verbs[0] > 0 and not _DOUBTFUL.search(statement):
        denied = [*words]
        denied[verbs[0]] = _AUXILIARIES[words[verbs[0]].lower()]
        return as_sentence(statement), as_sentence(" ".join(denied))
    inner = uncapitalised(statement)
    return f"{TRUE_FRAME} {inner}.", f"{chance.choice(FALSE_FRAMES)} {inner}."


def is_english(text: str) -> bool:
    """At least one word in eight is one of the commonest of English."""
    words = [word.casefold() for word in _WORD.findall(text)]
    return sum(word in _ENGLISH for word in words) * 8 >= max(len(words), 1)


def as_sentence(statement: str) -> str:
    """With a capital letter and a dot."""
    return statement[:1].upper() + statement[1:] + ("" if statement.endswith((".", "!", "?", "。")) else ".")


def uncapitalised(sentence: str) -> str:
    """With a small first letter, where the first word is no name."""
    first = sentence.split(" ", 1)[0]
    return sentence[:1].lower() + sentence[1:] if first.casefold() in _OPENERS else sentence


def shuffled(text: str, statement: str, chance: Random) -> str:
    """The words of a text in an order by chance, without punctuation, in which no three words of the statement still stand in their order."""
    words = [word.strip(".,;:!?\"'()") for word in text.split()]
    for _ in range(20):
        chance.shuffle(words)
        if not _runs(words) & _runs(statement.split()):
            break
    return " ".join(word for word in words if word)


def _runs(words: list[str]) -> set[tuple[str, ...]]:
    plain = [word.casefold().strip(".,;:!?\"'()") for word in words]
    return {tuple(plain[place : place + 3]) for place in range(len(plain) - 2)}


def cut_to(text: str, n: int) -> str:
    """The first n words, ended by a dot."""
    kept = text.split()[:n]
    return " ".join(kept).rstrip(".,;:!?-–—") + "." if kept else ""
