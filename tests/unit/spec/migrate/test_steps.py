"""A step of an imagined version 0 to version 1: what the machinery does with it, in a text and on the command line."""

import io

import pytest
from harness.command import Here

from bench.cli.commands import migrate as command
from bench.spec.migrate import steps as shipped
from bench.spec.migrate.steps import CURRENT, STEPS, Step, migrate, migrate_prompts
from bench.spec.schema import SPEC, document
from bench.spec.yaml_text import Unreadable

OLD = """# Ours since the beginning.
bench: 0
name: notes       # of meetings
version: 1.0.0
engine: fast   # gone in 1
temperature: 0  # moved in 1
max_time: 90
models: [{id: m, runtime: external, base_url: "http://localhost:1/v1", model: m}]
prompts:
  # the first
  - id: one
    user: Say one.
    asserts:   # renamed in 1
      - {id: a, check: {contains: one}}
  - {id: two, user: Say two., asserts: [{id: a, check: {contains: two}}]}
  - include: more.yaml
"""
NEW = """# Ours since the beginning.
bench: 1
name: notes       # of meetings
version: 1.0.0
timeout: 90 s
models: [{id: m, runtime: external, base_url: "http://localhost:1/v1", model: m}]
generation: {temperature: 0}
prompts:
  # the first
  - id: one
    user: Say one.
    aspects:   # renamed in 1
      - {id: a, check: {contains: one}}
  - {id: two, user: Say two., aspects: [{id: a, check: {contains: two}}]}
  - include: more.yaml
"""
MORE_OLD = "prompts:\n  - {id: three, user: Say three., asserts: [{id: a, check: {contains: three}}]}  # kept\n"
MORE_NEW = MORE_OLD.replace("asserts", "aspects")


def renamed(places):
    for prompt in places.below(("prompts",)):
        yield from places.rename((*prompt, "asserts"), "aspects")


def to_one(places):
    yield from places.remove(("engine",))
    yield from renamed(places)
    if (temperature := places.written(("temperature",))) is not None:
        yield from places.remove(("temperature",))
        yield from places.add(("generation",), f"{{temperature: {temperature}}}", after="models")
    if (seconds := places.written(("max_time",))) is not None:
        yield from places.rename(("max_time",), "timeout")
        yield from places.replace(("max_time",), f"{seconds} s")


ZERO = Step(says="`asserts` is `aspects`", spec=to_one, prompts=renamed)
EXAMPLE = {0: ZERO}


def test_edits_are_where_they_are_meant_and_nowhere_else():
    done = migrate(OLD.encode(), "s.yaml", steps=EXAMPLE)
    assert done.content.decode() == NEW
    assert (done.before, done.after, done.says) == (0, 1, (ZERO.says,))


def test_steps_follow_each_other():
    further = {**EXAMPLE, 1: Step(says="`rounds` is said", spec=lambda places: places.add(("rounds",), "1", after="name"))}
    done = migrate(OLD.encode(), "s.yaml", steps=further, target=2)
    assert done.content.decode() == NEW.replace("bench: 1", "bench: 2").replace("# of meetings\n", "# of meetings\nrounds: 1\n")
    assert (done.before, done.after, len(done.says)) == (0, 2, 2)


@pytest.mark.parametrize("text", [NEW, "\ufeff" + NEW.replace("\n", "\r\n")])
def test_what_is_in_this_version_comes_back_byte_for_byte(text):
    assert migrate(text.encode(), "s.yaml", steps=EXAMPLE).content == text.encode()


def test_a_byte_order_mark_and_line_breaks_stay():
    old, new = (("\ufeff" + text.replace("\n", "\r\n")).encode() for text in (OLD, NEW))
    assert migrate(old, "s.yaml", steps=EXAMPLE).content == new


def test_a_prompt_set_that_is_new_already_stays_as_it_is():
    once = migrate_prompts(MORE_OLD.encode(), "more.yaml", 0, steps=EXAMPLE)
    assert once.decode() == MORE_NEW
    assert migrate_prompts(once, "more.yaml", 0, steps=EXAMPLE) == once


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: x\n", "says no version"),
        ("bench: one\n", "says no version"),
        ("bench: true\n", "says no version"),
        ("[1]\n", "says no version"),
        ("bench: 9\n", "version 9 of the language, and this bench knows up to 1"),
        ("bench: -1\n", "no step leads from version -1"),
        ("bench: [\n", "a value is missing"),
    ],
)
def test_what_cannot_be_migrated_says_why(text, said):
    with pytest.raises(Unreadable, match=said):
        migrate(text.encode(), "s.yaml", steps=EXAMPLE)


def test_shipped_steps_lead_from_one_version_to_the_next_up_to_this_one():
    assert document(SPEC)["properties"]["bench"]["const"] == CURRENT
    assert list(STEPS) == list(range(CURRENT - len(STEPS), CURRENT))


@pytest.fixture
def bench(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(command, "migrate", lambda content, file: shipped.migrate(content, file, steps=EXAMPLE))
    monkeypatch.setattr(command, "migrate_prompts", lambda content, file, before: shipped.migrate_prompts(content, file, before, steps=EXAMPLE))
    (tmp_path / "s.yaml").write_text(OLD, encoding="utf-8")
    (tmp_path / "more.yaml").write_text(MORE_OLD, encoding="utf-8")
    return Here(tmp_path, capsys, monkeypatch)


def test_edits_are_shown_before_they_are_made(bench, tmp_path):
    shown = bench("migrate", "s.yaml", "--check", code=1).stdout
    assert "-bench: 0\n+bench: 1\n" in shown
    assert "+++ more.yaml (after)" in shown
    assert (tmp_path / "s.yaml").read_text(encoding="utf-8") == OLD
    assert bench("migrate", "s.yaml", "--write").stdout == "s.yaml: now in version 1\nmore.yaml: now in version 1\n"
    assert (tmp_path / "s.yaml").read_text(encoding="utf-8") == NEW
    assert (tmp_path / "more.yaml").read_text(encoding="utf-8") == MORE_NEW
    assert "nothing to do" in bench("migrate", "s.yaml", "--check").stdout
    bench("validate", "s.yaml")


def test_nothing_is_written_where_the_result_would_be_broken(bench, tmp_path):
    broken = OLD.replace("user: Say one.", "usr: Say one.")
    (tmp_path / "s.yaml").write_text(broken, encoding="utf-8")
    assert "unknown key `usr`" in bench("migrate", "s.yaml", "--write", code=2).stderr
    assert (tmp_path / "s.yaml").read_text(encoding="utf-8") == broken
    assert (tmp_path / "more.yaml").read_text(encoding="utf-8") == MORE_OLD


def test_a_file_that_is_not_there_or_says_no_version_is_named(bench, tmp_path):
    assert "there is no file" in bench("migrate", "nothing.yaml", code=2).stderr
    (tmp_path / "s.yaml").write_text("name: x\n", encoding="utf-8")
    assert "says no version" in bench("migrate", "s.yaml", code=2).stderr


def test_standard_input_comes_out_migrated_and_changes_no_file(bench, tmp_path, monkeypatch):
    def given(text):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    given(OLD)
    assert bench("migrate", "-").stdout == NEW
    given(NEW)
    assert bench("migrate", "-", "--check").stdout == ""
    given(OLD)
    assert bench("migrate", "-", "--check", code=1).stdout == ""
    given("name: x\n")
    assert "-:1:1: error[language-version]: this says no version" in bench("migrate", "-", code=2).stderr
    given(OLD.replace("user: Say one.", "usr: Say one."))
    shown = bench("migrate", "-", code=2)
    assert (shown.stdout, "unknown key `usr`" in shown.stderr) == ("", True)
    assert "`-` stands alone" in bench("migrate", "-", "s.yaml", code=2).stderr
    assert (tmp_path / "more.yaml").read_text(encoding="utf-8") == MORE_OLD


def test_a_prompt_set_that_is_not_there_is_named(bench, tmp_path):
    (tmp_path / "more.yaml").unlink()
    assert "there is no file 'more.yaml'" in bench("migrate", "s.yaml", code=2).stderr
