"""What Ollama tells and does beside the OpenAI API: which models are loaded, and how much of each lies in a GPU's memory."""

from bench.records.serving import Endpoint, Placement
from bench.serving.dialect import root_of
from bench.serving.placement import from_ollama
from bench.serving.probe import Reply, get


def loaded_at(endpoint: Endpoint, credential: str | None) -> Placement | None:
    """On what a model runs that Ollama has loaded; None of any other server, or while it is not loaded. Source: docs.ollama.com/api/ps."""
    if endpoint.server is None or endpoint.server.dialect != "ollama":
        return None
    reply = get(f"{root_of(endpoint.base_url)}/api/ps", credential=credential)
    return from_ollama(reply.value(), endpoint.served_model) if isinstance(reply, Reply) and reply.status == 200 else None
