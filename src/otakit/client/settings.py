"""How the client behaves: every size, wait and repetition, and the bound that follows from them.

Knows which values can work; refuses to know what happens in their time. The machine, the driver and the
simulated world are given one `Settings`; `Settings.bound_s` is the promise that every update ends.
"""

from __future__ import annotations

from dataclasses import dataclass

from otakit.errors import SettingsError
from otakit.protocol.messages import Kind
from otakit.protocol.package import MAX_IMAGE_BYTES
from otakit.protocol.packets import Version

SECOND_NS = 1_000_000_000


def ns(seconds: float) -> int:
    """Seconds as whole nanoseconds, the only time inside."""
    return round(seconds * SECOND_NS)


@dataclass(frozen=True, slots=True)
class Settings:
    """How the client behaves; every wait and every repetition has its bound here.

    Attributes:
        version: MQTT 3.1.1 or 5.
        kinds: what is updated; firmware and software at the same time by default.
        chunk_bytes: chunk size asked for; clamped to the server's ``maxPayloadSize``.
        window: most chunk requests unanswered at one time; the first of a request id always goes alone.
        chunk_qos: QoS of chunk requests and of the chunk filters; TCP delivers, the deadline repeats.
        chunk_deadline_s: a chunk unanswered for so long, counted from when it is its turn, is asked for again.
        chunk_retries: repetitions of one chunk before stronger means are taken.
        recoveries: how often stronger means (a new request id, a new connection) are taken without progress.
        request_deadline_s: for SUBACK, PUBACK and the answer to an attributes request.
        request_retries: repetitions of an attributes request on one connection.
        reask_delay_s: pause before attributes that announce a package in part are asked for again.
        check_limits: ask ``getSessionLimits`` once and obey it.
        limits_deadline_s: how long that answer may take; without it the update goes on.
        connect_deadline_s: for TCP, TLS and CONNACK together.
        reconnects: new connections in a row without progress, after one that worked.
        reconnect_delay_s: pause before the first of them; it doubles up to 8 s.
        offline_limit_s: longest time without a usable connection before the client gives up.
        keep_alive_s: MQTT keep alive; ThingsBoard does not read it, PINGREQ counts as activity.
        offer_wait_s: how long to listen for an assignment that is still on its way when there is nothing to do.
        timestamps: send the device's time with each status; without it the server's arrival time counts.
        install_deadline_s: for each of install, confirm and roll back.
        slowest_bytes_s: the slowest link that is still waited for; only the bound comes from it.
        updates: most updates of one kind in one run, should the assignment change again and again.
    """

    version: Version = Version.MQTT_3_1_1
    kinds: tuple[Kind, ...] = (Kind.FIRMWARE, Kind.SOFTWARE)
    chunk_bytes: int = 4096
    window: int = 8
    chunk_qos: int = 0
    chunk_deadline_s: float = 5.0
    chunk_retries: int = 4
    recoveries: int = 3
    request_deadline_s: float = 10.0
    request_retries: int = 2
    reask_delay_s: float = 1.0
    check_limits: bool = True
    limits_deadline_s: float = 3.0
    connect_deadline_s: float = 10.0
    reconnects: int = 5
    reconnect_delay_s: float = 0.5
    offline_limit_s: float = 90.0
    keep_alive_s: int = 60
    offer_wait_s: float = 1.0
    timestamps: bool = True
    install_deadline_s: float = 120.0
    slowest_bytes_s: float = 1000.0
    updates: int = 8

    def __post_init__(self) -> None:
        """Refuses what cannot work, naming the setting.

        Raises:
            SettingsError: a value out of its range.
        """
        checks = {
            "version": self.version in (Version.MQTT_3_1_1, Version.MQTT_5),
            "kinds": bool(self.kinds) and len(set(self.kinds)) == len(self.kinds),
            "chunk_bytes": 1 <= self.chunk_bytes <= MAX_IMAGE_BYTES,
            "window": 1 <= self.window <= 10_000,
            "chunk_qos": self.chunk_qos in (0, 1),
            "keep_alive_s": 1 <= self.keep_alive_s <= 65_535,
        }
        checks |= {name: getattr(self, name) > 0 for name in POSITIVE}
        checks |= {name: getattr(self, name) >= 0 for name in NOT_NEGATIVE}
        for name, good in checks.items():
            if not good:
                raise SettingsError(f"setting {name}={getattr(self, name)!r} cannot be used; {LIMITS[name]}")

    def download_s(self, image_bytes: int) -> float:
        """The longest a download may take: all repetitions in vain, plus the image at the slowest rate."""
        silence = (self.recoveries + 1) * (self.chunk_retries + 1) * self.chunk_deadline_s
        return silence + self.offline_limit_s + image_bytes / self.slowest_bytes_s

    def bound_s(self, image_bytes: int) -> float:
        """The longest an update lasts, whatever the server does or leaves undone.

        Args:
            image_bytes: the announced size.

        Returns:
            Seconds from the offer to UPDATED or FAILED.
        """
        reports = 4 * (self.request_deadline_s + self.offline_limit_s)  # DOWNLOADED, VERIFIED, UPDATING, the last one
        restart = self.offline_limit_s + self.chunk_deadline_s + self.install_deadline_s
        installing = 3 * self.install_deadline_s + 2 * restart  # install, confirm, roll back; there and back again
        return self.download_s(image_bytes) + reports + installing + self.offline_limit_s


POSITIVE = (
    "chunk_deadline_s", "request_deadline_s", "limits_deadline_s", "connect_deadline_s", "install_deadline_s",
    "slowest_bytes_s", "updates", "offline_limit_s",
)  # fmt: skip
NOT_NEGATIVE = (
    "chunk_retries", "recoveries", "request_retries", "reask_delay_s", "reconnects", "reconnect_delay_s",
    "offer_wait_s",
)  # fmt: skip
LIMITS = {
    "version": "MQTT 3.1.1 and 5 are spoken",
    "kinds": "give FIRMWARE, SOFTWARE or both, each once",
    "chunk_bytes": f"a chunk has 1 to {MAX_IMAGE_BYTES} bytes",
    "window": "1 to 10000 requests may be in flight",
    "chunk_qos": "chunks are asked for at QoS 0 or 1",
    "keep_alive_s": "MQTT has 1 to 65535 seconds",
    **dict.fromkeys(POSITIVE, "it must be above 0"),
    **dict.fromkeys(NOT_NEGATIVE, "it must not be below 0"),
}
