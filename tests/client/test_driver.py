"""The client on sockets that misbehave: clear errors, no hanging, exact bytes, and what paho is relied on for."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest

from otakit.client.driver import Client
from otakit.client.driver.tap import Tap
from otakit.client.settings import Settings
from otakit.errors import TransportError
from otakit.protocol import packets as p
from otakit.protocol.messages import Direction, Kind
from otakit.protocol.mqtt import encode
from otakit.protocol.packets import Version

Peer = Callable[[socket.socket], object]
QUICK = {"connect_deadline_s": 0.5, "reconnect_delay_s": 0.01, "offline_limit_s": 3}
TOKEN = "the-secret-token"


@pytest.fixture
def serve() -> Iterator[Callable[[Peer], int]]:
    """A server that does one thing with every connection; gives its port."""
    listeners: list[socket.socket] = []

    def start(peer: Peer) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection, contextlib.suppress(OSError):
                        peer(connection)

        threading.Thread(target=accept, daemon=True).start()
        return int(listener.getsockname()[1])

    yield start
    for listener in listeners:
        listener.close()


@pytest.fixture
def client(tmp_path: Path) -> Callable[..., Client]:
    def build(port: int, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", **settings: Any) -> Client:
        return Client(host, port, token=TOKEN, folder=tmp_path, settings=Settings(**{**QUICK, **settings}), tls=tls)

    return build


def fails(client: Client) -> str:
    """The text of the error that a run ends in."""
    with pytest.raises(TransportError) as caught:
        client.run()
    assert TOKEN not in str(caught.value)
    return str(caught.value)


def test_a_refused_port_says_that_no_server_listens(client: Any) -> None:
    """At once, not after every retry."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert f"127.0.0.1:{port} refused the connection: no server listens there" in fails(client(port))


def test_an_unknown_host_is_named(client: Any) -> None:
    """A name that can never exist (RFC 2606)."""
    assert "host 'no.such.invalid' is not known" in fails(client(1883, host="no.such.invalid"))


@pytest.mark.parametrize(
    ("version", "code", "text"),
    [
        (Version.MQTT_3_1_1, 5, "with 5, refused: not authorized"),
        (Version.MQTT_3_1_1, 4, "with 4, refused: bad user name or password"),
        (Version.MQTT_3_1_1, 1, "with 1, refused: the server does not speak this MQTT version"),
        (Version.MQTT_5, 0x86, "with 0x86, bad user name or password"),
        (Version.MQTT_5, 0x87, "with 0x87, not authorized"),
    ],
)
def test_a_wrong_token_is_told_with_its_code(client: Any, serve: Any, version: Version, code: int, text: str) -> None:
    """In both versions; once, without another attempt."""
    count = list[int]()

    def refuse(connection: socket.socket) -> None:
        count.append(1)
        connection.recv(1000)
        connection.sendall(encode(p.ConnAck(code), version))

    told = fails(client(serve(refuse), version=version))
    assert text in told
    assert "check the access token" in told
    assert count == [1]


def test_a_server_that_never_answers_connect_is_given_up(client: Any, serve: Any) -> None:
    """After the deadline for it."""
    told = fails(client(serve(lambda connection: connection.recv(1000) and connection.recv(1000))))
    assert "did not answer CONNECT in 0.5 s" in told


def test_a_server_that_closes_without_a_word_is_told_so(client: Any, serve: Any) -> None:
    """It may want TLS, or be something else."""
    assert "closed the connection without an answer to CONNECT" in fails(client(serve(lambda c: c.recv(1000))))


def test_a_web_server_is_no_mqtt_server(client: Any, serve: Any) -> None:
    """Its first bytes are shown."""
    told = fails(client(serve(lambda c: c.recv(1000) and c.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"))))
    assert "answered CONNECT with 48 54 54 50" in told
    assert "no MQTT" in told


def test_a_tls_port_without_tls_is_recognised_by_its_alert(client: Any, serve: Any) -> None:
    """The first byte of a TLS alert is 0x15."""
    told = fails(client(serve(lambda c: c.recv(1000) and c.sendall(b"\x15\x03\x01\x00\x02\x02\x46"))))
    assert "answers in TLS: connect with a TLS context" in told


def test_tls_on_a_plain_port_is_told_so(client: Any, serve: Any) -> None:
    """A broker answers a ClientHello with nothing that is TLS."""
    told = fails(
        client(serve(lambda c: c.recv(1000) and c.sendall(b"\x20\x02\x00\x01")), tls=ssl.create_default_context())
    )
    assert "does not answer in TLS" in told
    assert "plain port (1883)" in told


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=localhost"
    subprocess.run(
        [*command.split(), "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)],
        check=True,
        capture_output=True,
    )
    return cert, key


def serving_tls(certificate: tuple[Path, Path], then: Peer) -> Peer:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)

    def peer(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            then(secure)

    return peer


def refuse_five(connection: socket.socket) -> None:
    connection.recv(1000)
    connection.sendall(encode(p.ConnAck(5)))
    connection.recv(1000)


@pytest.mark.needs("openssl")
def test_an_untrusted_certificate_is_told_so(client: Any, serve: Any, certificate: tuple[Path, Path]) -> None:
    """With what to give."""
    port = serve(serving_tls(certificate, refuse_five))
    assert "certificate is not trusted" in fails(client(port, tls=ssl.create_default_context()))


@pytest.mark.needs("openssl")
def test_the_watcher_sees_plain_packets_inside_tls(serve: Any, certificate: tuple[Path, Path], tmp_path: Path) -> None:
    """The tap sits inside the TLS."""
    seen = list[tuple[Direction, bytes]]()

    class Watcher:
        def connection(self, client: Any, server: Any) -> int:
            return 0

        def packet(self, connection: int, direction: Direction, raw: bytes, at_ns: int | None = None) -> int:
            seen.append((direction, raw))
            return len(seen)

        def note(self, name: str, fields: Any, **_: Any) -> None: ...

    context = ssl.create_default_context(cafile=str(certificate[0]))
    port = serve(serving_tls(certificate, refuse_five))
    client = Client("127.0.0.1", port, token=TOKEN, folder=tmp_path, watcher=Watcher(), tls=context)
    with pytest.raises(TransportError, match="not authorized"):
        client.run()
    assert [raw[0] >> 4 for _, raw in seen] == [1, 2]
    assert TOKEN.encode() in seen[0][1]


def test_a_server_that_lies_in_its_packets_is_no_traceback(client: Any, serve: Any) -> None:
    """Bytes that paho cannot read end the connection with a reason."""

    def lie(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(encode(p.ConnAck(0)))
        connection.recv(1000)
        connection.sendall(b"\x30\x02\xff\xff" + b"\x90\x01\x00")
        connection.recv(1000)

    outcomes = client(serve(lie), reconnects=1).run()
    assert {outcome.outcome for outcome in outcomes.values()} == {"FAILED"}
    assert {"no MQTT" in outcome.reason for outcome in outcomes.values()} == {True}, outcomes


def test_a_client_can_be_stopped_before_it_runs(client: Any, serve: Any) -> None:
    """And ends without waiting."""
    one = client(serve(lambda connection: connection.recv(1000)))
    one.stop()
    with contextlib.suppress(TransportError):
        assert {outcome.outcome for outcome in one.run().values()} == {"FAILED"}


def test_stepping_a_client_that_cannot_connect_raises_the_same_error(client: Any) -> None:
    """From the thread that steps."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with client(port) as one:
        assert one.advance()  # CONNECT was tried
        with pytest.raises(TransportError, match="refused the connection"):
            one.advance()


def test_a_client_never_shows_its_token(client: Any) -> None:
    """Not in its repr either."""
    assert TOKEN not in repr(client(1)) + repr(vars(client(1)))


@pytest.mark.needs("open-files")
def test_many_open_files_are_no_obstacle(client: Any, serve: Any) -> None:
    """`select` fails from descriptor 1024 on; the loop does not use it."""
    held = list[socket.socket]()
    try:
        while not held or held[-1].fileno() < 1030:
            held.append(socket.socket())
        assert "not authorized" in fails(client(serve(refuse_five)))
    finally:
        for each in held:
            each.close()


# what paho-mqtt is relied on for


def test_paho_still_has_the_one_private_method_that_is_overridden() -> None:
    """`_create_socket` makes the socket, TLS included; `_send_pingreq` sends a sign of life."""
    assert callable(paho.Client._create_socket)
    assert callable(paho.Client._send_pingreq)


def pair(seen: Any = None) -> tuple[Tap, socket.socket]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    return Tap(ours, seen), theirs


def test_the_tap_gives_paho_what_it_asks_for_out_of_large_reads() -> None:
    """One byte, then another, then the rest; nothing held back, nothing twice."""
    tap, theirs = pair()
    theirs.sendall(b"abcdef")
    assert [bytes(tap.recv(1)), bytes(tap.recv(1)), bytes(tap.recv(100))] == [b"a", b"b", b"cdef"]
    assert tap.pending() == 0
    with pytest.raises(BlockingIOError):
        tap.recv(1)
    theirs.close()
    assert len(tap.recv(1)) == 0
    tap.close()


def test_the_tap_shows_whole_packets_however_they_are_cut() -> None:
    """Both ways; exact bytes."""
    seen = list[tuple[Direction, bytes]]()
    tap, theirs = pair(lambda direction, raw, _passed_ns: seen.append((direction, raw)))
    packet = encode(p.Publish("a/b", bytes(300)))
    for piece in (packet[:1], packet[1:50], packet[50:] + packet):
        theirs.sendall(piece)
        while True:
            try:
                tap.recv(7)
            except BlockingIOError:
                break
    tap.send(packet[:10])
    tap.send(packet[10:])
    assert seen == [(Direction.TO_DEVICE, packet)] * 2
    tap.flush()
    assert seen[2:] == [(Direction.TO_SERVER, packet)]
    assert theirs.recv(1000) == packet
    theirs.close()
    tap.close()


def test_a_packet_left_when_the_kernel_was_asked_to_take_it() -> None:
    """Not when that came back: a thread that was kept from running meanwhile would make its answer look too fast."""

    class Slow(socket.socket):
        def send(self, data: Any, flags: int = 0) -> int:
            sent.append(time.monotonic_ns())
            return super().send(data, flags)

    sent, left = list[int](), list[int]()
    ours, theirs = socket.socketpair()
    slow = Slow(fileno=ours.detach())
    tap = Tap(slow, lambda _direction, _raw, passed_ns: left.append(passed_ns))
    tap.send(encode(p.Publish("a/b", b"")))
    tap.flush()
    assert left[0] <= sent[0]
    theirs.close()
    tap.close()


def test_a_taps_close_sends_what_was_still_held() -> None:
    """DISCONNECT is the last packet."""
    tap, theirs = pair()
    tap.send(b"\xe0\x00")
    tap.close()
    assert theirs.recv(10) == b"\xe0\x00"
    theirs.close()


def test_requests_of_one_turn_leave_together(serve: Any, tmp_path: Path) -> None:
    """TCP_NODELAY is set, so each send is a segment: a window's requests shall be one."""
    options = list[int]()

    class Watcher:
        def connection(self, client: Any, server: Any) -> int:
            return 0

        def packet(self, connection: int, direction: Direction, raw: bytes, at_ns: int | None = None) -> int:
            return 0

        def note(self, name: str, fields: Any, **_: Any) -> None: ...

    def look(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(encode(p.ConnAck(5)))

    client = Client("127.0.0.1", serve(look), token=TOKEN, folder=tmp_path, watcher=Watcher())
    original = Tap.__init__

    def spy(self: Tap, sock: socket.socket, seen: Any) -> None:
        original(self, sock, seen)
        options.append(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Tap, "__init__", spy)
        with pytest.raises(TransportError):
            client.run()
    assert options == [1]


def test_kinds_not_asked_for_are_left_alone(client: Any) -> None:
    """A device without software has one job."""
    assert client(1, kinds=(Kind.FIRMWARE,)).settings.kinds == (Kind.FIRMWARE,)
