"""What one treatment needs to be measured: where it answers, how to speak to it, and whether it still lives."""

from collections.abc import Callable

from bench.clock import Clock
from bench.protocols import Provider
from bench.records.serving import Endpoint

ProviderFactory = Callable[[Endpoint, str | None, Clock], Provider]


def _lives() -> str | None:
    return None


class Seat:
    """One treatment's place in a block. The same seat may be used by several blocks, one after the other; it remembers what it has seen.

    `died` is set by the engine when the serving process has ended: then the rest of its trials were not tried, and stay pending.
    `n_sent` counts requests of every kind; the first one after a load is marked in its sample.
    """

    def __init__(
        self,
        *,
        endpoint: Endpoint,
        provider: ProviderFactory,
        credential: str | None = None,
        death: Callable[[], str | None] = _lives,
        restart: Callable[[str], bool] | None = None,
    ) -> None:
        """`provider(endpoint, credential, clock)` is called inside the event loop, once per block; `death()` says why the server is gone, or None.

        `restart(why)` starts the server again at the same address, and may take its time in another thread; None where that is not possible.
        """
        self.endpoint = endpoint
        self.credential = credential
        self.death = death
        self.provider = provider
        self.restart = restart
        self.n_broken = 0  # errors of the server's own, in a row
        self.restarted_s = float("-inf")  # of the run's clock
        self.died: str | None = None
        self.n_sent = 0
        self.in_flight = 0
        # On the scale of the event loop's clock:
        self.last_active_s = 0.0
        self.held_until_s = 0.0  # nothing is sent before: the server asked to wait
