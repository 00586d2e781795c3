import msgspec
import pytest

from bench.execute import delivered as module
from bench.execute.delivered import Delivered
from bench.records.exchange import Completion, Timing
from bench.records.machine import ClientHealth
from bench.records.sample import Sample

HEALTH = ClientHealth(
    worker="w1", treatment_digests=("t",), started_s=0.0, finished_s=9.0, lag_p50_s=0.0, lag_p99_s=0.0, lag_max_s=0.0, cpu_share=0.1
)


def answered(sent_s, finished_s, *, due_s=None, name="a", connect_s=None, attempt=1):
    timing = Timing(scheduled_s=sent_s if due_s is None else due_s, sent_s=sent_s, finished_s=finished_s, connect_s=connect_s)
    return Sample(trial_id=name, attempt=attempt, is_final=True, outcome=Completion(text="Yes"), timing=timing, worker="w1")


def told(asked, *samples, warmups=()):
    seen = Delivered(asked, frozenset(warmups))
    for sample in samples:
        seen.observe(sample)
    return seen.told(HEALTH)


def test_a_closed_loop_that_is_kept_full_delivers_what_was_asked():
    spans = [(start, start + 1.0) for start in (0.0, 0.5, 1.0, 1.5, 2.0, 2.5)]
    found = told(2, *(answered(*span) for span in spans))
    assert (found.asked_in_flight, found.requests) == (2, 6)
    assert found.in_flight == pytest.approx(1.8)  # one alone for the first half second of 2.5


def test_time_between_an_answer_and_the_next_send_is_missing():
    assert told(1, *(answered(float(k), k + 0.25) for k in range(5))).in_flight == pytest.approx(0.25)


def test_what_is_still_answered_after_the_last_send_has_no_part():
    assert told(1, answered(0.0, 1.0), answered(1.0, 2.0), answered(2.0, 99.0)).in_flight == pytest.approx(1.0)


def test_a_long_answer_that_is_settled_out_of_order_is_clipped_too():
    found = told(2, answered(0.0, 1.0), answered(1.0, 2.0), answered(2.0, 3.0), answered(3.0, 3.5), answered(0.0, 50.0))
    assert found.in_flight == pytest.approx(2.0)


def test_too_few_requests_say_nothing():
    assert told(4, *(answered(float(k), k + 1.0) for k in range(7))).in_flight is None
    assert told(1, answered(0.0, 1.0)).in_flight is None
    assert told(None, *(answered(float(k), k + 1.0) for k in range(7))).in_flight is None
    assert told(1).requests == 0


def test_an_open_loop_is_known_by_its_rate_and_the_delay_of_its_sends():
    found = told(None, *(answered(2.0 * k, 2.0 * k + 0.1, due_s=1.0 * k - 0.5) for k in range(5)))
    assert (found.asked_per_s, found.sent_per_s) == (pytest.approx(1.0), pytest.approx(0.5))
    assert found.send_delay_p50_s == pytest.approx(2.5)
    assert found.send_delay_p99_s == pytest.approx(4.46)


def test_a_closed_loop_has_no_rate_that_was_asked():
    found = told(1, *(answered(float(k), k + 1.0) for k in range(5)))
    assert (found.asked_per_s, found.sent_per_s, found.send_delay_p50_s, found.send_delay_p99_s) == (None, None, None, None)


def test_a_retry_has_no_arrival_of_its_own():
    first = told(None, answered(0.5, 1.0, due_s=0.0), answered(1.5, 2.0, due_s=1.0), answered(9.0, 9.5, due_s=0.0, attempt=2))
    assert first.send_delay_p99_s == pytest.approx(0.5)


def test_connections_are_counted():
    found = told(1, answered(0.0, 1.0, connect_s=0.001), answered(1.0, 2.0), answered(2.0, 3.0))
    assert (found.requests, found.new_connections) == (3, 1)


def test_warm_up_and_what_was_never_sent_do_not_count():
    found = told(1, answered(0.0, 1.0, name="warm"), answered(2.0, 2.0), answered(3.0, 4.0), warmups=("warm",))
    assert found.requests == 1


def test_time_waited_for_a_processor_is_a_share_of_the_time_it_was_wanted(tmp_path, monkeypatch):
    path = tmp_path / "schedstat"
    monkeypatch.setattr(module, "_SCHEDSTAT", path)
    path.write_text("1000 500 7\n")
    seen = Delivered(1, frozenset())
    path.write_text("4000 1500 9\n")
    assert seen.told(HEALTH).cpu_wait_share == pytest.approx(0.25)


@pytest.mark.parametrize("content", [None, "", "no numbers"])
def test_a_system_that_does_not_say_leaves_it_unknown(tmp_path, monkeypatch, content):
    path = tmp_path / "schedstat"
    monkeypatch.setattr(module, "_SCHEDSTAT", path)
    if content is not None:
        path.write_text(content)
    assert Delivered(1, frozenset()).told(HEALTH).cpu_wait_share is None


def test_what_the_loop_said_of_itself_is_kept():
    found = told(1, answered(0.0, 1.0))
    kept = msgspec.structs.asdict(HEALTH)
    assert {name: getattr(found, name) for name in ("worker", "lag_p99_s", "cpu_share")} == {
        name: kept[name] for name in ("worker", "lag_p99_s", "cpu_share")
    }


def test_answers_that_were_stamped_after_the_read_are_counted():
    def stamped(by, first_byte_s=0.5):
        timing = Timing(scheduled_s=0.0, sent_s=0.0, finished_s=1.0, first_byte_s=first_byte_s, stamped_by=by)
        return Sample(trial_id="a", attempt=1, is_final=True, outcome=Completion(text="Yes"), timing=timing, worker="w1")

    assert told(1, stamped("kernel"), stamped("kernel")).process_stamped == 0
    assert told(1, stamped("kernel"), stamped("process"), stamped("process", first_byte_s=None)).process_stamped == 1  # the last one has no arrival
