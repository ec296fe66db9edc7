"""The operator's verbs, safe to repeat: assigning and removing here, on top of `adding`, `uploading` and `readings`.

Each returns what is there when it is the same, and names the difference when it is not. `local` and
`remote` say where the server comes from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Self

from otakit.errors import ServerRefused, TransportError
from otakit.protocol.messages import Kind
from otakit.servers.made import remove
from otakit.servers.things import Device, Profile, StoredPackage, kind_of
from otakit.servers.uploading import Uploading
from otakit.thingsboard import Entity

ASSIGNMENT_TRIES = 5
CONFLICT = 409
WHAT = {Device: "device", StoredPackage: "otaPackage", Profile: "deviceProfile"}


class Server(Uploading):
    """All verbs; `Twin` and `ThingsBoard` differ only in how they come to a door."""

    def __init__(self) -> None:
        super().__init__()
        self._given: dict[tuple[str, Kind], tuple[Device | Profile, Entity | None]] = {}

    def assign(self, package: StoredPackage, *, to: Device | Profile) -> None:
        """Assigns a package to a device, or to all devices of a profile that have none of their own.

        The server tells nobody when the package is assigned already (`OtaPackageStateService`).

        Raises:
            ServerRefused: the package belongs to another profile, or has no image.
        """
        self._set(package.kind, {"entityType": "OTA_PACKAGE", "id": package.id}, to)

    def unassign(self, kind: str | Kind, *, from_: Device | Profile) -> None:
        """Takes the assignment of a device or profile back; a device then has what its profile gives."""
        self._set(kind_of(kind), None, from_)

    def delete(self, what: Device | StoredPackage | Profile) -> None:
        """Deletes it on the server; what is gone already is no error.

        Raises:
            ServerRefused: something still needs it; the text says what.
        """
        try:
            self.operator.delete(WHAT[type(what)], what.id)
        except ServerRefused as refused:
            hint = {StoredPackage: "unassign it first", Profile: "delete or move its devices first"}.get(type(what))
            raise ServerRefused(
                f"{refused}{f'; {hint}' if hint else ''}", refused.status, refused.error_code
            ) from refused
        self._forget(what.id)

    def leftovers(self) -> list[str]:
        """What earlier processes of this user made here and could not remove, by name."""
        return [str(each) for each in self._noted().left_over()]

    def clean_up(self, *, leftovers: bool = False) -> None:
        """Takes back what these verbs did: assignments, devices, packages, profiles, and nothing else.

        Args:
            leftovers: also what earlier processes made and could not remove, such as a killed one.

        Raises:
            ServerRefused: something could not be removed; the text names each and says why.
            TransportError: the connection broke; the text names what is still there.
        """
        things = [*self._made.values(), *(self._noted().left_over() if leftovers else ())]
        try:
            for (_, kind), (target, before) in list(self._given.items()):
                if target.id not in self._made:
                    self._set(kind, before, target, is_taken_back=True)
                self._given.pop((target.id, kind), None)
            left = remove(self.operator, things)
        except TransportError as error:
            raise TransportError(f"{error}; still there: {', '.join(map(str, things))}; call clean_up again") from error
        for thing in things:
            if thing not in [each for each, _ in left]:
                self._forget(thing.id)
        if left:
            text = ", ".join(f"{thing} ({why})" for thing, why in left)
            raise ServerRefused(f"clean_up left over: {text}", left[0][1].status, left[0][1].error_code)

    @contextmanager
    def taking_back(self) -> Iterator[Self]:
        """What is made and assigned within the block is taken back at its end, and nothing else."""
        made, given = self._made, self._given
        self._made, self._given = {}, {}
        try:
            try:
                yield self
            except BaseException:
                with suppress(ServerRefused, TransportError):  # the first error is the one to tell
                    self.clean_up()
                raise
            self.clean_up()
        finally:
            self._made, self._given = {**made, **self._made}, {**given, **self._given}

    def close(self) -> None:
        """Ends the connections of the operator and removes temporary folders; safe to call twice."""
        self.closed = True
        if self._journal is not None:
            self._journal.close()
        self.operator.close()
        self._drop_folder()

    def __enter__(self) -> Self:
        """The server itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self.close()

    def _forget(self, identifier: str) -> None:
        self._made.pop(identifier, None)
        self._noted().gone(identifier)
        for name in [name for name, device in self._devices.items() if device.id == identifier]:
            del self._devices[name]
        for given in [given for given in self._given if given[0] == identifier]:
            del self._given[given]

    def _set(self, kind: Kind, package: Entity | None, to: Device | Profile, *, is_taken_back: bool = False) -> None:
        read: Callable[[str], Entity] = self.operator.device
        save: Callable[[Entity], Entity] = self.operator.save_device
        if isinstance(to, Profile):
            read, save = self.operator.profile, self.operator.save_profile
        for left in range(ASSIGNMENT_TRIES, 0, -1):
            entity, name = read(to.id), f"{kind.word}Id"
            before = entity.get(name)
            if (before or {}).get("id") == (package or {}).get("id"):
                return
            try:
                save({**entity, name: package})
            except ServerRefused as refused:
                if refused.status != CONFLICT or left == 1:  # someone else saved it in between: read it again
                    raise
            else:
                if not is_taken_back:
                    self._given.setdefault((to.id, kind), (to, before))
                return
