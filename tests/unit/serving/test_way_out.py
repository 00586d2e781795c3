import socket

import pytest

from bench.serving import way_out
from bench.serving.way_out import has_way_out


class Routes:
    """Sockets of a machine that knows a way to some families of addresses only; they send nothing."""

    def __init__(self, *families):
        self.families = families

    def __call__(self, family, kind):
        assert kind is socket.SOCK_DGRAM
        self.family = family
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def connect(self, _address):
        if self.family not in self.families:
            raise OSError("Network is unreachable")


@pytest.mark.parametrize(
    ("families", "environ", "found"),
    [
        ((), {}, False),
        ((socket.AF_INET,), {}, True),
        ((socket.AF_INET6,), {}, True),
        ((), {"https_proxy": "http://127.0.0.1:3128"}, True),
        ((), {"HTTPS_PROXY": "http://127.0.0.1:3128"}, True),
        ((), {"https_proxy": ""}, False),
    ],
)
def test_a_route_or_a_proxy_is_a_way_out(monkeypatch, families, environ, found):
    monkeypatch.setattr(way_out.socket, "socket", Routes(*families))
    assert has_way_out(environ) is found
