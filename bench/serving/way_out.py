"""Whether this machine has a network at all: a question to its own routing table, which sends nothing."""

import socket
from collections.abc import Mapping

_PROXIES = ("http_proxy", "https_proxy", "all_proxy")
# Source: RFC 5737 and RFC 3849, addresses of documentation: nobody has them, so only the way to them is looked up.
_ELSEWHERE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))


def has_way_out(environ: Mapping[str, str]) -> bool:
    """False where no other machine can be reached: switched off, or in flight. A proxy that is named counts as a way."""
    if any(environ.get(name) or environ.get(name.upper()) for name in _PROXIES):
        return True
    return any(_is_routed(family, address) for family, address in _ELSEWHERE)


def _is_routed(family: socket.AddressFamily, address: str) -> bool:
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.connect((address, 9))  # of a datagram socket: the route is looked up, and no more
    except OSError:
        return False
    return True
