"""Reading an answer in runs of one envelope says what decoding every chunk says, whatever stands in the chunks."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.providers.chat_answer import read_answer, read_unusual
from bench.providers.chat_envelope import read_in_runs
from bench.providers.wire import runs
from bench.providers.wire.http1 import parse_head
from bench.providers.wire.received import Received
from bench.records.exchange import gaps_of_ns

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
USAGE = b'{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":7}}'
ENDS = [b'{"id":"c","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}', USAGE, b"[DONE]"]
# What may stand between the quotes of a text, as it came: plain, escaped, in several bytes, and what no JSON string may hold.
INSIDES = st.sampled_from([
    b"a", b" the", b"", b"\\n", b'\\"', b"\\\\", b"\\u00e9", "Größe".encode(), "日本".encode(), b"[DONE]", b"data: x", b"\\ud83d\\ude00", b" " * 120,
    b"\\", b'"', b'","', b"\xc3", b"\xa9", b"\t", b"\0", b"\n\n", b"\r\n", b"\n\n\r\n", b'"}}]}\n\n\r\n5\r\n', b"\\ud83d", b"\\ude00", b"\\x",
    b"\x7f", b'\\\\"',
])  # fmt: skip
GOOD_INSIDES = st.sampled_from([b"a", b" the", b"", b"\\n", b'\\"', b"\\\\", b"\\u00e9", "Größe".encode(), b"\\ud83d\\ude00", b" " * 120])
ENVELOPES = st.sampled_from([
    (b'{"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"', b'"},"finish_reason":null}]}'),
    (b'{"id": "c", "created": 2, "model": "m", "choices": [{"delta": {"content" : "', b'", "role": "assistant"}}]}'),
    (b'{"model":"m","choices":[{"index":0,"delta":{"content":null,"reasoning_content":"', b'"}}]}'),
    (b'{"choices":[{"index":0,"delta":{"reasoning":"', b'","content":""}}]}'),
    (b'{"choices":[{"index":0,"delta":{"reasoning":"same","content":"', b'"}}]}'),
    (b'{"choices":[{"index":1,"delta":{"content":"', b'"}}]}'),
    (b'{"note":{"content":"', b'"},"choices":[{"index":0,"delta":{"content":"fixed"}}]}'),
    (b'{"choices":[{"index":0,"delta":{"content":"first","content":"', b'"}}]}'),
    (b'{"choices":[{"index":0,"message":{"content":"whole"},"delta":{"content":"', b'"},"finish_reason":""}],"usage":null}'),
    (b'{"usage":{"completion_tokens":5},"choices":[{"index":0,"delta":{"content":"', b'"}}]}'),
    (b'{"error":"', b'","choices":[{"delta":{"content":"x"}}]}'),
])  # fmt: skip


def framed(datas):
    """The bytes of an answer whose chunks are one event each."""
    events = [b"data: %b\n\n" % data for data in datas]
    return HEAD + b"".join(b"%x\r\n%b\r\n" % (len(event), event) for event in events) + b"0\r\n\r\n"


def received(raw, cuts):
    """As the connection captures it."""
    read_ends = [*sorted(cut for cut in set(cuts) if 0 < cut < len(raw)), len(raw)]
    stamps = [(k + 1) * 1_234_567 for k in range(len(read_ends))]
    return Received(
        sent_ns=0, finished_ns=stamps[-1], end="complete", raw=raw, read_ends=read_ends, stamps_ns=stamps, head=parse_head(HEAD[:-4]),
        body_start=len(HEAD),
    )  # fmt: skip


def both(raw, cuts):
    """What the two readers say."""
    return [reader(received(raw, cuts), zero_ns=0, scheduled_s=None, credential=None) for reader in (read_answer, read_unusual)]


BLOCKS = st.lists(st.tuples(ENVELOPES, st.lists(INSIDES | GOOD_INSIDES, max_size=12)), max_size=4)


@settings(derandomize=True, max_examples=500, deadline=None)
@given(blocks=BLOCKS, cuts=st.lists(st.integers(1, 6000), max_size=20), odd=st.integers(-3, 40))
def test_whatever_stands_in_the_chunks_both_readers_say_the_same(blocks, cuts, odd):
    datas = [prefix + inside + suffix for (prefix, suffix), insides in blocks for inside in insides]
    if 0 <= odd <= len(datas):
        datas.insert(odd, USAGE)
    short, long = both(framed([*datas, *ENDS]), cuts)
    assert short == long


SNEAKY = st.lists(st.sampled_from([b"\\", b",", b'"', b'","', b'\\"', b'\\\\"', b"\\\\", b"a"]), min_size=1, max_size=3).map(b"".join)


@settings(derandomize=True, max_examples=400, deadline=None)
@given(insides=st.lists(SNEAKY, min_size=1, max_size=5))
def test_no_quote_or_backslash_reaches_from_one_chunk_into_another(insides):
    prefix, suffix = b'{"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"', b'"},"finish_reason":null}]}'
    short, long = both(framed([prefix + inside + suffix for inside in [b"x", b"y", *insides]] + ENDS), [])
    assert short == long


@settings(derandomize=True, max_examples=300, deadline=None)
@given(blocks=st.lists(st.tuples(ENVELOPES, st.lists(GOOD_INSIDES, min_size=1, max_size=12)), min_size=1, max_size=3), flaw=st.integers(0, 5000))
def test_one_wrong_byte_anywhere_is_seen_by_both(blocks, flaw):
    raw = framed([*[prefix + inside + suffix for (prefix, suffix), insides in blocks for inside in insides], *ENDS])
    place = len(HEAD) + flaw % (len(raw) - len(HEAD) - 5)
    short, long = both(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :], [place])
    assert short == long


@settings(derandomize=True, max_examples=200, deadline=None)
@given(insides=st.lists(GOOD_INSIDES, min_size=2, max_size=40), cuts=st.lists(st.integers(1, 6000), max_size=50))
def test_a_run_has_the_texts_the_marks_and_the_gaps_of_its_chunks(insides, cuts):
    prefix, suffix = b'{"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"', b'"},"finish_reason":null}]}'
    raw = framed([prefix + inside + suffix for inside in [b"x", *insides]] + ENDS)
    seen = received(raw, cuts)
    found = read_in_runs(raw, len(HEAD))
    assert found is not None
    texts = [msgspec.json.decode(b'"%b"' % inside) for inside in [b"x", *insides]]
    ends, at = [], len(HEAD)
    for inside in [b"x", *insides]:
        at = raw.index(b"\n\n\r\n", at) + 4
        if inside:
            ends.append(at - 2)
    assert "".join(found.reading.text) == "".join(texts)
    assert found.reading.marks == ends
    stamps = [next(stamp for end, stamp in zip(seen.read_ends, seen.stamps_ns, strict=True) if end >= mark) for mark in ends]
    arrivals = seen.arrivals_of(ends)
    assert (arrivals.first_ns, arrivals.last_ns, arrivals.gaps_us) == (stamps[0], stamps[-1], gaps_of_ns(stamps))


@pytest.mark.parametrize(("n", "most"), [(40, 7), (400, 7)])
def test_most_chunks_of_a_long_answer_are_not_decoded_one_by_one(monkeypatch, n, most):
    """The point of it, so that no change of the usual envelope loses it unnoticed."""
    steps = []
    monkeypatch.setattr("bench.providers.chat_envelope.one_event", lambda raw, at: steps.append(at) or runs.one_event(raw, at))
    role = b'{"id":"c","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}'
    said = [b'{"id":"c","model":"m","choices":[{"index":0,"delta":{"content":" w%d"},"finish_reason":null}]}' % k for k in range(n)]
    raw = framed([role, *said, *ENDS])
    assert "".join(read_in_runs(raw, len(HEAD)).reading.text) == "".join(f" w{k}" for k in range(n))
    assert len(steps) <= most


PLAIN = st.sampled_from([
    b'{"choices":[{"message":{"content":"Yes."},"finish_reason":"stop"}],"usage":{"completion_tokens":2},"model":"m"}',
    b' \n{"choices":[{"message":{"content":[{"text":"in parts"}],"reasoning":"why"}}]}', b'{"choices":[{"delta":{"content":"odd"}}]}',
    b'{"choices":[],"error":{"message":"no","code":429}}', b'{"choices":[{"message":{"content":""}}]}', b'{"usage":{"completion_tokens":2.0}}',
    b"[]", b"null", b"", b"{", b"data: {}\n\n", b'data: {"choices":[{"delta":{"content":"a"}}]}\n\ndata: [DONE]\n\n', b"\xff{}", b"<html>",
])  # fmt: skip


@settings(derandomize=True, max_examples=200, deadline=None)
@given(
    body=PLAIN, kind=st.sampled_from([b"application/json", b"text/event-stream", b"Text/Event-Stream; x", b""]), status=st.sampled_from([200, 500]),
    cuts=st.lists(st.integers(1, 300), max_size=5), more=st.sampled_from([b"", b" ", b"x"]),
)  # fmt: skip
def test_a_plain_answer_is_read_alike_by_both(body, kind, status, cuts, more):
    head = b"HTTP/1.1 %d X\r\nContent-Type: %b\r\nContent-Length: %d" % (status, kind, len(body))
    seen = [received(head + b"\r\n\r\n" + body + more, cuts) for _ in range(2)]
    for one in seen:
        one.head, one.body_start = parse_head(head), len(head) + 4
    short, long = (read(one, zero_ns=0, scheduled_s=None, credential=None) for read, one in zip((read_answer, read_unusual), seen, strict=True))
    assert short == long
