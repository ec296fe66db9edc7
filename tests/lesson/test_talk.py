"""A connection in the reader's hand: whatever the server makes of a packet is shown, and nothing of it is raised."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator

import pytest

from otakit.errors import SettingsError, TransportError
from otakit.lesson.talk import Talk, talk
from otakit.run import peer_at
from otakit.servers import Credentials, Device, Twin

CHUNKS, ALL_FIRMWARE = "v2/fw/response/+/chunk/+", "v2/fw/response/+"
UPDATES = "v1/devices/me/attributes"
BOTH = pytest.mark.parametrize("version", [4, 5])


@pytest.fixture
def line(device: Device) -> Iterator[Talk]:
    with talk(device, patience_s=3) as made:
        yield made


@BOTH
def test_a_refused_filter_is_a_code_and_no_error(line: Talk, version: int) -> None:
    """The other filter is granted, the connection stays."""
    assert line.connect(version=version).code == 0
    said = line.subscribe(ALL_FIRMWARE, CHUNKS)
    assert said.codes == ((0x80 if version == 4 else 0x8F), 1)
    assert line.is_connected
    assert ALL_FIRMWARE in said.remarks[0]


@BOTH
def test_a_wrong_token_is_refused_and_the_server_closes(line: Talk, version: int) -> None:
    """The token is in no text, not even the wrong one."""
    said = line.connect("not-the-token", version=version)
    assert (said.code, said.closed) == (5 if version == 4 else 0x86, True)
    assert "not-the-token" not in repr(said) + said._repr_mimebundle_()["text/html"]
    assert "The server closed the connection right after" in said.remarks[-1]


def test_keys_go_out_as_they_are_written(line: Talk) -> None:
    """A blank after the comma becomes part of the key, and the key is missed."""
    line.connect()
    said = line.request_attributes("fw_title, fw_version")
    assert said.body == {"shared": {"fw_title": "pump"}}
    assert said.remarks == ("Asked for and not in the answer: ' fw_version'.",)


def test_a_chunk_request_is_the_request_its_acknowledgement_and_the_bytes(line: Talk) -> None:
    """And the acknowledgement of these, byte by byte; each answer under the id of its request."""
    line.connect()
    said = line.request_chunk(7, 4)
    assert said.rows == ["ChunkRequest", "PubAck", "ChunkResponse", "PubAck"]
    assert (said.topic, len(said.payload or b"")) == ("v2/fw/response/7/chunk/4", 3_616)
    assert said.packets[0].fields[-1].raw == b"4096"


def test_a_chunk_past_the_end_is_empty_and_acknowledged(line: Talk) -> None:
    """No error: the device must know where the end is."""
    line.connect()
    said = line.request_chunk(1, 5)
    assert (said.payload, said.code, said.closed) == (b"", 0, False)
    assert "past the end" in said.remarks[0]


@BOTH
def test_an_error_word_is_followed_by_a_close(line: Talk, version: int) -> None:
    """No acknowledgement of the request at fault."""
    line.connect(version=version)
    said = line.request_chunk(1, 0, 65_537)
    assert (said.error, said.closed, said.code) == ("PAYLOAD_TOO_LARGE", True, None)
    assert said.rows[-1] == ("PubAck" if version == 4 else "Disconnect")


def test_a_size_in_quotes_is_answered_by_a_close_alone(line: Talk) -> None:
    """Text goes out as it is written."""
    line.connect()
    said = line.request_chunk(1, 0, '"4096"')
    assert (said.contents, said.closed) == ([], True)
    assert "a bare whole number" in said.remarks[0]


def test_on_a_closed_connection_nothing_is_sent_and_connect_opens_another(line: Talk) -> None:
    """The reader is told, no exception."""
    line.connect()
    line.request_chunk(1, 0, '"4096"')
    unsent = line.request_chunk(1, 0)
    assert (unsent.title, unsent.heard, unsent.closed) == ("Nothing was sent", (), True)
    assert "connect() opens a new one" in unsent.remarks[0]
    line.connect()
    assert line.request_chunk(1, 0).payload


def test_both_messages_of_an_assignment_are_heard(line: Talk, twin: Twin, device: Device) -> None:
    """What the server says by itself waits until somebody listens."""
    line.connect()
    line.subscribe(UPDATES)
    twin.unassign("firmware", from_=device)
    assert line.listen().title == "The server by itself: AttributesUpdate"
    twin.assign(twin.upload("firmware", "pump", "1.1.1", b"another"), to=device)
    said = line.listen(2)
    assert sorted(key for body in said.bodies for key in body)[:2] == ["deleted", "fw_checksum"]
    assert said.rows == ["AttributesUpdate", "PubAck"] * 2


def test_nothing_to_hear_is_said(line: Talk) -> None:
    """After the wait."""
    line.connect()
    assert line.listen(within_s=0.05).title == "The server said nothing by itself"


@BOTH
def test_telemetry_that_is_none(line: Talk, version: int) -> None:
    """MQTT 3.1.1 has no word for it but to close; MQTT 5 has a reason code."""
    line.connect(version=version)
    said = line.publish("v1/devices/me/telemetry", "no JSON")
    assert (said.closed, said.code) == ((True, None) if version == 4 else (False, 0x99))


@pytest.mark.parametrize("qos", [0, 1])
def test_what_is_reported_is_stored(line: Talk, twin: Twin, device: Device, qos: int) -> None:
    """At QoS 0 too the next line of a notebook finds it read."""
    line.connect()
    line.report({"note": f"at {qos}"}, ts_ms=1_000 + qos, qos=qos)
    assert (1_000 + qos, f"at {qos}") in twin.telemetry(device, "note")["note"]


def test_leaving_is_a_disconnect(line: Talk) -> None:
    """And the server closes."""
    line.connect()
    assert line.disconnect().rows == ["Disconnect"]
    assert not line.is_connected


def test_all_of_it_is_a_session(line: Talk) -> None:
    """The recording lies under it while it grows, the token overwritten."""
    line.connect()
    line.request_chunk(1, 4)
    session = line.session
    assert list(session.chunks["received_bytes"]) == [3_616]
    line.close()
    assert line.session.cut is None
    assert str(line._peer.credentials.user_name).encode() not in session.path.read_bytes()


def test_each_arrow_that_was_taken_is_lit(line: Talk) -> None:
    """In the article's diagram, and only those."""
    line.connect()
    line.subscribe("v1/devices/me/attributes/response/+")
    line.request_attributes()
    lit = [text for text in line.diagram("request-firmware-attributes").text.splitlines() if "▶" in text]
    rows = [text.split("▶ ")[1].split(":")[0] for text in lit]
    assert rows == ["Subscribe", "SubAck", "AttributesRequest", "PubAck", "AttributesResponse"]


def test_a_second_talk_of_a_device_ends_the_first(device: Device) -> None:
    """Two clients with one token would throw each other out for ever."""
    first = talk(device)
    first.connect()
    with talk(device) as second:
        assert not first.is_connected
        with pytest.raises(SettingsError, match="this talk is over"):
            first.connect()
        assert second.connect().code == 0


def test_a_talk_that_nobody_holds_lets_its_connection_go(device: Device) -> None:
    """No thread is left behind."""
    before = threading.active_count()
    made = talk(device)
    made.connect()
    del made
    gc.collect()
    assert threading.active_count() == before


def test_basic_credentials_over_tls_and_a_certificate(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever proves the device's name, over whatever leads to the server."""
    monkeypatch.chdir(str(tmp_path))
    with Twin(tls=True) as server:
        basic = server.add_device("pump-1", credentials=Credentials.basic(user_name="pump", password="s3cret"))
        shown = server.add_device("pump-2", credentials=server.certificate("pump-2"))
        for device in (basic, shown):
            with talk(device, version=5) as line:
                assert line.connect().code == 0
                assert line.request_attributes("fw_title").body == {}
                assert "s3cret" not in repr(line.exchanges)


def test_an_address_where_nobody_listens_is_an_error(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is no refusal of the server's."""
    monkeypatch.chdir(str(tmp_path))
    nowhere = peer_at("127.0.0.1:1", "token", folder="nowhere")
    with talk(nowhere) as line, pytest.raises(TransportError, match="refused the connection"):
        line.connect()
    with pytest.raises(SettingsError, match=r"expected 4 for MQTT 3\.1\.1, or 5"):
        talk(nowhere, version=3)
