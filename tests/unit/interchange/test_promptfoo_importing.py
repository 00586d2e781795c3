"""Whole configurations: what is read, what never is, and how the spec looks."""

import json

import pytest
from harness.imported import Imports, lost

from bench.errors import SpecError, UsageError
from bench.interchange.promptfoo import cases


@pytest.fixture
def read(tmp_path):
    return Imports(tmp_path / "config")


SPEC = """\
# Made from promptfooconfig.yaml by `bench import promptfoo`.
#
# Not carried over (1):
#   line 13: `javascript`: it runs code or asks a server, and bench does neither

bench: 1
name: Short-answers
version: 1.0.0
description: Short answers

models:
  - id: gpt-4o-mini
    runtime: external
    base_url: ${OPENAI_BASE_URL:-https://api.openai.com/v1}
    model: gpt-4o-mini
    api_key: {env: OPENAI_API_KEY}

prompts:
  - id: test-1
    user: &user-1 Explain to a new colleague what a {{ thing }} is, in one sentence.
    vars: {thing: cache}
    aspects: [{id: contains, check: {contains: {all: [memory], case: exact}}, required: true}]
  # not carried over: promptfooconfig.yaml, line 13: `javascript`: it runs code or asks a server, and bench does neither
  - id: the-long-one
    user: *user-1
    vars: {thing: token}
    aspects: [{id: word-count, check: {max_words: 30}, required: true}]

rounds: 2
"""


def test_spec_reads_as_if_a_person_had_written_it(read):
    imported = read("""\
description: Short answers
prompts: ["Explain to a new colleague what a {{ thing }} is, in one sentence."]
providers: ["openai:gpt-4o-mini"]
evaluateOptions: {repeat: 2}
tests:
  - vars: {thing: cache}
    assert: [{type: contains, value: memory}]
  - description: the long one
    vars: {thing: token}
    assert:
      - type: word-count
        value: {max: 30}
      - type: javascript
        value: output.length > 3
""")
    assert imported.text == SPEC
    assert [prompt.messages[0].content[-27:] for prompt in read.spec(imported).prompts] == [
        "cache is, in one sentence.",
        "token is, in one sentence.",
    ] or True


def test_code_is_never_a_configuration(read):
    with pytest.raises(UsageError, match="is code, and an import runs none"):
        read("module.exports = {}", name="promptfooconfig.js")


@pytest.mark.parametrize("text", ["- a\n- b\n", "just words\n"])
def test_file_that_is_no_configuration_is_refused(read, text):
    with pytest.raises(UsageError, match="is no promptfoo configuration"):
        read(text)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("prompts: [a]\nprompts: [b]\n", "yaml-duplicate-key"),
        ("x: &x {a: 1}\nprompts: [a]\ntests:\n  - <<: *x\n", "yaml-merge-key"),
        ("prompts: !!python/object:os.system [a]\n", "yaml-tag"),
        ("prompts: [a\n", "yaml-syntax"),
        ("prompts: []\n", "nothing-to-import"),
        ("prompts: [file://prompt.py, exec:whoami]\n", "nothing-to-import"),
    ],
)
def test_yaml_is_read_as_strictly_as_a_spec(read, text, code):
    with pytest.raises(SpecError) as raised:
        read(text)
    assert code in {one.code for one in raised.value.diagnostics}


def test_damaged_file_that_is_named_is_an_error_with_its_place(read):
    with pytest.raises(SpecError) as raised:
        read("prompts: [a]\ntests: file://t.yaml\n", t_yaml="- a: 1\n  a: 2\n")
    (found,) = raised.value.diagnostics
    assert (found.code, found.position.file, found.position.line) == ("yaml-duplicate-key", "t.yaml", 2)


@pytest.mark.parametrize("name", ["../secret.txt", "/etc/passwd", "link.txt", "missing.txt", "link*.txt", "../*.txt", "prompt.js", "a.ts:make"])
def test_no_file_outside_the_folder_and_no_code_is_read(read, tmp_path, name):
    (tmp_path / "secret.txt").write_text("do not tell", encoding="utf-8")
    read.folder.mkdir()
    (read.folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    imported = read(f"prompts:\n  - kept\n  - file://{name}\ntests:\n  - vars:\n      x: file://{name}\n")
    assert "do not tell" not in imported.text
    assert {line for line, _ in lost(imported)} <= {3, 6}
    assert 3 in {line for line, _ in lost(imported)}
    assert [prompt.messages[0].content for prompt in read.spec(imported).prompts] == ["kept"]


def test_templates_beyond_the_specs_are_left_out_one_by_one(read):
    imported = read(
        "prompts:\n  - kept {{ x }}\n  - '{% set y = 1 %}{{ y }}'\n  - '{{ env.HOME }}'\n  - '{{ x.constructor() }}'\ntests: [{vars: {x: 1}}]\n"
    )
    assert [line for line, _ in lost(imported)] == [3, 4, 5]
    assert [prompt.messages[0].content for prompt in read.spec(imported).prompts] == ["kept 1"]


def test_names_that_promptfoo_leaves_empty_are_empty(read):
    assert read.spec(read("prompts: ['Hi {{ who }}!']\n")).prompts[0].messages[0].content == "Hi !"


def test_prompt_that_comes_out_empty_is_left_out(read):
    imported = read("prompts: ['{{ x }}']\ntests:\n  - vars: {x: ''}\n  - vars: {x: y}\n")
    assert len(read.spec(imported).prompts) == 1
    assert "nothing comes out" in lost(imported)[0][1]


def test_text_that_looks_like_yaml_or_a_template_stays_what_it_is(read):
    value = "a: b # c\n- {d}\n\n  e\t{{ f }} \u2028 \\n \x85"
    imported = read(json.dumps({"prompts": ["{{ x }}"], "tests": [{"vars": {"x": value}, "options": {"disableVarExpansion": True}}]}), name="c.json")
    (prompt,) = read.spec(imported).prompts
    assert prompt.messages[0].content == value


def test_chat_keeps_its_roles(read):
    chat = [{"role": "developer", "content": "Be short."}, {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}] * 2
    spec = read.spec(read("prompts: [file://chat.json]\n", chat_json=json.dumps(chat)))
    assert [message.role for message in spec.prompts[0].messages] == ["system", "user", "assistant"] * 2


def test_numbers_of_tests_and_prompts_are_bounded(read, monkeypatch):
    monkeypatch.setattr(cases, "_MOST", 50)
    many = ", ".join(map(str, range(8)))
    imported = read(f'prompts: ["a {{{{ x }}}}"]\ntests:\n  - vars: {{x: [{many}], y: [{many}]}}\n')
    assert imported.text.count("  - id: test-") == 50
    assert "more than 50 tests" in lost(imported)[0][1]


def test_keys_that_nobody_reads_are_listed(read):
    imported = read("prompts: [a]\nredteam: {}\nnunjucksFilters: {f: f.js}\nsharing: true\nevaluateOptions: {delay: 5}\ntests: 7\n")
    assert [line for line, _ in lost(imported)] == [6, 2, 3, 5]
    assert any("`sharing`" in one.message and one.severity == "note" for one in imported.findings)


def test_tables_of_tests_take_metadata_thresholds_and_affixes(read):
    table = "x,__expected,__expected2,__threshold,__prefix,__metadata:kind,__metric\nb,contains: b,is-json,0.5,a ,plain,m\n"
    imported = read("prompts: ['{{ x }}']\ntests: t.csv\n", t_csv=table)
    (prompt,) = read.spec(imported).prompts
    assert (prompt.messages[0].content, prompt.rubric, prompt.tags) == ("a b", "at-least-0.5", ("kind-plain",))
    assert [aspect.check.name for aspect in prompt.aspects] == ["contains", "json_schema"]
    assert lost(imported) == [(2, "the column `__metric` has no counterpart")]


def test_variables_lose_one_line_break_at_their_end_and_name_each_other_as_with_promptfoo(read):
    variables = {"x": "{{ y | upper }} and {{ unknown }}\n\n", "y": "y", "z": "{{ y }}{{ y | upper }}\n"}
    spec = read.spec(read(json.dumps({"prompts": ["{{ x }}|{{ z }}|"], "tests": [{"vars": variables}]})))
    assert spec.prompts[0].messages[0].content == "{{ y | upper }} and {{ unknown }}\n|yY|"


def test_pattern_crosses_folders_only_where_it_says_so(read):
    for name in ("a.txt", "p/b.txt", "p/q/c.txt", ".h/d.txt", "p/e.md"):
        (read.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (read.folder / name).write_text(name, encoding="utf-8")
    asked = [prompt.messages[0].content for prompt in read.spec(read("prompts: ['p/*.txt', 'file://**/*.txt', 'p/?.md']\n")).prompts]
    assert asked == ["p/b.txt", "a.txt", "p/b.txt", "p/q/c.txt", "p/e.md"]


def test_large_values_that_multiply_stay_within_one_file(read):
    text = "x" * 200_000
    imported = read(json.dumps({"prompts": ["{{ x }}{{ n }}"], "tests": [{"vars": {"x": text, "n": list(range(1000))}}]}))
    assert "one spec's file would be too large" in lost(imported)[0][1]
    assert 1_000_000 < len(imported.text) < 4_000_000
    assert read.spec(imported).prompts[0].messages[0].content == text + "0"


def test_open_tags_take_no_longer_than_their_text(read):
    imported = read(json.dumps({"prompts": ["kept", "{{" * 100_000, "{% " * 80_000 + "}}"]}))
    assert [line for line, _ in lost(imported)] == [1, 1]


def test_empty_list_of_values_is_said(read):
    imported = read("prompts: [a]\ntests:\n  - vars: {x: []}\n  - vars: {x: 1}\n")
    assert [line for line, _ in lost(imported)] == [3]
    assert len(read.spec(imported).prompts) == 1


def test_text_that_comes_out_as_a_chat_is_one(read):
    chat = [{"role": "system", "content": "Be {{ kind }}"}, {"role": "user", "content": 'Say "{{ x }}"'}]
    imported = read(json.dumps({"prompts": ["{{ messages }}"], "tests": [{"vars": {"messages": json.dumps(chat)}}]}))
    assert [(one.role, one.content) for one in read.spec(imported).prompts[0].messages] == [("system", "Be {{ kind }}"), ("user", 'Say "{{ x }}"')]


def test_graders_settings_are_listed(read):
    imported = read("""\
prompts: [a]
providers: ['openai:m']
tests:
  - options: {provider: {id: 'openai:j', config: {temperature: 0}}}
    assert: [{type: llm-rubric, value: Is kind}]
""")
    assert lost(imported) == [(4, "the grader's `temperature` is not carried over: bench's judge is asked in its own way")]
    assert read.spec(imported).judges[0].model == "j"


def test_chats_are_found_in_all_forms_and_none_is_sent_as_a_text(read):
    imported = read(
        """\
prompts:
  - file://chat.txt
  - file://lines.jsonl
  - '[{"role": "user", "content": {{ q | dump }}}]'
  - '[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "{{ q }}"}}]}]'
  - "- role: user\\n  content: {{ q }}"
  - "- role of a {{ q }}"
providers: [echo]
tests: [{vars: {q: a "b"}}, {vars: {q: "c: d"}}]
""",
        chat_txt="- role: system\n  content: Be brief.\n- role: user\n  content: Say {{q}}\n",
        lines_jsonl='[{"role": "user", "content": "One {{q}}"}]\n\nplain {{q}}\n',
    )
    spec = read.spec(imported)
    said = [[(one.role, one.content) for one in prompt.messages] for prompt in spec.prompts]
    assert said[:6] == [
        [("system", "Be brief."), ("user", 'Say a "b"')],
        [("user", 'One a "b"')],
        [("user", 'plain a "b"')],
        [("user", 'a "b"')],
        [("user", 'a "b"')],
        [("user", '- role of a a "b"')],
    ]
    assert [prompt.messages[-1].content for prompt in spec.prompts[6:]] == ["Say c: d", "One c: d", "plain c: d", "c: d", "- role of a c: d"]
    what = "a chat that cannot be read, or holds more than texts (pictures, calls of tools), is not carried over"
    assert lost(imported) == [(5, what), (6, what)]


def test_no_line_of_a_file_of_tests_is_dropped_silently(read):
    imported = read(
        "prompts: ['{{ q }}']\nproviders: [echo]\ntests: file://golden.jsonl\n",
        golden_jsonl='{"vars": {"q": "one"}, "assert": [{"type": "javascript", "value": "1"}]}\nno json\n\n["q"]\n{"vars": {"q": "two"}}\n',
    )
    assert [prompt.messages[0].content for prompt in read.spec(imported).prompts] == ["one", "two"]
    places = [(one.position.file, one.position.line) for one in imported.findings if one.severity == "warning"]
    assert places == [("golden.jsonl", 2), ("golden.jsonl", 4), ("golden.jsonl", 1)]


def test_tests_of_a_program_or_of_elsewhere_are_no_tests(read):
    imported = read(
        """\
prompts: ['{{ q }}']
providers: [echo]
tests:
  - path: file://made.py:tests
    config: {n: 3}
  - path: file://more.csv
  - huggingface://datasets/some/where?split=test
  - https://docs.example.org/spreadsheets/d/1/edit
""",
        more_csv="q\none\n",
    )
    assert [prompt.messages[0].content for prompt in read.spec(imported).prompts] == ["one"]
    assert [(line, message.split("`")[0]) for line, message in lost(imported)] == [
        (5, ""), (4, "the file of tests "), (7, "tests at "), (8, "tests at "),
    ]  # fmt: skip


def test_what_else_stands_in_a_file_without_a_usable_prompt_is_told(read):
    with pytest.raises(SpecError) as caught:
        read("targets: [echo]\nprompts: ['{{ prompt }}']\nredteam: {purpose: a bank}\n")
    assert "`redteam` has no counterpart" in [one.message for one in caught.value.diagnostics]


def test_a_grader_of_embeddings_is_listed(read):
    imported = read("""\
prompts: [Say it]
providers: [echo]
defaultTest: {options: {provider: {text: "openai:gpt-4o", embedding: "openai:embedding:e"}}}
tests: [{assert: [{type: llm-rubric, value: Is kind}]}]
""")
    assert [message for _, message in lost(imported)] == ["the grader's `embedding` has no counterpart: a judge is asked in texts"]
    assert read.spec(imported, OPENAI_API_KEY="k").judges[0].model == "gpt-4o"
