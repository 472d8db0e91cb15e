import socket

import pytest

from sandbox.unreachable import Unreachable


def test_connecting_times_out_instead_of_being_refused():
    unreachable = Unreachable()
    host, port = unreachable.address.split(":")
    try:
        for _ in range(3):
            with pytest.raises(TimeoutError):
                socket.create_connection((host, int(port)), timeout=0.2)
    finally:
        unreachable.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), timeout=5)
