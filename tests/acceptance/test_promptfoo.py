"""Twenty promptfoo configurations: imported, run, and passed or failed as promptfoo itself did (tests/data/promptfoo/README.md)."""

import json

import pytest
from harness.fake_bench import fake_registry, means_for
from harness.source_tree import ROOT

from bench.catalog import CATALOG, REGISTRY
from bench.grading import scoring
from bench.interchange.promptfoo.importing import import_config
from bench.pipeline import run
from bench.store.decided import Decided
from bench.store.layout import RunLayout
from bench.store.reader import read_plan
from bench.summarize.aspects import defines_acceptance, is_accepted

FOLDER = ROOT / "tests" / "data" / "promptfoo"
RECORDED = json.loads((FOLDER / "results.json").read_text(encoding="utf-8"))["results"]


def test_every_configuration_is_recorded():
    assert sorted(RECORDED) == sorted(path.name for path in FOLDER.glob("[0-9][0-9]-*"))
    assert len(RECORDED) == 20


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_imported_configuration_passes_and_fails_as_with_promptfoo(name, tmp_path):
    imported = import_config(FOLDER / name, REGISTRY)
    path = tmp_path / "spec.yaml"
    path.write_text(imported.text, encoding="utf-8")
    assert [one.message for one in imported.findings if one.severity == "warning"] == []
    registry = fake_registry(provider=dict.fromkeys(CATALOG["provider"], "harness.echo:Echo"))
    means = means_for(path, tmp_path, registry=registry)
    ended = run(means)
    spec = means.loaded.spec
    prompts = {prompt.id: prompt for prompt in spec.prompts}
    rubrics = {rubric.id: rubric for rubric in spec.rubrics}
    layout = RunLayout(ended.folder)
    verdicts = {}
    for seen in Decided(layout, read_plan(layout), scoring=scoring(layout, spec)).observations():
        prompt = prompts[seen.trial.prompt_id]
        rubric = rubrics.get(prompt.rubric or "")
        passed = is_accepted(seen, prompt, rubric) if defines_acceptance(prompt, rubric) else seen.completion is not None
        verdicts[prompt.id] = (seen.completion.text, passed)
    recorded = [(one["test"], _said(one["answer"]), one["passed"]) for one in RECORDED[name]]
    n_prompts = sum(test == 0 for test, _, _ in recorded)
    assert sorted((place // n_prompts, *verdicts[prompt.id]) for place, prompt in enumerate(spec.prompts)) == sorted(recorded)


def _said(answer):
    """The last message of a chat, which promptfoo's echo answers whole, as JSON."""
    try:
        messages = json.loads(answer)
    except ValueError:
        return answer
    return messages[-1]["content"] if isinstance(messages, list) else answer
