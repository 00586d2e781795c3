"""The one view that every format renders: what a run says, in the order a reader needs it."""

from collections.abc import Iterable, Mapping
from typing import Any

from bench.records.estimate import Summary
from bench.records.observation import Observation
from bench.records.run import Manifest
from bench.records.spec import Spec
from bench.records.view import Cell, Column, Table, View
from bench.report import glossary
from bench.report.answers import side_by_side
from bench.report.charts import charts
from bench.report.checks import checks, checks_by_prompt
from bench.report.comparison import comparison
from bench.report.courses import courses
from bench.report.details import estimates, outliers, prefix, prompts
from bench.report.escape import short
from bench.report.gates import gates
from bench.report.headline import cautions, headline
from bench.report.judges import judges
from bench.report.loads import loads
from bench.report.lookup import Lookup
from bench.report.machine import machine, machine_courses
from bench.report.models import models
from bench.report.money import costs
from bench.report.people import people
from bench.report.provenance import environment, reproduction
from bench.report.results import highlights, results
from bench.report.selection import decision, selection
from bench.report.variants import variants


def build_view(  # noqa: PLR0913 - what a report is made from
    *, manifest: Manifest, summary: Summary, spec: Spec, resolved: Mapping[str, Any], observations: Iterable[Observation], unshown: int = 0
) -> View:
    """Everything a report shows. The same arguments give the same view, whatever the order of the observations.

    `observations`: answers to show; `unshown`: how many prompts have others.
    """
    seen = Lookup(summary, spec)
    observed = sorted(observations, key=lambda one: (one.trial.prompt_id, one.trial.model_id, one.trial.variant_id, one.trial.round, one.trial.id))
    groups, note = side_by_side(seen, spec, observed, unshown)
    sections = (
        *(
            selection(seen),
            gates(seen),
            results(seen, spec),
            highlights(seen),
            comparison(seen, spec),
            variants(seen, spec),
            loads(seen, spec),
            models(seen),
            judges(seen, spec),
            people(seen),
            checks(seen, spec),
            checks_by_prompt(seen, spec),
            prefix(seen),
            prompts(seen),
            outliers(seen),
        ),
        *(machine(seen), costs(seen), estimates(seen), environment(seen, manifest), reproduction(manifest, spec)),
    )
    return View(
        manifest=manifest,
        summary=summary,
        spec=dict(resolved),
        answers=tuple(answer for group in groups for answer in group.answers),
        title=f"{short(spec.name, 120)} {short(spec.version, 40)}",
        decision=decision(summary),
        headline=headline(seen, spec, manifest),
        cautions=cautions(seen, spec, manifest),
        sections=tuple(section for section in sections if section is not None),
        prompts=groups,
        answers_note=note,
        charts=(*charts(seen), *courses(seen), *machine_courses(seen)),
        definitions=_definitions(seen),
    )


def _definitions(seen: Lookup) -> Table:
    estimates = seen.summary.estimates
    present = {found.metric for found in estimates} - glossary.unsaid(estimates)
    defined = (*glossary.definitions(present, is_judged=seen.is_judged), *glossary.GENERAL)
    rows = tuple((Cell(value=word), Cell(value=meaning)) for word, meaning in defined)
    return Table(id="definitions", columns=(Column(title="Word"), Column(title="Meaning")), rows=rows)
