"""However the bytes of an answer are cut into reads, the same sample comes out, and no chunk arrives before its event was complete."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.providers.chat_answer import read_answer, read_unusual
from bench.providers.wire.http1 import ChunkWalker, parse_head
from bench.providers.wire.received import Received
from bench.providers.wire.sse import one_event_per_chunk

PIECES = ["Die ", "Sitzung ", "beschließt ", "日本 ", 'a "quoted\\n" word\r\n', "0\r\n\r\n", "[DONE] "]


def chunk(delta, finish=None, **more):
    return msgspec.json.encode({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}], "model": "m", **more}).decode()


def stream(newline="\n", *, done=True, last_blank=True):
    """The events of one answer, each with the content it carries."""
    events = [(chunk({"role": "assistant", "content": ""}), None), *[(chunk({"content": piece}), piece) for piece in PIECES]]
    events += [(chunk({}, "stop"), None), ('{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":7}}', None)]
    lines = [f": ping{newline}{newline}data: {data}{newline}{newline}" for data, _ in events]
    if done:
        lines.append(f"data: [DONE]{newline}{newline}")
    if not last_blank:
        lines[-1] = lines[-1].rstrip("\r\n")
    return lines


def framed(lines, kind, *, per_chunk=1):
    """The bytes on the wire, and for every content event the offset behind its blank line."""
    head = {"chunked": "Transfer-Encoding: chunked", "length": f"Content-Length: {sum(len(line.encode()) for line in lines)}", "close": "X: y"}[kind]
    raw = f"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{head}\r\n\r\n".encode()
    ends = []
    for start in range(0, len(lines), per_chunk):
        group = [line.encode() for line in lines[start : start + per_chunk]]
        if kind == "chunked":
            raw += b"%x;ext=1\r\n" % sum(map(len, group))
        for line in group:
            raw += line
            ends.append(len(raw))
        if kind == "chunked":
            raw += b"\r\n"
    return raw + (b"0\r\nTrailer: t\r\n\r\n" if kind == "chunked" else b""), ends


def received(raw, cuts):
    """As the connection captures it: read i arrives at second i + 1."""
    read_ends = [*sorted(cut for cut in set(cuts) if 0 < cut < len(raw)), len(raw)]
    body_start = raw.index(b"\r\n\r\n") + 4
    stamps = [(k + 1) * 10**9 for k in range(len(read_ends))]
    return Received(
        sent_ns=0, finished_ns=stamps[-1], end="complete", raw=raw, read_ends=read_ends, stamps_ns=stamps, head=parse_head(raw[: body_start - 4]),
        body_start=body_start,
    )  # fmt: skip


def read(raw, cuts):
    return read_answer(received(raw, cuts), zero_ns=0, scheduled_s=None, credential=None)


def arrival(read_ends, offset):
    return next(k + 1 for k, end in enumerate(read_ends) if end >= offset)


FORMS = [(newline, kind, per_chunk) for newline in ("\n", "\r\n") for kind in ("chunked", "length", "close") for per_chunk in (1, 3)]


@pytest.mark.parametrize(("newline", "kind", "per_chunk"), FORMS)
def test_one_cut_at_every_byte_changes_nothing_but_the_stamps(newline, kind, per_chunk):
    raw, ends = framed(stream(newline), kind, per_chunk=per_chunk)
    whole = read(raw, [])
    assert whole.outcome.text == "".join(PIECES)
    assert whole.outcome.usage.completion_tokens == 7
    content_ends = ends[1 : 1 + len(PIECES)]
    for cut in range(1, len(raw)):
        exchange = read(raw, [cut])
        assert exchange.outcome == whole.outcome
        found = [round(at) for at in exchange.timing.token_s]
        if newline == "\n":
            assert found == [arrival([cut, len(raw)], end) for end in content_ends]


@settings(derandomize=True, max_examples=150, deadline=None)
@given(
    cuts=st.lists(st.integers(1, 3000), max_size=60), form=st.sampled_from(FORMS), done=st.booleans(), last_blank=st.booleans(),
)  # fmt: skip
def test_any_cuts_give_the_same_sample(cuts, form, done, last_blank):
    newline, kind, per_chunk = form
    raw, ends = framed(stream(newline, done=done, last_blank=last_blank), kind, per_chunk=per_chunk)
    exchange, whole = read(raw, cuts), read(raw, [])
    assert exchange.outcome == whole.outcome
    assert exchange.outcome.text == "".join(PIECES)
    read_ends = [*sorted(cut for cut in set(cuts) if 0 < cut < len(raw)), len(raw)]
    assert [round(at) for at in exchange.timing.token_s] == [arrival(read_ends, end) for end in ends[1 : 1 + len(PIECES)]]
    assert list(exchange.timing.token_s) == sorted(exchange.timing.token_s)


@settings(derandomize=True, max_examples=200, deadline=None)
@given(sizes=st.lists(st.integers(1, 40), min_size=1, max_size=12), steps=st.lists(st.integers(1, 50), min_size=1, max_size=40))
def test_a_walker_fed_in_steps_finds_the_same_pieces_and_the_same_end(sizes, steps):
    raw = b"".join(b"%X\r\n%b\r\n" % (size, (b"0\r\n\r\n" * size)[:size]) for size in sizes) + b"0\r\n\r\n"
    whole, stepwise = ChunkWalker(0), ChunkWalker(0)
    assert whole.walk(raw)
    at, k = 0, 0
    while at < len(raw):
        at = min(len(raw), at + steps[k % len(steps)])
        k += 1
        assert stepwise.walk(raw[:at]) is (at == len(raw))
    assert (stepwise.pieces, stepwise.end) == (whole.pieces, whole.end) == (whole.pieces, len(raw))
    assert [stop - start for start, stop in whole.pieces] == sizes


@settings(derandomize=True, max_examples=300, deadline=None)
@given(body=st.binary(max_size=300), status=st.sampled_from([200, 400, 500]), kind=st.sampled_from(["chunked", "length", "close"]))
def test_no_body_whatever_makes_the_reader_raise(body, status, kind):
    head = {"chunked": "Transfer-Encoding: chunked", "length": f"Content-Length: {len(body)}", "close": "X: y"}[kind]
    raw = f"HTTP/1.1 {status} X\r\n{head}\r\n\r\n".encode() + body
    exchange = read(raw, [])
    assert exchange.outcome is not None


def usual(events):
    """The bytes of events as most servers frame them: each event a chunk."""
    raw = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    return raw + b"".join(b"%x\r\n%b\r\n" % (len(event), event) for event in events) + b"0\r\n\r\n"


ODD_EVENTS = st.sampled_from([
    b"data: [DONE]\n\n", b": ping\n\n", b"data: {}\n\n", b"data: a\ndata: b\n\n", b"data: x\r\n\r\n", b"data: \n\n", b"\n\n", b"data: {}\n\n\n",
    b"data: {\n\n\r\n5\r\ndata: }\n\n", b"event: e\ndata: {}\n\n", b'data: {"choices":[{"delta":{"content":"c","reasoning":"r"}}]}\n\n',
    b'data: {"choices":[{"delta":{"content":"c"},"index":1},{"delta":{"content":"d"}}]}\n\n', b'data: {"error":{"message":"m"}}\n\n',
    b'data: {"choices":[{"message":{"content":"whole"}}],"usage":{"completion_tokens":3}}\n\n', b'data: {"choices":null}\n\n', b"data: 1,2\n\n",
])  # fmt: skip


@settings(derandomize=True, max_examples=400, deadline=None)
@given(
    odd=st.lists(st.tuples(st.integers(0, 12), ODD_EVENTS), max_size=3), cuts=st.lists(st.integers(1, 3000), max_size=40), flaw=st.integers(-1, 2000),
)  # fmt: skip
def test_the_short_way_through_an_answer_says_what_the_long_way_says(odd, cuts, flaw):
    events = [line.split("\n\n", 1)[1].encode() for line in stream()[:-1]] + [b"data: [DONE]\n\n"]
    for place, event in odd:
        events.insert(place, event)
    raw = usual(events)
    if 0 <= flaw < len(raw) - 100:  # one byte behind the head is another
        place = raw.index(b"\r\n\r\n") + 4 + flaw % (len(raw) - 100)
        raw = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
    short, long = (reader(received(raw, cuts), zero_ns=0, scheduled_s=None, credential=None) for reader in (read_answer, read_unusual))
    assert short == long


def test_the_usual_framing_takes_the_short_way():
    events = [line.split("\n\n", 1)[1].encode() for line in stream()[:-1]] + [b"data: [DONE]\n\n"]
    raw = usual(events)
    datas, ends = one_event_per_chunk(raw, raw.index(b"\r\n\r\n") + 4)
    assert [b"data: %b\n\n" % data for data in datas] == events
    assert [usual(events)[:end].endswith(event) for end, event in zip(ends, events, strict=True)] == [True] * len(events)


def test_an_end_planted_in_a_chunk_is_no_end():
    planted = b"data: [DONE]\n\n\r\n0\r\n\r\n"
    raw = usual([b"data: {}\n\n"])[:-5] + b"%x\r\n%b" % (len(planted) + 30, planted)
    outcome = read(raw, []).outcome
    assert (outcome.kind, "inside a chunk" in outcome.message) == ("protocol", True)
