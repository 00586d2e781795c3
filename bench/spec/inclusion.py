"""Prompt sets, traces and the workshop's `models.json` and `prompts.json`, put where a spec names them."""

import re
from pathlib import PurePosixPath
from typing import Any

from bench.records.source import Diagnostic, Position
from bench.spec import schema
from bench.spec.files import FileProblem, Folder
from bench.spec.marked import Assembly, Marked, Path
from bench.spec.trace_file import TraceProblem, arrivals
from bench.spec.validate import validate

_TEMPLATE = re.compile(r"\{[{%#]")


def expand(tree: Marked, folder: Folder) -> tuple[Marked, list[Diagnostic]]:
    """The spec with everything it includes in place. What cannot be included stays as it was written, with a finding."""
    work = _Expansion(tree, folder)
    data = {key: work.value(key) for key in tree.data}
    work.whole.mark((), tree.mark(()))
    whole = Marked(data, work.whole.marks)
    whole.checked = work.checked
    return whole, work.found


class _Expansion:
    """One pass over a spec's data."""

    def __init__(self, tree: Marked, folder: Folder) -> None:
        self.tree = tree
        self.folder = folder
        self.whole = Assembly()
        self.found: list[Diagnostic] = []
        self.checked: set[Path] = set()

    def value(self, key: str) -> Any:
        """The value of one top-level key, expanded."""
        given = self.tree.data[key]
        if key in {"models", "prompts"} and isinstance(given, dict) and isinstance(given.get("file"), str) and len(given) == 1:
            return self._workshop(key, given["file"])
        if key == "prompts" and isinstance(given, list):
            self.whole.mark((key,), self.tree.mark((key,)))
            prompts: list[Any] = []
            for index, item in enumerate(given):
                if isinstance(item, dict) and isinstance(item.get("include"), str) and item["include"] and len(item) == 1:
                    self._include(item["include"], index, prompts)
                else:
                    prompts.append(self.whole.take(self.tree, (key, index), (key, len(prompts))))
            return prompts
        if key == "load" and isinstance(given, dict) and isinstance(given.get("file"), str) and "arrivals" not in given:
            return self._trace(given["file"])
        return self.whole.take(self.tree, (key,), (key,))

    def _trace(self, name: str) -> dict[str, Any]:
        """The load with the arrivals of its trace in the place of the file's name."""
        at: Path = ("load", "file")
        load: dict[str, Any] = self.whole.take(self.tree, ("load",), ("load",))
        try:
            found = arrivals(self.folder.content(name), name)
        except FileProblem as problem:
            self.found.append(self.tree.diagnose(at, problem.code, problem.message, hint=problem.hint))
            return load
        except TraceProblem as problem:
            where = Position(file=PurePosixPath(name).as_posix(), line=problem.line, column=1)
            self.found.append(Diagnostic(code="bad-trace", severity="error", message=problem.message, position=where, hint=problem.hint))
            return load
        self.whole.mark(("load", "arrivals"), self.tree.mark(at))
        return {key: value for key, value in load.items() if key != "file"} | {"arrivals": found}

    def _read(self, name: str, at: Path, file: str, part: str | None = None) -> Marked | None:
        """A file that was checked against its schema, or None with findings."""
        before = len(self.folder.found)
        try:
            tree = self.folder.tree(name)
        except FileProblem as problem:
            self.found.append(self.tree.diagnose(at, problem.code, problem.message, hint=problem.hint))
            return None
        if tree is None:
            return None
        wrong = validate(tree, file, part)
        self.found.extend(wrong)
        return None if wrong or len(self.folder.found) > before else tree

    def _include(self, name: str, index: int, prompts: list[Any]) -> None:
        at: Path = ("prompts", index)
        tree = self._read(name, (*at, "include"), schema.PROMPTS)
        if tree is None:
            prompts.append(self.whole.take(self.tree, at, ("prompts", len(prompts))))
            return
        for number in range(len(tree.data["prompts"])):
            prompts.append(self._prompt(tree, number, ("prompts", len(prompts)), name))

    def _prompt(self, tree: Marked, number: int, target: Path, name: str) -> dict[str, Any]:
        """One prompt of a set with the set's defaults (documented in the schema of prompt sets)."""
        own: dict[str, Any] = tree.data["prompts"][number]
        defaults: dict[str, Any] = tree.data.get("defaults", {})
        prompt: dict[str, Any] = self.whole.take(tree, ("prompts", number), target)
        for key in ("rubric",) if "messages" in own else ("rubric", "system", "user"):
            if key in defaults and key not in own:
                prompt[key] = self.whole.take(tree, ("defaults", key), (*target, key))
        for key in defaults.get("vars", {}):
            if key not in own.get("vars", {}):
                prompt.setdefault("vars", {})[key] = self.whole.take(tree, ("defaults", "vars", key), (*target, "vars", key))
        if "aspects" in defaults:
            prompt["aspects"] = self._aspects(tree, number, (*target, "aspects"))
        if "tags" in defaults:
            prompt["tags"] = [*defaults["tags"], *(tag for tag in own.get("tags", ()) if tag not in defaults["tags"])]
        prompt["origin"] = name
        if ("user" in prompt) != ("messages" in prompt):  # what the schema of a spec asks for beyond that of a set
            self.checked.add(target)
        return prompt

    def _aspects(self, tree: Marked, number: int, target: Path) -> list[Any]:
        """The set's aspects, each replaced by the prompt's own of the same id, then the prompt's others."""
        origins: dict[str, Path] = {}
        own = tree.data["prompts"][number].get("aspects", [])
        lists: tuple[tuple[list[Any], Path], ...] = (
            (tree.data["defaults"]["aspects"], ("defaults", "aspects")),
            (own, ("prompts", number, "aspects")),
        )
        extra: list[Path] = []
        for aspects, where in lists:
            names: set[str] = set()
            for index, aspect in enumerate(aspects):
                if aspect["id"] in names:  # twice in one list: kept, so that the rules find it
                    extra.append((*where, index))
                    continue
                names.add(aspect["id"])
                origins[aspect["id"]] = (*where, index)
        return [self.whole.take(tree, origin, (*target, index)) for index, origin in enumerate([*origins.values(), *extra])]

    def _workshop(self, key: str, name: str) -> Any:
        file, part = (schema.SPEC, "workshop_models") if key == "models" else (schema.PROMPTS, "workshop_prompts")
        tree = self._read(name, (key, "file"), file, part)
        if tree is None:
            return self.whole.take(self.tree, (key,), (key,))
        self.whole.mark((key,), self.tree.mark((key,)))
        return self._workshop_models(tree) if key == "models" else self._workshop_prompts(tree, name)

    def _workshop_models(self, tree: Marked) -> list[dict[str, Any]]:
        models = []
        for index, (alias, facts) in enumerate(tree.data.items()):
            target: Path = ("models", index)
            model = {"id": _identifier(alias, f"model-{index + 1}"), "runtime": "foundry-local", "alias": alias}
            model |= {fact: self.whole.take(tree, (alias, fact), (*target, fact)) for fact in facts if fact != "size_mb"}
            if "size_mb" in facts:
                model["size"] = round(facts["size_mb"] * 1_000_000)
                self.whole.mark((*target, "size"), tree.mark((alias, "size_mb")))
            self.whole.mark(target, tree.mark((alias,)))
            models.append(model)
        return models

    def _workshop_prompts(self, tree: Marked, name: str) -> list[dict[str, Any]]:
        prompts = []
        for index, given in enumerate(tree.data):
            target: Path = ("prompts", index)
            self.whole.mark(target, tree.mark((index,)))
            entry = {"user": given} if isinstance(given, str) else {("user" if fact == "prompt" else fact): value for fact, value in given.items()}
            prompt: dict[str, Any] = {"id": entry.get("id", f"prompt-{index + 1}"), "origin": name}
            prompt |= {fact: entry[fact] for fact in ("reference", "tags") if fact in entry}
            for fact in ("system", "user"):
                if fact in entry:
                    self._literal(prompt, fact, entry[fact])
            facts = [*entry.get("expected_aspects", ()), *entry.get("aspects", ())]
            if facts:
                prompt["aspects"] = [{"id": f"aspect-{number}", "expect": fact} for number, fact in enumerate(facts, start=1)]
            for fact in given if isinstance(given, dict) else ():
                self.whole.mark((*target, "user" if fact == "prompt" else fact), tree.mark((index, fact)))
            prompts.append(prompt)
        return prompts

    def _literal(self, prompt: dict[str, Any], key: str, text: str) -> None:
        """The workshop's texts are no templates: one that looks like a template becomes a variable."""
        if _TEMPLATE.search(text) is None:
            prompt[key] = text
            return
        prompt[key] = f"{{{{ {key}_text }}}}"
        prompt.setdefault("vars", {})[f"{key}_text"] = text


def _identifier(text: str, otherwise: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text[:64]).strip("-._") or otherwise
