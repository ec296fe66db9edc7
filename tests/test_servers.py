"""The operator's verbs: safe to repeat, clear when they cannot, the same for twin and ThingsBoard."""

from __future__ import annotations

import io
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from otakit.errors import ImageError, OtakitError, ServerRefused, SettingsError, TransportError
from otakit.faults import LinkSettings
from otakit.protocol.checksums import ALGORITHMS, checksum_of
from otakit.protocol.messages import Kind
from otakit.servers import ThingsBoard, Twin, server
from otakit.servers.chosen import _shared
from otakit.thingsboard import Operator
from otakit.twin import TwinSettings
from otakit.twin.rest.login import PASSWORD, USER

IMAGE = bytes(i % 251 for i in range(200_000))


@pytest.fixture(scope="module")
def shared() -> Iterator[Twin]:
    """One twin for the tests that leave it as it was."""
    with Twin(settings=TwinSettings(dispatch_spacing_s=0)) as twin:
        yield twin


@pytest.fixture
def twin(shared: Twin) -> Iterator[Twin]:
    """The twin, cleaned behind each test."""
    yield shared
    shared.clean_up()


def test_label_says_which_server_answers_and_over_which_link() -> None:
    with Twin(link="40 ms, 2 Mbit/s") as twin:
        assert twin.label.startswith("twin of ThingsBoard 4.3.1.3 at http://127.0.0.1:")
        assert twin.label.endswith("link: 40 ms, 2 Mbit/s")
        assert twin.link.settings == LinkSettings(0.04, 2e6)


def test_verbs_return_what_is_there(twin: Twin) -> None:
    """The second time nothing is made."""
    assert twin.add_profile("P") == twin.add_profile("P")
    assert twin.add_device("pump-7") is twin.add_device("pump-7")
    assert twin.upload("firmware", "pump", "1.10", IMAGE) == twin.upload("fw", "pump", "1.10", IMAGE)


def test_device_with_another_profile_is_named_as_the_difference(twin: Twin) -> None:
    twin.add_device("pump-7", profile="P")
    assert twin.add_device("pump-7").name == "pump-7"
    with pytest.raises(SettingsError, match="there already with profile 'P', not 'Q'"):
        twin.add_device("pump-7", profile="Q")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"image": b"other"}, "with checksum '"),
        ({"kind": "software"}, "with type 'FIRMWARE' instead of 'SOFTWARE'"),
        ({"tag": "blue"}, "with tag None instead of 'blue'"),
        ({"algorithm": "MD5"}, "with checksum algorithm 'SHA256' instead of 'MD5'"),
        ({"profile": "P"}, "with device profile '"),
    ],
)
def test_package_that_differs_is_named_by_its_differences(twin: Twin, changes: dict[str, Any], text: str) -> None:
    wanted = {"kind": "firmware", "title": "pump", "version": "1.10", "image": IMAGE}
    twin.upload(**wanted)  # type: ignore[arg-type]  # the arguments by name
    with pytest.raises(SettingsError, match=text):
        twin.upload(**{**wanted, **changes})


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_upload_is_stored_with_each_algorithm(twin: Twin, algorithm: str) -> None:
    package = twin.upload("firmware", "pump", algorithm, b"123456789", algorithm=algorithm.lower(), tag="t")
    assert (package.checksum, package.size, package.tag) == (checksum_of(algorithm, b"123456789"), 9, "t")


def test_upload_streams_a_file(twin: Twin, tmp_path: Path) -> None:
    """And the server gives back the same bytes."""
    path = tmp_path / "a file.bin"
    path.write_bytes(IMAGE)
    package = twin.upload("software", "app", "2", path)
    twin.operator.download(package.id, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == IMAGE


def test_assignment_reaches_attributes_and_telemetry(twin: Twin) -> None:
    device, package = twin.add_device("pump-7"), twin.upload("firmware", "pump", "1.10", IMAGE)
    twin.assign(package, to=device)
    twin.assign(package, to=device)
    assert twin.wait_for(device, "INITIATED") == ["QUEUED", "INITIATED"]
    assert twin.attributes(device)["fw_version"] == "1.10"
    telemetry = twin.telemetry(device)
    assert [value for _, value in telemetry["fw_state"]][-1] == "INITIATED"
    assert telemetry["target_fw_version"][0][1] == "1.10"
    twin.unassign("firmware", from_=device)
    assert twin.attributes(device) == {}


def test_profile_is_assigned_and_cleaned_up(twin: Twin) -> None:
    """Clean-up takes back what a profile was given, or its packages could not go."""
    package = twin.upload("firmware", "pump", "1.10", IMAGE)
    twin.assign(package, to=twin.add_profile("default"))
    device = twin.add_device("pump-7")
    twin.write_attributes(device, {"colour": "red"})
    assert twin.attributes(device)["colour"] == "red"
    twin.clean_up()
    assert twin.ask(lambda model: (len(model.store.devices), len(model.store.packages))) == (0, 0)
    assert twin.add_device("pump-7").id != device.id


def test_what_is_gone_already_is_deleted_without_an_error(twin: Twin) -> None:
    device = twin.add_device("pump-7")
    twin.delete(device)
    twin.delete(device)
    assert twin.add_device("pump-7") is not device


def test_device_runs_what_it_was_reset_to(twin: Twin, tmp_path: Path) -> None:
    """In a folder of its own, kept where the user says."""
    device = twin.add_device("pump-7", folder=tmp_path / "pump")
    assert (device.folder, device.running()) == (tmp_path / "pump", ("pump", "1.0.0"))
    device.reset("0.9")
    assert device.running("firmware") == ("pump", "0.9")
    assert device.running("software") is None
    device.reset("3", kind="software", title="app")
    assert twin.add_device("pump-7", folder=tmp_path / "pump").running(Kind.SOFTWARE) == ("app", "3")
    other = twin.add_device("valve", firmware=("valve fw", "2.0"), software=("app", "1"))
    assert (other.running(), other.running("software")) == (("valve fw", "2.0"), ("app", "1"))


def test_secrets_are_in_no_repr(twin: Twin) -> None:
    device = twin.add_device("pump-7")
    shown = f"{device!r} {twin!r} {twin.operator!r} {vars(device).keys()}"
    assert device.token not in shown
    assert "password" not in shown
    assert "tenant'" not in shown


def test_token_of_ones_own_stays_out_of_addresses(twin: Twin, caplog: pytest.LogCaptureFixture) -> None:
    """Httpx logs every address at INFO."""
    with caplog.at_level(logging.DEBUG):
        made = twin.operator.save_device({"name": "own"}, token="my-secret-token")
    assert twin.operator.token_of(made["id"]["id"]) == "my-secret-token"
    twin.operator.delete("device", made["id"]["id"])
    assert "my-secret-token" not in caplog.text


def test_image_that_cannot_be_used_is_named(twin: Twin, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for image, text in (
        (b"", "no bytes"),
        (tmp_path / "empty", "file is empty"),
        (tmp_path / "nope", "cannot be read"),
    ):
        with pytest.raises(ImageError, match=text):
            twin.upload("firmware", "pump", "1", image)
    with pytest.raises(ImageError, match="cannot be read"):
        twin.upload("firmware", "pump", "1", tmp_path)


def test_unknown_words_are_named(twin: Twin) -> None:
    with pytest.raises(SettingsError, match="expected 'firmware' or 'software'"):
        twin.upload("hardware", "pump", "1", IMAGE)
    with pytest.raises(SettingsError, match="ThingsBoard has MD5, SHA256"):
        twin.upload("firmware", "pump", "1", IMAGE, algorithm="SHA1")
    with pytest.raises(ServerRefused, match="title length must be equal or less than 255"):
        twin.upload("firmware", "x" * 10_000, "1", IMAGE)


def test_image_above_the_body_limit_says_which_setting_and_why() -> None:
    settings = TwinSettings(http_payload_limit_bytes=2_000_000, multipart_limit_bytes=3_000_000)
    with Twin(settings=settings) as twin:
        with pytest.raises(ImageError, match=r"2,000,000 bytes are more.*2000000 bytes.*http_payload_limit_bytes"):
            twin.upload("firmware", "pump", "1", bytes(2_000_000))
        assert twin.upload("firmware", "pump", "2", bytes(1_999_000)).size == 1_999_000


def test_image_above_the_upload_limit_says_which_setting() -> None:
    """The second limit counts where the first does not: here the first is out of the way."""
    with Twin(settings=TwinSettings(http_payload_limit_bytes=10**9, multipart_limit_bytes=1_000_000)) as twin:
        with pytest.raises(ImageError, match="multipart_limit_bytes"):
            twin.upload("firmware", "pump", "1", bytes(1_000_001))
        assert twin.ask(lambda model: [package.has_data for package in model.store.packages.values()]) == [False]


def test_wrong_password_is_named_without_showing_it(twin: Twin) -> None:
    with pytest.raises(ServerRefused, match=r"user 'tenant@thingsboard\.org' or the password is wrong") as caught:
        ThingsBoard(twin.url, user=USER, password="not this one")
    assert "not this one" not in str(caught.value)


def test_expired_login_is_renewed(twin: Twin) -> None:
    """Whatever call meets it, the upload of a file included."""
    twin.operator._token = "rubbish"
    assert twin.add_profile("default").name == "default"
    image, profile = bytes(10_000_000), twin.add_profile("default")
    made = twin.operator.add_package(Kind.FIRMWARE, "pump", "1", profile.id)
    twin.operator._token = "rubbish"
    done = twin.operator.upload(made["id"]["id"], io.BytesIO(image), "image.bin", "SHA256")
    assert done["checksum"] == checksum_of("SHA256", image)
    twin.operator.delete("otaPackage", made["id"]["id"])


def test_thingsboard_elsewhere_has_the_same_verbs(twin: Twin) -> None:
    """Nothing in a lesson knows which one answers."""
    with ThingsBoard(twin.url + "/", mqtt="127.0.0.1:1999", user=USER, password=PASSWORD) as board:
        assert board.label.startswith("ThingsBoard 4.3.1.3")
        assert (board.mqtt, board.is_twin, board.tls) == (("127.0.0.1", 1999), False, None)
        device = board.add_device("pump-8")
        board.assign(board.upload("firmware", "pump", "1", IMAGE), to=device)
        assert twin.add_device("pump-8").token == device.token
        board.clean_up()


def test_mqtts_address_brings_tls(twin: Twin) -> None:
    with ThingsBoard(twin.url, mqtt="mqtts://example.org", user=USER, password=PASSWORD) as board:
        assert (board.mqtt, board.tls is None) == (("example.org", 8883), False)


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "ftp://x", "http://"])
def test_address_that_is_none_is_named(url: str) -> None:
    with pytest.raises(SettingsError, match="needs the form https://host"):
        ThingsBoard(url, user="u", password="p")


def test_missing_user_is_named(twin: Twin) -> None:
    with pytest.raises(SettingsError, match="OTAKIT_USER"):
        ThingsBoard(twin.url, password="p")


def test_refused_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(TransportError, match="nobody answers"):
        ThingsBoard(f"http://127.0.0.1:{port}", user="u", password="p")


def test_taken_port_is_named(twin: Twin) -> None:
    with pytest.raises(TransportError, match="choose another port"):
        Twin(mqtt_port=twin.mqtt[1])
    with pytest.raises(SettingsError, match="link"):
        Twin(link="warp 9")


@pytest.mark.parametrize("page", [b"<html>hello</html>", b"[]", b"{}", b"\xff"])
def test_foreign_web_server_is_named(page: bytes) -> None:
    class Foreign(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Foreign) as foreign:
        thread = threading.Thread(target=foreign.serve_forever)
        thread.start()
        try:
            with pytest.raises(TransportError, match="is this ThingsBoard's HTTP address"):
                ThingsBoard(f"http://127.0.0.1:{foreign.server_port}", user="u", password="p")
        finally:
            foreign.shutdown()
            thread.join()


def test_twin_closes_cleanly_and_twice() -> None:
    """No thread, no socket, no folder is left; the doors are shut."""
    before = set(threading.enumerate())
    twin = Twin(link="1 ms")
    device = twin.add_device("pump-7")
    twin.close()
    twin.close()
    assert set(threading.enumerate()) == before
    assert not device.folder.exists()
    for address in (twin.mqtt, tuple(twin.url.removeprefix("http://").split(":"))):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((address[0], int(address[1])), timeout=1)


def test_several_twins_stand_side_by_side() -> None:
    """Each with its own ports and tenants; one seed makes one and the same tenant."""
    with Twin(seed=1) as one, Twin(seed=1) as same, Twin(seed=2) as other:
        tokens = [each.add_device("d").token for each in (one, same, other)]
        assert len({each.url for each in (one, same, other)}) == 3
        assert tokens[0] == tokens[1] != tokens[2]


def test_shared_server_is_one_twin_until_it_is_closed() -> None:
    first = server()
    try:
        assert isinstance(first, Twin)
        assert server() is first
        first.close()
        again = server()
        assert again is not first
        again.close()
    finally:
        _shared.clear()


def test_shared_server_is_the_thingsboard_of_the_environment(twin: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    _shared.clear()
    variables = {"OTAKIT_SERVER": twin.url, "OTAKIT_USER": USER, "OTAKIT_PASSWORD": PASSWORD, "OTAKIT_MQTT": "h:1"}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    try:
        with server() as chosen:
            assert isinstance(chosen, ThingsBoard)
            assert chosen.mqtt == ("h", 1)
    finally:
        _shared.clear()


@pytest.fixture
def call(twin: Twin) -> Callable[..., httpx.Response]:
    """A REST call of the operator's, without the operator's manners."""
    headers = twin.operator.login()

    def called(method: str, path: str, **options: Any) -> httpx.Response:
        return httpx.request(method, twin.url + path, headers={**headers, **options.pop("headers", {})}, **options)

    return called


Call = Callable[..., httpx.Response]


def errors(answer: httpx.Response) -> tuple[int, int, str]:
    body = answer.json()
    assert set(body) == {"status", "message", "errorCode", "timestamp"}
    assert body["status"] == answer.status_code
    return body["status"], body["errorCode"], body["message"]


NOBODY = "00000000-0000-4000-8000-000000000000"


def test_rest_refuses_as_thingsboard_does(twin: Twin, call: Call) -> None:
    """Status, errorCode and words of `ThingsboardErrorResponseHandler`."""
    assert errors(call("GET", f"/api/device/{NOBODY}")) == (404, 32, f"Device with id [{NOBODY}] is not found")
    assert errors(call("GET", f"/api/otaPackage/info/{NOBODY}")) == (404, 32, "Requested item wasn't found!")
    assert errors(call("GET", "/api/device/x")) == (400, 31, "Invalid UUID string: x")
    assert errors(call("POST", "/api/device", content=b"{"))[:2] == (500, 2)
    assert errors(call("POST", "/api/device", json={"name": {}}))[:2] == (500, 2)
    assert errors(call("GET", "/api/deviceProfiles?page=0"))[:2] == (500, 2)
    assert errors(call("GET", "/api/tenant/devices"))[:2] == (500, 2)
    assert errors(call("GET", "/api/deviceProfiles?page=0&pageSize=0"))[:2] == (400, 31)
    assert errors(httpx.get(twin.url + "/api/tenant/devices"))[:2] == (401, 10)
    wrong = {"username": USER, "password": "x"}
    assert errors(call("POST", "/api/auth/login", json=wrong)) == (401, 10, "Invalid username or password")


def test_either_header_logs_in_and_refresh_gives_a_new_pair(twin: Twin) -> None:
    pair = httpx.post(twin.url + "/api/auth/login", json={"username": USER, "password": PASSWORD}).json()
    again = httpx.post(twin.url + "/api/auth/token", json={"refreshToken": pair["refreshToken"]}).json()
    assert set(again) == {"token", "refreshToken"}
    for headers in ({"Authorization": f"Bearer {again['token']}"}, {"X-Authorization": f"Bearer {again['token']}"}):
        assert httpx.get(twin.url + "/api/deviceProfileInfo/default", headers=headers).json()["name"] == "default"
    as_login = {"Authorization": f"Bearer {pair['refreshToken']}"}
    assert httpx.get(twin.url + "/api/deviceProfileInfo/default", headers=as_login).status_code == 401


def test_expired_token_has_its_own_code() -> None:
    with Twin(settings=TwinSettings(token_s=1)) as twin:
        door = Operator(twin.url, USER, PASSWORD)
        headers = door.login()
        door.close()
        answer = httpx.get(twin.url + "/api/deviceProfileInfo/default", headers=headers)
        while answer.status_code == 200:
            answer = httpx.get(twin.url + "/api/deviceProfileInfo/default", headers=headers)
        assert errors(answer) == (401, 11, "Token has expired")


def test_device_json_without_its_firmware_unassigns(twin: Twin, call: Call) -> None:
    device, package = twin.add_device("pump-7"), twin.upload("firmware", "pump", "1", IMAGE)
    twin.assign(package, to=device)
    whole = call("GET", f"/api/device/{device.id}").json()
    stale = call("POST", "/api/device", json={**whole, "version": 1})
    assert errors(stale) == (409, 35, "Device was already changed by someone else")
    part = {name: whole[name] for name in ("id", "name", "deviceProfileId")}
    assert call("POST", "/api/device", json=part).json()["firmwareId"] is None


def test_telemetry_answers_as_its_controller_does(twin: Twin, call: Call) -> None:
    """Texts unless strict, a row for what never existed, an end that is not included."""
    device = twin.add_device("pump-7")
    root = f"/api/plugins/telemetry/DEVICE/{device.id}"
    assert call("POST", root + "/timeseries/ANY", content=b'{"ts":5,"values":{"v":"1.10","b":true}}').status_code == 200
    latest = root + "/values/timeseries"
    assert call("GET", latest + "?keys=v").json() == {"v": [{"ts": 5, "value": "1.1"}]}
    assert call("GET", latest + "?key=v&useStrictDataTypes=true").json() == {"v": [{"ts": 5, "value": 1.1}]}
    assert set(call("GET", latest).json()) == {"v", "b"}
    (nope,) = call("GET", latest + "?keys=nope").json()["nope"]
    assert nope["value"] is None
    assert call("GET", latest + "?keys=v,w&startTs=5&endTs=6").json() == {"v": [{"ts": 5, "value": "1.1"}]}
    assert call("GET", latest + "/history?keys=v&startTs=0&endTs=5").json() == {}
    assert call("GET", root + "/keys/timeseries").json() == ["v", "b"]
    unknown = call("GET", f"/api/plugins/telemetry/DEVICE/{NOBODY}/values/timeseries")
    assert (unknown.status_code, unknown.text) == (404, "Device with requested id wasn't found!")


def test_attributes_are_written_and_deleted_by_scope(twin: Twin, call: Call) -> None:
    device = twin.add_device("pump-7")
    root = f"/api/plugins/telemetry/DEVICE/{device.id}"
    plain = {"content-type": "text/plain"}
    assert call("POST", root + "/SHARED_SCOPE", content=b'{"a":"2.0"}', headers=plain).status_code == 200
    assert call("POST", root + "/attributes/SERVER_SCOPE", content=b'{"s":1}').status_code == 200
    (row,) = call("GET", root + "/values/attributes/SHARED_SCOPE?keys=a,b").json()
    assert (row["key"], row["value"], sorted(row)) == ("a", 2.0, ["key", "lastUpdateTs", "value"])
    assert {each["key"] for each in call("GET", root + "/values/attributes").json()} == {"a", "s"}
    assert call("DELETE", root + "/SHARED_SCOPE").status_code == 400
    assert call("DELETE", root + "/SHARED_SCOPE?keys=a").status_code == 200
    assert call("DELETE", root + "/SERVER_SCOPE?keys=s").status_code == 200
    assert call("GET", root + "/values/attributes").json() == []
    assert call("POST", root + "/SHARED_SCOPE", content=b"[]").status_code == 400
    assert call("POST", root + "/NO_SCOPE", content=b'{"a":1}').status_code == 400


def test_package_answers_as_its_controller_does(twin: Twin, call: Call) -> None:
    profile = call("GET", "/api/deviceProfileInfo/default").json()["id"]
    draft = {"title": "pump", "version": "9", "type": "FIRMWARE", "deviceProfileId": profile}
    made = call("POST", "/api/otaPackage", json={**draft, "usesUrl": True, "url": "https://x"}).json()
    assert made["hasData"] is False
    path = f"/api/otaPackage/{made['id']['id']}"
    assert call("GET", path.replace("Package/", "Package/info/")).json()["hasData"] is True
    assert (call("GET", path + "/download").status_code, call("GET", path + "/download").content) == (400, b"")
    form = {"file": ("a.bin", b"x", "application/octet-stream")}
    assert errors(call("POST", path, files=form))[:2] == (500, 2)
    assert errors(call("POST", path + "?checksumAlgorithm=SHA1", files=form))[:2] == (400, 31)
    answer = call("POST", path + "?checksumAlgorithm=sha256", files=form)
    assert errors(answer) == (400, 31, "Updating otaPackage URL is prohibited!")
    assert errors(call("POST", path + "?checksumAlgorithm=SHA256", json={}))[0] == 415
    listed = call("GET", f"/api/otaPackages/{profile['id']}/FIRMWARE?page=0&pageSize=10").json()
    assert [each["version"] for each in listed["data"]] == ["9"]
    assert call("DELETE", path).status_code == 200


def test_upload_at_the_limit_is_refused_before_it_is_read(call: Call) -> None:
    """413 with a bare JSON string, whatever the path says."""
    path = f"/api/otaPackage/{NOBODY}?checksumAlgorithm=MD5"
    answer = call("POST", path, content=bytes(16_777_217))
    assert (answer.status_code, answer.json()) == (413, "Payload size exceeds the limit of 16777216 bytes")


def test_refused_upload_gets_its_refusal_not_a_reset(call: Call) -> None:
    """The rest of a large body is read away before the answer."""
    path = f"/api/otaPackage/{NOBODY}?checksumAlgorithm=MD5"
    form = {"file": ("a.bin", bytes(16_000_000), "application/octet-stream")}
    assert errors(call("POST", path, files=form))[:2] == (404, 32)


def test_device_fetches_its_package_over_http(twin: Twin) -> None:
    """Whole, by chunks, past the end; with the wrong version, the wrong token, or nothing assigned."""
    device, package = twin.add_device("pump-7"), twin.upload("firmware", "pump", "1.10", IMAGE)
    root = f"{twin.url}/api/v1/{device.token}"
    path = root + "/firmware?title=pump&version=1.10"
    assert httpx.get(path).status_code == 404
    twin.assign(package, to=device)
    assert httpx.get(path).content == IMAGE
    assert httpx.get(path + "&size=65536&chunk=3").content == IMAGE[3 * 65_536 :]
    past = httpx.get(path + "&size=65536&chunk=4")
    assert (past.status_code, past.content, past.headers["x-filename"]) == (200, b"", "image.bin")
    assert httpx.get(root + "/firmware?title=pump&version=1.9").status_code == 400
    assert httpx.get(root + "/firmware?title=pump").status_code == 400
    assert httpx.get(root + "/software?title=pump&version=1.10").status_code == 404
    assert httpx.get(f"{twin.url}/api/v1/nobody/firmware?title=pump&version=1.10").status_code == 401


def test_device_speaks_of_itself_over_http(twin: Twin) -> None:
    device = twin.add_device("pump-7")
    root = f"{twin.url}/api/v1/{device.token}"
    assert httpx.get(root + "/attributes").json() == {}
    assert httpx.post(root + "/attributes", content=b'{"serial":"a7","x":1}').status_code == 200
    assert httpx.post(root + "/telemetry", content=b'{"fw_state":"UPDATED"}').status_code == 200
    assert httpx.get(root + "/attributes").json() == {"client": {"serial": "a7", "x": 1}}
    assert httpx.get(root + "/attributes?clientKeys=serial,y&sharedKeys=z").json() == {"client": {"serial": "a7"}}
    assert [value for _, value in twin.telemetry(device)["fw_state"]] == ["UPDATED"]
    assert httpx.post(root + "/telemetry", content=b"no").status_code == 500
    assert httpx.post(root + "/attributes", content=b"no").status_code == 500


def test_unknown_path_says_what_there_is(twin: Twin, call: Call) -> None:
    status, code, text = errors(call("GET", "/api/dashboards"))
    assert (status, code) == (404, 32)
    assert "this twin has the paths of devices" in text


def test_pages_turn(twin: Twin, call: Call) -> None:
    for number in range(5):
        twin.add_device(f"d{number}")
    page = call("GET", "/api/tenant/devices?pageSize=2&page=1").json()
    assert ([each["name"] for each in page["data"]], page["totalPages"], page["hasNext"]) == (["d2", "d3"], 3, True)
    found = call("GET", "/api/tenant/devices?pageSize=2&page=0&textSearch=D4").json()
    assert ([each["name"] for each in found["data"]], found["totalElements"]) == (["d4"], 1)


def test_errors_of_all_kinds_are_ours() -> None:
    """One except clause catches them."""
    assert issubclass(ServerRefused, OtakitError)
