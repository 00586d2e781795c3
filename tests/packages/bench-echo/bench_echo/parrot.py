"""A runtime and a provider of one's own, for models that an `Adapter` does not fit: here a model that answers without any server."""

from bench.clock import Clock
from bench.protocols import ServingContext
from bench.records.exchange import Completion, Exchange, Timing, Usage
from bench.records.plan import Request, Treatment
from bench.records.serving import Endpoint, ServingFacts


class ParrotRuntime:
    """`runtime: parrot`. What speaks to the model is named by the beginning of its address."""

    def serve(self, treatment: Treatment, context: ServingContext) -> "ServedParrot":
        """A model that is ready to answer."""
        return ServedParrot(str(treatment.model.settings.get("says", "Hello.")))


class ServedParrot:
    """A model that is up."""

    credential: str | None = None

    def __init__(self, says: str) -> None:
        """It says this, whatever it is asked."""
        self.endpoint = Endpoint(base_url=f"parrot:{says}", served_model="parrot", owned=True, load_s=0.0, transport="in-process")

    def facts(self) -> ServingFacts:
        """What is known of it."""
        return ServingFacts(notes=("a parrot",))

    def death(self) -> str | None:
        """Why it is gone, or None."""
        return None

    def close(self) -> None:
        """End it."""


class Parrot:
    """The provider `parrot`: speaks to addresses that begin with `parrot:`."""

    def __init__(self, endpoint: Endpoint, credential: str | None, clock: Clock) -> None:
        """Made inside the event loop; `credential` is a secret."""
        self._says, self._clock = endpoint.base_url.partition(":")[2], clock

    async def call(self, request: Request, *, seed: int | None, timeout_s: float, scheduled_s: float | None = None) -> "Said":
        """Send one request, and stamp what comes back."""
        sent_s = self._clock.now_s()
        due_s = sent_s if scheduled_s is None else scheduled_s
        return Said(self._says, Timing(scheduled_s=due_s, sent_s=sent_s, finished_s=self._clock.now_s()))

    async def close(self) -> None:
        """Close every connection."""


class Said:
    """An answer as it arrived."""

    def __init__(self, text: str, timing: Timing) -> None:
        """Not yet read."""
        self._text, self._timing = text, timing

    def decode(self) -> Exchange:
        """Read it, off the measured path."""
        usage = Usage(completion_tokens=len(self._text.split()), counted_by="tokenizer")
        return Exchange(outcome=Completion(text=self._text, finish_reason="stop", usage=usage), timing=self._timing)
