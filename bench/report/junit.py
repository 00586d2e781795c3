"""The run as JUnit XML, as CI systems read it: a test for each gate, and for each prompt of each model.

One element per test says what became of it, as the strictest schema wants (that of Ant’s report task): `error` where something could not be told (a
request that failed, a judge that was not to be had, a gate that is undecided), `failure` where it was told and is bad, `skipped` where an optional
model was not there.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple
from xml.etree import ElementTree as ET

from bench.records.estimate import AspectSummary, Summary
from bench.records.gate import GateResult
from bench.records.serving import ModelStatus
from bench.records.view import View
from bench.report import numbers
from bench.report.escape import short, visible
from bench.report.sketch import SMALLEST

MOST_TESTS = 10_000  # of one suite; a CI system shows no more, and some refuse such a file
_NOT_XML = dict.fromkeys((0xFFFE, 0xFFFF), "\ufffd")  # what `visible` leaves and XML 1.0 does not know (§2.2)
_MESSAGE = 300
_LINE = 1000


class Case(NamedTuple):
    """One test. `tag` None: it passed. `detail` holds what stands inside, line by line; `note` what a passed test has to say."""

    name: str
    tag: str | None = None
    kind: str = ""
    message: str = ""
    detail: Sequence[str] = ()
    note: Sequence[str] = ()
    time_s: float = 0.0


class Key(NamedTuple):
    """A model in a variant."""

    model_id: str
    variant_id: str


class JUnit:
    """Renders `report.junit.xml`. A user's template does not apply."""

    filename = "report.junit.xml"

    def render(self, view: View, template: str | None = None) -> str:  # noqa: ARG002 - the contract's argument
        """The whole document."""
        suites = [(name, *_bounded(cases)) for name, cases in _suites(view.summary, view) if cases]
        root = ET.Element("testsuites")
        for number, (name, cases, left_out) in enumerate(suites):
            root.append(_suite(view, number, name, (cases, left_out)))
        ET.indent(root)
        return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suites(summary: Summary, view: View) -> Iterator[tuple[str, list[Case]]]:
    keys = [Key(one.model_id, one.variant_id) for one in summary.counts]
    several = len({key.variant_id for key in keys}) > 1
    names = {key: f"{key.model_id} [{key.variant_id}]" if several else key.model_id for key in keys}
    yield "gates", [_gate(one, names) for one in summary.gates]
    statuses = {Key(one.model_id, one.variant_id): one for one in summary.models}
    prompts = _prompts(summary, view)
    for key in keys:
        yield names[key], [*_served(statuses.get(key)), *prompts.get(key, ())]


def _gate(one: GateResult, names: Mapping[Key, str]) -> Case:
    who = names.get(Key(one.model_id, one.variant_id or ""), one.model_id) if one.model_id is not None else None
    name = f"{one.name} ({who})" if who else one.name
    if one.outcome == "pass":
        return Case(name, note=(one.reason,))
    place = [f"at {one.position.file}:{one.position.line}:{one.position.column}"] if one.position is not None else []
    against = [f"against {one.baseline}"] if one.baseline is not None else []
    detail = (one.reason, *against, *place)
    if one.outcome == "fail":
        return Case(name, "failure", "gate", one.reason, detail)
    return Case(name, "error", "judge" if one.cause == "judge" else "undecided", f"undecided: {one.reason}", detail)


def _served(status: ModelStatus | None) -> Iterator[Case]:
    """A test that the model was up, where it was not."""
    if status is None or status.state == "served":
        return
    message = f"{status.state}: {status.reason or 'no reason known'}"
    detail = tuple(line for line in (message, status.hint) if line)
    yield Case("is served", "skipped" if status.is_optional else "error", "serving", message, detail)


def _prompts(summary: Summary, view: View) -> Mapping[Key, list[Case]]:
    """The tests of each model, in the order of its prompts."""
    counts: dict[tuple[Key, str], tuple[int, int]] = {}
    times: dict[tuple[Key, str], float] = {}
    for one in summary.estimates:
        if one.group.prompt_id is not None and one.value is not None and one.group.step is None:
            place = (Key(one.group.model_id, one.group.variant_id), one.group.prompt_id)
            if one.metric == "error_rate":
                counts[place] = (round(one.value * one.n), one.n)
            if one.metric == "latency":
                times[place] = one.value
    aspects: dict[tuple[Key, str], list[AspectSummary]] = {}
    for aspect in summary.aspects:
        aspects.setdefault((Key(aspect.group.model_id, aspect.group.variant_id), aspect.group.prompt_id or ""), []).append(aspect)
    missed = {(Key(one.model_id, one.variant_id), one.prompt_id): one for one in view.answers}
    is_believed = not summary.judges or summary.judges[0].may_count
    found: dict[Key, list[Case]] = {}
    for place in dict.fromkeys((*counts, *aspects)):
        failed, n = counts.get(place, (0, 0))
        answer = missed.get(place)
        told = [f"first answer: {line}" for line in answer.missed] if answer is not None else []
        if answer is not None and answer.failure is not None:
            told.append(f"first answer: {answer.failure}")
        case = _case(place[1], (failed, n), _Aspects(aspects.get(place, ()), is_believed), told)
        found.setdefault(place[0], []).append(case._replace(time_s=times.get(place, 0.0)))
    return found


class _Aspects:
    """What became of a prompt's aspects. The word of a judge that did not pass its probes misses nothing; it is told all the same."""

    def __init__(self, aspects: Iterable[AspectSummary], is_believed: bool) -> None:
        self.missed: list[str] = []
        self.broken: list[str] = []
        self.told: list[str] = []
        for one in aspects:
            name = f"{one.group.aspect_id} ({one.kind})"
            if one.failed:
                self.broken.append(f"{name}: the grader failed on {one.failed} of {numbers.count(_answers(one), 'answer')}")
            if one.graded > one.passed:
                line = f"{name}: met by {one.passed} of {numbers.count(one.graded, 'answer')}"
                if is_believed or one.kind == "check":
                    self.missed.append(line)
                else:
                    self.told.append(f"{line}, says a judge whose word is not taken")
            if one.abstained or one.ungraded:
                self.told.append(f"{name}: undecided for {one.abstained}, not graded for {one.ungraded}")


def _answers(one: AspectSummary) -> int:
    return one.graded + one.abstained + one.failed + one.ungraded


def _case(name: str, requests: tuple[int, int], seen: _Aspects, told: Sequence[str]) -> Case:
    failed, n = requests
    lines = [f"{failed} of {numbers.count(n, 'request')} failed"] if failed else []
    detail = (*lines, *seen.broken, *seen.missed, *seen.told, *told)
    if failed:
        return Case(name, "error", "request", lines[0], detail)
    if seen.broken:
        return Case(name, "error", "judge", seen.broken[0], detail)
    if seen.missed:
        return Case(name, "failure", "aspect", "; ".join(seen.missed), detail)
    return Case(name, note=(*seen.told, *told))


def _bounded(cases: Sequence[Case]) -> tuple[list[Case], int]:
    """At most so many tests; those that did not pass stay, and the order."""
    if len(cases) <= MOST_TESTS:
        return list(cases), 0
    worst = sorted(range(len(cases)), key=lambda place: (cases[place].tag is None, place))[:MOST_TESTS]
    return [cases[place] for place in sorted(worst)], len(cases) - MOST_TESTS


def _suite(view: View, number: int, name: str, told: tuple[Sequence[Case], int]) -> ET.Element:
    cases, left_out = told
    attributes = {
        "name": _text(name, 200),
        "timestamp": _text(view.manifest.started_at[:19], 19),
        "hostname": "localhost",  # the name of a machine is nobody's business
        "tests": str(len(cases)),
        "failures": str(sum(case.tag == "failure" for case in cases)),
        "errors": str(sum(case.tag == "error" for case in cases)),
        "skipped": str(sum(case.tag == "skipped" for case in cases)),
        "time": f"{sum(case.time_s for case in cases):.3f}",
        "id": str(number),
        "package": _text(view.summary.spec_name, 200),
    }
    suite = ET.Element("testsuite", attributes)
    ET.SubElement(suite, "properties")
    for case in cases:
        suite.append(_element(f"{view.summary.spec_name}.{name}", case))
    out = ET.SubElement(suite, "system-out")
    lines = [f"{case.name}: {line}" for case in cases for line in case.note]
    out.text = "\n".join(_text(line, _LINE) for line in (*lines, *([f"{left_out:,} further tests are in the CSV report"] if left_out else [])))
    ET.SubElement(suite, "system-err")
    return suite


def _element(classname: str, case: Case) -> ET.Element:
    element = ET.Element("testcase", name=_text(case.name, 300), classname=_text(classname, 300), time=f"{case.time_s:.3f}")
    if case.tag == "skipped":
        ET.SubElement(element, "skipped", message=_text(case.message, _MESSAGE))
    elif case.tag is not None:
        found = ET.SubElement(element, case.tag, message=_text(case.message, _MESSAGE), type=case.kind)
        found.text = "\n".join(_text(line, _LINE) for line in case.detail)
    return element


def _text(text: str, most: int) -> str:
    """Text that XML can hold: visible, on one line, bounded. Markup in it is escaped where it is written."""
    return short(visible(text), most).translate(_NOT_XML)


EXAMPLES = ((SMALLEST, '<testcase name="is served" classname="smallest.absent" time="0.000">'),)
