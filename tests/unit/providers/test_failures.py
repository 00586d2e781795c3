import pytest

from bench.providers.failures import clean, from_error_object, from_status, retry_after_s


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, b"", "authentication"),
        (403, b'{"error":"forbidden"}', "authentication"),
        (404, b'{"error":{"message":"model not found"}}', "bad_request"),
        (422, b'{"detail":[{"msg":"field required"}]}', "bad_request"),
        (400, b'{"error":{"code":"context_length_exceeded","message":"too long"}}', "context_length"),
        (500, b'{"error":"cudaMalloc failed: out of memory"}', "out_of_memory"),
        (502, b"<html>bad gateway</html>", "server"),
        (408, b"", "timeout"),
        (307, b"", "protocol"),
    ],
)
def test_status_and_words_give_the_kind(status, body, kind):
    failure = from_status(status, {}, body, None)
    assert (failure.kind, failure.status) == (kind, status)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"message": "x", "code": 429}, "rate_limit"), ("CUDA out of memory", "out_of_memory"), ({"type": "rate_limit_error"}, "rate_limit"),
        ({"message": "maximum context length is 8"}, "context_length"), ({"code": 401, "message": "no"}, "authentication"),
        ([], "server"), (7, "server"),
    ],
)  # fmt: skip
def test_error_objects_inside_an_answer_are_read_in_every_shape(error, kind):
    assert from_error_object(error, None).kind == kind


def test_messages_are_one_bounded_line_without_control_characters_or_the_credential():
    found = clean("a\x1b[31m\r\nsk-1234 \u202e" + "x" * 5000, "sk-1234")
    assert "sk-1234" not in found
    assert found.isprintable()
    assert len(found) < 600


def test_a_credential_at_the_edge_of_the_cut_is_gone_too():
    assert "sk-" not in from_status(500, {}, ("x" * 1995 + "sk-12345").encode(), "sk-12345").message


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 30.0),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_retry_after_in_all_its_forms(headers, seconds):
    assert retry_after_s(headers) == seconds
