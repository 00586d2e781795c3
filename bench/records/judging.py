"""What is asked of a judge, what it replies, and how far it may be believed."""

from typing import Any, Literal

import msgspec

from bench.records.exchange import Failure, ServerTimings, Usage
from bench.records.grade import AspectGrade, GradeMethod, GradeState, WhyNot
from bench.records.spec import Message, Prompt, Rubric

JudgeVerdict = Literal["qualified", "weak", "unqualified", "untested"]


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """What a judge may know of an answer. There is no model, variant or trial in it, so no template can show one."""

    prompt: Prompt
    rubric: Rubric | None
    text: str


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """One question to a judge.

    `prefix` is how its answer begins (assistant prefill); it ends so that the label is the next token. `top_logprobs`: how many alternatives of each
    token to report, None for none. `json_schema`: what the reply must fulfil. `choices`: the replies that there are, for a server that can be held to
    them; the question itself names them, too.
    """

    messages: tuple[Message, ...]
    prefix: str = ""
    max_tokens: int = 1
    top_logprobs: int | None = None
    json_schema: dict[str, Any] | None = None
    choices: tuple[str, ...] = ()
    temperature: float = 0.0
    seed: int | None = None


class TokenChoice(msgspec.Struct, frozen=True, kw_only=True):
    """One token of a reply with the likeliest alternatives, natural logarithms of raw probabilities; the token itself is among them."""

    token: str
    logprob: float
    alternatives: tuple[tuple[str, float], ...]


class Reply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came back. `failure` is set when nothing usable did. `text` never holds the prefix."""

    text: str = ""
    reasoning: str = ""
    tokens: tuple[TokenChoice, ...] = ()
    finish_reason: str | None = None
    usage: Usage = Usage(counted_by="estimate")
    server_timings: ServerTimings | None = None
    failure: Failure | None = None


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a judge's endpoint was found able to do, by asking it. `top_logprobs` 0: it gives no log-probabilities. `notes`: how it was found out.

    `grammar`: it can be held to a few given replies. `prefixes`: how an answer is best begun for this judge's tokenizer, by the form of the question
    (`yes_no`, `scale`, `pair`). `system_role` false: it refuses a system turn, so what would stand in one begins the user's turn.
    """

    top_logprobs: int = 0
    prefix: bool = False
    json_schema: bool = False
    grammar: bool = False
    system_role: bool = True
    context: int | None = None
    notes: tuple[str, ...] = ()
    prefixes: dict[str, str] = {}


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A question with its reply. `about` is an aspect's or criterion's id."""

    about: str
    question: Question
    reply: Reply


class Interrogation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that was asked about one answer, or about two: a line of `judging/<grader>/questions.jsonl`.

    Every question begins with the messages of `head`, which stand here once: the first message of a question goes on with the last one of `head`.
    `questions.unfolded` puts them together again.
    """

    trial_id: str
    other_trial_id: str | None = None
    answer_digest: str | None = None
    head: tuple[Message, ...] = ()
    asked: tuple[Asked, ...] = ()


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What a grader found about one candidate; the program adds whose answer it was."""

    state: GradeState
    score: float | None = None
    aspects: tuple[AspectGrade, ...] = ()
    rationale: str | None = None
    asked: tuple[Asked, ...] = ()


class PairJudgement(msgspec.Struct, frozen=True, kw_only=True):
    """What a grader found about two candidates; the fields are `PairGrade`'s."""

    state: GradeState
    preferred: Literal["first", "second", "tie"] | None = None
    p_forward: float | None = None
    p_backward: float | None = None
    label_mass: float | None = None
    method: GradeMethod | None = None
    why_not: WhyNot | None = None
    rationale: str | None = None
    asked: tuple[Asked, ...] = ()


class ProbeFamily(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a judge did on planted probes of one kind, each with a known right answer.

    `wins` of `decided` were right; a tie is not right. `abstained` and `failed` are not decided. `low`, `high`: Wilson interval of the win rate, 95
    %. `is_core`: the judge must pass it. `reason`: why there are no or too few probes. `examples`: probes it failed, in words.
    """

    name: str
    is_core: bool
    wins: int
    decided: int
    abstained: int = 0
    failed: int = 0
    low: float | None = None
    high: float | None = None
    reason: str | None = None
    examples: tuple[str, ...] = ()


class Qualification(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether a judge's numbers count. `label_mass` is the median over the probes' questions, None where no labels were read. `reasons` in words."""

    verdict: JudgeVerdict
    families: tuple[ProbeFamily, ...] = ()
    label_mass: float | None = None
    reasons: tuple[str, ...] = ()
    digest: str = ""  # of all that shaped it: a change voids it


class JudgeWork(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that one judge did for a run, in every session of it: questions about answers, about probes, and about what it can do.

    Its cost hangs on this. `requests` had a reply; `uncounted` of them came without token counts, so their tokens are in no sum. `wall_s` runs from a
    session's first question to its last reply; in `busy_s` of it at least one question was open.
    """

    judge_id: str
    requests: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    uncounted: int = 0
    wall_s: float = 0.0
    busy_s: float = 0.0


class JudgeRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A judge as it graded a run: `judging/<grader>/judge.json`.

    `method` was asked for, `ran` is what the judge's endpoint allowed. `counts` says how many answers (or pairs) ended in each state.
    `prompt_tokens` were in the questions about answers, `read_tokens` of them were read anew and `cached_tokens` taken from the server's prefix cache
    (None: it does not say). `work` is all that each of the judges was asked, probes too, and `duration_s` all that the stage took, in every session
    with this `grader_digest`.
    """

    grader_id: str
    grader_digest: str
    judge_id: str
    method: str
    state: Literal["served", "unavailable", "failed"]
    ran: tuple[GradeMethod, ...] = ()
    reason: str | None = None
    hint: str | None = None
    served_model: str | None = None
    treatment_digest: str | None = None
    runtime_version: str | None = None
    templates: dict[str, str] = {}
    capabilities: Capabilities = Capabilities()
    qualification: Qualification = Qualification(verdict="untested")
    may_count: bool = False  # its scores are part of `quality`: qualified or weak, or the spec lets an unqualified judge count
    judges_itself: tuple[str, ...] = ()  # ids of measured models that are the judge
    same_family: tuple[str, ...] = ()  # ids of measured models of the judge's family
    counts: dict[str, int] = {}
    questions: int = 0
    reused: int = 0  # grades taken from the cache
    prompt_tokens: int = 0
    read_tokens: int | None = None
    cached_tokens: int | None = None
    work: tuple[JudgeWork, ...] = ()
    duration_s: float = 0.0
    notes: tuple[str, ...] = ()
