"""What probes ask about: a statement of the spec's own aspects, one made of a sentence of a good answer, or a rubric's questions."""

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

import msgspec

from bench.judge.statements import as_aspect, as_sentence, content, holding_sentence, is_clause, is_free_of, sentences, statement_of
from bench.records.judging import Candidate
from bench.records.spec import Aspect, Criterion, Prompt, Rubric

_BASE_WORDS = 90
_FACT_WORDS = range(4, 31)


class Item(NamedTuple):
    """A statement about one prompt's answer, the sentences around it, and how it is asked about. `statement` None: the rubric's questions are asked.

    `spoken` is the sentence that makes the statement in a good answer, `base` the sentences of it that surely do not. `is_own`: the spec asks this.
    """

    id: str
    prompt: Prompt
    rubric: Rubric | None
    statement: str | None
    spoken: str
    base: tuple[str, ...]
    is_wanted: bool = True
    is_clause: bool = True
    is_own: bool = True

    def candidate(self, text: str) -> Candidate:
        """This text as an answer to the prompt."""
        return Candidate(prompt=self.prompt, rubric=self.rubric, text=text)

    def around(self, sentence: str, chance: Random) -> str:
        """The good answer with this sentence in the place of the statement."""
        place = chance.randint(0, len(self.base)) if self.statement is not None else 0
        return " ".join(part for part in (*self.base[:place], sentence, *self.base[place:]) if part)


def original_of(prompt: Prompt, answers: Sequence[str]) -> tuple[str, ...]:
    """Sentences of a good answer: the reference; without one the answer that speaks most of the prompt. None is repeated."""
    text = prompt.reference
    if not text:
        asked = content(" ".join(message.content for message in prompt.messages))
        text = max(answers, key=lambda answer: (len(asked & content(answer[:2000])), len(answer[:2000]), answer), default="")
    kept: list[str] = []
    for sentence in dict.fromkeys(sentences(text[:8000])):
        if kept and sum(len(part.split()) for part in (*kept, sentence)) > _BASE_WORDS:
            break
        kept.append(" ".join(sentence.split()[:_BASE_WORDS]))
    return tuple(kept)


def items_of(prompt: Prompt, rubric: Rubric | None, original: tuple[str, ...], chance: Random) -> list[Item]:
    """What can be asked about this prompt: the rubric's questions, the spec's aspects by chance, then what its sentences give."""
    asked = [_of_questions(prompt, rubric, original)] if rubric is not None and _questions(rubric) and original else []
    own = [item for aspect in prompt.aspects if (item := _of_aspect(prompt, rubric, aspect, original)) is not None]
    made = [item for number in range(len(original)) if (item := _of_sentence(prompt, rubric, number, original)) is not None]
    for items in (own, made):
        chance.shuffle(items)
    return [*asked, *own, *made]


def _of_aspect(prompt: Prompt, rubric: Rubric | None, aspect: Aspect, original: tuple[str, ...]) -> Item | None:
    """An aspect of the spec, where its wording tells what an answer that meets it says, or a sentence of the reference surely says it."""
    wording = aspect.expect or aspect.forbid
    if wording is None or (statement := statement_of(wording)) is None:
        return None
    is_wanted = aspect.expect is not None
    held = holding_sentence(statement, original) if is_wanted and prompt.reference else None
    base = tuple(sentence for sentence in original if is_free_of(sentence, statement))
    return Item(
        id=f"{prompt.id}/{aspect.id}", prompt=_asking(prompt, aspect), rubric=_scale_of(rubric), statement=statement,
        spoken=held or as_sentence(statement), base=base, is_wanted=is_wanted, is_clause=is_clause(wording),
    )  # fmt: skip


def _of_sentence(prompt: Prompt, rubric: Rubric | None, number: int, original: tuple[str, ...]) -> Item | None:
    """An aspect made of one sentence of a good answer."""
    spoken = original[number]
    statement = spoken.rstrip(".!?。")
    base = tuple(sentence for sentence in original if sentence != spoken and is_free_of(sentence, statement))
    if len(statement.split()) not in _FACT_WORDS or len(content(statement)) < 3:
        return None
    aspect = Aspect(id=f"sentence-{number + 1}", expect=as_aspect(spoken))
    item_id = f"{prompt.id}/{aspect.id}"
    return Item(id=item_id, prompt=_asking(prompt, aspect), rubric=_scale_of(rubric), statement=statement, spoken=spoken, base=base, is_own=False)


def _of_questions(prompt: Prompt, rubric: Rubric, original: tuple[str, ...]) -> Item:
    """The rubric's own questions, asked together about the whole answer."""
    asking = msgspec.structs.replace(rubric, criteria=_questions(rubric))
    return Item(id=f"{prompt.id}/{rubric.id}", prompt=_asking(prompt), rubric=asking, statement=None, spoken="", base=original)


def _questions(rubric: Rubric) -> tuple[Criterion, ...]:
    return tuple(criterion for criterion in rubric.criteria if criterion.question is not None)


def _asking(prompt: Prompt, *aspects: Aspect) -> Prompt:
    kept = tuple(msgspec.structs.replace(aspect, weight=1.0, required=False) for aspect in aspects)
    return msgspec.structs.replace(prompt, aspects=kept, reference=None)


def _scale_of(rubric: Rubric | None) -> Rubric | None:
    """The rubric with its scale and anchors, and the probe's aspect as its only criterion."""
    return None if rubric is None else msgspec.structs.replace(rubric, criteria=(Criterion(id="probe", aspects="all"),))
