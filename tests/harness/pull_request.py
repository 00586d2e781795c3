"""A repository with an experiment, its baseline, and a branch that changes the experiment: what docs/pull-requests.md tells of."""

import contextlib
import shutil
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from harness.command import bench
from harness.mock_llm import mock_llm
from harness.repository import Repository

WORDS = ("Adam", "Bea", "Cem", "Dana", "Emil", "Fay", "Gus", "Hana", "Ivo", "Jana", "Kaj", "Lea")
GOOD, BAD = "Ask the owner, who answers by Friday. ", "Nobody knows. "
SPEC = "specs/minutes.yaml"


def spec_text(version="1.0.0", server="OLD_SERVER", first="Who owns the open point of {{ name }}?", rounds=1, more=""):
    """An experiment of twelve prompts."""
    prompts = "\n".join(
        f"  - {{id: ask-{name.lower()}, user: {(first if not n else 'Who owns the open point of {{ name }}?')!r}, vars: {{name: {name}}},"
        f" aspects: [{{id: names-owner, check: {{contains: owner}}}}]}}"
        for n, name in enumerate(WORDS)
    )
    return (
        "# yaml-language-server: $schema=../schemas/spec.v1.schema.json\n"
        f"bench: 1\nname: minutes\nversion: {version}\n"
        f"models: [{{id: server, runtime: external, base_url: '${{{server}}}', model: mock}}]\n"
        f"prompts:\n{prompts}\nrounds: {rounds}\nwarmup: 0\n"
        f"gates:\n  - {{metric: quality, min: 75 %}}\nreport: {{formats: [markdown, json]}}\n{more}"
    )


@dataclass
class Story:
    """The repository, on its branch; `base` is the commit that the branch left."""

    repository: Repository
    base: str
    environ: dict

    def change(self, text, message):
        """A commit on the branch with the spec as this text."""
        (self.repository.folder / SPEC).write_text(text, encoding="utf-8")
        return self.repository.commit(message)


@cache
def _main():
    """The repository with an experiment and its baseline, made once for all tests of this process; and what cleans up after it."""
    kept = tempfile.TemporaryDirectory(prefix="bench-story-")
    folder = Path(kept.name)
    made = Repository(folder / "checkout")
    made.write(specs__minutes=spec_text())
    made.commit("An experiment")
    with mock_llm(text=GOOD, n=6) as old:
        done = bench("run", SPEC, "--quiet", "--runs", folder / "runs", folder=made.folder, environ={"OLD_SERVER": old.base_url})
    assert done.returncode == 0, done.stderr
    stored = bench("baseline", "store", done.stdout.strip(), folder=made.folder)
    assert stored.returncode == 0, stored.stderr
    made.commit("What it comes to")
    return made.folder, kept


@contextlib.contextmanager
def story(folder, answer=BAD):
    """Two servers of the same model, of which the newer answers badly, or what it is told to; main with a spec and its baseline."""
    with mock_llm(text=GOOD, n=6) as old, mock_llm(text=answer, n=6) as new:
        shutil.copytree(_main()[0], folder / "checkout")
        made = Repository(folder / "checkout")
        base = made.git("rev-parse", "HEAD")
        made.git("switch", "-q", "-c", "new-server")
        yield Story(made, base, {"OLD_SERVER": old.base_url, "NEW_SERVER": new.base_url})
