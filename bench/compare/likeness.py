"""In what two runs differ beside their answers, and which verdicts that forbids."""

from collections.abc import Iterator, Sequence

from bench.compare.align import Aligned
from bench.compare.vetoes import Vetoes, late
from bench.records.baseline import Baseline, Contestant, Grader
from bench.records.compare import Limits, Unlike
from bench.records.machine import Machine

_SAME_MEMORY = 0.02  # systems report the memory of one machine a little differently from start to start
_NONE = "–"
CLIENT = "client"
CONTENTION = "other work on the machine"
MACHINE = "machine: "
_TRANSPORT = "transport"
_ENDS_REQUESTS = ("timeout", "retries")
_SERVED: tuple[tuple[str, str], ...] = (
    (_TRANSPORT, "transport"),
    ("API", "api"),
    ("served model", "served_model"),
    ("runtime version", "runtime_version"),
    ("weights", "weights_digest"),
    ("device", "device"),
    ("serving settings", "treatment_digest"),
)


def unlike(base: Baseline, head: Baseline, aligned: Sequence[Aligned]) -> tuple[Unlike, ...]:
    """Everything in which they differ, the weightiest first."""
    about = (*_machines(base.machine, head.machine), *_circumstances(base, head, aligned))
    return (*about, *_judges(base, head), *_versions(base, head), *_contended(aligned), *_servers(aligned))


def _machines(base: Machine, head: Machine) -> Iterator[Unlike]:
    for what in ("system", "architecture", "cpu", "cores", "gpus"):
        first, second = getattr(base, what), getattr(head, what)
        if first != second:
            yield _named(f"{MACHINE}{what}", _text(first), _text(second), "speed")
    first, second = base.memory_bytes or 0, head.memory_bytes or 0
    if abs(first - second) > _SAME_MEMORY * max(first, second):
        yield _named(f"{MACHINE}memory", _size(first), _size(second), "speed")
    if base.python != head.python:
        yield _named("Python of the client", base.python or _NONE, head.python or _NONE, "nothing")


def _circumstances(base: Baseline, head: Baseline, aligned: Sequence[Aligned]) -> Iterator[Unlike]:
    has_failed = any(side.failed for one in aligned for pair in one.pairs for side in pair)
    ends: Limits = "speed_and_errors" if has_failed else "errors"  # of what was given up there is no time, and it would have been a long one
    for what in sorted(base.circumstances.keys() | head.circumstances.keys()):
        first, second = base.circumstances.get(what, _NONE), head.circumstances.get(what, _NONE)
        if first != second:
            yield _named(what, first, second, ends if what in _ENDS_REQUESTS else "speed")
    if sides := late(base, head):  # in both, too: then each holds a delay of its own, of a machine that was busy with other things
        first, second = ("could not keep up" if run.client_saturated else "kept up" for run in (base, head))
        is_full = "client" not in {base.limited_by, head.limited_by}
        pushes = {push.way for one in aligned if (push := Vetoes(late=sides, is_full_load=is_full).client(one)) is not None}
        yield Unlike(what=CLIENT, base=first, head=second, limits="speed", pushed=pushes.pop() if len(pushes) == 1 else "any")


def _judges(base: Baseline, head: Baseline) -> Iterator[Unlike]:
    first, second = ({judge.grader_id: judge for judge in run.judges} for run in (base, head))
    for grader in sorted(first.keys() | second.keys()):
        a, b = first.get(grader), second.get(grader)
        if a != b:
            yield _named(f"judge {grader}", _judge(a), _judge(b), "scores")


def _judge(one: Grader | None) -> str:
    return _NONE if one is None else f"{one.digest[:8]}, {one.verdict}{'' if one.counts else ', does not count'}"


def _versions(base: Baseline, head: Baseline) -> Iterator[Unlike]:
    if base.spec_name != head.spec_name:
        yield _named("spec", base.spec_name, head.spec_name, "nothing")
    if base.spec_version != head.spec_version:
        yield _named("version of the spec", base.spec_version, head.spec_version, "nothing")
    if base.bench_version != head.bench_version:
        yield _named("bench", base.bench_version, head.bench_version, "nothing")


def _contended(aligned: Sequence[Aligned]) -> Iterator[Unlike]:
    for one in aligned:
        if (push := Vetoes().other_work(one, "times")) is not None:
            first, second = (side.contention.get("times", _NONE) for side in (one.base, one.head))
            model, variant = one.name
            yield Unlike(what=CONTENTION, base=first, head=second, limits="speed", pushed=push.way, model_id=model, variant_id=variant)


def _servers(aligned: Sequence[Aligned]) -> Iterator[Unlike]:
    for one in aligned:
        for what, first, second in served_otherwise(one.base, one.head):
            limits: Limits = "speed" if what == _TRANSPORT else "nothing"
            yield Unlike(what=what, base=first, head=second, limits=limits, model_id=one.name[0], variant_id=one.name[1])


def served_otherwise(base: Contestant, head: Contestant) -> Iterator[tuple[str, str, str]]:
    """What differs in how a model was served. Weights named by their digest are part of the settings' one: told once."""
    for what, field in _SERVED:
        first, second = getattr(base, field), getattr(head, field)
        if first != second:
            most = 8 if field.endswith("_digest") else None
            yield what, str(first or _NONE)[:most], str(second or _NONE)[:most]


def _named(what: str, base: str, head: str, limits: Limits) -> Unlike:
    return Unlike(what=what, base=base, head=head, limits=limits)


def _size(of_bytes: int) -> str:
    return f"{of_bytes / 1e9:.1f} GB" if of_bytes else _NONE


def _text(value: object) -> str:
    return ", ".join(map(str, value)) or _NONE if isinstance(value, tuple) else str(value) or _NONE
