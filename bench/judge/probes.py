"""Planted probes: pairs of answers of which one is known to be the better one, made of the spec's own prompts, aspects, references and answers.

Each probe asks about one statement (or about a rubric's questions), in texts made so that the right order needs no judge:

| family | better | worse | right |
|---|---|---|---|
| `wrong_output` (core) | makes the statement | as many words of an answer to another prompt | better wins |
| `absent_fact` (core) | makes the statement | a foreign sentence of as many words in the statement's place | better wins |
| `negated_fact` (core) | affirms the statement | denies it, in as many words | better wins |
| `injection` (core) | makes the statement | a foreign answer that claims its own verdict | better wins; worse not above a foreign text as long |
| `empty` | makes the statement | says nothing | better wins |
| `shuffled` | makes the statement | the same words in an order by chance | better wins |
| `padding` | makes the statement | a foreign sentence, with much said about nothing | better wins; worse not above the bare sentence |
| `swapped_order` (pairs) | makes the statement | the same with its sentences in another order | the position does not decide |

With a `forbid` aspect the text that makes the statement is the worse one. No text shows a reference, because the better ones are made of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from random import Random
from typing import NamedTuple

import msgspec

from bench.judge.escape import escaped
from bench.judge.plants import BLANKS, INJECTIONS, PADDING, PAIR_INJECTIONS, PASSAGES
from bench.judge.probe_items import Item, items_of, original_of
from bench.judge.statements import FREE, affirmed_and_denied, cut_to, is_english, is_free_of, sentences, share, shuffled
from bench.records.judging import Candidate
from bench.records.spec import Prompt, Rubric

PROBES = 20  # a family: with fewer, even a faultless judge stays below a lower bound of 0.84
PROBES_VERSION = 1  # rises when other probes are made of the same material, or are decided otherwise
CORE = ("wrong_output", "absent_fact", "negated_fact", "injection")
FAMILIES = (*CORE, "empty", "shuffled", "padding", "swapped_order")
_MOST_PROMPTS = 12  # each has a text to read before its questions; more of them cost time and tell little
_MOST_LOOKED_AT = 200  # prompts
_CHARACTERS = 8000  # of an answer
_FORMS = 3  # injected verdicts in one answer, as far as it is not to be longer than a good one
_DRAWN = 5
_AROUND = 5  # words of the answer that stay beside them
_PADDED = 60  # words
_VARIATIONS = 5


class ProbeMaterial(msgspec.Struct, frozen=True, kw_only=True):
    """What probes are made of: prompts with their aspects and references, rubrics, and the run's answers by prompt id. `probes`: a family."""

    prompts: tuple[Prompt, ...]
    rubrics: tuple[Rubric, ...] = ()
    answers: Mapping[str, Sequence[str]] = {}
    probes: int = PROBES


class Probe(NamedTuple):
    """Two candidates of which `better` is known to be the better one. Probes of one `item` ask about one statement.

    `untouched`: the worse one before it was tampered with. `twin`: of a pair's probe, what is no better than `better`.
    """

    family: str
    item: str
    about: str
    better: Candidate
    worse: Candidate
    untouched: Candidate | None = None
    twin: Candidate | None = None


def make_probes(material: ProbeMaterial, seed: int, *, for_pairs: bool = False) -> tuple[Probe, ...]:
    """All families' probes, up to `material.probes` each. The same material and seed give the same probes."""
    maker = _Maker(material, seed, for_pairs=for_pairs)
    return tuple(probe for family in FAMILIES for probe in maker.family(family))


class _Maker:
    def __init__(self, material: ProbeMaterial, seed: int, *, for_pairs: bool) -> None:
        self._seed, self._n, self._for_pairs = seed, material.probes, for_pairs
        self._answers = material.answers
        order = sorted(material.prompts, key=lambda prompt: self._chance("prompts", prompt.id).random())[:_MOST_LOOKED_AT]
        self._originals = {prompt.id: original_of(prompt, material.answers.get(prompt.id, ())) for prompt in order}
        rubrics = {rubric.id: rubric for rubric in material.rubrics}
        by_prompt: list[list[Item]] = []
        for prompt in order:
            if len(by_prompt) >= _MOST_PROMPTS and sum(map(len, by_prompt)) >= 2 * self._n:
                break
            if items := items_of(prompt, rubrics.get(prompt.rubric or ""), self._originals[prompt.id], self._chance("items", prompt.id)):
                by_prompt.append(items)
        self._all = _spread(by_prompt)

    def _chance(self, *key: object) -> Random:
        return Random(":".join(map(str, (self._seed, *key))))  # noqa: S311 - varies probes, protects nothing

    def family(self, name: str) -> Iterator[Probe]:
        """Its probes: each of another item as long as there are some, then variations."""
        if (name == "swapped_order") > self._for_pairs:
            return
        is_fact = name in {"absent_fact", "negated_fact"}
        items = [item for item in self._all if (item.statement is not None if is_fact else item.is_wanted)]
        made = 0
        for variation in range(_VARIATIONS):
            for item in items:
                if made == self._n:
                    return
                probe = getattr(self, f"_{name}")(item, variation)
                if probe is not None:
                    made += 1
                    yield probe

    # --- texts: the same for all families, so that a judge is asked once

    def _good(self, item: Item, variation: int) -> str:
        if item.statement is None and variation:
            return _reordered(item.base, self._chance("good", item.id, variation))
        return item.around(item.spoken, self._chance("place", item.id, variation))

    def _foreign(self, item: Item, n: int, *key: object) -> str:
        """So many words of answers to other prompts, without the statement."""
        chance = self._chance("foreign", item.id, *key)
        others = sorted(prompt_id for prompt_id in self._originals if prompt_id != item.prompt.id)
        chance.shuffle(others)
        passages = [sentences(passage) for passage in PASSAGES]
        chance.shuffle(passages)
        words: list[str] = []
        for text in chain((self._answer_to(other, chance) for other in others), passages, passages):
            if text and _is_foreign(" ".join(text), item):
                words += " ".join(text).split()
            if len(words) >= n:
                break
        return cut_to(" ".join(words), n)

    def _answer_to(self, prompt_id: str, chance: Random) -> tuple[str, ...]:
        """Sentences of one of the run's answers to a prompt, or of its reference."""
        answers = self._answers.get(prompt_id)
        return sentences(chance.choice(answers)[:_CHARACTERS]) if answers and chance.random() < 0.5 else self._originals[prompt_id]

    # --- families

    def _probe(self, family: str, item: Item, about: str, better: str, worse: str) -> Probe:
        return Probe(family=family, item=item.id, about=f"{item.id}: {about}", better=item.candidate(better), worse=item.candidate(worse))

    def _wrong_output(self, item: Item, variation: int) -> Probe:
        good = self._good(item, variation)
        return self._probe("wrong_output", item, "an answer to something else", good, self._foreign(item, len(good.split()), "wrong", variation))

    def _empty(self, item: Item, variation: int) -> Probe:
        blank = self._chance("blank", item.id, variation).choice(BLANKS)
        return self._probe("empty", item, f"only {blank!r}", self._good(item, variation), blank)

    def _shuffled(self, item: Item, variation: int) -> Probe:
        good = self._good(item, variation)
        salad = shuffled(good, item.statement or good, self._chance("shuffled", item.id, variation))
        return self._probe("shuffled", item, "its words in an order by chance", good, salad)

    def _absent_fact(self, item: Item, variation: int) -> Probe:
        stated = self._good(item, variation)
        filler = self._foreign(item, len(item.spoken.split()), "absent", variation)
        silent = item.around(filler, self._chance("place", item.id, variation))
        about = f"whether it is said that {item.statement}"
        return self._probe("absent_fact", item, about, *((stated, silent) if item.is_wanted else (silent, stated)))

    def _negated_fact(self, item: Item, variation: int) -> Probe | None:
        both = affirmed_and_denied(item.statement or "", self._chance("negated", item.id, variation)) if item.is_clause else None
        if both is None:
            return None
        affirmed, denied = (item.around(sentence, self._chance("place", item.id, variation)) for sentence in both)
        return self._probe("negated_fact", item, f"{both[1]!r} was said", *((affirmed, denied) if item.is_wanted else (denied, affirmed)))

    def _injection(self, item: Item, variation: int) -> Probe:
        good = self._good(item, variation)
        chance = self._chance("injection", item.id, variation)
        room = max(len(good.split()) - _AROUND, 0)
        forms, planted = _chosen(chance.sample(PAIR_INJECTIONS if self._for_pairs else INJECTIONS, _DRAWN), room)
        around = self._foreign(item, max(len(good.split()) - planted, _AROUND), "wrong", variation)
        n = planted + len(around.split())
        parts = [*forms, around] if chance.random() < 0.25 else [around, *forms]
        told = " + ".join(repr(" ".join(form.split())[:40]) for form in forms)
        plain = self._foreign(item, n, "wrong", variation)
        return self._probe("injection", item, f"with {told}", good, "\n\n".join(parts))._replace(untouched=item.candidate(plain))

    def _padding(self, item: Item, variation: int) -> Probe:
        good = self._good(item, variation)
        bare = self._foreign(item, 10, "wrong", variation)
        chance = self._chance("padding", item.id, variation)
        fill = " ".join(chance.sample(PADDING, 3)) if is_english(good) else self._foreign(item, _PADDED, "fill", variation)
        probe = self._probe("padding", item, "with many words about nothing", good, f"{bare} {fill}")
        return probe._replace(untouched=item.candidate(bare), twin=item.candidate(f"{good} {fill}"))

    def _swapped_order(self, item: Item, variation: int) -> Probe | None:
        good = self._good(item, variation)
        twin = _reordered(sentences(good), self._chance("swapped", item.id, variation))
        if twin == good:
            return None
        return self._probe("swapped_order", item, "shown first and second", good, twin)._replace(twin=item.candidate(twin))


def _spread(by_prompt: Sequence[Sequence[Item]]) -> list[Item]:
    """One of each prompt, then the next of each; what the spec asks comes before what was made of sentences."""
    rounds = [items[place] for place in range(max(map(len, by_prompt), default=0)) for items in by_prompt if place < len(items)]
    return sorted(rounds, key=lambda item: not item.is_own)


def _chosen(forms: Sequence[str], room: int) -> tuple[list[str], int]:
    """The first of these forms that fit into so many words, at least the shortest one; and their words."""
    chosen: list[str] = []
    planted = 0
    for form in forms:
        if len(chosen) < _FORMS and planted + _words(form) <= room:
            chosen.append(form)
            planted += _words(form)
    if chosen:
        return chosen, planted
    shortest = min(forms, key=_words)
    return [shortest], _words(shortest)


def _words(text: str) -> int:
    """As many as a judge is shown."""
    return len(escaped(text).split())


def _is_foreign(text: str, item: Item) -> bool:
    """It neither makes the statement nor, where questions about the whole are asked, says what a good answer says."""
    return is_free_of(text, item.statement) if item.statement is not None else share(" ".join(item.base), text) < FREE


def _reordered(parts: tuple[str, ...], chance: Random) -> str:
    """The sentences in another order, where there are several."""
    turn = chance.randrange(1, len(parts)) if len(parts) > 1 else 0
    return " ".join((*parts[turn:], *parts[:turn]))
