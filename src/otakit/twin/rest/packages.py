"""REST routes of OTA packages (`OtaPackageController`): description, image, download, deletion."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from otakit.errors import ServerRefused
from otakit.protocol.checksums import ALGORITHMS
from otakit.protocol.messages import Kind
from otakit.twin.rest.door import Door, Doors, Pages, Reply, members
from otakit.twin.rest.images import FileImage, TooLarge, Upload, boundary_of
from otakit.twin.rest.shapes import Json, checked_uuid, package_json, package_of
from otakit.twin.rules.entities import OtaPackage
from otakit.twin.rules.store import GENERAL, NOT_FOUND, refused

PIECE_BYTES = 256 * 1024
packages = APIRouter()


def _row(door: Door, package: OtaPackage) -> tuple[str, Json]:
    return f"{package.title}\n{package.version}\n{package.tag or ''}", package_json(door.store, package)


@packages.post("/api/otaPackage")
async def describe(door: Doors, request: Request) -> Reply:
    """Creates a package, or changes what may change."""
    draft = package_of(await members(request))
    answer = package_json(door.store, door.model.save_package(draft, door.now()))
    if not draft.id:
        answer["hasData"] = False  # ThingsBoard fills this in only when it reads the package again
    return Reply(answer)


@packages.post("/api/otaPackage/{identifier}")
async def fill(door: Doors, identifier: str, request: Request) -> Reply:
    """Takes the image of a package, streamed to its file while it is hashed."""
    package = door.store.package(checked_uuid(identifier))
    upload = Upload(door.folder / door.model.chance.new_id(), _algorithm(request))
    limit = door.model.settings.multipart_limit_bytes
    try:
        await upload.take(request.stream(), boundary_of(request.headers.get("content-type", "")), limit)
        filled = _filled(door, package.id, upload, request.query_params.get("checksum"))
    except TooLarge:
        upload.path.unlink(missing_ok=True)
        return Reply(f"Maximum upload size of {limit} bytes exceeded", 413)
    except BaseException:  # also when the operator goes away in the middle
        upload.path.unlink(missing_ok=True)
        raise
    return Reply(package_json(door.store, filled))


@packages.get("/api/otaPackage/info/{identifier}")
async def info(door: Doors, identifier: str) -> Reply:
    """What is known of a package."""
    package = door.store.packages.get(checked_uuid(identifier))
    if package is None:
        raise refused("Requested item wasn't found!", NOT_FOUND)
    return Reply(package_json(door.store, package))


@packages.get("/api/otaPackage/{identifier}/download")
async def download(door: Doors, identifier: str) -> Response:
    """The image of a package; an empty refusal where it is behind a URL."""
    package = door.store.package(checked_uuid(identifier))
    return Response(status_code=400) if package.image is None else served(package)


@packages.get("/api/otaPackages")
async def packages_of_tenant(door: Doors, page: Pages) -> Reply:
    """A page of packages."""
    return page.of(_row(door, each) for each in door.store.packages.values())


@packages.get("/api/otaPackages/{profile_id}/{kind}")
async def packages_of_profile(door: Doors, profile_id: str, kind: str, page: Pages) -> Reply:
    """A page of those that devices of a profile could get."""
    if kind not in Kind.__members__:
        raise refused(f"No enum constant OtaPackageType.{kind[:40]}")
    wanted = (checked_uuid(profile_id), Kind[kind])
    there = [each for each in door.store.packages.values() if each.has_data and (each.profile_id, each.kind) == wanted]
    return page.of(_row(door, each) for each in there)


@packages.delete("/api/otaPackage/{identifier}")
async def delete(door: Doors, identifier: str) -> Reply:
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
    return StreamingResponse(pieces(), headers=headers, media_type=package.content_type)


def _algorithm(request: Request) -> str:
    name = request.query_params.get("checksumAlgorithm")
    if name is None:
        raise refused("Required request parameter 'checksumAlgorithm' for method parameter is not present", GENERAL)
    if name.upper() not in ALGORITHMS:
        raise refused(f"No enum constant ChecksumAlgorithm.{name.upper()[:40]}")
    return name.upper()


def _filled(door: Door, package_id: str, upload: Upload, expected: str | None) -> OtaPackage:
    """Gives the package its image; the file stays only when the rules allow it."""
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
    if package_id in door.images:  # the same bytes again
        door.images[package_id].remove()
    door.images[package_id] = image
    return package
