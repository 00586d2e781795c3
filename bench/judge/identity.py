"""What a grader is: its name in a run, the digest of all that shapes its verdicts, and whether it is related to what it judges."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from bench.digest import digest
from bench.records.judging import Candidate, Capabilities
from bench.records.plan import Treatment
from bench.records.serving import Endpoint
from bench.records.spec import ModelSpec, Prompt, Rubric

# Part of every digest; rises when the same judge, asked in the same words, would come to be read otherwise.
GRADERS_VERSION = 1
DEFAULT_METHOD = "aspects"
# Names of families of models, as they stand in names of files and servers; fine-tuned models carry their ancestor's name.
_FAMILIES = (
    "bloom", "command-r", "deepseek", "exaone", "falcon", "gemini", "gemma", "glm", "gpt", "granite", "grok", "internlm", "llama", "mistral",
    "mixtral", "nemotron", "olmo", "opt", "phi", "prometheus", "pythia", "qwen", "smollm", "stablelm", "starcoder", "tinyllama", "yi", "claude",
)  # fmt: skip
_ALIKE = {"mixtral": "mistral", "tinyllama": "llama"}


def grader_id(judge_id: str, method: str) -> str:
    """The grader's name in a run.

    >>> grader_id("local", "aspects"), grader_id("local", "score")
    ('local', 'local-score')
    """
    return judge_id if method == DEFAULT_METHOD else f"{judge_id}-{method}"


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """All that shapes a judge's verdicts but what is judged: whose they are and how it was asked.

    `judge`: what answers (`judge_identity`); of a panel or an escalation the others' digests stand in `members`.
    """

    judge: str
    method: str
    able: Capabilities
    templates: Mapping[str, str]
    settings: Mapping[str, Any]
    seed: int
    members: Mapping[str, str] = {}

    def digest(self) -> str:
        """The digest of the grader as such. How its abilities were found out is no part of it."""
        able = msgspec.to_builtins(msgspec.structs.replace(self.able, notes=()))
        shape = [self.judge, self.method, able, dict(self.templates), dict(self.settings), self.seed, dict(self.members)]
        return digest(["judge", GRADERS_VERSION, *shape])


def judge_identity(treatment: Treatment, endpoint: Endpoint) -> str:
    """The digest of what answers: weights (where they are known), runtime and its version, device and settings; of a foreign server its address."""
    where = None if endpoint.weights_digest else endpoint.base_url
    return digest([treatment.digest, endpoint.weights_digest, endpoint.served_model, endpoint.runtime_version, endpoint.device, where])


def grader_digest(shape: str, prompt: Prompt, rubric: Rubric | None) -> str:
    """`Grade.grader_digest`: all that shaped a grade but the answer."""
    asked = [[aspect.id, aspect.expect, aspect.forbid, aspect.weight, aspect.required] for aspect in prompt.aspects if aspect.check is None]
    return digest([shape, asked, msgspec.to_builtins(rubric), msgspec.to_builtins(prompt.messages), prompt.reference])


def verdict_key(shape: str, *candidates: Candidate) -> str:
    """The digest of all that shapes one verdict."""
    return digest([shape, *([grader_digest(shape, each.prompt, each.rubric), each.text] for each in candidates)])


def is_the_judge(judge: ModelSpec, treatment: Treatment, *, served: Endpoint | None, judging: Endpoint) -> bool:
    """Whether a measured model is the judge: by its entry, by the weights, or by what one server serves."""
    if judge.id == treatment.model_id:
        return True
    if served is None:
        return judge.weights is not None and judge.weights == treatment.model.weights
    if judging.weights_digest is not None:
        return judging.weights_digest == served.weights_digest
    return not judging.owned and (judging.base_url, judging.served_model) == (served.base_url, served.served_model)


def family(*names: str | None) -> str | None:
    """The family that names of one model speak of; None when they name none.

    >>> family("judge", "hf:Qwen/Qwen3-4B-GGUF/Qwen3-4B-Q4_K_M.gguf"), family("local")
    ('qwen', None)
    """
    text = " ".join(name.casefold() for name in names if name)
    found = [name for name in _FAMILIES if _stands_in(name, text)]
    return _ALIKE.get(found[0], found[0]) if found else None


def _stands_in(name: str, text: str) -> bool:
    """A name at the beginning of a word: `phi-4`, `Phi3`, not `graphite`."""
    return re.search(rf"(?<![a-z]){re.escape(name)}(?![a-z])|(?<![a-z]){re.escape(name)}(?=\d)", text) is not None


def same_family(judge: tuple[str | None, ...], measured: tuple[str | None, ...]) -> bool:
    """Whether both are of one family, as far as their names tell."""
    one = family(*judge)
    return one is not None and one == family(*measured)
