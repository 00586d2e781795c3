"""Extensions of third parties: whose they are, and whether they load."""

from collections.abc import Iterator

from bench.cli.doctor.finding import Finding
from bench.registry import Registry

_ADVICE = {
    "broken": "tell its makers, or uninstall {package}",
    "hidden": "only its makers can help: it needs another name",
    "ambiguous": "uninstall all of them but one",
    "unknown door": "an older or newer version of {package} may fit this bench",
}


def examine(registry: Registry) -> Iterator[Finding]:
    """One finding for each; one for all when there is none."""
    is_any = False
    for each in registry.installed():
        is_any = True
        what, whose = f"extension {each.door} {each.name!r}", f"{each.package} {each.version}"
        if each.state == "loads":
            yield Finding(what=what, state="ok", detail=f"{whose}: loads")
        else:
            yield Finding(what=what, state="problem", detail=f"{whose}: {each.why}", advice=_ADVICE[each.state].format(package=each.package))
    if not is_any:
        yield Finding(what="extensions", state="absent", detail="no package adds any", advice="to write one, see docs/extending.md")
