"""A spec with a judge, written into a folder: prompts about towns, each with statements that a scripted judge knows."""

import json

import msgspec
from harness.probed import knows, prompts
from harness.written_spec import external

TOWNS = prompts(12)
KNOWING = knows(TOWNS)


def write_judged_spec(folder, judge, *models, n=12, judging="", more="warmup: 0", name="spec.yaml", check="{max_words: 50}"):
    """The path of a spec. `judge` is the entry of the judge `local`, or several lines of entries; `judging` goes beside `use: local`."""
    entries = judge if "\n" in judge else f"  local: {judge}"
    lines = ["bench: 1", "name: judged", "version: 1.0.0", "models:", *(f"  - {model}" for model in models), "prompts:"]
    for town in TOWNS[:n]:
        aspects = [
            {key: value for key, value in msgspec.to_builtins(each).items() if key in {"id", "expect", "forbid"} and value} for each in town.aspects
        ]
        aspects.append({"id": "short", "check": "CHECK"})
        written = {"id": town.id, "user": town.messages[0].content, "reference": town.reference, "rubric": "told", "aspects": aspects}
        lines.append(f"  - {json.dumps(written)}".replace('"CHECK"', check))
    lines += ["rubrics: {told: {criteria: [{id: all, aspects: all}]}}", "judges:", entries, f"judge: {{use: local{judging}}}", more, ""]
    path = folder / name
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def judge_at(judge, more=""):
    """The entry of a scripted judge."""
    return external("x", judge.base_url, model="judge", more=more).replace("{id: x, ", "{")
