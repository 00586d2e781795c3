"""A comparison as text and as a comment: what was said, and nothing that a model, a spec or a server could make of it."""

from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt
from msgspec.structs import replace

from bench.records.compare import Change, Compared, Moved, Narrowed, Once, RunComparison, Unlike
from bench.report.run_comparison import MOST_CHARACTERS, as_markdown, as_text, headline

EVIL = "<script>alert(1)</script> | @team #1 [a](javascript:b) \x1b[31m\u202e `x`\n\n# head"
SIDE = Compared(run_id="r1", spec_name="s", spec_version="1.0.0", started_at="2026-11-22T22:00:00Z", source="latest", commit="0123456789abcdef")
SLOWER = Change(
    metric="ttft", unit="s", better="lower", model_id="m", variant_id="default", effect="ratio", base=0.2, head=0.24, difference=0.04, ratio=1.2,
    low=1.12, high=1.29, typical=1.19, p=0.0004, p_adjusted=0.002, n_prompts=12, needed=8, losses=12, tolerance=0.05, mde=1.09,
    method="sign flips, all", verdict="worse",
)  # fmt: skip
OPEN = Change(
    metric="quality", unit="score", better="higher", model_id="m", variant_id="default", effect="difference", base=0.5, head=0.52, difference=0.02,
    low=-0.05, high=0.09, p=0.4, p_adjusted=0.8, n_prompts=12, needed=8, wins=7, losses=5, tolerance=0.02, mde=0.11, method="sign flips, all",
    verdict="cannot_tell", reason="neither beyond noise nor within the tolerance",
)  # fmt: skip
FOUND = RunComparison(base=SIDE, head=replace(SIDE, run_id="r2"), aligned=12, changes=(OPEN, SLOWER))


class Page(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text, self.links = [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in {"href", "src"}]

    def handle_data(self, data):
        self.text.append(data)


def page(markdown):
    return Page(MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(markdown))


def evil():
    change = replace(SLOWER, model_id=EVIL, variant_id="a", reason=EVIL)
    aspect = replace(OPEN, metric="aspect", aspect_id=EVIL, model_id=EVIL, variant_id="b")
    moved = Moved(prompt_id=EVIL, model_id=EVIL, variant_id="a", base=1.0, head=0.0, lost=(EVIL,), base_answer=EVIL, head_answer="````\n" + EVIL)
    return RunComparison(
        base=replace(SIDE, spec_name=EVIL, commit=EVIL, run_id=EVIL, started_at=EVIL, spec_version=EVIL),
        head=SIDE,
        aligned=1,
        unlike=(Unlike(what=EVIL, base=EVIL, head="x", limits="speed", model_id=EVIL, variant_id=EVIL),),
        narrowed=(Narrowed(what="prompts", count=1, of=2, reason="only in base", examples=(EVIL,)),),
        changes=(change,),
        aspects=(aspect,),
        once=(Once(fact="load_s", unit="s", model_id=EVIL, variant_id="a", base=0.0, head=1.0),),
        moved=(moved,),
        notes=(EVIL,),
    )


def test_verdicts_come_first_and_say_what_was_measured():
    text = as_text(FOUND)
    assert headline(FOUND) == "1 worse, 1 cannot tell"
    assert text.endswith("\n\n1 worse, 1 cannot tell\n")
    slower, open_ = (next(line for line in text.splitlines() if line.startswith(name)) for name in ("TTFT", "Quality"))
    assert text.index(slower) < text.index(open_)
    assert " ".join(slower.split()) == "TTFT m 200 ms 240 ms × 1.20 [1.12–1.29] 0 / 0 / 12 0.002 worse"
    assert "+2 points [−5 to 9]" in open_
    assert "would find 11 points" in " ".join(text.split())
    assert "base s 1.0.0, run r1, 2026-11-22T22:00:00Z, commit 0123456789" in text


def test_nothing_reaches_a_terminal_as_a_command():
    text = as_text(evil())
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_nothing_becomes_markup_in_a_comment():
    seen = page(as_markdown(evil()))
    assert not {"script", "a", "img", "h1"} & set(seen.tags)
    assert seen.links == []
    assert seen.tags.count("table") == 3
    assert seen.tags.count("h3") == 1
    assert "<script>alert(1)</script>" in "".join(seen.text)
    rows = seen.tags.count("tr")
    assert rows == 3 + 3  # a head and a row each
    assert seen.tags.count("td") == 8 + 8 + 5


def test_comment_renders_as_tables_and_folded_parts():
    seen = page(as_markdown(FOUND))
    assert (seen.tags.count("table"), seen.tags.count("details"), seen.tags.count("summary")) == (1, 1, 1)
    assert "".join(seen.text).startswith("bench compare: 1 worse, 1 cannot tell")


@pytest.mark.parametrize("answer", ["x" * 5000, "`" * 3000 + "y", "| a\n" * 1500], ids=["long", "ticks", "pipes"])
def test_comment_is_never_too_long(answer):
    moved = tuple(
        Moved(prompt_id=f"p{n}" * 30, model_id="m", variant_id="default", base=1.0, head=0.0, base_answer=answer, head_answer=answer)
        for n in range(200)
    )
    many = replace(FOUND, moved=moved, changes=(SLOWER,) * 500, aspects=(replace(OPEN, aspect_id="a" * 200),) * 500)
    text = as_markdown(many)
    assert len(text) <= MOST_CHARACTERS + 100
    assert "440 more are in the JSON" in text
    assert text.count("<details>") == text.count("</details>")


def test_difference_that_limits_both_is_no_difference():
    limit = Unlike(what="client", base="could not keep up", head="could not keep up", limits="speed")
    assert "limit: client: could not keep up in both; no verdict on times and speeds" in as_text(replace(FOUND, unlike=(limit,)))
    other = Unlike(what="load", base="closed", head="poisson", limits="speed")
    assert "unlike: load: closed → poisson; no verdict on times and speeds" in as_text(replace(FOUND, unlike=(other,)))


def test_variants_are_named_where_there_are_several():
    several = replace(FOUND, changes=(SLOWER, replace(SLOWER, variant_id="gpu")))
    assert "m [gpu]" in as_text(several)
    assert "m [default]" not in as_text(FOUND)


def test_comment_says_what_takes_no_part_before_its_verdicts():
    left_out = Narrowed(what="prompts", count=1, of=12, reason="asked in other words or with other settings", examples=("p01",))
    comment = as_markdown(replace(FOUND, narrowed=(left_out,)))
    words = "left out: 1 of 12 prompts asked in other words or with other settings (p01)"
    assert comment.splitlines()[2].removeprefix("- ").replace("\\", "") == words
    assert comment.count("asked in other words") == 1
    assert "Error rate 1 point," in as_markdown(replace(FOUND, changes=(replace(OPEN, metric="error_rate", tolerance=0.01), SLOWER)))


def test_interval_without_width_has_no_more_digits_than_are_read():
    narrow = replace(SLOWER, ratio=0.909092, low=0.909090, high=0.909095)
    assert "0.9091<br>" in as_markdown(replace(FOUND, changes=(narrow,)))


def test_what_pushes_one_way_says_what_is_left():
    unlike = Unlike(what="other work on the machine", base="–", head="others took 60 %", limits="speed", pushed="worse", model_id="m", variant_id="d")
    text = " ".join(as_text(replace(FOUND, unlike=(unlike,))).split())
    assert "other work on the machine of m [d]: – → others took 60 %; of times and speeds only “better” is said" in text
