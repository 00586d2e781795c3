import json

import msgspec
from harness.report_run import summary, view
from jsonschema import Draft202012Validator

from bench import resources
from bench.records.estimate import Summary
from bench.report.json_document import JsonDocument


def test_document_is_the_summary_and_obeys_its_published_schema():
    text = JsonDocument().render(view(), None)
    assert msgspec.json.decode(text, type=Summary) == summary()
    Draft202012Validator(json.loads(resources.read("schemas", "summary.v1.schema.json"))).validate(json.loads(text))
