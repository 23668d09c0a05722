"""Channels of a process that meets many servers."""

from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from tests.support.waiting import until
from trainup.core import wire


def server(port: int = 0) -> tuple[grpc.Server, int]:
    server = grpc.server(ThreadPoolExecutor(1))
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    return server, port


def answer(channel: grpc.Channel) -> grpc.StatusCode:
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary("/no/method")(b"", timeout=10)
    return caught.value.code()  # type: ignore[attr-defined, no-any-return]


def test_a_new_channel_reaches_the_server_that_got_the_port_of_an_ended_one() -> None:
    first, port = server()
    with grpc.insecure_channel(f"127.0.0.1:{port}", wire.CHANNEL) as old:
        assert answer(old) is grpc.StatusCode.UNIMPLEMENTED
        first.stop(None).wait()
        until(lambda: answer(old) is grpc.StatusCode.UNAVAILABLE)
        second, _ = server(port)
        with grpc.insecure_channel(f"127.0.0.1:{port}", wire.CHANNEL) as new:
            assert answer(new) is grpc.StatusCode.UNIMPLEMENTED
        second.stop(None).wait()
