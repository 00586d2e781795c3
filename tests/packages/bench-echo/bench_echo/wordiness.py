"""A metric: words per second of an answer."""

from typing import Literal

from bench.records.observation import Observation


class WordsPerSecond:
    """Words over the time from the send to the end; of a group the ratio of the sums."""

    unit = "words/s"
    better: Literal["lower", "higher", "neither"] = "higher"
    aggregate: Literal["quantiles", "mean", "ratio", "share"] = "ratio"

    def measure(self, seen: Observation) -> tuple[float, float] | None:
        """(words, seconds); None where there is no answer."""
        if seen.completion is None:
            return None
        timing = seen.sample.timing
        return float(len(seen.completion.text.split())), timing.finished_s - timing.sent_s
