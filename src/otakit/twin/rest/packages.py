"""REST routes of OTA packages (`OtaPackageController`): description, image, download, deletion."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response, StreamingResponse

from otakit.errors import ServerRefused
from otakit.protocol.checksums import ALGORITHMS
from otakit.protocol.messages import Kind
from otakit.twin.rest import schemas
from otakit.twin.rest.answers import Reply
from otakit.twin.rest.bodies import checked_uuid, members
from otakit.twin.rest.door import Door, Doors
from otakit.twin.rest.images import FileImage, TooLarge, Upload, boundary_of
from otakit.twin.rest.pages import Page
from otakit.twin.rest.params import Identifier, pages_by
from otakit.twin.rest.shapes import package_json, package_of
from otakit.twin.rest.words import page_of, ref, says, upload_body
from otakit.twin.rules.entities import OtaPackage
from otakit.twin.rules.store import GENERAL, NOT_FOUND, refused

_MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+(;[ -~]*)?", re.ASCII)
PIECE_BYTES = 256 * 1024
ORDERS = ("createdTime", "type", "title", "version", "tag", "url", "fileName", "dataSize", "checksum")
packages = APIRouter(tags=["OTA packages"])


def _text(package: OtaPackage) -> str:
    return f"{package.title}\n{package.version}\n{package.tag or ''}"


@packages.post("/api/otaPackage", **says(ref("OtaPackageInfo"), takes=schemas.PACKAGE))
async def describe(door: Doors, request: Request) -> Reply:
    """Creates a package, or changes what may change."""
    draft = package_of(await members(request))
    answer = package_json(door.store, door.model.save_package(draft, door.now()))
    if not draft.id:
        answer["hasData"] = False  # ThingsBoard fills this in only when it reads the package again
    return Reply(answer)


@packages.post(
    "/api/otaPackage/{identifier}", **says(ref("OtaPackageInfo"), form=upload_body(), refuses=(404, 413, 415))
)
async def fill(
    door: Doors,
    identifier: Identifier,
    request: Request,
    algorithm: Annotated[
        str, Query(alias="checksumAlgorithm", description=f"In any case: {', '.join(ALGORITHMS)}.", examples=["SHA256"])
    ],
    expected: Annotated[str | None, Query(alias="checksum", description="What the bytes should have.")] = None,
) -> Reply:
    """Takes the image of a package, streamed to its file while it is hashed."""
    boundary = boundary_of(request.headers.get("content-type", ""))
    package = door.store.package(checked_uuid(identifier))
    upload = Upload(door.folder / door.model.chance.new_id(), _algorithm(algorithm))
    limit = door.model.settings.multipart_limit_bytes
    try:
        await upload.take(request.stream(), boundary, limit)
        filled = _filled(door, package.id, upload, expected)
    except TooLarge:
        upload.path.unlink(missing_ok=True)
        return Reply(f"Maximum upload size of {limit} bytes exceeded", 413)
    except BaseException:  # also when the operator goes away in the middle
        upload.path.unlink(missing_ok=True)
        raise
    return Reply(package_json(door.store, filled))


@packages.get("/api/otaPackage/info/{identifier}", **says(ref("OtaPackageInfo")))
async def info(door: Doors, identifier: Identifier) -> Reply:
    """What is known of a package."""
    package = door.store.packages.get(checked_uuid(identifier))
    if package is None:
        raise refused("Requested item wasn't found!", NOT_FOUND)
    return Reply(package_json(door.store, package))


@packages.get("/api/otaPackage/{identifier}/download", **says(None, binary=True))
async def download(door: Doors, identifier: Identifier) -> Response:
    """The image of a package; an empty refusal where it is behind a URL."""
    package = door.store.package(checked_uuid(identifier))
    if package.url is not None:
        return Response(status_code=400)
    if package.image is None:  # a null dereference in OtaPackageController.downloadOtaPackage
        raise refused("The package has no data", GENERAL)
    return served(package)


@packages.get("/api/otaPackages", **says(page_of("OtaPackageInfo"), refuses=()))
async def packages_of_tenant(door: Doors, page: Annotated[Page, pages_by(ORDERS)]) -> Reply:
    """A page of packages."""
    return page.of(door.store.packages.values(), _text, partial(package_json, door.store))


@packages.get("/api/otaPackages/{profile_id}/{kind}", **says(page_of("OtaPackageInfo"), refuses=()))
async def packages_of_profile(
    door: Doors,
    profile_id: Annotated[str, Path(description="The profile's UUID.", json_schema_extra={"format": "uuid"})],
    kind: Annotated[str, Path(description="Which packages.", json_schema_extra={"enum": [*Kind.__members__]})],
    page: Annotated[Page, pages_by(ORDERS)],
) -> Reply:
    """A page of those that devices of a profile could get."""
    checked_uuid(profile_id)
    if kind not in Kind.__members__:
        raise refused(f"No enum constant org.thingsboard.server.common.data.ota.OtaPackageType.{kind}")
    wanted = (checked_uuid(profile_id), Kind[kind])
    there = [each for each in door.store.packages.values() if each.has_data and (each.profile_id, each.kind) == wanted]
    return page.of(there, _text, partial(package_json, door.store))


@packages.delete("/api/otaPackage/{identifier}", **says(None))
async def delete(door: Doors, identifier: Identifier) -> Reply:
    """Deletes a package that nobody has."""
    door.model.delete_package(checked_uuid(identifier))
    door.forget_images()
    return Reply()


def served(package: OtaPackage) -> StreamingResponse:
    """The bytes of a package, piece by piece from its file."""
    image = package.image
    assert image is not None

    async def pieces() -> AsyncIterator[bytes]:
        for offset in range(0, image.size, PIECE_BYTES):
            yield image.read(offset, PIECE_BYTES)

    name = quote(package.file_name or "")
    headers = {
        "Content-Disposition": f"attachment;filename={name}",
        "x-filename": name,
        "Content-Length": str(image.size),
    }
    return StreamingResponse(pieces(), headers=headers, media_type=media_type(package))


def media_type(package: OtaPackage) -> str:
    """The content type that was uploaded, where it is one."""
    kind = package.content_type or ""
    return kind if _MEDIA_TYPE.fullmatch(kind) else "application/octet-stream"


def _algorithm(name: str) -> str:
    if not name.strip():
        raise refused("Parameter 'checksumAlgorithm' can't be empty!")
    if name.upper() not in ALGORITHMS:
        raise refused(f"No enum constant org.thingsboard.server.common.data.ota.ChecksumAlgorithm.{name.upper()}")
    return name.upper()


def _filled(door: Door, package_id: str, upload: Upload, expected: str | None) -> OtaPackage:
    """Gives the package its image; the file stays only when the rules allow it."""
    if not upload.is_there:
        raise refused("Required part 'file' is not present.", GENERAL)
    image = FileImage(upload.path)
    try:
        package = door.model.fill_package(
            package_id,
            image,
            algorithm=upload.algorithm,
            checksum=upload.checksum,
            expected=expected,
            file_name=upload.file_name,
            content_type=upload.content_type,
        )
    except ServerRefused:
        image.remove()
        raise
    if door.keeper is None:  # a keeper sees to it itself, when the bytes are on the disk
        if package_id in door.images:  # the same bytes again
            door.images[package_id].remove()
        door.images[package_id] = image
    return package
