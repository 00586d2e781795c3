"""Each report format through its own examples."""

import pytest
from harness.report_run import view

from bench.catalog import CATALOG, REGISTRY
from bench.report import csv_table, html_page, json_document, junit, markdown

MODULES = {"markdown": markdown, "csv": csv_table, "json": json_document, "html": html_page, "junit": junit}


@pytest.mark.parametrize("name", CATALOG["report"])
def test_examples_hold(name):
    for shown, part in MODULES[name].EXAMPLES:
        assert part in REGISTRY.load("report", name)().render(shown, None)


@pytest.mark.parametrize("name", CATALOG["report"])
def test_same_view_same_bytes_and_a_last_newline(name):
    text = REGISTRY.load("report", name)().render(view(), None)
    assert text == REGISTRY.load("report", name)().render(view(), None)
    assert text.endswith("\n")
    assert "\r" not in text
