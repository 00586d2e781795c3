"""The folders of good and broken specs, and loading one as the tests do."""

from pathlib import Path

from harness.registered import Registered

from bench.errors import SpecError
from bench.spec.load import load_spec

FOLDER = Path(__file__).resolve().parent.parent / "specs"
VALID = sorted((FOLDER / "valid").glob("*.yaml"))
INVALID = sorted((FOLDER / "invalid").glob("*.yaml"))
BASE = """bench: 1
name: small
version: 1.0.0
models:
  - id: server
    runtime: external
    base_url: http://localhost:8080/v1
    model: m
prompts:
  - id: one
    user: Say hello.
"""


def load(path, *overrides, extensions=None, **environ):
    """The loaded spec."""
    return load_spec(path, extensions=extensions or Registered(), environ=environ, overrides=overrides)


def findings(path, *overrides, **environ):
    """What is found about a spec, good or bad, and the files the findings point into."""
    try:
        loaded = load(path, *overrides, **environ)
    except SpecError as error:
        return error.diagnostics, error.sources
    return loaded.warnings, loaded.sources


def codes(path, *overrides, **environ):
    """The codes of all findings, in order."""
    return [found.code for found in findings(path, *overrides, **environ)[0]]
