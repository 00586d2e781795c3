"""promptfoo's tests, one by one: defaults merged in, scenarios crossed, lists of values spread, tables and files opened."""

import re
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import msgspec

from bench.interchange.findings import Spot, quoted
from bench.interchange.naming import plain_name
from bench.interchange.promptfoo.reading import DATA, Config, as_json
from bench.interchange.promptfoo.templates import Templates

_MOST = 5_000  # prompts of a spec
_TEST_KEYS = {"vars", "assert", "threshold", "description", "metadata", "options"}
_PREDICATE = re.compile(r"(?P<type>(?:not-)?[a-z]+(?:[-:][a-z]+)*)(?:\((?P<threshold>[0-9.]+)\))?\s*:\s*(?P<value>[\s\S]*)")
_BARE = {"is-json", "contains-json", "not-is-json", "not-contains-json"}
_SHORT = {"grade": "llm-rubric", "eval": "javascript", "fn": "javascript"}


class Case(msgspec.Struct, frozen=True):
    """One test: its variables, its assertions (each a mapping, with its place) and what else decides it."""

    variables: dict[str, Any]
    assertions: tuple[tuple[dict[str, Any], Spot], ...]
    threshold: float | None
    description: str
    tags: dict[str, str]
    options: dict[str, Any]
    spot: Spot


def cases(config: Config, templates: Templates) -> list[Case]:
    """All tests of a configuration, in promptfoo's order: scenarios after the plain ones."""
    found: list[Case] = []
    for case in _all(config, templates):
        if len(found) == _MOST:
            config.findings.left_out(case.spot, f"there are more than {_MOST:,} tests; the others are left out", "import them in parts")
            break
        found.append(case)
    return found


def _all(config: Config, templates: Templates) -> Iterator[Case]:
    default = config.root.at("defaultTest")
    if (name := config.file_named(default.value)) is not None:
        default = config.data(name, default) or default
    scenarios = list(_opened(config.root.at("scenarios"), config))
    tests = list(_opened(config.root.at("tests"), config))
    if not tests and not scenarios:
        yield from _spread([default], config.root.at("prompts"), config, templates)
    for test in tests:
        yield from _spread([default, test], test, config, templates)
    for scenario in scenarios:
        if not isinstance(scenario.value, dict):
            config.findings.left_out(scenario, "this is no scenario: it is no mapping")
        for key, spot in scenario.entries():
            if key not in {"config", "tests", "description"}:
                config.findings.left_out(spot, f"the scenario's {quoted(key)} has no counterpart")
        inner = list(_opened(scenario.at("tests"), config)) or [scenario.at("tests")]
        for setting in _opened(scenario.at("config"), config):
            for test in inner:
                yield from _spread([default, setting, test], test, config, templates)


def _opened(spot: Spot, config: Config) -> Iterator[Spot]:
    """Tests where they stand: files and tables are opened."""
    for one in spot.items():
        given = one.value
        if isinstance(given, dict) and isinstance(given.get("path"), str) and not {"vars", "assert"} & given.keys():  # a generator of tests
            for key in sorted(given.keys() - {"path"}):
                config.findings.left_out(one.at(key), f"{quoted(key)} of a file of tests has no counterpart")
            given = given["path"]
        name = config.file_named(given)
        if name is None and isinstance(given, str):
            name = given.removeprefix("./")
        if name is None:
            yield one
        elif "://" in name:
            config.findings.left_out(one, f"tests at {quoted(name)} are not fetched: an import opens no connection", "save them as a file first")
        elif not config.refuse_code(name, one, "the file of tests"):
            yield from _file(name, one, config)


def _file(pattern: str, spot: Spot, config: Config) -> Iterator[Spot]:
    for name in config.matching(pattern, spot) if any(sign in pattern for sign in "*?[") else [pattern]:
        if name.endswith(".csv"):
            yield from (_of_row(row, place, config) for row, place in config.rows(name, spot))
        elif name.endswith(".jsonl"):
            for line, place in config.lines(name, spot):
                if isinstance(given := as_json(line), dict):
                    yield _made(given, place)
                else:
                    config.findings.left_out(place, "this line is no test: it is no mapping in JSON")
        elif name.endswith(DATA):
            inner = config.data(name, spot)
            yield from inner.items() if inner is not None else ()
        else:
            config.findings.left_out(spot, f"tests in {quoted(name)} are not read", "tests are read from YAML, JSON, JSONL and CSV")


def _made(value: dict[str, Any], spot: Spot) -> Spot:
    """Data that was put together here, with the place it came from."""
    mark = spot.tree.mark(spot.path)
    return Spot(type(spot.tree)(value, {(): mark} if mark is not None else {}))


def _of_row(row: Mapping[str, str], spot: Spot, config: Config) -> Spot:
    """One row of a table as a test: columns are variables, but for those that begin with two underscores."""
    test: dict[str, Any] = {"vars": {key: value for key, value in row.items() if key and not key.startswith("__")}, "assert": []}
    for key, value in row.items():
        if re.fullmatch(r"__expected\d*", key) and value.strip():
            test["assert"].append(_expected(value.strip()))
        elif key == "__description" and value:
            test["description"] = value
        elif key == "__threshold" and re.fullmatch(r"[0-9.]+", value.strip()):
            test["threshold"] = float(value)
        elif key in {"__prefix", "__suffix"} and value:
            test.setdefault("options", {})[key[2:]] = value
        elif key.startswith("__metadata:") and value:
            test.setdefault("metadata", {})[key.partition(":")[2]] = value
        elif key.startswith("__") and value.strip() and not key.startswith("__expected"):
            config.findings.left_out(spot, f"the column {quoted(key)} has no counterpart")
    return _made(test, spot)


def _expected(text: str) -> dict[str, Any]:
    """What a cell expects: `type: value`, a bare type, or the very answer."""
    if text in _BARE:
        return {"type": text}
    found = _PREDICATE.fullmatch(text)
    if found is None:
        return {"type": "equals", "value": text}
    given = {"type": _SHORT.get(found["type"], found["type"]), "value": found["value"].strip()}
    return given | ({"threshold": float(found["threshold"])} if found["threshold"] else {})


def _spread(layers: list[Spot], spot: Spot, config: Config, templates: Templates) -> Iterator[Case]:
    """A test with its defaults below it; once for each choice from its lists of values."""
    for layer in layers:
        if layer.value is not None and not isinstance(layer.value, dict):
            config.findings.left_out(layer, "this is no test: it is no mapping")
    layers = [layer for layer in layers if isinstance(layer.value, dict)]
    options: dict[str, Any] = {}
    variables: dict[str, Any] = {}
    tags: dict[str, str] = {}
    for layer in layers:
        _note_unknown(layer, config)
        options |= _mapping(layer, "options", config)
        tags |= _tags(layer, config)
        variables |= {key: _loaded(value, layer.at("vars", key), config) for key, value in _mapping(layer, "vars", config).items()}
    lists = {key: value for key, value in variables.items() if isinstance(value, list)}
    if options.get("disableVarExpansion"):
        lists = {}
    for key in [key for key, value in lists.items() if not value]:
        config.findings.left_out(spot, f"the list of values of {quoted(key)} is empty: it stands for no test")
    asserting = [layer for layer in layers if not (options.get("disableDefaultAsserts") and layer is layers[0] and len(layers) > 1)]
    assertions = tuple((one.value, one) for layer in asserting for one in _assertions(layer, config))
    for choice in product(*lists.values()):
        chosen = variables | dict(zip(lists, choice, strict=True))
        yield Case(
            variables=templates.resolved(chosen, spot),
            assertions=assertions,
            threshold=_threshold(layers, config),
            description=next((str(layer.value["description"]) for layer in reversed(layers) if layer.value.get("description")), ""),
            tags=tags,
            options=options,
            spot=spot,
        )


def _tags(layer: Spot, config: Config) -> dict[str, str]:
    """Metadata as tags, where it is one word or number."""
    tags = {}
    for key, value in _mapping(layer, "metadata", config).items():
        if isinstance(value, str | int | float) and plain_name(f"{key}-{value}"):
            config.findings.differs(layer.at("metadata"), "metadata becomes tags: `kind: plain` is `kind-plain`", "choose by them with `--only`")
            tags[key] = plain_name(f"{key}-{value}")
        else:
            config.findings.left_out(layer.at("metadata", key), f"the metadata {quoted(key)} is no single word")
    return tags


def _mapping(layer: Spot, key: str, config: Config) -> dict[str, Any]:
    value = layer.value.get(key)
    if (name := config.file_named(value)) is not None and name.endswith(DATA):
        inner = config.data(name, layer.at(key))
        value = inner.value if inner is not None else None
    if value is not None and not isinstance(value, dict):
        config.findings.left_out(layer.at(key), f"`{key}` is no mapping")
    return value if isinstance(value, dict) else {}


def _loaded(value: Any, spot: Spot, config: Config) -> Any:
    """A variable's value; a file's text where it names one."""
    name = config.file_named(value)
    if name is None:
        return value
    if config.refuse_code(name, spot, "the variable's file"):
        return ""
    if name.endswith(DATA):
        inner = config.data(name, spot)
        return inner.value if inner is not None else ""
    return (config.text(name, spot) or "").strip()


def _assertions(layer: Spot, config: Config) -> Iterator[Spot]:
    given = layer.at("assert")
    if (name := config.file_named(given.value)) is not None:
        inner = None if config.refuse_code(name, given, "the file of assertions") else config.data(name, given)
        given = inner if inner is not None else given
    for one in given.items():
        if isinstance(one.value, dict):
            yield _referred(one, config)
        else:
            config.findings.left_out(one, "this assertion is no mapping with a `type`")


def _referred(spot: Spot, config: Config) -> Spot:
    """What `$ref: '#/…'` stands for, inside the configuration."""
    reference = spot.value.get("$ref")
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return spot
    target = config.root.at(*(step.replace("~1", "/").replace("~0", "~") for step in reference[2:].split("/")))
    return target if isinstance(target.value, dict) and "$ref" not in target.value else spot


def _threshold(layers: list[Spot], config: Config) -> float | None:
    for layer in reversed(layers):
        value = layer.value.get("threshold")
        if isinstance(value, int | float) and not isinstance(value, bool):
            if 0 <= value <= 1:
                return float(value)
            config.findings.left_out(layer.at("threshold"), f"the threshold {quoted(value)} is not between 0 and 1")
    return None


def _note_unknown(layer: Spot, config: Config) -> None:
    for key in layer.value.keys() - _TEST_KEYS:
        what, hint = {
            "provider": ("a test's own provider is not carried over: every model is asked every prompt", "choose with `--only` and `--skip`"),
            "providers": ("a test's own providers are not carried over: every model is asked every prompt", "choose with `--only` and `--skip`"),
            "prompts": ("which prompts a test goes with is not carried over: it goes with each", "remove the prompts that are too many"),
            "assertScoringFunction": ("a scoring function is code, and an import runs none", "a rubric weighs aspects"),
        }.get(key, (f"the test's {quoted(key)} has no counterpart", None))
        config.findings.left_out(layer.at(key), what, hint)
    for key, spot in layer.at("options").entries():
        if key in {"prefix", "suffix", "disableDefaultAsserts", "disableVarExpansion", "provider"}:
            continue
        is_code = key in {"transform", "postprocess", "transformVars"}
        what = f"`{key}` is code, and an import runs none" if is_code else f"the option {quoted(key)} has no counterpart"
        config.findings.left_out(spot, what, "check the answer as it is" if is_code else None)
