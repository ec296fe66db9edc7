"""What the verbs made and changed on a server, to be taken back; also what a killed process left there.

A journal in the folder of settings names each thing as soon as it is made, by the server's tenant, so that
another process can name and remove what this one could not. Refuses to touch anything else.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from otakit.errors import ServerRefused
from otakit.protocol.messages import Kind
from otakit.settings import config_folder
from otakit.thingsboard import Operator

ORDER = ("device", "otaPackage", "deviceProfile")
"""In which things can be deleted: nothing that another one still needs."""
WORDS = {"device": "device", "otaPackage": "package", "deviceProfile": "profile"}


@dataclass(frozen=True, slots=True)
class Made:
    """One thing on a server."""

    what: str
    id: str
    name: str

    def __str__(self) -> str:
        """For a person."""
        return f"{WORDS[self.what]} {self.name}"


class Journal:
    """What is made on one tenant, by any process of this user.

    Args:
        path: its file; None keeps nothing, for a server that ends with this process.
    """

    def __init__(self, path: Path | None) -> None:
        self._path, self._run = path, secrets.token_hex(8)

    def made(self, thing: Made) -> None:
        """Notes a thing."""
        self._write({"made": [thing.what, thing.id, thing.name]})

    def gone(self, identifier: str) -> None:
        """Notes that it is no more."""
        self._write({"gone": identifier})

    def left_over(self) -> list[Made]:
        """What other runs made and did not remove."""
        left: dict[str, Made] = {}
        for line in self._lines():
            if "gone" in line:
                left.pop(line["gone"], None)
            elif line.get("run") != self._run:
                left[line["made"][1]] = Made(*line["made"])
        return sorted(left.values(), key=lambda each: ORDER.index(each.what))

    def close(self) -> None:
        """Removes the file where nothing is left."""
        everything: set[str] = set()
        for line in self._lines():
            everything.add(line["made"][1]) if "made" in line else everything.discard(line["gone"])
        if self._path is not None and not everything:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)

    def _lines(self) -> list[dict[str, Any]]:
        if self._path is None or not self._path.is_file():
            return []
        lines = []
        for text in self._path.read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(ValueError):  # the last line of a killed process may be half there
                lines.append(json.loads(text))
        return lines

    def _write(self, line: dict[str, Any]) -> None:
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:  # one line, one write: processes may share it
                file.write(json.dumps({**line, "run": self._run}) + "\n")


def journal_of(operator: Operator) -> Journal:
    """The journal of one tenant; twins of one seed have the same id, and each its own hour of birth."""
    default = operator.profile(operator.default_profile()["id"]["id"])
    return Journal(config_folder() / "made" / f"{default['tenantId']['id']}-{default['createdTime']}.jsonl")


def remove(operator: Operator, things: list[Made]) -> list[tuple[Made, ServerRefused]]:
    """Removes things in the order in which that can be done; assignments of their packages go first.

    Returns:
        What is still there, and why.
    """
    left = []
    for thing in sorted(things, key=lambda each: ORDER.index(each.what)):
        try:
            try:
                operator.delete(thing.what, thing.id)
            except ServerRefused:
                if thing.what != "otaPackage" or not _unassigned(operator, thing.id):
                    raise
                operator.delete(thing.what, thing.id)
        except ServerRefused as refused:
            left.append((thing, refused))
    return left


def _unassigned(operator: Operator, package_id: str) -> bool:
    """Takes a package from all that have it: a profile, or a device that somebody else made."""
    found = False
    for targets, save in ((operator.profiles(), operator.save_profile), (operator.devices(), operator.save_device)):
        for target in targets:
            names = [f"{k.word}Id" for k in Kind if (target.get(f"{k.word}Id") or {}).get("id") == package_id]
            if names:
                save({**target, **dict.fromkeys(names)})
                found = True
    return found
