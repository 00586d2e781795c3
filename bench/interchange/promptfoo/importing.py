"""A promptfoo configuration as a spec: models × prompts × tests, written for people, with a comment wherever something was left out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from bench.errors import SpecError
from bench.interchange.findings import Findings, Spot, quoted
from bench.interchange.naming import Names, plain_name
from bench.interchange.promptfoo.assertions import Assertions
from bench.interchange.promptfoo.cases import cases
from bench.interchange.promptfoo.limits import gates
from bench.interchange.promptfoo.prompts import prompts
from bench.interchange.promptfoo.providers import SENT, Model, model, models
from bench.interchange.promptfoo.reading import Config
from bench.interchange.promptfoo.rows import Rows, with_names
from bench.interchange.promptfoo.settings import settings
from bench.interchange.promptfoo.templates import Templates
from bench.interchange.yaml_writer import Block, Remarked, to_yaml
from bench.protocols import Extensions
from bench.records.source import Diagnostic, SourceFile

_LISTED = 40  # lines of comments about what was left out; the command shows all


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """A spec as text, what there is to say about it, and the files that were read for it."""

    text: str
    findings: tuple[Diagnostic, ...]
    sources: tuple[SourceFile, ...]


def import_config(path: Path, extensions: Extensions) -> Imported:
    """The spec that says what a promptfoo configuration says. Reads only the configuration's folder, runs nothing, connects nowhere.

    Raises: SpecError when a file is no YAML as specs are or nothing can be carried over, UsageError when the path is no configuration.
    """
    config = Config(path)
    findings = config.findings
    templates = Templates(findings)
    work = Rows(config, templates, Assertions(config, templates, extensions))
    found = models(config)
    rows = work.of(prompts(config), cases(config, templates))
    config.stop_if_unreadable()
    said = settings(config)
    if not rows:
        nothing = Diagnostic(code="nothing-to-import", severity="error", message=f"no prompt of {path.name} can be carried over")
        raise SpecError((*findings.all, nothing), config.sources)
    document: dict[str, Any] = {"bench": 1, "name": _name(path, config.root.value), "version": "1.0.0"}
    if isinstance(text := config.root.value.get("description"), str) and text.strip():
        document["description"] = " ".join(text.split())
    document["models"] = _models(found)
    document["prompts"] = with_names(rows)
    if work.rubrics:
        document["rubrics"] = work.rubrics
    document |= _generation(found, findings) | said | _judge(work, found, findings)
    if bounds := gates(work.asserted, findings):
        document["gates"] = bounds
    return Imported(text=to_yaml(document, _head(path, findings)), findings=findings.all, sources=config.sources)


def _name(path: Path, root: dict[str, Any]) -> str:
    """The experiment's name: the file's, unless that is the one that all configurations have."""
    stem = "" if path.stem.lower().startswith("promptfooconfig") else path.stem
    return plain_name(stem) or plain_name(str(root.get("description") or "")) or "imported"


def _head(path: Path, findings: Findings) -> list[str]:
    lost = sorted((one for one in findings.all if one.severity == "warning"), key=_where)
    lines = [f"Made from {path.name} by `bench import promptfoo`."]
    if lost:
        lines += ["", f"Not carried over ({len(lost)}):"]
        lines += [f"  {_place(one, path)}{one.message}" for one in lost[:_LISTED]]
        lines += [f"  … and {len(lost) - _LISTED} more, which the import lists"] * (len(lost) > _LISTED)
    return lines


def _where(one: Diagnostic) -> tuple[str, int]:
    return (one.position.file, one.position.line) if one.position is not None else ("", 0)


def _place(one: Diagnostic, path: Path) -> str:
    if one.position is None:
        return ""
    return f"{'' if one.position.file == path.name else one.position.file + ', '}line {one.position.line}: "


def _models(found: Sequence[Model]) -> list[Any]:
    if found:
        return [Block(each.entry) for each in found]
    entry = {"id": "model", "runtime": "external", "base_url": "${OPENAI_BASE_URL:-http://localhost:8080/v1}", "model": "${MODEL:-default}"}
    return [Remarked(Block(entry), ("no provider was carried over: name a model here",))]


def _generation(found: Sequence[Model], findings: Findings) -> dict[str, Any]:
    """What all models are sent, where their providers agree."""
    if not found:
        return {}
    common = {key: value for key, value in found[0].generation.items() if all(each.generation.get(key) == value for each in found)}
    for each in found:
        for key in each.generation.keys() - common.keys():
            what = f"{quoted(key)} is not the same for every provider, and a spec sends the same to all"
            written = next((name for name, sent in SENT.items() if sent == key and name in (each.settings.value or ())), key)
            findings.left_out(each.settings.at(written), what, "`generation:` sets it for all models, `variants:` try several settings with each")
    return {"generation": common} if common else {}


def _judge(work: Rows, found: Sequence[Model], findings: Findings) -> dict[str, Any]:
    """Who grades what no program decides: the provider that the tests name for it."""
    named = _graders(work)
    if not work.is_graded:
        return {}
    if not named:
        spot = work.asserted[0][0].spot
        findings.differs(spot, "no test names who grades; promptfoo would ask a hosted model", "name a judge: docs/judging.md shows how")
        return {}
    given = next(case.options["provider"] for case, _ in work.asserted if case.options.get("provider") is not None)
    spot = next(iter(named.values()))
    inner = given.get("text", given) if isinstance(given, dict) else given
    if isinstance(given, dict) and inner is not given:
        for key in sorted(given.keys() - {"text"}):
            findings.left_out(spot, f"the grader's {quoted(key)} has no counterpart: a judge is asked in texts")
    made = model(Spot(type(spot.tree)(inner, {(): mark} if (mark := spot.tree.mark(spot.path)) is not None else {})), findings, Names("grader"))
    if len(named) > 1:
        findings.left_out(spot, "tests name several graders; the first is taken", "`judge: {method: panel}` asks several")
    if made is None:
        return {}
    for key in made.generation:
        findings.left_out(spot, f"the grader's {quoted(key)} is not carried over: bench's judge is asked in its own way", "docs/judging.md says how")
    entry = {key: value for key, value in made.entry.items() if key != "id"}
    served = [each.entry["id"] for each in found if all(each.entry[key] == entry[key] for key in ("base_url", "model"))]
    if served:
        findings.differs(spot, "the grader is one of the models: it grades its own answers too, which the report marks", "name another judge")
        return {"judge": {"use": served[0], "allow_self": True}}
    return {"judges": {"grader": entry}, "judge": {"use": "grader"}}


def _graders(work: Rows) -> dict[str, Spot]:
    """The providers that tests name for grading, each with its first place."""
    named: dict[str, Spot] = {}
    for case, _ in work.asserted:
        if (given := case.options.get("provider")) is not None:
            own = case.spot.at("options", "provider")
            named.setdefault(str(given), own if own.value is not None else case.spot)
    return named
