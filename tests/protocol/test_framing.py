"""A byte stream is cut into packets at once, without copies that grow, and never beyond the limit."""

from __future__ import annotations

import pytest

from otakit.errors import RemoteProtocolError
from otakit.protocol.mqtt import Framer, encode
from otakit.protocol.packets import PingReq, Publish

PING = encode(PingReq())


def test_a_packet_that_arrives_in_one_slice_is_not_copied() -> None:
    """The bytes that came in are the bytes that come out."""
    raw = encode(Publish("a", bytes(70_000)))
    (whole,) = Framer().feed(raw)
    assert whole is raw


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_kind_of_buffer_may_be_fed(kind: type[bytes]) -> None:
    """The framer keeps none of it: a receive buffer may be used again."""
    buffer = bytearray(PING + b"\xc0")
    framer = Framer()
    found = framer.feed(kind(buffer))
    buffer[:] = b"xxx"
    assert found == [PING]
    assert type(found[0]) is bytes
    assert framer.feed(b"\x00") == [PING]


def test_a_large_packet_in_many_slices_costs_no_more_than_its_bytes() -> None:
    """64 MiB in slices of 1,448 bytes; copying all at each slice would take hours."""
    raw = encode(Publish("a", bytes(64 << 20)))
    framer, found = Framer(), []
    for at in range(0, len(raw), 1448):
        found += framer.feed(raw[at : at + 1448])
    assert found == [raw]


def test_many_small_packets_in_one_slice_cost_no_more_than_their_bytes() -> None:
    """A million bytes of PINGREQ; moving the rest for each of them would take minutes."""
    assert len(Framer().feed(PING * 500_000)) == 500_000


def test_a_length_above_the_limit_is_refused_before_its_bytes_come() -> None:
    """ThingsBoard takes 65,536 bytes from a device."""
    framer = Framer(65_536)
    assert framer.feed(b"\x30\x80\x80\x04") == []
    with pytest.raises(RemoteProtocolError, match="65537 is above the limit of 65536"):
        Framer(65_536).feed(b"\x30\x81\x80\x04")


def test_a_length_of_five_bytes_is_refused() -> None:
    """As soon as its fourth byte says so."""
    with pytest.raises(RemoteProtocolError, match="more than four bytes"):
        Framer().feed(b"\x30\x80\x80\x80\x80")


def test_after_a_fault_the_rest_has_every_byte_not_given_out() -> None:
    """Who relays a stream that turned out to be no MQTT passes them on."""
    framer = Framer()
    assert framer.feed(PING + b"\x30\xff") == [PING]
    with pytest.raises(RemoteProtocolError):
        framer.feed(b"\xff\xff\xffabc")
    assert framer.rest() == b"\x30\xff\xff\xff\xffabc"
    assert framer.pending == 0
    assert framer.feed(PING) == [PING]
