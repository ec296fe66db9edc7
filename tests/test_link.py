"""The relay over real sockets. Times are lower bounds only: the link itself imposes them."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any

import pytest

from otakit.captured import Address
from otakit.errors import SettingsError, TransportError
from otakit.faults import LinkSettings
from otakit.link import Link, parse_address
from otakit.protocol.mqtt import Framer, encode
from otakit.protocol.packets import Connect, Packet, Publish, Version

CONNECT = encode(Connect(version=Version.MQTT_3_1_1))


def chunk(index: int, kind: str = "fw", size: int = 100) -> bytes:
    return encode(Publish(f"v2/{kind}/response/1/chunk/{index}", bytes([index % 256]) * size))


class Server:
    """A TCP server of one thread that hands each accepted connection to `talk`."""

    def __init__(self, talk: Callable[[socket.socket], None]) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address: Address = self._listener.getsockname()[:2]
        self._talk = talk
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                try:
                    self._talk(connection)
                except ConnectionError:
                    continue  # a link that breaks a connection breaks it here too

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)


class Heard:
    """A watcher that keeps the notes."""

    def __init__(self) -> None:
        self.notes: list[tuple[str, Mapping[str, object]]] = []

    def connection(self, client: Address, server: Address) -> int:
        return 0

    def packet(self, *_: object, **__: object) -> int:
        return 0

    def note(self, name: str, fields: Mapping[str, object], **_: object) -> None:
        self.notes.append((name, fields))


Start = Callable[..., Link]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a server and a link in front of it; both end with the test."""
    running: list[Any] = []

    def starter(talk: Callable[[socket.socket], None], settings: str | LinkSettings, watcher: Any = None) -> Link:
        server = Server(talk)
        link = Link(settings, watcher)
        running.extend((link, server))
        link.start(server.address)
        return link

    yield starter
    for part in running:
        part.close()


def all_bytes(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65536), b""))


def echo(connection: socket.socket) -> None:
    while data := connection.recv(65536):
        connection.sendall(data)


def answers(*packets: bytes) -> Callable[[socket.socket], None]:
    """A server that reads CONNECT and then says all of it at once."""

    def talk(connection: socket.socket) -> None:
        connection.recv(len(CONNECT))
        connection.sendall(b"".join(packets))
        connection.shutdown(socket.SHUT_WR)
        all_bytes(connection)

    return talk


def heard_through(link: Link, first: bytes = CONNECT) -> bytes:
    with closing(socket.create_connection(link.address)) as device:
        device.sendall(first)
        return all_bytes(device)


def assert_broken(device: socket.socket) -> None:
    with pytest.raises(ConnectionError):
        device.recv(1)


@pytest.mark.parametrize("settings", ["none", "1 ms", "100 Mbit/s", "answer 9 withheld"])
def test_the_link_passes_every_byte_both_ways(start: Start, settings: str) -> None:
    """A megabyte comes back as it went, and the half-close with it."""
    link, sent = start(echo, settings), CONNECT + bytes(range(256)) * 4096
    with closing(socket.create_connection(link.address)) as device:

        def send() -> None:
            device.sendall(sent)
            device.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        assert all_bytes(device) == sent
        sender.join()


def test_an_answer_takes_at_least_the_round_trip(start: Start) -> None:
    """40 ms there and back."""
    link = start(echo, "40 ms")
    with closing(socket.create_connection(link.address)) as device:
        began = time.monotonic()
        device.sendall(b"x")
        assert device.recv(1) == b"x"
        assert time.monotonic() - began >= 0.040


def test_bytes_take_at_least_their_time_at_the_rate(start: Start) -> None:
    """50,000 bytes at 2 Mbit/s take 0.2 s, however they are sent."""
    payload = bytes(50_000)
    link = start(answers(payload), "2 Mbit/s")
    began = time.monotonic()
    assert heard_through(link) == payload
    assert time.monotonic() - began >= 0.2


def test_a_withheld_answer_never_comes_and_the_next_ones_do(start: Start) -> None:
    """Answer 2 is missing whole; 0, 1 and 3 are there; the watcher heard why."""
    watcher = Heard()
    link = start(answers(*(chunk(index) for index in range(4))), "answer 3 withheld", watcher)
    assert heard_through(link) == chunk(0) + chunk(1) + chunk(3)
    assert watcher.notes == [
        ("fault", {"name": "Withhold", "message": "ChunkResponse", "nth": 3, "request_id": 1, "index": 2,
                   "kind": "firmware", "direction": "to device"})
    ]  # fmt: skip


def test_a_packet_larger_than_any_slice_is_withheld_whole(start: Start) -> None:
    """One chunk of 1.5 MiB; the packet after it arrives intact."""
    link = start(answers(chunk(0, size=3 << 19), chunk(1)), "answer 1 withheld")
    assert heard_through(link) == chunk(1)


def test_only_packets_of_the_kind_count(start: Start) -> None:
    """The first software answer, after two of the firmware."""
    link = start(answers(chunk(0), chunk(1), chunk(0, "sw"), chunk(2)), "software answer 1 withheld")
    assert heard_through(link) == chunk(0) + chunk(1) + chunk(2)


def test_a_late_answer_comes_behind_what_was_sent_after_it(start: Start) -> None:
    """Answer 1 arrives behind answer 2."""

    def talk(connection: socket.socket) -> None:
        connection.recv(len(CONNECT))
        connection.sendall(chunk(0) + chunk(1))
        all_bytes(connection)

    link = start(talk, "answer 1 late by 20 ms")
    with closing(socket.create_connection(link.address)) as device:
        device.sendall(CONNECT)
        framer, packets = Framer(), list[bytes]()
        while len(packets) < 2:
            packets += framer.feed(device.recv(65536))
    assert packets == [chunk(1), chunk(0)]


def test_a_cut_breaks_the_connection_and_the_next_one_works(start: Start) -> None:
    """The first connection ends in place of answer 2; the second gets everything."""
    link = start(answers(chunk(0), chunk(1)), "cut at answer 2")
    with pytest.raises(ConnectionError):
        heard_through(link)
    assert heard_through(link) == chunk(0) + chunk(1)


def test_mqtt_5_is_read_with_its_properties(start: Start) -> None:
    """The version comes from CONNECT; read as 3.1.1 this request's payload would be no size."""
    connect = encode(Connect(version=Version.MQTT_5))
    request = encode(Publish("v2/fw/request/1/chunk/0", b"4096"), Version.MQTT_5)
    link = start(echo, "request 1 withheld")
    with closing(socket.create_connection(link.address)) as device:
        device.sendall(connect + request + b"\xe0\x00")
        device.shutdown(socket.SHUT_WR)
        assert all_bytes(device) == connect + b"\xe0\x00"


@pytest.mark.parametrize("hello", [b"\x16\x03\x01\x02\x00rest", b"\x10\xff\xff\xff\xff\xffno length", b"\x00"])
def test_what_is_no_mqtt_passes_untouched(start: Start, hello: bytes) -> None:
    """TLS and nonsense are not held back by a plan that cannot read them."""
    link = start(echo, "answer 1 withheld")
    with closing(socket.create_connection(link.address)) as device:
        device.sendall(hello)
        device.shutdown(socket.SHUT_WR)
        assert all_bytes(device) == hello


def test_several_connections_at_once_do_not_mix(start: Start) -> None:
    """Each hears its own; the server answers them one after another."""
    link = start(echo, "1 ms")
    devices = [socket.create_connection(link.address) for _ in range(5)]
    for number, device in enumerate(devices):
        device.sendall(b"%d" % number)
        device.shutdown(socket.SHUT_WR)
    assert [all_bytes(device) for device in devices] == [b"%d" % number for number in range(5)]
    for device in devices:
        device.close()


def test_a_server_that_is_not_there_closes_the_device_s_connection() -> None:
    """No hanging: the device sees a broken connection."""
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        target = free.getsockname()[:2]
    with Link("1 ms") as link, closing(socket.create_connection(link.start(target))) as device:
        assert_broken(device)


def test_close_breaks_open_connections_and_may_be_called_twice(start: Start) -> None:
    """Nothing is left waiting."""
    link = start(echo, "10 s")
    with closing(socket.create_connection(link.address)) as device:
        device.sendall(b"never arrives")
        link.close()
        link.close()
        assert_broken(device)


def test_a_taken_port_is_said_in_one_line() -> None:
    """Which port, and what to do."""
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(TransportError, match=f"127.0.0.1:{port}.*choose another port"):
            Link("none").start(("127.0.0.1", 1883), port=port)


def test_the_process_prints_its_port_and_relays(start: Start) -> None:
    """As the benchmarks use it."""
    server = start(echo, "none")
    target = "{}:{}".format(*server.address)
    command = [sys.executable, "-m", "otakit.link", "2 ms, 100 Mbit/s", target]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = json.loads(process.stdout.readline())["port"]
        with closing(socket.create_connection(("127.0.0.1", port))) as device:
            device.sendall(b"hello")
            assert device.recv(5) == b"hello"
        process.terminate()


def test_the_process_says_in_one_line_what_it_cannot_read() -> None:
    """No traceback."""
    command = [sys.executable, "-m", "otakit.link", "fast", "127.0.0.1:1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "cannot read 'fast'" in done.stderr


@pytest.mark.parametrize("text", ["1883", "host", "host:", ":1", "host:port"])
def test_an_address_without_host_or_port_is_refused(text: str) -> None:
    """It says how one looks."""
    with pytest.raises(SettingsError, match="host:port"):
        parse_address(text)


def test_packets_of_the_test_are_what_the_codec_writes() -> None:
    """The helper's chunk is one whole packet."""
    packet: Packet = Publish("v2/fw/response/1/chunk/3", bytes([3]) * 100)
    assert Framer().feed(chunk(3)) == [encode(packet)]


def test_a_doubled_a_short_and_an_overtaken_answer_pass_as_the_plan_says(start: Start) -> None:
    """Each packet stays whole."""
    plan = "answer 1 duplicated, answer 2 truncated to 0 bytes, answer 3 out of order"
    link = start(answers(*(chunk(index) for index in range(5))), plan)
    short = encode(Publish("v2/fw/response/1/chunk/1"))
    assert heard_through(link) == chunk(0) * 2 + short + chunk(3) + chunk(2) + chunk(4)


def test_one_bit_of_a_corrupted_answer_is_another_and_the_same_for_the_same_seed(start: Start) -> None:
    """The packet around it is as it was."""
    heard = [heard_through(start(answers(chunk(0)), "answer 1 corrupted")) for _ in range(2)]
    assert heard[0] == heard[1]
    assert sum((one ^ other).bit_count() for one, other in zip(heard[0], chunk(0), strict=True)) == 1


def test_a_half_open_link_swallows_both_ways_and_stays_open(start: Start) -> None:
    """What the device sends is read and goes nowhere; the watcher knows."""
    watcher = Heard()
    link = start(echo, "silent at request 2", watcher)
    request = encode(Publish("v2/fw/request/1/chunk/0", b"100"))
    with closing(socket.create_connection(link.address, timeout=20)) as device:
        device.sendall(CONNECT + request)
        got = b""
        while len(got) < len(CONNECT + request):
            got += device.recv(65536)
        device.sendall(request * 3)
        device.settimeout(0.1)
        with pytest.raises(TimeoutError):
            device.recv(1)
    assert [fields["name"] for _, fields in watcher.notes] == ["Silence"]


def test_jitter_keeps_every_byte_in_its_place(start: Start) -> None:
    """However the delays fall, nothing overtakes."""
    link, sent = start(echo, "10 ms ± 10 ms"), CONNECT + bytes(range(256)) * 2000
    with closing(socket.create_connection(link.address)) as device:
        for at in range(0, len(sent), 20_000):
            device.sendall(sent[at : at + 20_000])
        device.shutdown(socket.SHUT_WR)
        assert all_bytes(device) == sent


def test_a_rate_that_falls_holds_back_what_comes_later(start: Start) -> None:
    """5,000 bytes at 200 kbit/s take 0.2 s, though the link began as fast as the machine."""
    payload = bytes(5000)
    link = start(answers(payload), "200 kbit/s after 0 s")
    began = time.monotonic()
    assert heard_through(link) == payload
    assert time.monotonic() - began >= 0.2
