"""A spec as a promptfoo configuration: its servers, its prompts as tests, its aspects as assertions. What has no counterpart is listed and marked."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from bench.interchange.findings import Findings, Spot, quoted
from bench.interchange.promptfoo.asserting import NoAssertion, assertion, raw
from bench.interchange.promptfoo.templates import is_template
from bench.interchange.yaml_writer import Block, Remarked, to_yaml
from bench.records.source import Diagnostic
from bench.records.spec import Aspect, Generation, Message, ModelSpec, Prompt, Rubric, Spec

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^{}]*))?\}")
_PLAYED = {"bench", "name", "version", "description", "models", "prompts", "rubrics", "generation", "rounds", "timeout", "load", "gates"}
_OUT = re.compile(r"\{\{-?\s*([A-Za-z_]\w*)")
_VARIABLES = {"prompt", "system", "messages", "env"}
_SYSTEM = '[{"role": "system", "content": "{{ system }}"}, {"role": "user", "content": "{{ prompt }}"}]'

_OF_PROVIDER = {"id", "runtime", "base_url", "model", "api_key"}  # of a model; the rest of it has no counterpart


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration as text, and what there is to say about it."""

    text: str
    findings: tuple[Diagnostic, ...]


def export_config(spec: Spec, written: Spot) -> Exported:
    """The promptfoo configuration that asks what a spec asks. `written`: the spec as it stands in its file, for places and for variables' names."""
    work = _Work(spec, written)
    document: dict[str, Any] = {"description": spec.description or spec.name}
    tests = work.tests()
    document["prompts"] = [work.prompt]
    document["providers"] = work.providers()
    if limits := work.limits():
        document["defaultTest"] = {"assert": limits}
    document["tests"] = tests
    options = {"maxConcurrency": spec.load.concurrency, "repeat": spec.rounds, "timeoutMs": round(spec.timeout_s * 1000)}
    document["evaluateOptions"] = {key: value for key, value in options.items() if key != "repeat" or value > 1}
    work.leave_out()
    lost = [one for one in work.findings.all if one.severity == "warning"]
    head = [f"Made from the spec {spec.name} {spec.version} by `bench export promptfoo`."]
    if lost:
        head += ["", f"Not carried over ({len(lost)}):", *(f"  {one.message}" for one in lost)]
    return Exported(text=to_yaml(document, head), findings=work.findings.all)


class _Work:
    """One spec on its way out. `prompt`: the template that all tests fill."""

    def __init__(self, spec: Spec, written: Spot) -> None:
        self.findings = Findings()
        self._spec = spec
        self._written = written
        roles = {tuple(message.role for message in prompt.messages) for prompt in spec.prompts}
        is_filled = any(is_template(message.content) for prompt in spec.prompts for message in prompt.messages)
        self._form = "user" if roles == {("user",)} else "system" if roles == {("system", "user")} and not is_filled else "chat"
        self.prompt = {"user": "{{ prompt }}", "system": _SYSTEM, "chat": "{{ messages }}"}[self._form]

    def providers(self) -> list[Any]:
        """The models that a server serves; promptfoo starts none."""
        found = []
        for model in self._spec.models:
            spot = self._spot("models", model.id)
            if model.runtime == "external" and model.base_url and model.model:
                found.append(Block(self._provider(model, spot)))
            else:
                what = f"the model {quoted(model.id)} is served by bench ({quoted(model.runtime)}), and promptfoo serves none"
                self.findings.left_out(spot, what, "start a server for it, and name its address under `apiBaseUrl`")
        return found or [Remarked("echo", ("no model of the spec is one that promptfoo can ask: name a provider here",))]

    def _provider(self, model: ModelSpec, spot: Spot) -> dict[str, Any]:
        config: dict[str, Any] = {"apiBaseUrl": _named(str(spot.at("base_url").value or model.base_url))}
        config |= {"apiKeyEnvar": model.api_key.env} if model.api_key is not None else {"apiKey": "none"}
        name = _named(str(spot.at("model").value or model.model))
        for key, at in spot.entries():
            if key not in _OF_PROVIDER:
                self.findings.left_out(at, f"{quoted(key)} of the model {quoted(model.id)} has no counterpart")
        return {"id": f"openai:chat:{name}", "label": model.id, "config": config | _sent(self._spec.generation)}

    def tests(self) -> list[Any]:
        """A test for each prompt."""
        rubrics = {rubric.id: rubric for rubric in self._spec.rubrics}
        return [self._test(prompt, rubrics.get(prompt.rubric or "")) for prompt in self._spec.prompts]

    def _test(self, prompt: Prompt, rubric: Rubric | None) -> Remarked:
        spot = self._spot("prompts", prompt.id)
        test: dict[str, Any] = {"description": prompt.id, "vars": self._variables(prompt.messages)}
        lost: list[str] = []
        asserted = []
        has_required = any(aspect.required for aspect in prompt.aspects)
        threshold = self._threshold(rubric, spot)
        for aspect in prompt.aspects:
            try:
                made = assertion(aspect)
            except NoAssertion as reason:
                lost.append(self.findings.left_out(spot, f"the aspect {quoted(aspect.id)} of {quoted(prompt.id)}: {reason}"))
                continue
            asserted.append(made | {"metric": aspect.id} | _weight(aspect, rubric, is_free=has_required and threshold is None))
        if asserted:
            test["assert"] = asserted
        if threshold is not None and asserted:
            test["threshold"] = threshold
            if has_required:
                self.findings.left_out(spot, f"{quoted(prompt.id)}: with a pass score, promptfoo knows no required assertions")
        elif asserted and not has_required:
            self.findings.differs(spot, "a test fails in promptfoo when any assertion does; in bench such aspects are measured and decide nothing")
        extra = ({"reference": raw(prompt.reference)} if prompt.reference else {}) | ({"tags": ", ".join(prompt.tags)} if prompt.tags else {})
        if extra:
            test["metadata"] = extra
        return Remarked(Block(test), tuple(f"not carried over: {line}" for line in lost))

    def _variables(self, messages: tuple[Message, ...]) -> dict[str, str]:
        if self._form == "chat":
            return {"messages": _kept(msgspec.json.encode(messages).decode())}
        texts = {("prompt" if message.role == "user" else "system"): _kept(message.content) for message in messages}
        return dict(sorted(texts.items(), reverse=True))

    def _threshold(self, rubric: Rubric | None, spot: Spot) -> float | None:
        if rubric is None:
            return None
        if len(rubric.criteria) != 1 or rubric.criteria[0].aspects is None:
            what = f"the rubric {quoted(rubric.id)} has criteria of its own; promptfoo takes the mean of all assertions by weight"
            self.findings.left_out(self._written.at("rubrics", rubric.id) if "rubrics" in (self._written.value or {}) else spot, what)
        if rubric.pass_score is None:
            return None
        low, high = rubric.scale
        return round((rubric.pass_score - low) / (high - low), 6)

    def limits(self) -> list[dict[str, Any]]:
        """Gates on the slowest answer, as a bound on every answer."""
        found = []
        for index, gate in enumerate(self._spec.gates):
            spot = self._written.at("gates", index)
            if gate.metric == "latency" and gate.at == "max" and gate.max is not None and gate.model is None and gate.min is None:
                found.append({"type": "latency", "threshold": round(gate.max * 1000)})
            else:
                self.findings.left_out(spot, f"a gate on {quoted(gate.metric)} has no counterpart", "promptfoo knows bounds on single answers")
        return found

    def leave_out(self) -> None:
        """Say which keys of the spec promptfoo knows nothing of."""
        for key, spot in self._written.entries():
            if key not in _PLAYED:
                self.findings.left_out(spot, f"{quoted(key)} has no counterpart")
        if self._spec.load.kind != "closed":
            self.findings.left_out(
                self._written.at("load"), f"the load {quoted(self._spec.load.kind)} has no counterpart: promptfoo only bounds concurrency"
            )

    def _spot(self, key: str, name: str) -> Spot:
        """Where a model or prompt is written; the whole list where it comes from another file."""
        given = self._written.at(key).value
        places = enumerate(given) if isinstance(given, list) else ()
        found = next((place for place, one in places if isinstance(one, Mapping) and one.get("id") == name), None)
        return self._written.at(key) if found is None else self._written.at(key, found)


def _weight(aspect: Aspect, rubric: Rubric | None, *, is_free: bool) -> dict[str, Any]:
    """What an aspect weighs: nothing where it decides nothing, because others are required or the rubric's only criterion leaves it out."""
    scored = rubric.criteria[0].aspects if rubric is not None and len(rubric.criteria) == 1 else None
    if (is_free and not aspect.required) or (isinstance(scored, tuple) and aspect.id not in scored):
        return {"weight": 0}
    return {"weight": aspect.weight} if aspect.weight != 1 else {}


def _kept(text: str) -> str:
    """A variable's text: promptfoo takes its last line break away, and fills it in unless it names what is no variable."""
    is_left_alone = bool(set(_OUT.findall(text)) - _VARIABLES)
    return (text if is_left_alone else raw(text)) + "\n" * text.endswith("\n")


def _named(text: str) -> str:
    """`${NAME:-otherwise}` as promptfoo writes it."""

    def one(found: re.Match[str]) -> str:
        name, otherwise = found.groups()
        return f"{{{{ env.{name} }}}}" if otherwise is None else f"{{{{ env.{name} | default('{otherwise}', true) }}}}"

    return _REFERENCE.sub(one, text)


def _sent(generation: Generation) -> dict[str, Any]:
    sent = {key: getattr(generation, key) for key in ("temperature", "top_p", "max_tokens", "seed")}
    return {key: value for key, value in sent.items() if value is not None} | ({"stop": list(generation.stop)} if generation.stop else {})
