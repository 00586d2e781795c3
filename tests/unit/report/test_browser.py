"""The page in a real browser: it fits a telephone and a desk, loads nothing, and shows hostile text as text."""

import re

import pytest
from harness.browser import BROWSER, dom
from harness.report_run import view

from bench.report.html_page import HtmlPage

pytestmark = [pytest.mark.slow, pytest.mark.skipif(BROWSER is None, reason="no chromium, chromium-browser or google-chrome on PATH")]

# Beside our page, in a frame as wide as a device: what its layout came to. The page itself has no script; its policy would not run one.
PROBE = """<!DOCTYPE html><meta charset="utf-8"><iframe src="report.html" width="{width}" height="800"></iframe><script>
onload = () => {{
  const page = document.querySelector("iframe").contentDocument;
  const tall = [...page.querySelectorAll("svg")].map((svg) => svg.getBoundingClientRect().height);
  const result = {{ overflow: page.documentElement.scrollWidth - page.documentElement.clientWidth, charts: Math.min(...tall),
    background: page.defaultView.getComputedStyle(page.querySelector(".cautions")).borderTopWidth, scripts: page.scripts.length }};
  document.title = "seen " + JSON.stringify(result);
}};</script>"""


@pytest.mark.parametrize("width", [1280, 400])
def test_page_fits_its_window_is_styled_and_runs_nothing(tmp_path, width):
    (tmp_path / "report.html").write_text(HtmlPage().render(view(), None), encoding="utf-8")
    (tmp_path / "probe.html").write_text(PROBE.format(width=width), encoding="utf-8")
    seen = re.search(r"<title>seen (.*?)</title>", dom((tmp_path / "probe.html").as_uri(), tmp_path))
    assert seen
    assert '"overflow":0,' in seen[1]
    assert '"scripts":0' in seen[1]
    assert '"background":"1px"' in seen[1]  # the style is applied: the policy's digest fits
    assert float(re.search(r'"charts":([\d.]+)', seen[1])[1]) > 100
