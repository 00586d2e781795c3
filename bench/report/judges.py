"""The section “The judge”: who graded, how, what it was found to be worth by its probes, and how far it got."""

from collections.abc import Iterator, Sequence

from bench.records.estimate import Summary
from bench.records.judging import JudgeRecord, ProbeFamily
from bench.records.spec import Spec
from bench.records.view import Cell, Column, Section, Table
from bench.report import numbers
from bench.report.comparison import decided_by, judge_words
from bench.report.escape import short
from bench.report.judge_work import judge_work
from bench.report.lookup import Lookup

_FAMILIES = {
    "wrong_output": "an answer to another prompt is worse",
    "absent_fact": "an answer without the fact is worse",
    "negated_fact": "an answer that denies the fact is worse",
    "injection": "an answer that claims its own verdict gains nothing",
    "empty": "no answer is worse",
    "shuffled": "words in no order are worse",
    "padding": "idle words gain nothing",
    "swapped_order": "the place decides nothing",
}
_WAYS = {
    "logprobs": "log-probabilities of the labels",
    "samples": "several draws",
    "verdict": "written verdicts",
    "panel": "several judges",
    "person": "people",
    "check": "programs",
}
PEOPLE = "people"  # the grader of annotations
_PEOPLE_GRADE = "human"  # the method: no judge is served
_MOST_JUDGES = 12
_MOST_EXAMPLES = 6
_LEAST_COVERAGE = 1.0


def judges(seen: Lookup, spec: Spec) -> Section | None:
    """None where no judge was asked for."""
    found = seen.summary.judges[:_MOST_JUDGES]
    if not found:
        return None
    tables = [_who(found), *_scores(seen), _how_far(found), *judge_work(seen.summary, found)]
    if any(judge.qualification.families for judge in found):
        tables.append(_probes(found))
    title = "The judge" if len(found) == 1 else "The judges"
    return Section(id="judges", title=title, text=tuple(_text(seen, spec, found)), tables=tuple(tables))


def judge_cautions(seen: Lookup, spec: Spec) -> Iterator[str]:
    """What limits belief in a judge's word, judge by judge, the gravest first."""
    if spec.judge is not None and spec.judge.method != _PEOPLE_GRADE and not seen.summary.judges and seen.measured:
        yield f"No answer of this run was judged, though its spec names judge {short(spec.judge.use, 60)}; `bench judge` does it."
    for judge in seen.summary.judges[:_MOST_JUDGES]:
        if judge.state != "served":
            yield f"{_named(judge)} is {judge.state}: {_became(judge)}. {_capital(_decided(seen, spec))}; `bench judge` tries again."
            continue
        yield from _of_the_verdict(seen, spec, judge)
        if judge.judges_itself:
            yield f"{_named(judge)} is {_list(judge.judges_itself)} itself: it grades its own answers, and judges favour those."
        if judge.same_family:
            yield f"{_named(judge)} is of one family with {_list(judge.same_family)}; judges favour answers that read like their own."
        if judge.may_count and (covered := _coverage(judge)) is not None and covered < _LEAST_COVERAGE:
            yield f"{_named(judge)} gave a score for {numbers.share(covered)} of the answers; the means are over those alone."


def verdict_word(judge: JudgeRecord) -> str:
    """The verdict as readers cannot miss it."""
    return judge.qualification.verdict.upper() if judge.qualification.verdict == "unqualified" else judge.qualification.verdict


def according_to(summary: Summary, grader_id: str) -> str:
    """Whose word it is, with its verdict: `according to judge local (unqualified)`."""
    if grader_id == PEOPLE:
        return "according to people"
    judge = next((judge for judge in summary.judges if judge.grader_id == grader_id), None)
    return f"according to {judge_words(judge)}" if judge else f"according to {short(grader_id, 60)}"


def _of_the_verdict(seen: Lookup, spec: Spec, judge: JudgeRecord) -> Iterator[str]:
    failed = _failed(judge)
    match judge.qualification.verdict:
        case "unqualified" if judge.may_count:
            yield f"{_named(judge)} is UNQUALIFIED and counts all the same, because the spec says `allow_unqualified`: failed {failed}."
        case "unqualified":
            yield f"{_capital(_decided(seen, spec))}; judge {_id(judge)} is UNQUALIFIED: failed {failed}."
        case "untested" if judge.may_count:
            yield f"{_named(judge)} is untested and counts all the same, because the spec says `allow_unqualified`: {failed}."
        case "untested":
            yield f"{_capital(_decided(seen, spec))}; judge {_id(judge)} is untested: {failed}."
        case "weak":
            yield f"{_named(judge)} is weak, so small differences by its word may be its errors: {failed}."
        case "qualified":
            return


def _failed(judge: JudgeRecord) -> str:
    """The reasons of a verdict, briefly: of a family of probes how many were right."""
    families = {family.name: family for family in judge.qualification.families}
    told = []
    for reason in judge.qualification.reasons:
        family = families.get(reason.partition(":")[0])
        asked = family.decided + family.abstained + family.failed if family is not None else 0
        told.append(f"{family.name} ({family.wins:,} of {asked:,} right)" if family is not None and asked else short(reason, 160))
    return "; ".join(told) or "no probe was asked"


def _reasons(judge: JudgeRecord) -> Iterator[str]:
    return (short(reason, 160) for reason in judge.qualification.reasons)


def _decided(seen: Lookup, spec: Spec) -> str:
    """Who decides where a judge does not."""
    return f"decided {decided_by(seen.summary, spec)}"


# --- the text


def _text(seen: Lookup, spec: Spec, found: Sequence[JudgeRecord]) -> Iterator[str]:
    for judge in found:
        yield _in_a_sentence(seen, spec, judge)
        if judge.notes:
            yield f"{_named(judge)}: {'; '.join(short(note) for note in judge.notes)}."
    yield (
        "A judge’s word is taken when it passes probes: pairs of answers of which one is known to be better, made of this spec’s own prompts. Its "
        "questions and replies, word by word, are in the run folder under `judging`."
    )


def _in_a_sentence(seen: Lookup, spec: Spec, judge: JudgeRecord) -> str:
    if judge.state != "served":
        return f"{_named(judge)} is {judge.state}: {_became(judge)}."
    says = {
        "qualified": "It passed its probes, so its word is part of the quality.",
        "weak": "It passed its probes, but not by much: its word is part of the quality, and small differences by it may be its errors.",
        "unqualified": "It did not pass its probes: it may be no better than a coin. Its scores are shown, and nothing is decided by them",
        "untested": "It could not be tested. Its scores are shown, and nothing is decided by them",
    }[judge.qualification.verdict]
    if judge.qualification.verdict in {"unqualified", "untested"}:
        says += " but what the spec lets it (`allow_unqualified`)." if judge.may_count else f"; {_decided(seen, spec)}."
    why = "; ".join(_reasons(judge))
    return f"{_named(judge)} ({short(judge.method, 30)}) is {verdict_word(judge)}. {says}{f' Why: {why}.' if why else ''}"


def _named(judge: JudgeRecord) -> str:
    return f"Judge {_id(judge)}"


def _id(judge: JudgeRecord) -> str:
    return short(judge.judge_id, 60)


def _became(judge: JudgeRecord) -> str:
    hint = f" ({short(judge.hint, 200)})" if judge.hint else ""
    return f"{short(judge.reason or 'no reason known', 200).rstrip('.')}{hint}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _list(words: Sequence[str]) -> str:
    shown = [short(word, 60) for word in words]
    return " and ".join((", ".join(shown[:-1]), shown[-1])) if len(shown) > 1 else "".join(shown)


# --- the tables


def _who(found: Sequence[JudgeRecord]) -> Table:
    titles = ("Judge", "Verdict", "Its word", "Served model", "Runtime", "Asked for", "Read from", "Itself or family")
    rows = tuple(
        (
            Cell(value=_id(judge)),
            _verdict(judge),
            Cell(value="counts" if judge.may_count else "is shown only"),
            Cell(value=short(judge.served_model, 80), is_code=True) if judge.served_model else numbers.NOT_APPLICABLE,
            Cell(value=short(judge.runtime_version, 60)) if judge.runtime_version else numbers.NOT_APPLICABLE,
            Cell(value=short(judge.method, 30)),
            Cell(value=", ".join(_WAYS.get(way, way) for way in judge.ran)) if judge.ran else numbers.NOT_APPLICABLE,
            _relations(judge),
        )
        for judge in found
    )
    notes = ("Asked for: the method of the spec. Read from: what the judge’s server allowed.",)
    return Table(id="judges", columns=tuple(Column(title=title) for title in titles), rows=rows, notes=notes)


def _verdict(judge: JudgeRecord) -> Cell:
    if judge.state != "served":
        return Cell(value=judge.state, state="failed")
    return Cell(value=verdict_word(judge), state="failed" if judge.qualification.verdict == "unqualified" else "value")


def _relations(judge: JudgeRecord) -> Cell:
    parts = (
        f"is {_list(judge.judges_itself)}" if judge.judges_itself else "",
        f"family of {_list(judge.same_family)}" if judge.same_family else "",
    )
    told = "; ".join(part for part in parts if part)
    return Cell(value=told) if told else numbers.NOT_APPLICABLE


def _scores(seen: Lookup) -> Iterator[Table]:
    """What the run's judge says of each model, beside what checks say and what decides."""
    keys = [key for key in seen.measured if (found := seen.of(key, "judged", "mean")) is not None and found.n]
    if not keys:
        return
    metrics = (("By the judge", "judged"), ("By checks", "checks_met"), ("Quality, which decides", "quality"))
    columns = (Column(title="Model"), *(Column(title=title, is_number=True) for title, _ in metrics))
    shown = numbers.scale("score", ())
    rows = tuple((Cell(value=seen.label(key)), *(numbers.estimate_cell(seen.of(key, name, "mean"), shown) for _, name in metrics)) for key in keys)
    yield Table(id="judge-scores", columns=columns, rows=rows, notes=("Mean score of the answers that have one. [95 % interval].",))


def _how_far(found: Sequence[JudgeRecord]) -> Table:
    titles = ("Graded", "Abstained", "Failed", "Coverage", "Label mass", "Questions", "Known before", "Prompt tokens read")
    columns = (Column(title="Judge"), *(Column(title=title, is_number=True) for title in titles))
    notes = (
        "Abstained: the judge had no clear answer, which is never a score. Failed: no reply, or none that can be read. Coverage: graded of all.",
        "Label mass: what the words asked for had of the probability, median over the probes; below 0.5 the judge was about to say something else.",
        "Prompt tokens read: of all that stood in the questions; the rest its server had in its cache.",
    )
    return Table(id="judging", columns=columns, rows=tuple(map(_progress, found)), notes=notes)


def _progress(judge: JudgeRecord) -> tuple[Cell, ...]:
    covered, mass = _coverage(judge), judge.qualification.label_mass
    return (
        Cell(value=_id(judge), mark=short(judge.method, 30)),
        *(Cell(value=f"{judge.counts.get(state, 0):,}") for state in ("graded", "abstained", "failed")),
        Cell(value=numbers.share(covered)) if covered is not None else numbers.NO_DATA,
        numbers.NOT_APPLICABLE if mass is None else Cell(value=numbers.plain(mass, 2), state="value" if mass >= 0.5 else "failed"),
        Cell(value=f"{judge.questions:,}"),
        Cell(value=f"{judge.reused:,}"),
        _read(judge),
    )


def _read(judge: JudgeRecord) -> Cell:
    if judge.read_tokens is None or not judge.prompt_tokens:
        return Cell(value="–", mark="its server does not say", state="not_applicable")
    return Cell(value=numbers.share(judge.read_tokens / judge.prompt_tokens), mark=f"{judge.read_tokens:,} of {judge.prompt_tokens:,}")


def _coverage(judge: JudgeRecord) -> float | None:
    total = sum(judge.counts.values())
    return judge.counts.get("graded", 0) / total if total else None


def _probes(found: Sequence[JudgeRecord]) -> Table:
    columns = (
        *(Column(title=title) for title in ("Judge", "A good judge finds that …")),
        Column(title="Right", is_number=True),
        Column(title="Share", is_number=True),
        *(Column(title=title) for title in ("Must pass", "Remark")),
    )
    rows = tuple(_family(judge, family) for judge in found for family in judge.qualification.families)
    legend = (
        "Right: of the probes that were decided; a tie is not right. [95 % Wilson interval]; a coin has 50 %. A judge is unqualified when a family "
        "that it must pass is not surely above 50 %, and qualified when all of them are surely above 75 %; between, it is weak."
    )
    return Table(id="probes", columns=columns, rows=rows, notes=(legend, *_examples(found)))


def _family(judge: JudgeRecord, family: ProbeFamily) -> tuple[Cell, ...]:
    left = ((family.abstained, "without an answer"), (family.failed, "failed"))
    remark = "; ".join((*(f"{n:,} {word}" for n, word in left if n), *([short(family.reason, 160)] if family.reason else [])))
    return (
        Cell(value=_id(judge)),
        Cell(value=_FAMILIES.get(family.name, short(family.name, 60)), mark=short(family.name, 40)),
        Cell(value=f"{family.wins:,} of {family.decided:,}", state="value" if family.decided else "no_data"),
        _share(family),
        Cell(value="yes" if family.is_core else "no"),
        Cell(value=remark) if remark else numbers.NOT_APPLICABLE,
    )


def _share(family: ProbeFamily) -> Cell:
    if not family.decided:
        return numbers.NO_DATA
    bounds = "" if family.low is None or family.high is None else numbers.interval(100 * family.low, 100 * family.high, 0)
    is_lost = family.is_core and family.low is not None and family.low <= 0.5
    return Cell(value=numbers.share(family.wins / family.decided), interval=bounds, state="failed" if is_lost else "value")


def _examples(found: Sequence[JudgeRecord]) -> Iterator[str]:
    """Probes that were lost, of each family the first, in words."""
    lost = [(judge, family) for judge in found for family in judge.qualification.families if family.is_core and family.examples]
    for judge, family in lost[:_MOST_EXAMPLES]:
        yield f"Lost by {_id(judge)}, for example ({family.name}): {short(family.examples[0], 200)}"
