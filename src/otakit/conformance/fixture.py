"""Section 19's fixture and the operator's verbs that scenarios share, all through the stage's REST door.

Profile P, device D with token T in P and without a package of its own, packages A (``pump`` 1.10) and B
(``pump`` 1.11) of P. Each is made when a scenario asks for it, under a name that is unique on the server.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from otakit.errors import OtakitError
from otakit.thingsboard.calls import Entity

if TYPE_CHECKING:
    from otakit.conformance.stage import Answer, Stage

IMAGE_A = bytes(i % 251 for i in range(200_000))
IMAGE_B = bytes((7 * i + 3) % 256 for i in range(100_000))
SHA256_A = "e24bc62381f1224fbbb74688663f8f9743b9680b193edd666835e97b06e730eb"
NINE_KEYS = sorted(
    f"fw_{key}" for key in ("title", "version", "ts", "state", "size", "checksum", "checksum_algorithm", "url", "tag")
)
"""All keys of a firmware, as `deleted` names them when nothing is assigned any more."""
DAY_MS = 86_400_000
DEFAULT = {"type": "DEFAULT"}


class FixtureRefused(OtakitError):
    """The server refused what a scenario stands on, before the scenario began to claim anything."""


class Fixture:
    """What a scenario finds on the server.

    Args:
        stage: where it is made.
    """

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    # what is there

    @cached_property
    def title(self) -> str:
        """Of packages A and B."""
        return self._stage.unique("pump")

    @cached_property
    def profile(self) -> Entity:
        """P."""
        return self.make_profile("P")

    @cached_property
    def device(self) -> Entity:
        """D."""
        return self.make_device("D")

    @cached_property
    def token(self) -> str:
        """D's access token."""
        return self.token_of(self.device)

    @cached_property
    def a(self) -> Entity:
        """Package A: 1.10, `IMAGE_A`."""
        return self.make_package("1.10", IMAGE_A)

    @cached_property
    def b(self) -> Entity:
        """Package B: 1.11, `IMAGE_B`."""
        return self.make_package("1.11", IMAGE_B)

    # making

    def make_profile(self, name: str, **members: object) -> Entity:
        """A profile."""
        body = {
            "name": self._stage.unique(name),
            "type": "DEFAULT",
            "transportType": "DEFAULT",
            "profileData": {"configuration": DEFAULT, "transportConfiguration": DEFAULT},
            **members,
        }
        return self.saved("/api/deviceProfile", body)

    def make_device(self, name: str, profile: Entity | None = None, **members: object) -> Entity:
        """A device of P, or of another profile."""
        body = {"name": self._stage.unique(name), "deviceProfileId": (profile or self.profile)["id"], **members}
        return self.saved("/api/device", body)

    def make_package(
        self, version: str, content: bytes = IMAGE_A, *, algorithm: str = "SHA256", **members: object
    ) -> Entity:
        """A package with its image."""
        info = self.describe_package(version, **members)
        return self.given(self.upload(info, content, algorithm=algorithm))

    def describe_package(self, version: str, **members: object) -> Entity:
        """A package without its image."""
        return self.saved("/api/otaPackage", self.a_package(version, **members))

    def a_package(self, version: str, **members: object) -> Entity:
        """The description of a firmware package of P, not posted yet."""
        return {
            "title": self.title,
            "version": version,
            "type": "FIRMWARE",
            "deviceProfileId": self.profile["id"],
            "tag": None,
            "usesUrl": False,
            "additionalInfo": {"description": ""},
            **members,
        }

    def upload(
        self, package: Entity, content: bytes, *, algorithm: str = "SHA256", checksum: str | None = None
    ) -> Answer:
        """Gives a package its image, or not; whatever the answer is."""
        params = {"checksumAlgorithm": algorithm, **({"checksum": checksum} if checksum else {})}
        form = {"file": ("image.bin", content, "application/octet-stream")}
        return self._stage.rest("POST", f"/api/otaPackage/{identifier(package)}", params=params, files=form)

    # changing

    def assign(
        self, package: Entity | None, to: Entity | None = None, *, kind: str = "firmware", dispatched: bool = True
    ) -> Entity:
        """Sets or clears the package of a device (D without another), and waits until its attributes say so."""
        device = self.fresh("device", to or self.device)
        saved = self.saved("/api/device", {**device, f"{kind}Id": package and package["id"]})
        if dispatched:
            self.until_dispatched(package, device, kind=kind)
        return saved

    def assign_profile(
        self, package: Entity | None, profile: Entity | None = None, *, kind: str = "firmware"
    ) -> Entity:
        """Sets or clears the package of a profile (P without another)."""
        found = self.fresh("deviceProfile", profile or self.profile)
        return self.saved("/api/deviceProfile", {**found, f"{kind}Id": package and package["id"]})

    def until_dispatched(self, package: Entity | None, device: Entity | None = None, *, kind: str = "firmware") -> None:
        """Waits until the shared attributes of a device are those of a package, or of none."""
        prefix = {"firmware": "fw", "software": "sw"}[kind]
        keys = [f"{prefix}_{key}" for key in ("title", "version")]
        wanted = [package["title"], package["version"]] if package else [None, None]

        def is_told() -> bool:
            shared = self.shared(device)
            complete = package is None or bool(package.get("url")) or f"{prefix}_checksum" in shared
            return [shared.get(key) for key in keys] == wanted and complete

        self._stage.until(is_told, f"attributes {', '.join(keys)} are {wanted}")

    def saved(self, path: str, body: object) -> Entity:
        """What the server made of a POST that must succeed."""
        return self.given(self._stage.rest("POST", path, json=body))

    def given(self, answer: Answer) -> Entity:
        """The body of an answer that must be a success.

        Raises:
            FixtureRefused: it is none.
        """
        if answer.status != 200 or not isinstance(answer.body, dict):
            raise FixtureRefused(f"the server refused the fixture with {answer.status}: {answer.body}")
        found: Entity = answer.body
        return found

    # reading

    def fresh(self, what: str, entity: Entity) -> Entity:
        """An entity as the server has it now; `what` is ``device`` or ``deviceProfile``."""
        return self.given(self._stage.rest("GET", f"/api/{what}/{identifier(entity)}"))

    def token_of(self, device: Entity) -> str:
        """A device's access token."""
        token = str(self.credentials_of(device)["credentialsId"])
        self._stage.names.setdefault(token, f"token of {device['name']}")
        return token

    def credentials_of(self, device: Entity) -> Entity:
        """A device's credentials."""
        return self.given(self._stage.rest("GET", f"/api/device/{identifier(device)}/credentials"))

    def shared(self, device: Entity | None = None) -> dict[str, Any]:
        """A device's shared attributes (D's without another)."""
        path = f"{self.plugin(device)}/values/attributes/SHARED_SCOPE"
        return {row["key"]: row["value"] for row in self._stage.rest("GET", path).body}

    def latest(self, *keys: str, device: Entity | None = None, strict: bool = True) -> dict[str, Any]:
        """Latest values by key; None for those that never were."""
        params = {"keys": ",".join(keys), "useStrictDataTypes": str(strict).lower()}
        body = self._stage.rest("GET", f"{self.plugin(device)}/values/timeseries", params=params).body
        return {key: body[key][0]["value"] for key in keys}

    def rows(self, key: str, device: Entity | None = None) -> list[tuple[int, Any]]:
        """The history of a key, oldest first: times (milliseconds) and values."""
        params: dict[str, str | int] = {
            "keys": key,
            "startTs": 0,
            "endTs": self._stage.now() // 1_000_000 + DAY_MS,
            "limit": 1000,
            "orderBy": "ASC",
            "useStrictDataTypes": "true",
        }
        body = self._stage.rest("GET", f"{self.plugin(device)}/values/timeseries", params=params).body
        return [(row["ts"], row["value"]) for row in body.get(key, [])]

    def history(self, key: str, device: Entity | None = None) -> list[Any]:
        """The values of a key, oldest first."""
        return [value for _, value in self.rows(key, device)]

    def plugin(self, device: Entity | None = None) -> str:
        """The path of a device's attributes and telemetry."""
        return f"/api/plugins/telemetry/DEVICE/{identifier(device or self.device)}"


def identifier(entity: Entity) -> str:
    """The UUID of an entity."""
    return str(entity["id"]["id"])
