"""How an answer is best begun for a judge's tokenizer, found by asking.

Whether a word begins with its space or a digit stands alone is the tokenizer's: `Rating: ` leaves SmolLM2 a digit as the next token with probability
0.9, `Rating:` with 0.001. So each beginning is tried once on a question that every judge can answer, and the one with the most label mass is kept.
"""

import msgspec

from bench.judge.asking import YES_NO, believed
from bench.judge.graders.pairwise import SLOTS
from bench.judge.interview import PREFIXES, Form, Interview
from bench.judge.items import DEFAULT_SCALE
from bench.judge.labels import LEAST_MASS
from bench.judge.means import JudgeMeans
from bench.records.judging import Candidate, Capabilities
from bench.records.spec import Message, Prompt

TRIED: dict[Form, tuple[str, ...]] = {
    "yes_no": ("Answer:", "Answer: ", ""),
    "scale": ("Rating: ", "Rating:", ""),
    "pair": ("Answer:", "Answer: ", "Answer: Answer ", ""),
}
_SURE = 0.9  # enough not to look further


async def with_prefixes(means: JudgeMeans) -> Capabilities:
    """The capabilities with the best beginning for each form of question, and what each carried in the notes.

    Unchanged where the judge gives no log-probabilities or cannot go on from a beginning.
    """
    interview = Interview(means)
    known = means.capabilities
    if not known.prefix or known.top_logprobs < 2:
        return known
    found: dict[str, str] = {}
    notes: list[str] = []
    for form, tried in TRIED.items():
        best, most = PREFIXES[form], -1.0
        for prefix in tried:
            mass = await _mass(interview, form, prefix)
            if mass > most:
                best, most = prefix, mass
            if mass >= _SURE:
                break
        found[form] = best
        weak = "" if most >= LEAST_MASS else ", too little: it answers such questions in other words"
        notes.append(f"{form}: begun with {best!r}, the labels carry {max(most, 0.0):.3f}{weak}")
    return msgspec.structs.replace(known, prefixes=found, notes=(*known.notes, *notes))


async def _mass(interview: Interview, form: Form, prefix: str) -> float:
    """The label mass of one question with this beginning; 0 where there is no reply."""
    low, high = DEFAULT_SCALE
    labels = {"yes_no": YES_NO, "scale": tuple(str(grade) for grade in range(low, high + 1)), "pair": SLOTS}[form]
    asked = await interview.label(form, _trial(interview, form), prefix)
    return believed(asked, labels).label_mass or 0.0


def _trial(interview: Interview, form: Form) -> tuple[Message, ...]:
    """A question of this form."""
    prompt = Prompt(id="trial", messages=(Message(role="user", content="Name the capital of France in one sentence."),))
    right = Candidate(prompt=prompt, rubric=None, text="The capital of France is Paris.")
    wrong = Candidate(prompt=prompt, rubric=None, text="I like trains.")
    if form == "pair":
        return interview.wording.about_pair(right, wrong, "")
    low, high = DEFAULT_SCALE
    return interview.wording.about_answer(
        "score" if form == "scale" else "aspects", right, statement="Names a city", is_negated=False, is_question=False, low=low, high=high,
        anchors="",
    )  # fmt: skip
