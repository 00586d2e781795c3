"""Prompts × tests as prompts of the spec, with what is expected of each answer."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from bench.interchange.naming import Names, plain_name
from bench.interchange.promptfoo.assertions import Asserted, Assertions, Fact
from bench.interchange.promptfoo.cases import Case
from bench.interchange.promptfoo.prompts import Asked, chat_of, messages_of
from bench.interchange.promptfoo.reading import Config
from bench.interchange.promptfoo.templates import Templates, is_template
from bench.interchange.yaml_writer import Again, Block, Named, Remarked
from bench.spec.yaml_source import MAX_NODES
from bench.spec.yaml_text import MAX_BYTES

_MOST = 5_000  # prompts of a spec
_WORTH_A_NAME = 48  # characters of a text that is not written twice


class Rows:
    """Crosses prompts with tests. `rubrics`: what says when a share is enough; `asserted`: each test with what its assertions became."""

    def __init__(self, config: Config, templates: Templates, assertions: Assertions) -> None:
        """Start with nothing."""
        self.rubrics: dict[str, dict[str, Any]] = {}
        self.asserted: list[tuple[Case, Asserted]] = []
        self.is_graded = False
        self._values = self._characters = 0
        self._config = config
        self._templates = templates
        self._assertions = assertions

    def of(self, asked: Sequence[Asked], tests: Sequence[Case]) -> list[Remarked]:
        """A prompt of the spec for each test and prompt."""
        names = Names("prompt")
        labels = [plain_name(one.label.rsplit("/", 1)[-1].rsplit(".", 1)[0] if "/" in one.label else one.label, 24) for one in asked]
        rows: list[Remarked] = []
        for number, case in enumerate(map(_of_one_group, tests), start=1):
            made = self._assertions.of(case.assertions, case.variables, is_scored=case.threshold is not None)
            self.asserted.append((case, made))
            facts = [(name, fact) for name, fact in _named(made.facts)]
            for label, one in zip(labels, asked, strict=True):
                if len(rows) == _MOST:
                    self._config.findings.left_out(
                        case.spot, f"there are more than {_MOST:,} prompts × tests; the others are left out", "import in parts"
                    )
                    return rows
                title = plain_name(case.description, 32) or f"test-{number}"
                name = title if len(asked) == 1 else f"{label or 'prompt'}-{title}"
                if (row := self._row(one, case, facts)) is not None:
                    if not self._fits(row, case):
                        return rows
                    entry = {"id": names.of(name), **row} | ({"reference": made.reference} if made.reference else {})
                    told = [] if plain_name(case.description, len(case.description)) in entry["id"] else [case.description]
                    above = (*told, *(f"not carried over: {lost}" for lost in made.lost))
                    rows.append(Remarked(Block(entry), above))
        return rows

    def _fits(self, row: dict[str, Any], case: Case) -> bool:
        """Whether one file still holds this prompt; counted generously, as if no text were written once for several."""
        values, characters = _size(row)
        self._values += values + 10
        self._characters += characters
        if self._values <= MAX_NODES and self._characters <= MAX_BYTES // 2:
            return True
        self._config.findings.left_out(case.spot, "from here on, tests are left out: one spec's file would be too large", "import in parts")
        return False

    def _row(self, asked: Asked, case: Case, facts: Sequence[tuple[str, Fact]]) -> dict[str, Any] | None:
        """The prompt itself; None with a finding when its templates are beyond the spec's."""
        before, after = (str(case.options.get(key) or "") for key in ("prefix", "suffix"))
        messages = asked.messages or (("user", f"{before}{asked.text}{after}"),)
        if asked.messages and (before or after):
            self._config.findings.left_out(case.spot, "a prefix or suffix of a chat is not carried over", "write it into the messages")
        rendered = [self._templates.text(text, case.variables, asked.spot) for _, text in messages]
        if None in rendered:
            return None
        if not all(out and out.strip() for out in rendered):
            self._config.findings.left_out(asked.spot, "with these variables nothing comes out of this prompt", "an empty message cannot be sent")
            return None
        data = _chat(asked, rendered[0]) if not asked.messages and rendered[0] else None
        if data is not None and messages_of(data) is None:
            what = "a chat that cannot be read, or holds more than texts (pictures, calls of tools), is not carried over"
            self._config.findings.left_out(asked.spot, what, "bench sends texts: what stands in them can be carried over by hand")
            return None
        chat = messages_of(data)
        row = _literally(chat) if chat is not None else self._as_written(messages, case)
        if facts:
            row |= self._expected(facts, case.threshold)
        if case.tags:
            row["tags"] = list(dict.fromkeys(case.tags.values()))
        return row

    def _as_written(self, messages: Sequence[tuple[str, str]], case: Case) -> dict[str, Any]:
        """Messages as templates, with the variables that they name."""
        used: dict[str, Any] = {}
        for _, template in messages:
            used |= self._templates.usable(template, case.variables)
        return _messages(messages) | ({"vars": used} if used else {})

    def _expected(self, facts: Sequence[tuple[str, Fact]], threshold: float | None) -> dict[str, Any]:
        """Aspects, and the rubric that says when their share is enough."""
        aspects = []
        for name, fact in facts:
            self.is_graded |= "check" not in fact.body
            needed = {"required": True} if threshold is None and fact.decides else {}
            aspects.append({"id": name, **fact.body} | ({"weight": _short(fact.weight)} if fact.weight != 1 else {}) | needed)
        deciding = [name for name, fact in facts if fact.decides]
        if threshold is None or not deciding:
            return {"aspects": aspects}
        scored = "all" if len(deciding) == len(facts) else deciding
        rubric = {"scale": [0, 1], "criteria": [{"id": "assertions", "aspects": scored}], "pass": _short(threshold)}
        known = next((name for name, one in self.rubrics.items() if one == rubric), None)
        if known is not None:
            return {"rubric": known, "aspects": aspects}
        title = f"at-least-{threshold:g}"
        title += f"-{len(self.rubrics) + 1}" if title in self.rubrics else ""
        self.rubrics[title] = rubric
        return {"rubric": title, "aspects": aspects}


def _chat(asked: Asked, rendered: str) -> Any:
    """The data of a chat: promptfoo fills variables into the texts of JSON, and into YAML or what is no JSON yet as a whole."""
    written = chat_of(asked.text) if asked.text.lstrip().startswith("[") else None
    return chat_of(rendered) if written is None else written


def _messages(messages: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Messages in the shortest way that a spec knows."""
    if tuple(role for role, _ in messages) in {("user",), ("system", "user")}:
        return dict(messages)
    return {"messages": [{"role": role, "content": text} for role, text in messages]}


def _literally(messages: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Messages that came out of a template; what still looks like one is a variable's text."""
    used = {f"text_{number}": text for number, (_, text) in enumerate(messages, start=1) if is_template(text)}
    names = {text: name for name, text in used.items()}
    return _messages([(role, f"{{{{ {names[text]} }}}}" if text in names else text) for role, text in messages]) | ({"vars": used} if used else {})


def _of_one_group(case: Case) -> Case:
    """A test whose only assertion is a group with a share to reach is a test with that share to reach."""
    if len(case.assertions) != 1 or case.threshold is not None:
        return case
    assertion, spot = case.assertions[0]
    share = assertion.get("threshold")
    if assertion.get("type") != "assert-set" or isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        return case
    inner = tuple((one.value, one) for one in spot.at("assert").items() if isinstance(one.value, dict))
    return msgspec.structs.replace(case, assertions=inner, threshold=float(share))


def _named(facts: Sequence[Fact]) -> Iterator[tuple[str, Fact]]:
    names = Names("aspect")
    for fact in facts:
        yield names.of(fact.name), fact


def _size(value: Any) -> tuple[int, int]:
    """How many values there are in some data, and how many characters."""
    match value:
        case dict() | list():
            sizes = [_size(child) for child in (value.values() if isinstance(value, dict) else value)]
            return 1 + sum(n for n, _ in sizes), 16 * len(value) + sum(n for _, n in sizes)
        case _:
            return 1, len(str(value))


def _short(number: float) -> float:
    return int(number) if number == int(number) else number


def with_names(rows: Sequence[Remarked]) -> list[Remarked]:
    """The prompts, with each long text that stands in several of them written once."""
    texts = [row.value.value[key] for row in rows for key in ("system", "user") if key in row.value.value]
    often = {text for text, n in Counter(texts).items() if n > 1 and (len(text) > _WORTH_A_NAME or "\n" in text)}
    names: dict[str, str] = {}
    written = []
    for row in rows:
        entry = dict(row.value.value)
        for key in ("system", "user"):
            text = entry.get(key)
            if not isinstance(text, str) or text not in often:
                continue
            if text in names:
                entry[key] = Again(names[text])
            else:
                names[text] = f"{key}-{len(names) + 1}"
                entry[key] = Named(names[text], text)
        written.append(Remarked(Block(entry), row.above))
    return written
