"""OTA packages over REST (`OtaPackageController`): rules with their messages, uploads, deletion, the quota."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from otakit.protocol.checksums import ALGORITHMS, checksum_of

PATH = "/api/otaPackage"


def test_description_becomes_a_package_with_its_bytes(rest: Any) -> None:
    made = rest.describe(tag="blue", additionalInfo={"description": "d"})
    assert (made["hasData"], made["title"], made["tag"], made["dataSize"]) == (False, "pump", "blue", None)
    filled = rest.good(rest.fill(made))
    assert (filled["fileName"], filled["contentType"]) == ("image.bin", "application/octet-stream")
    assert (filled["dataSize"], filled["checksumAlgorithm"], filled["hasData"]) == (200_000, "SHA256", True)
    assert filled["checksum"] == checksum_of("SHA256", rest.image)
    assert rest.get(f"{PATH}/info/{made['id']['id']}") == filled


def test_has_data_reads_false_in_the_first_answer_only(rest: Any) -> None:
    """Also for a URL package, which needs no upload."""
    made = rest.describe(usesUrl=True, url="https://x/y")
    assert made["hasData"] is False
    assert rest.get(f"{PATH}/info/{made['id']['id']}")["hasData"] is True


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_checksum_is_of_the_algorithm_named_in_any_case(rest: Any, algorithm: str) -> None:
    filled = rest.good(rest.fill(rest.describe(), b"123456789", algorithm.lower()))
    assert (filled["checksumAlgorithm"], filled["checksum"]) == (algorithm, checksum_of(algorithm, b"123456789"))


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"title": None}, "OtaPackage title should be specified!"),
        ({"version": ""}, "OtaPackage version should be specified!"),
        ({"title": "t" * 256}, "Validation error: title length must be equal or less than 255"),
        ({"version": "v" * 256}, "Validation error: version length must be equal or less than 255"),
        ({"title": "<b>x</b>"}, "malformed"),
        ({"usesUrl": True}, "Ota package URL should be specified!"),
        ({"title": "there", "version": "1"}, "OtaPackage with such title and version already exists!"),
        (
            {"title": "there", "version": "1", "type": "SOFTWARE"},
            "OtaPackage with such title and version already exists!",
        ),
    ],
)  # fmt: skip
def test_rule_of_packages_is_400(rest: Any, fields: dict[str, Any], text: str) -> None:
    rest.describe("there", "1")
    body = {"title": "pump", "version": "1.10", "type": "FIRMWARE", "deviceProfileId": rest.default_profile()}
    status, code, message = rest.refused("POST", PATH, json={**body, **fields})
    assert ((status, code), text in message) == ((400, 31), True)


def test_type_must_be_one_of_two(rest: Any) -> None:
    body = {"title": "pump", "version": "1", "deviceProfileId": rest.default_profile()}
    assert rest.refused("POST", PATH, json=body)[:2] == (400, 31)
    assert rest.refused("POST", PATH, json={**body, "type": "LWM2M"})[:2] == (500, 2)


@pytest.mark.parametrize(
    ("more", "kind", "text"),
    [
        ("&checksum=ABC", (400, 31), "Wrong otaPackage file!"),
        ("&checksum=E24BC62381F1224FBBB74688663F8F9743B9680B193EDD666835E97B06E730EB", (400, 31), "Wrong otaPackage"),
        ("&checksum=e24bc62381f1224fbbb74688663f8f9743b9680b193edd666835e97b06e730eb", (200, None), ""),
    ],
)
def test_given_checksum_must_be_the_computed_one_in_lower_case(
    rest: Any, more: str, kind: tuple[int, Any], text: str
) -> None:
    answer = rest.fill(rest.describe(), more=more)
    assert (answer.status_code, answer.json().get("errorCode")) == kind
    assert text in answer.text


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (("", b"x", "text/plain"), "OtaPackage file name should be specified!"),
        (("a.bin", b"", "text/plain"), "OtaPackage data should be specified!"),
    ],
)
def test_upload_that_lacks_something_says_what(rest: Any, file: tuple[str, bytes, str], text: str) -> None:
    parts = [
        b"--b\r\n",
        f'Content-Disposition: form-data; name="file"; filename="{file[0]}"\r\n'.encode(),
        f"Content-Type: {file[2]}\r\n\r\n".encode(),
        file[1] + b"\r\n--b--\r\n",
    ]
    headers = {**rest.headers, "content-type": "multipart/form-data; boundary=b"}
    path = f"{PATH}/{rest.describe()['id']['id']}?checksumAlgorithm=MD5"
    assert rest.refused("POST", path, content=b"".join(parts), headers=headers) == (400, 31, text)
    assert list(rest.door.folder.iterdir()) == []


def test_part_without_a_content_type_is_refused(rest: Any) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx\r\n--b--\r\n'
    headers = {**rest.headers, "content-type": "multipart/form-data; boundary=b"}
    path = f"{PATH}/{rest.describe()['id']['id']}?checksumAlgorithm=MD5"
    text = "OtaPackage content type should be specified!"
    assert rest.refused("POST", path, content=body, headers=headers) == (400, 31, text)


def test_algorithm_must_be_given_and_known(rest: Any) -> None:
    """A missing one reads as a general error."""
    path = f"{PATH}/{rest.describe()['id']['id']}"
    form = {"file": ("a.bin", b"x", "text/plain")}
    assert rest.refused("POST", path, files=form)[:2] == (500, 2)
    assert rest.refused("POST", path + "?checksumAlgorithm=", files=form)[:2] == (400, 31)
    assert rest.refused("POST", path + "?checksumAlgorithm=SHA1", files=form)[:2] == (400, 31)
    assert rest.refused("POST", path + "?checksumAlgorithm=MD5", files={"other": ("a", b"x", "a/b")})[:2] == (500, 2)
    assert rest.refused("POST", path + "?checksumAlgorithm=MD5", json={})[:2] == (415, 31)
    assert rest.refused("POST", f"{PATH}/{rest.nobody}?checksumAlgorithm=MD5", files=form)[:2] == (404, 32)


def test_same_bytes_may_come_again_and_others_may_not(rest: Any) -> None:
    made = rest.describe()
    rest.good(rest.fill(made))
    rest.good(rest.fill(made))
    assert rest.fill(made, b"other").json()["message"].endswith("is prohibited!")
    assert rest.fill(made, algorithm="MD5").json()["message"].endswith("is prohibited!")
    assert len(list(rest.door.folder.iterdir())) == 1


@pytest.mark.parametrize(
    ("member", "words"),
    [
        ("title", "otaPackage title"),
        ("version", "otaPackage version"),
        ("type", "type"),
        ("tag", "otaPackage tag"),
        ("fileName", "otaPackage file name"),
        ("contentType", "otaPackage content type"),
        ("checksumAlgorithm", "otaPackage content type"),
        ("checksum", "otaPackage content type"),
        ("dataSize", "otaPackage data size"),
        ("deviceProfileId", "otaPackage deviceProfile"),
    ],
)
def test_only_additional_information_may_change(rest: Any, member: str, words: str) -> None:
    made, other = rest.upload(), rest.add_profile("other")
    changed = {"type": "SOFTWARE", "dataSize": 1, "deviceProfileId": other["id"]}.get(member, "changed")
    text = f"Updating {words} is prohibited!"
    assert rest.refused("POST", PATH, json={**made, member: changed}) == (400, 31, text)
    assert rest.post(PATH, {**made, "additionalInfo": {"description": "new"}})["hasData"] is True


def test_url_package_takes_no_bytes_and_gives_none(rest: Any) -> None:
    made = rest.describe(usesUrl=True, url="https://x/y")
    assert rest.fill(made).json()["message"] == "Updating otaPackage URL is prohibited!"
    answer = rest.call("GET", f"{PATH}/{made['id']['id']}/download")
    assert (answer.status_code, answer.content) == (400, b"")


def test_download_gives_the_bytes_and_their_name(rest: Any) -> None:
    made = rest.upload()
    answer = rest.call("GET", f"{PATH}/{made['id']['id']}/download")
    assert (answer.content, answer.headers["x-filename"]) == (rest.image, "image.bin")
    assert answer.headers["content-disposition"] == "attachment;filename=image.bin"
    empty = rest.describe("empty")
    assert rest.refused("GET", f"{PATH}/{empty['id']['id']}/download")[:2] == (500, 2)


def test_content_type_that_is_none_becomes_plain_bytes(rest: Any) -> None:
    made = rest.describe()
    rest.good(rest.fill(made, files={"file": ("a\r\nb.bin", b"x", "no type at all")}))
    answer = rest.call("GET", f"{PATH}/{made['id']['id']}/download")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert "\n" not in answer.headers["x-filename"]


def test_unknown_package_is_404_in_two_wordings(rest: Any) -> None:
    assert rest.refused("GET", f"{PATH}/info/{rest.nobody}") == (404, 32, "Requested item wasn't found!")
    text = f"Ota package with id [{rest.nobody}] is not found"
    assert rest.refused("GET", f"{PATH}/{rest.nobody}/download") == (404, 32, text)
    assert rest.refused("DELETE", f"{PATH}/{rest.nobody}") == (404, 32, text)


def test_list_of_a_profile_holds_only_what_can_be_had(rest: Any) -> None:
    rest.upload("pump", "1")
    rest.describe("empty", "1")
    rest.describe("url", "1", usesUrl=True, url="https://x")
    rest.upload("soft", "1", type="SOFTWARE")
    profile = rest.default_profile()["id"]
    query = "pageSize=10&page=0&sortProperty=title"
    found = rest.get(f"/api/otaPackages/{profile}/FIRMWARE?{query}")
    assert [each["title"] for each in found["data"]] == ["pump", "url"]
    assert rest.get(f"/api/otaPackages?{query}")["totalElements"] == 4
    assert rest.get(f"/api/otaPackages?{query}&textSearch=SOF")["totalElements"] == 1
    assert rest.refused("GET", f"/api/otaPackages/{profile}/OTHER?{query}")[:2] == (400, 31)


@pytest.mark.parametrize(("kind", "word"), [("FIRMWARE", "otaPackage"), ("SOFTWARE", "software")])
def test_package_in_use_cannot_be_deleted(rest: Any, kind: str, word: str) -> None:
    member = {"FIRMWARE": "firmwareId", "SOFTWARE": "softwareId"}[kind]
    package, device = rest.upload(type=kind), rest.add_device()
    path = f"{PATH}/{package['id']['id']}"
    device = rest.post("/api/device", {**device, member: package["id"]})
    text = f"The {word} referenced by the devices cannot be deleted!"
    assert rest.refused("DELETE", path) == (400, 31, text)
    rest.post("/api/device", {**device, member: None})
    profile = rest.get(f"/api/deviceProfile/{rest.default_profile()['id']}")
    profile = rest.post("/api/deviceProfile", {**profile, member: package["id"]})
    text = f"The {word} referenced by the device profile cannot be deleted!"
    assert rest.refused("DELETE", path) == (400, 31, text)
    rest.post("/api/deviceProfile", {**profile, member: None})
    assert rest.call("DELETE", path).status_code == 200
    assert list(rest.door.folder.iterdir()) == []


def test_assignment_that_cannot_be_is_refused(rest: Any) -> None:
    device, other = rest.add_device(), rest.add_profile("other")
    wrong = {
        "Can't assign firmware with different deviceProfile!": rest.upload("o", deviceProfileId=other["id"]),
        "Can't assign firmware with empty data!": rest.describe("e"),
        "Can't assign firmware with type: SOFTWARE": rest.upload("s", type="SOFTWARE"),
        "Can't assign non-existent firmware!": {"id": {"entityType": "OTA_PACKAGE", "id": rest.nobody}},
    }
    for text, package in wrong.items():
        assert rest.refused("POST", "/api/device", json={**device, "firmwareId": package["id"]}) == (400, 31, text)


def test_package_without_a_profile_stumbles_where_thingsboard_does(rest: Any) -> None:
    """Saved without a word; upload and assignment then fail with a general error."""
    made = rest.describe(deviceProfileId=None)
    answer = rest.fill(made)
    assert (answer.status_code, answer.json()["errorCode"]) == (500, 2)
    url = rest.describe("u", deviceProfileId=None, usesUrl=True, url="https://x")
    device = rest.add_device()
    assert rest.refused("POST", "/api/device", json={**device, "firmwareId": url["id"]})[:2] == (500, 2)


def test_body_above_the_limit_is_a_bare_json_string(rest: Any) -> None:
    path = f"{PATH}/{rest.describe()['id']['id']}?checksumAlgorithm=MD5"
    answer = rest.call("POST", path, content=bytes(16_777_217))
    assert (answer.status_code, answer.json()) == (413, "Payload size exceeds the limit of 16777216 bytes")
    limit = {"content-length": str(10**30)}
    assert rest.call("POST", path, content=b"x", headers={**rest.headers, **limit}).status_code == 413


def test_quota_of_the_tenant_counts_all_stored_bytes(make: Any) -> None:
    rest = make(max_ota_bytes=150)
    rest.upload("pump", "1", bytes(100))
    answer = rest.fill(rest.describe("pump", "2"), bytes(51))
    assert (answer.status_code, answer.json()["errorCode"]) == (400, 31)
    assert answer.json()["message"].startswith("Ota packages total size exceeds the maximum of ")
    assert len(list(rest.door.folder.iterdir())) == 1
    rest.good(rest.fill(rest.describe("pump", "3"), bytes(50)))


async def in_pieces(body: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(body), 1000):
        yield body[at : at + 1000]


def test_chunked_body_passes_up_to_the_multipart_limit(make: Any) -> None:
    """It has no Content-Length to be measured by."""
    rest = make(http_payload_limit_bytes=10_000, multipart_limit_bytes=20_000)
    headers = {**rest.headers, "content-type": "multipart/form-data; boundary=b"}
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\nContent-Type: a/b\r\n\r\n'
    for version, size, status in (("1", 15_000, 200), ("2", 25_000, 413)):
        path = f"{PATH}/{rest.describe('pump', version)['id']['id']}?checksumAlgorithm=MD5"
        body = in_pieces(head + bytes(size) + b"\r\n--b--\r\n")
        assert rest.call("POST", path, content=body, headers=headers).status_code == status
    assert len(list(rest.door.folder.iterdir())) == 1
