"""Questions to a judge as a run keeps them: what all questions about one answer begin with is written once."""

from collections.abc import Sequence
from itertools import takewhile

from msgspec.structs import replace

from bench.records.judging import Asked, Interrogation
from bench.records.spec import Message

_LEAST = 64  # characters: less is not worth a fold


def folded(trials: tuple[str, ...], answer_digest: str, asked: Sequence[Asked]) -> Interrogation:
    """The line of one answer, or of two: of the trials that gave it the first, of each."""
    every = [each.question.messages for each in asked]
    head = _head(every)
    kept = tuple(replace(each, question=replace(each.question, messages=_rest(each.question.messages, head))) for each in asked) if head else asked
    other = trials[1] if len(trials) > 1 else None
    return Interrogation(trial_id=trials[0], other_trial_id=other, answer_digest=answer_digest, head=head, asked=tuple(kept))


def unfolded(line: Interrogation) -> tuple[Asked, ...]:
    """The questions as they were asked."""
    if not line.head:
        return line.asked
    *before, last = line.head

    def whole(messages: tuple[Message, ...]) -> tuple[Message, ...]:
        return (*before, replace(last, content=last.content + messages[0].content), *messages[1:])

    return tuple(replace(each, question=replace(each.question, messages=whole(each.question.messages))) for each in line.asked)


def _head(every: Sequence[tuple[Message, ...]]) -> tuple[Message, ...]:
    """What several questions have in common: whole messages, then the beginning of one. Empty when that is little."""
    if len(every) < 2:
        return ()
    shortest = min(map(len, every))
    n = 0
    while n < shortest - 1 and all(messages[n] == every[0][n] for messages in every):
        n += 1
    if n >= shortest or any(messages[n].role != every[0][n].role for messages in every):
        return ()
    common = _common([messages[n].content for messages in every])
    head = (*every[0][:n], replace(every[0][n], content=common))
    return head if sum(len(message.content) for message in head) >= _LEAST else ()


def _common(texts: Sequence[str]) -> str:
    """What all texts begin with: what the first and the last in order begin with."""
    low, high = min(texts), max(texts)
    return low[: sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(low, high, strict=False)))]


def _rest(messages: tuple[Message, ...], head: tuple[Message, ...]) -> tuple[Message, ...]:
    first = messages[len(head) - 1]
    return (replace(first, content=first.content[len(head[-1].content) :]), *messages[len(head) :])
