"""The runs behind the article's examples: which server, which devices, what the operator does and when.

Each story is played twice: the client's machine against the twin's conversation in memory, which gives the
recordings under ``docs/runs/``, and over TCP in a test, which must give the same messages. That is why the
operator acts when a message has passed and not at a time. What the machine never says stands in
`by_hand`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from random import Random

from otakit.captured import CapturedPacket, Entry, Note
from otakit.client.settings import Settings
from otakit.faults import parse_link
from otakit.protocol.messages import Kind
from otakit.run.history import server_statuses
from otakit.trial.memory import MemoryDevice
from otakit.trial.together import Act, Member, Together
from otakit.trial.world import EPOCH_NS
from otakit.twin.model import Model
from otakit.twin.rules.entities import Device, OtaPackage, Profile
from otakit.twin.settings import TwinSettings

FW, SW = Kind.FIRMWARE, Kind.SOFTWARE
SECOND = 1_000_000_000
LINE_BYTES = 32
IMAGE_BYTES = 20_000
"""Four chunks of 4,096 bytes and one of 3,616: a whole update fits a screen."""
USUAL_ORDER = TwinSettings(shuffle=False)
"""What ThingsBoard leaves open happens in the usual order, so that two runs can be compared."""


@dataclass(frozen=True)
class Story:
    """One run.

    Attributes:
        name: of its recording.
        sentence: what happens, for the recording's notes.
        prepare: what is on the server before a device connects; gets the model and nanoseconds.
        runs: title and version that run at first, for each device by its name.
        rounds: in each round every device connects, updates itself and ends; what the operator does in it.
        settings: of the clients.
        link: between each device and the server.
        twin: the server's settings.
        over_tcp: settings of the clients that differ where waiting costs time.
        statuses: whether what the server wrote into the telemetry belongs to the recording.
    """

    name: str
    sentence: str
    prepare: Callable[[Model, int], object]
    runs: Mapping[str, Mapping[Kind, tuple[str, str]]]
    rounds: tuple[tuple[Act, ...], ...] = ((),)
    settings: Settings = field(default_factory=Settings)
    link: str = "40 ms"
    twin: TwinSettings = USUAL_ORDER
    over_tcp: Mapping[str, object] = field(default_factory=dict)
    statuses: bool = True


def image(what: str, length: int = IMAGE_BYTES) -> bytes:
    """Bytes that tell where they stand: lines of 32 bytes, each with its own offset."""
    lines = (f"{what} byte {at:06d}\n".rjust(LINE_BYTES, "-") for at in range(0, length, LINE_BYTES))
    return "".join(lines).encode()[:length]


def token_of(name: str) -> str:
    """The access token of a device of a story."""
    return f"TOKEN-OF-{name.upper()}"


# what is on the server


def add(model: Model, name: str, now: int) -> Device:
    """A device of the default profile."""
    return model.save_device(Device(name, model.store.default_profile_id), now, token=token_of(name))


def upload(model: Model, kind: Kind, title: str, version: str, now: int, length: int = IMAGE_BYTES) -> OtaPackage:
    """A package of the default profile."""
    return model.upload(kind, title, version, image(f"{title} {version}", length), now)


def device(model: Model, name: str) -> Device:
    """The device of this name."""
    return next(each for each in model.store.devices.values() if each.name == name)


def package(model: Model, version: str) -> OtaPackage:
    """The package of this version."""
    return next(each for each in model.store.packages.values() if each.version == version)


def profile(model: Model) -> Profile:
    """The profile of all devices."""
    return model.store.profile(model.store.default_profile_id)


def _assigned(*packages: tuple[Kind, str, str]) -> Callable[[Model, int], None]:
    """One device; packages are assigned to it while it is away."""

    def prepare(model: Model, now: int) -> None:
        there = add(model, "pump-7", now)
        for kind, title, version in packages:
            model.assign(there, kind, upload(model, kind, title, version, now).id, now)

    return prepare


def _uploaded(model: Model, now: int) -> None:
    """One device; the package is there and assigned to nobody."""
    add(model, "pump-7", now)
    upload(model, FW, "pump", "1.1.0", now)


def _one_profile(model: Model, now: int) -> None:
    """Two devices of one profile, three packages."""
    for name in ("D1", "D2"):
        add(model, name, now)
    for version in ("F1", "F2", "F3"):
        upload(model, FW, "pump", version, now, length=96)


# what the operator does


def _to_device(name: str, version: str | None, text: str, *, when: str = "AttributesResponse", nth: int = 1) -> Act:
    def do(model: Model, now: int) -> None:
        model.assign(device(model, name), FW, package(model, version).id if version else None, now)

    return Act(when, nth, text, do)


def _to_profile(version: str | None, text: str) -> Act:
    def do(model: Model, now: int) -> None:
        model.assign(profile(model), FW, package(model, version).id if version else None, now)

    return Act("AttributesResponse", 1, text, do)


def _forget_bytes(model: Model, _now: int) -> None:
    """The cache drops the package, as it does after an hour."""
    model.cache.drop(package(model, "1.1.0").id)


# the stories

PUMP = {"pump-7": {FW: ("pump", "1.0.0")}}
BOTH = {"pump-7": {FW: ("pump", "1.0.0"), SW: ("panel", "2.0.0")}}
PAIR = {name: {FW: ("pump", "F0")} for name in ("D1", "D2")}
FIRMWARE_ONLY = Settings(kinds=(FW,))
STORIES = (
    Story(
        "assigned-while-away",
        "firmware is assigned while the device is away; it asks, downloads at QoS 1, installs, restarts",
        _assigned((FW, "pump", "1.1.0")),
        PUMP,
        settings=replace(FIRMWARE_ONLY, chunk_qos=1, window=4),
    ),
    Story(
        "assigned-while-connected",
        "the device asks and nothing is assigned; then firmware is assigned, and it is told",
        _uploaded,
        PUMP,
        rounds=((_to_device("pump-7", "1.1.0", "F1 to pump-7"),),),
        settings=FIRMWARE_ONLY,
    ),
    Story(
        "unassigned-in-mid-download",
        "the operator takes the package back while its chunks travel",
        _assigned((FW, "pump", "1.1.0")),
        PUMP,
        rounds=((_to_device("pump-7", None, "pump-7 unassigned", when="ChunkResponse", nth=2),),),
        settings=replace(FIRMWARE_ONLY, window=1, chunk_bytes=1024),
    ),
    Story(
        "early-empty-chunk",
        "the server loses the cached bytes in mid-download; an empty chunk comes, then a new request id",
        _assigned((FW, "pump", "1.1.0")),
        PUMP,
        rounds=((Act("ChunkResponse", 3, "the cache loses the bytes of pump 1.1.0", _forget_bytes),),),
        settings=replace(FIRMWARE_ONLY, window=1),
    ),
    Story(
        "checksum-differs",
        "one chunk is altered on its way; the checksum says so, the device reports FAILED",
        _assigned((FW, "pump", "1.1.0")),
        PUMP,
        settings=replace(FIRMWARE_ONLY, window=1),
        link="40 ms, answer 2 corrupted",
    ),
    Story(
        "software-beside-firmware",
        "firmware and software are assigned; both travel on one connection at the same time",
        _assigned((FW, "pump", "1.1.0"), (SW, "panel", "2.1.0")),
        BOTH,
        settings=Settings(window=1),
    ),
    Story(
        "device-overrides-profile",
        "D1 and D2 have one profile; six actions of the operator, and who hears of each",
        _one_profile,
        PAIR,
        rounds=(
            (_to_profile("F1", "F1 to the profile P1"),),
            (_to_device("D1", "F2", "F2 to the device D1"),),
            (_to_profile("F3", "F3 to the profile P1"),),
            (_to_device("D1", None, "D1's own package cleared"),),
            (_to_device("D1", "F3", "D1's own package set to F3, which P1 gives already"),),
            (_to_profile(None, "the package of P1 cleared"),),
        ),
        settings=replace(FIRMWARE_ONLY, check_limits=False, offer_wait_s=2.0),
        over_tcp={"offer_wait_s": 1.0},
        statuses=False,
    ),
)


# in memory


def played_in_memory(story: Story) -> tuple[list[Entry], dict[str, object]]:
    """What a tap at the devices saw, and how each device's updates ended."""
    model = Model(story.twin, Random(7), EPOCH_NS)  # noqa: S311 - a seed is the point
    story.prepare(model, EPOCH_NS - 2 * SECOND)
    model.advance(EPOCH_NS - 1)
    members = [Member(token_of(name), MemoryDevice(dict(running))) for name, running in story.runs.items()]
    together = Together(model, members, story.settings, parse_link(story.link))
    for acts in story.rounds:
        together.round(*acts)
    entries = [*together.entries, *(_by_server(model, story) if story.statuses else ())]
    return entries, _outcome(entries)


def _by_server(model: Model, story: Story) -> Iterable[Note]:
    for name in story.runs:
        memory = model.memory(device(model, name).id)
        assert memory is not None
        series = {key: memory.telemetry.between(key, 0, 1 << 62, ascending=True) for key in ("fw_state", "sw_state")}
        for kind, status, ts_ms in server_statuses(series, EPOCH_NS // 1_000_000):
            fields: Mapping[str, object] = {"kind": kind.word, "status": status, "ts_ms": ts_ms}
            yield Note("server_status", ts_ms * 1_000_000, fields)


def _outcome(entries: Iterable[Entry]) -> dict[str, object]:
    """The last outcome of each kind."""
    ended = [each.fields for each in entries if isinstance(each, Note) and each.name == "update_ended"]
    return {str(fields["kind"]): fields["outcome"] for fields in ended}


def packets_of(entries: Iterable[Entry]) -> list[CapturedPacket]:
    """The packets among entries."""
    return [entry for entry in entries if isinstance(entry, CapturedPacket)]
