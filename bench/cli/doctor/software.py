"""Python, the packages bench needs, and the extras it can use."""

import platform
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

from bench import resources
from bench.cli.doctor.finding import Finding

DISTRIBUTION = "bench-spec"
_OLDEST_PYTHON = (3, 11)
_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^]]*\])?\s*[^;]*(?:;.*extra\s*==\s*['\"](?P<extra>[^'\"]+)['\"].*)?")
_LEAST = re.compile(r">=\s*([0-9][0-9.]*)")
_FOR = {
    "foundry": "models of Foundry Local, hosted by bench (`runtime: foundry-local`)",
    "local": "embedded models (`runtime: llama.cpp`) and memory readings",
    "hub": "weights from the Hugging Face hub (`hf:`)",
    "gpu": "memory, power and energy of NVIDIA GPUs beside a run",
    "energy": "energy of AMD GPUs and Apple processors",
    "overlap": "the check `overlap` (ROUGE-L, BLEU, chrF)",
    "judge": "how far a judge agrees with people (`bench calibrate`), and strengths from pairwise comparisons",
    "prices": "list prices of hosted models (`cost: {model: price_table, provider: …}`)",
}
_DEVICES = "import json, xllamacpp; print(json.dumps([[d['name'], d['description']] for d in xllamacpp.get_device_info()]))"


def examine() -> Iterator[Finding]:
    """Python, packages, extras, shipped files, and whether the embedded runtime loads."""
    yield _python()
    yield from _packages()
    yield _shipped()
    yield _embedded()


def _python() -> Finding:
    found = f"{platform.python_implementation()} {platform.python_version()}"
    if sys.version_info < _OLDEST_PYTHON:
        return Finding(what="Python", state="problem", detail=found, advice="install Python 3.11 or newer", is_needed=True)
    return Finding(what="Python", state="ok", detail=found, is_needed=True)


def _packages() -> Iterator[Finding]:
    """One finding for all that is needed, one per extra."""
    groups: dict[str | None, list[str]] = defaultdict(list)
    for line in requires(DISTRIBUTION) or ():
        if (wanted := _REQUIREMENT.match(line)) is not None and wanted["name"] != DISTRIBUTION:
            groups[wanted["extra"]].append(line)
    for extra, lines in groups.items():
        if extra == "dev":
            continue
        missing = [trouble for line in lines if (trouble := _trouble(line)) is not None]
        what = f"extra {extra}" if extra else "packages"
        install = f"pip install --upgrade '{DISTRIBUTION}[{extra}]'" if extra else f"pip install --upgrade {DISTRIBUTION}"
        purpose = _FOR.get(extra or "", "")
        if not missing:
            yield Finding(what=what, state="ok", detail=", ".join(map(_installed, lines)), is_needed=extra is None)
        elif extra is None:
            yield Finding(what=what, state="problem", detail="; ".join(missing), advice=install, is_needed=True)
        else:
            yield Finding(what=what, state="absent", detail="; ".join(missing), advice=f"{install}{f', for {purpose}' if purpose else ''}")


def _name(line: str) -> str:
    wanted = _REQUIREMENT.match(line)
    return wanted["name"] if wanted is not None else line


def _installed(line: str) -> str:
    return f"{_name(line)} {version(_name(line))}"


def _trouble(line: str) -> str | None:
    """What is wrong with one required package; None when nothing is."""
    name = _name(line)
    try:
        found = version(name)
    except PackageNotFoundError:
        return f"{name} is not installed"
    least = _LEAST.search(line.partition(";")[0])
    if least is not None and _numbers(found) < _numbers(least[1]):
        return f"{name} is {found}, needed is {least[1]} or newer"
    return None


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", re.split(r"[^0-9.]", text, maxsplit=1)[0]))


def _shipped() -> Finding:
    try:
        schema = resources.folder("schemas") / "spec.v1.schema.json"
        resources.folder("templates")
    except FileNotFoundError as error:
        advice = f"pip install --force-reinstall {DISTRIBUTION}"
        return Finding(what="schemas and templates", state="problem", detail=str(error), advice=advice, is_needed=True)
    advice = "for completion in an editor, point its YAML server to this schema"
    return Finding(what="schemas and templates", state="ok", detail=str(schema), advice=advice, is_needed=True)


def _embedded() -> Finding:
    """Whether xllamacpp loads, tried in a process of its own: a wheel for another processor ends the process that loads it."""
    try:
        version("xllamacpp")
    except PackageNotFoundError:
        advice = f"pip install '{DISTRIBUTION}[local]'"
        return Finding(what="embedded llama.cpp", state="absent", detail="xllamacpp is not installed", advice=advice)
    try:
        done = subprocess.run([sys.executable, "-P", "-c", _DEVICES], capture_output=True, text=True, timeout=20, check=False)
    except subprocess.TimeoutExpired:
        return Finding(what="embedded llama.cpp", state="problem", detail="xllamacpp does not load within 20 s", advice="look at the machine's load")
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"it ends with code {done.returncode}"])[-1]
        advice = "pip install --force-reinstall xllamacpp, or take a wheel that fits this processor"
        return Finding(what="embedded llama.cpp", state="problem", detail=f"xllamacpp does not load: {last[:200]}", advice=advice)
    return Finding(what="embedded llama.cpp", state="ok", detail=f"devices: {_devices(done.stdout)}")


def _devices(printed: str) -> str:
    lines = printed.strip().splitlines()
    found = re.findall(r'\["([^"]*)", "([^"]*)"\]', lines[-1]) if lines else []
    return ", ".join(f"{name} ({description})" if description else name for name, description in found) or "none named"
