"""The ways to ask one thing about one answer: by the label's log-probabilities, by draws, by a written verdict. Each gives a `Finding`."""

from collections.abc import Awaitable, Callable

import msgspec

from bench.judge.escape import one_line
from bench.judge.interview import Form, Interview, Wanted, excused
from bench.judge.items import Finding, Item, decided, scale_of
from bench.judge.labels import LEAST_MASS, Belief, expected_share, read_labels, share_of
from bench.judge.parse import Unreadable, WrittenVerdict, read_number, read_verdict, read_word, verdict_schema
from bench.judge.prompts import anchors_text
from bench.records.judging import Asked, Candidate
from bench.records.spec import Message

YES_NO = ("Yes", "No")
LEAST_ALTERNATIVES = {"yes_no": 2, "scale": 5, "pair": 2}
"""So many alternatives a server must list before its log-probabilities say what each label has."""


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked: one item about one candidate, with Yes or No, or on the scale."""

    candidate: Candidate
    item: Item
    is_scale: bool
    is_negated: bool = False

    @property
    def form(self) -> Form:
        """The form of the reply."""
        return "scale" if self.is_scale else "yes_no"

    @property
    def about(self) -> str:
        """The item's id; of the negated question marked."""
        return f"{self.item.id} (negated)" if self.is_negated else self.item.id


Way = Callable[[Interview, Subject], Awaitable[Finding]]


def words(interview: Interview, subject: Subject, template: str) -> tuple[Message, ...]:
    """The question's messages."""
    low, high = scale_of(subject.candidate)
    return interview.wording.about_answer(
        template, subject.candidate, statement=one_line(subject.item.text), is_negated=subject.is_negated,
        is_question=subject.is_scale if template == "verdict" else subject.item.kind == "question", low=low, high=high,
        anchors=anchors_text(subject.candidate.rubric) if subject.item.kind == "question" else "",
    )  # fmt: skip


def can_read_labels(interview: Interview, subject: Subject) -> bool:
    """Whether the judge's log-probabilities can answer this.

    A scale must be of labels that are told apart by one token, or up to 10, where the judge can be asked what follows a 1.
    """
    if interview.capabilities.top_logprobs < LEAST_ALTERNATIVES[subject.form]:
        return False
    low, high = scale_of(subject.candidate)
    return not subject.is_scale or (low >= 0 and (high <= 9 or (high == 10 and interview.capabilities.prefix)))


async def by_labels(interview: Interview, subject: Subject) -> Finding:
    """One token, no reasoning: what the judge believes is read from the probabilities of the labels."""
    messages = words(interview, subject, "score" if subject.is_scale else "aspects")
    prefix = interview.prefix(subject.form)
    asked = await interview.label(subject.about, messages, prefix)
    low, high = scale_of(subject.candidate)
    labels = tuple(str(grade) for grade in range(low, high + 1)) if subject.is_scale else YES_NO
    belief = believed(asked, labels)
    if isinstance(belief, Finding):
        return belief
    if not subject.is_scale:
        return Finding(state="graded", p=share_of(belief, *YES_NO), label_mass=belief.label_mass, method="logprobs", asked=(asked,))
    shares = {int(label): p for label, p in belief.shares.items()}
    every: tuple[Asked, ...] = (asked,)
    if high == 10 and shares.get(1, 0.0) > 0:
        follow = await interview.label(f"{subject.about} (after 1)", messages, f"{prefix}1")
        every = (asked, follow)
        ten = after_one(follow)
        if isinstance(ten, Finding):
            return msgspec.structs.replace(ten, asked=every)
        shares = {**shares, 1: shares[1] * (1 - ten), 10: shares[10] + shares[1] * ten}
    return Finding(state="graded", p=expected_share(shares, low, high), label_mass=belief.label_mass, method="logprobs", asked=every)


def believed(asked: Asked, labels: tuple[str, ...]) -> Belief | Finding:
    """What the labels have in a reply, or why that cannot be said."""
    excuse = excused(asked)
    if excuse is not None:
        return msgspec.structs.replace(excuse, method="logprobs")
    if not asked.reply.tokens:
        return Finding(state="failed", method="logprobs", why_not="unparsed", detail="the reply has no log-probabilities", asked=(asked,))
    belief = read_labels(asked.reply.tokens[0], labels)
    if belief.label_mass < LEAST_MASS:
        detail = f"the labels carry {belief.label_mass:.3f} of the probability; the judge was about to say {asked.reply.tokens[0].token[:40]!r}"
        return Finding(state="abstained", label_mass=belief.label_mass, method="logprobs", why_not="label_mass", detail=detail, asked=(asked,))
    return belief


def after_one(asked: Asked) -> float | Finding:
    """P(the number is 10), given that it begins with 1."""
    excuse = excused(asked)
    if excuse is not None or not asked.reply.tokens:
        return excuse or Finding(state="failed", method="logprobs", why_not="unparsed", detail="the reply has no log-probabilities")
    return read_labels(asked.reply.tokens[0], ("0",)).label_mass


async def by_draws(interview: Interview, subject: Subject) -> Finding:
    """The mean of several drawn answers, each read strictly."""
    low, high = scale_of(subject.candidate)

    def read(text: str) -> float | None:
        if subject.is_scale:
            number = read_number(text, low, high)
            return None if number is None else (number - low) / (high - low)
        word = read_word(text, YES_NO)
        return None if word is None else float(word == "Yes")

    choices = tuple(str(grade) for grade in range(low, high + 1)) if subject.is_scale else YES_NO
    wanted = Wanted(form=subject.form, choices=choices, read=read)
    return await drawn(interview, subject.about, words(interview, subject, "score" if subject.is_scale else "aspects"), wanted)


async def drawn(interview: Interview, about: str, messages: tuple[Message, ...], wanted: Wanted) -> Finding:
    """The mean of the draws that can be read. Those must be at least half; an outage of some leaves the others."""
    asked = [await interview.draw(about, messages, wanted, turn) for turn in range(interview.manner.samples)]
    excuses = [excuse for each in asked if (excuse := excused(each)) is not None and excuse.why_not != "unparsed"]
    if excuses and (len(excuses) == len(asked) or excuses[0].why_not == "context"):
        return msgspec.structs.replace(excuses[0], method="samples", asked=tuple(asked))
    said = [each.reply.text for each in asked if each.reply.failure is None]
    values = [value for text in said if (value := wanted.read(text)) is not None]
    n_asked = len(asked) - len(excuses)
    if not values:
        shown = f", the first of them {said[0][:40]!r}" if said else ""
        return Finding(state="failed", method="samples", why_not="unparsed", detail=f"none of {n_asked} draws can be read{shown}", asked=tuple(asked))
    mass, p = len(values) / n_asked, sum(values) / len(values)
    if mass < LEAST_MASS:
        detail = f"only {len(values)} of {n_asked} draws can be read"
        return Finding(state="abstained", p=p, label_mass=mass, method="samples", why_not="label_mass", detail=detail, asked=tuple(asked))
    return Finding(state="graded", p=p, label_mass=mass, method="samples", asked=tuple(asked))


async def by_verdict(interview: Interview, subject: Subject) -> Finding:
    """A written verdict: reason first, then the evidence, which must stand in the answer, then the decision."""
    low, high = scale_of(subject.candidate)
    schema = verdict_schema(low, high, is_scale=subject.is_scale)

    def read(text: str) -> WrittenVerdict | Unreadable:
        return read_verdict(text, schema, subject.candidate.text)

    verdict, asked = await interview.written(subject.about, words(interview, subject, "verdict"), schema, read)
    if isinstance(verdict, Finding):
        return msgspec.structs.replace(verdict, method="verdict", asked=asked)
    p = (verdict.value - low) / (high - low) if subject.is_scale else float(verdict.value)
    return Finding(state="graded", p=p, method="verdict", reason=verdict.reason, asked=asked)


async def by_ladder(interview: Interview, subject: Subject) -> Finding:
    """By log-probabilities where the judge gives enough of them; else by draws; where none of those can be read, by a written verdict.

    The finding says which of them it came from.
    """
    if can_read_labels(interview, subject):
        finding = await by_labels(interview, subject)
        if finding.why_not != "unparsed":
            return finding
    finding = await by_draws(interview, subject)
    if finding.why_not != "unparsed":
        return finding
    written = await by_verdict(interview, subject)
    return msgspec.structs.replace(written, asked=(*finding.asked, *written.asked))


async def balanced(interview: Interview, subject: Subject, way: Way) -> Finding:
    """The finding of a statement, with `balance` also asked in its negated form: the mean of both, unless they contradict each other."""
    plain = await way(interview, subject)
    if subject.is_scale:
        return plain
    if not interview.manner.balance or plain.state != "graded" or plain.p is None or plain.method == "verdict":
        return decided(plain)
    twin = await way(interview, msgspec.structs.replace(subject, is_negated=True))
    asked = (*plain.asked, *twin.asked)
    if twin.state != "graded" or twin.p is None:
        return msgspec.structs.replace(twin, asked=asked, detail=f"asked the other way round: {twin.detail}")
    mass = min((each.label_mass for each in (plain, twin) if each.label_mass is not None), default=None)
    joint = msgspec.structs.replace(plain, p=(plain.p + 1.0 - twin.p) / 2, label_mass=mass, asked=asked)
    if (plain.p > 0.5) == (twin.p > 0.5):
        detail = f"P(yes) is {plain.p:.3f} for the statement and {twin.p:.3f} for its contrary"
        return msgspec.structs.replace(joint, state="abstained", why_not="contradiction", detail=detail)
    return decided(joint)
