"""Make a spec of another tool's files. What cannot be carried over is listed with its line, and marked in the spec; nothing is run or fetched.

bench import promptfoo promptfooconfig.yaml -o my.yaml
bench import workshop models.json prompts.json -o my.yaml
bench import workshop --env-file .env            models and prompts from BENCH_MODELS, BENCH_PROMPT, …

Exit code 0 when there is a spec, 2 when there is none, or with --strict when anything was left out (then nothing is written).
"""

import argparse
import os
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.catalog import REGISTRY
from bench.cli.console import plain
from bench.cli.writing import write_new
from bench.errors import Exit, SpecError
from bench.interchange.promptfoo.importing import import_config
from bench.interchange.workshop import VARIABLES, import_workshop, read_variables
from bench.records.source import Diagnostic, SourceFile
from bench.spec.diagnostics import render
from bench.spec.load import load_spec

_NAMES = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def configure(options: argparse.ArgumentParser) -> None:
    """Options of `bench import`."""
    kinds = options.add_subparsers(dest="kind", required=True, metavar="FORMAT", prog="bench import")
    promptfoo = kinds.add_parser("promptfoo", help="a configuration of promptfoo, YAML or JSON")
    promptfoo.add_argument("file", type=Path, metavar="FILE", help="promptfooconfig.yaml")
    workshop = kinds.add_parser("workshop", help="models.json, prompts.json and the variables of the Foundry Local workshop")
    workshop.add_argument("models", type=Path, nargs="?", metavar="MODELS", help="models.json")
    workshop.add_argument("prompts", type=Path, nargs="?", metavar="PROMPTS", help="prompts.json")
    workshop.add_argument("--env-file", type=Path, metavar="FILE", help="take variables from this file too; those that are set win")
    for kind in (promptfoo, workshop):
        kind.add_argument("-o", "--output", metavar="SPEC", help="write the spec here (default: standard output)")
        kind.add_argument("--force", action="store_true", help="replace the file if it exists")
        kind.add_argument("--strict", action="store_true", help="write nothing and end with code 2 when anything is left out")
        kind.add_argument("--format", choices=("text", "json", "github"), default="text", help="how findings are listed, on standard error")


def execute(options: argparse.Namespace) -> int:
    """Make the spec, list what was left out, check it, write it."""
    try:
        text, findings, sources = _made(options)
    except SpecError as error:
        sys.stderr.write(render(error.diagnostics, error.sources, options.format))
        return int(Exit.USAGE)
    sys.stderr.write(render(findings, sources, options.format))
    left_out = sum(one.severity == "warning" for one in findings)
    if (problems := _invalid(text)) is not None:
        sys.stderr.write(problems)
        sys.stderr.write("the spec that came out is not valid, and is not written; the lines above are those of the spec\n")
        return int(Exit.USAGE)
    if left_out and options.strict:
        _say(options, f"{_things(left_out)} left out: nothing was written (--strict)")
        return int(Exit.USAGE)
    if options.output is None:
        sys.stdout.write(text)
    else:
        path = Path(options.output)
        write_new(path, text, force=options.force)
        shown = plain(str(path))
        sys.stdout.write(f"wrote {shown}\nnext: bench validate {shown}, then bench plan {shown}\n")
    if left_out:
        _say(options, f"{_things(left_out)} left out; the spec says where")
    return int(Exit.OK)


def _made(options: argparse.Namespace) -> tuple[str, Sequence[Diagnostic], tuple[SourceFile, ...]]:
    if options.kind == "promptfoo":
        imported = import_config(options.file, REGISTRY)
        return imported.text, imported.findings, imported.sources
    variables = read_variables(options.env_file) if options.env_file is not None else {}
    variables |= {name: os.environ[name] for name in VARIABLES if os.environ.get(name)}
    made = import_workshop(options.models, options.prompts, variables)
    return made.text, made.findings, made.sources


def _invalid(text: str) -> str | None:
    """What is wrong with the spec that was made, as `bench validate` says it; None when nothing is.

    Addresses may name variables that are not set here: any address will do for the check.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "spec.yaml")
        path.write_text(text, encoding="utf-8")
        try:
            load_spec(path, extensions=REGISTRY, environ=dict.fromkeys(_NAMES.findall(text), "http://localhost:8080"))
        except SpecError as error:
            wrong = [one for one in error.diagnostics if one.severity == "error"]
            return render(wrong, [SourceFile(path=one.path, content=one.content) for one in error.sources], "text")
    return None


def _say(options: argparse.Namespace, line: str) -> None:
    if options.format == "text":
        sys.stderr.write(f"{line}\n")


def _things(n: int) -> str:
    return "1 thing is" if n == 1 else f"{n} things are"
