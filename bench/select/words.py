"""A decision as one plain sentence."""

from collections.abc import Iterator, Sequence

from bench.records.comparison import Contender
from bench.records.quantity import in_words
from bench.records.selection import Flip, SelectionCandidate, SelectionResult

METHOD = (
    "Score: the product of each value’s ratio to the best, to the power of its weight (weighted product). Two candidates compare by the ratios of "
    "their values, so a third one never turns their order."
)
_MOST = 3  # names in a sentence
_NAME = 60  # characters
_REASON = 200


def sentence(found: SelectionResult) -> str:
    """Which model, why, how sure, and what would change it."""
    match found.verdict:
        case "none":
            return _nobody(found)
        case "cannot_tell":
            return f"No model is chosen yet: {_open(found)}."
        case "clear" | "likely":
            return f"Choose {_name(found, found.selected)}: {_why(found)}{_how_sure(found)}{_change(found)}."


def _name(found: SelectionResult, who: Contender | None) -> str:
    if who is None:
        return "nobody"
    named_variant = len({candidate.who.variant_id for candidate in found.candidates}) > 1
    model, variant = (one if len(one) <= _NAME else f"{one[:_NAME]}…" for one in (who.model_id, who.variant_id))
    return f"{model} [{variant}]" if named_variant else model


def _because(candidate: SelectionCandidate) -> str:
    """Why a candidate is not in the race."""
    reason = candidate.reason or "no reason known"
    return reason if len(reason) <= _REASON else f"{reason[:_REASON]}…"


def _names(found: SelectionResult, those: Sequence[Contender]) -> str:
    named = [_name(found, who) for who in those[:_MOST]]
    more = len(those) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")


def _of(found: SelectionResult, who: Contender | None) -> SelectionCandidate | None:
    return next((candidate for candidate in found.candidates if candidate.who == who), None)


def _in_race(found: SelectionResult) -> list[SelectionCandidate]:
    return [candidate for candidate in found.candidates if candidate.state == "in"]


def _nobody(found: SelectionResult) -> str:
    if not any(candidate.values for candidate in found.candidates):
        return "No model can be chosen: none was measured."
    told = [f"{_name(found, candidate.who)}: {_because(candidate)}" for candidate in found.candidates if candidate.values]
    more = f"; and {len(told) - _MOST} more" if len(told) > _MOST else ""
    is_open = any(candidate.state == "unknown" and candidate.values for candidate in found.candidates)
    meets = "is known to meet" if is_open else "meets"
    return f"No model can be chosen: none that was measured {meets} all requirements ({'; '.join(told[:_MOST])}{more})."


def _open(found: SelectionResult) -> str:
    """Why it cannot be told who is best, and what would help."""
    if blocked := _blocked(found):
        return blocked
    inside = [candidate.who for candidate in found.candidates if candidate.state == "in"]
    if not inside:
        return "what is required is not known of any candidate"
    if found.leader is None:
        return _equal(found, inside)
    leader = _name(found, found.leader)
    leads = f"{leader} alone meets all requirements by the measured values" if found.basis == "requirements" else f"{leader} leads"
    if found.n_prompts < found.needed:
        return f"{leads}, but {found.n_prompts} {found.unit} are too few to say how sure that is ({found.needed} needed)"
    if not found.resamples:
        return f"{leads}, but how far its figures would vary is not known"
    return f"{leads}, but wins in only {_share(_win(found, found.leader))} of {_resamples(found)}{_others(found)}; more {found.unit} would tell"


def _blocked(found: SelectionResult) -> str | None:
    """Who was measured and cannot be placed, though no requirement keeps it out."""
    lacking = [candidate for candidate in found.candidates if candidate.state == "unknown" and candidate.values]
    blocking = [candidate for candidate in lacking if all(one.holds for one in candidate.requirements)]
    why = "; ".join(f"{_name(found, candidate.who)}: {_because(candidate)}{_gap(found, candidate)}" for candidate in blocking[:_MOST])
    return f"not every candidate can be placed ({why})" if blocking else None


def _equal(found: SelectionResult, inside: Sequence[Contender]) -> str:
    """Why nobody leads."""
    front = [candidate.who for candidate in found.candidates if candidate.is_on_front]
    if found.basis == "front" and front:
        return f"each of {_names(found, front)} is better than the others in something, and without `weights` nothing says what counts more"
    first = [who for who in inside if (candidate := _of(found, who)) and (candidate.score is None or candidate.score >= 1)]
    return f"nothing that counts tells {_names(found, first)} apart"


def _gap(found: SelectionResult, candidate: SelectionCandidate) -> str:
    reasons = [
        one.reason
        for one in candidate.values
        if one.reason and any(criterion.name == one.criterion and criterion.weight > 0 for criterion in found.criteria)
    ]
    return f" ({reasons[0]})" if reasons else ""


def _others(found: SelectionResult) -> str:
    rivals = [candidate for candidate in found.candidates if candidate.who != found.leader and (candidate.win_share or 0) > 0]
    ranked = sorted(rivals, key=lambda candidate: -(candidate.win_share or 0))[:_MOST]
    told = [f"{_name(found, candidate.who)} in {_share(candidate.win_share)}" for candidate in ranked]
    if found.nobody_share:
        told.append(f"nobody meets the requirements in {_share(found.nobody_share)}")
    return f" ({', '.join(told)})" if told else ""


def _win(found: SelectionResult, who: Contender | None) -> float | None:
    candidate = _of(found, who)
    return candidate.win_share if candidate else None


def _why(found: SelectionResult) -> str:
    inside = _in_race(found)
    asked = any(candidate.requirements for candidate in found.candidates)
    if found.basis == "requirements":
        others = [candidate for candidate in found.candidates if candidate.values and candidate.who != found.selected]
        if not others:
            return f"it is the only model that was measured{', and it meets all requirements' if asked else ''}"
        told = "; ".join(f"{_name(found, candidate.who)}: {_because(candidate)}" for candidate in others[:_MOST])
        return f"it alone meets all requirements ({told})"
    among = f"of the {len(inside)} that {'meet all requirements' if asked else 'were measured'}"
    if found.basis == "front":
        return f"{among} it is at least as good as any in everything, and better in something"
    rival = _of(found, found.runner_up)
    behind = f" ({_name(found, found.runner_up)} reaches {_share(rival.score)} of it)" if rival and rival.score is not None else ""
    return f"{among} it has the best weighted score{behind}"


def _how_sure(found: SelectionResult) -> str:
    if not found.resamples:
        return ", as read in this run" if found.basis != "requirements" else ""
    if found.verdict == "clear" and (_win(found, found.selected) or 0) >= 1:
        return f", in all of {_resamples(found)}"
    likely = f"likely, not certain{_since(found)}: " if found.verdict == "likely" else ""
    return f"; {likely}it wins in {_share(_win(found, found.selected))} of {_resamples(found)}"


def _since(found: SelectionResult) -> str:
    selected = _of(found, found.selected)
    names = [one.name for one in selected.requirements if one.outcome == "undecided"] if selected else []
    why = [f"{', '.join(names[:_MOST])} is undecided"] if names else []
    return f", since {' and '.join((*why, *found.doubts[:_MOST]))}" if why or found.doubts else ""


def _resamples(found: SelectionResult) -> str:
    return f"{found.resamples:,} resamples of the {found.n_prompts} {found.unit}"


def _share(value: float | None) -> str:
    """A share in whole per cent that is never rounded to all or nothing."""
    if value is None:
        return "an unknown share"
    return ">99 %" if 0.995 <= value < 1 else "<1 %" if 0 < value < 0.005 else f"{value * 100:.0f} %"


def _change(found: SelectionResult) -> str:
    told: dict[str, list[str]] = {}
    for who, what in _changes(found):
        told.setdefault(who, []).append(what)
    return "".join(f"; {who} would win {', or '.join(changes)}" for who, changes in told.items())


def _changes(found: SelectionResult) -> Iterator[tuple[str, str]]:
    """Who wins, and with which change: the nearest of each kind."""
    by_kind: dict[str, list[Flip]] = {}
    for flip in found.flips:
        by_kind.setdefault(flip.kind, []).append(flip)
    weights = {criterion.name: criterion.weight for criterion in found.criteria}
    if near := sorted(by_kind.get("weight", ()), key=lambda flip: abs((flip.at or 0) - weights[flip.criterion])):
        one = near[0]
        yield _name(found, one.wins), f"with a weight of {one.criterion} {one.side} {one.at:.2g} (it is {weights[one.criterion]:.2g})"
    if near := sorted(by_kind.get("value", ()), key=lambda flip: _step(found, flip)):
        one = near[0]
        yield _name(found, one.wins), f"if {one.criterion} of {_name(found, found.selected)} came to {in_words(_three(one.at), one.unit)}"
    for one in by_kind.get("requirement", ())[:1]:
        yield _name(found, one.wins), f"without the requirement {one.criterion}"


def _three(value: float | None) -> float:
    return float(f"{value or 0:.3g}")


def _step(found: SelectionResult, flip: Flip) -> float:
    """How far the leader's value is from the flip, as a ratio."""
    leader = _of(found, found.leader)
    value = next((one.value for one in leader.values if one.criterion == flip.criterion), None) if leader else None
    if not value or not flip.at:
        return float("inf")
    return max(value / flip.at, flip.at / value)
