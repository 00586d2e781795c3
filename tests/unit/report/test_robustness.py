"""Whatever a summary lacks, every format still renders, and tables keep their shape."""

import re

from harness.report_run import HOSTILE_LINE, manifest, observations, spec, summary
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bench.catalog import CATALOG, REGISTRY
from bench.report.console import tables
from bench.report.view import build_view

FORMATS = [REGISTRY.load("report", name)() for name in sorted(CATALOG["report"])]
VALUES = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True), st.sampled_from([0.0, -0.0, 1e-12, 1.0, 1e15]))


@st.composite
def damaged(draw):
    whole = summary(saturated=draw(st.booleans()))
    estimates = []
    for estimate in draw(st.lists(st.sampled_from(whole.estimates), max_size=12)):
        low, high = draw(st.tuples(VALUES, VALUES))
        estimates.append(
            replace(estimate, value=draw(VALUES), low=low, high=high, n=draw(st.integers(0, 3)), note=draw(st.sampled_from([None, HOSTILE_LINE])))
        )
    return replace(
        whole,
        estimates=tuple(estimates),
        counts=tuple(draw(st.lists(st.sampled_from(whole.counts), max_size=4, unique_by=lambda count: count.model_id))),
        models=tuple(draw(st.lists(st.sampled_from(whole.models), max_size=4, unique_by=lambda status: status.model_id))),
        aspects=tuple(draw(st.lists(st.sampled_from(whole.aspects), max_size=4))),
        costs=tuple(draw(st.lists(st.sampled_from(whole.costs), max_size=4))),
        outliers=tuple(replace(outlier, value=draw(VALUES) or 0.0) for outlier in draw(st.lists(st.sampled_from(whole.outliers), max_size=1))),
        health=draw(st.sampled_from([(), whole.health])),
    )


@settings(max_examples=25)
@given(damaged(), st.sampled_from([(), observations()]))
def test_any_lack_renders_in_every_format(found, seen):
    view = build_view(manifest=manifest(), summary=found, spec=spec(), resolved={}, observations=seen)
    for section in view.sections:
        for table in section.tables:
            assert {len(row) for row in table.rows} <= {len(table.columns)}
    texts = [made.render(view, None) for made in FORMATS] + [tables(view)]
    assert all(texts)
    assert not [text for text in texts[1:] if re.search(r"\b(nan|inf)\b", text)]
