"""The operator's suite: packages, assignments, what is remembered of devices, and taking all of it back."""

from __future__ import annotations

from otakit.conformance.operator_part import DISPATCH_S, IMAGE, eventually, named, part, refuses, same
from otakit.errors import ChecksumMismatch, ResponseTimeout, ServerRefused, SettingsError
from otakit.protocol.checksums import ALGORITHMS, checksum_of
from otakit.servers import Server


@part
def package_is_stored_once(server: Server) -> None:
    """And differs by its bytes, tag, algorithm, kind and profile."""
    title, profile = named("package"), server.add_profile(named("profile"))

    def again(
        image: bytes = IMAGE, kind: str = "firmware", algorithm: str = "SHA256", tag: str | None = "blue"
    ) -> object:
        return server.upload(kind, title, "1.10", image, algorithm=algorithm, tag=tag, profile=profile)

    package = again()
    same(again(), package)
    refuses(SettingsError, "with checksum '", lambda: again(IMAGE[1:]))
    refuses(SettingsError, "type 'FIRMWARE' instead of 'SOFTWARE'", lambda: again(kind="software"))
    refuses(SettingsError, "checksum algorithm 'SHA256' instead of 'MD5'", lambda: again(algorithm="md5"))
    refuses(SettingsError, "tag 'blue' instead of None", lambda: again(tag=None))
    refuses(SettingsError, "with device profile '", lambda: server.upload("firmware", title, "1.10", IMAGE, tag="blue"))


@part
def package_is_stored_with_each_algorithm(server: Server) -> None:
    """With the checksum that devices will compare."""
    title = named("package")
    for algorithm in ALGORITHMS:
        checksum = checksum_of(algorithm, b"123456789")
        found = server.upload("software", title, algorithm, b"123456789", algorithm=algorithm, checksum=checksum)
        same((found.checksum, found.algorithm, found.size), (checksum, algorithm, 9))


@part
def image_without_the_given_checksum_is_not_stored(server: Server) -> None:
    """The error says what it has."""
    title = named("package")
    refuses(
        ChecksumMismatch,
        checksum_of("MD5", IMAGE),
        lambda: server.upload("firmware", title, "1", IMAGE, algorithm="MD5", checksum="00"),
    )
    same(server.operator.package_named(title, "1"), None)


@part
def package_behind_a_url_is_stored_once(server: Server) -> None:
    """With what is known of its bytes."""
    title, url = named("package"), "https://example.org/pump.bin"
    plain = server.upload_url("firmware", title, "1", url)
    same((plain.url, plain.checksum), (url, None))
    same(server.upload_url("firmware", title, "1", url), plain)
    full = server.upload_url("firmware", title, "2", url, algorithm="md5", checksum="ab", size=7, tag="t")
    same((full.algorithm, full.checksum, full.size, full.tag), ("MD5", "ab", 7, "t"))
    same(server.upload_url("firmware", title, "2", url, algorithm="MD5", checksum="ab", size=7, tag="t"), full)
    refuses(
        SettingsError,
        "URL 'https://example.org/pump.bin' instead of",
        lambda: server.upload_url("firmware", title, "1", url + "x"),
    )
    refuses(SettingsError, "instead of None", lambda: server.upload("firmware", title, "1", IMAGE))


@part
def package_is_assigned_to_a_device_and_taken_back(server: Server) -> None:
    """Both may be said again."""
    device, package = server.add_device(named("device")), server.upload("firmware", named("package"), "1.10", IMAGE)
    for _ in range(2):
        server.assign(package, to=device)
    server.wait_for(device, "INITIATED", within_s=DISPATCH_S)
    eventually(lambda: server.attributes(device).get("fw_version"), "1.10")
    same(server.attributes(device)["fw_title"], package.title)
    same(server.telemetry(device, "target_fw_version")["target_fw_version"][-1][1], "1.10")
    for _ in range(2):
        server.unassign("firmware", from_=device)
    eventually(lambda: server.attributes(device).get("fw_version"), None)


@part
def package_is_assigned_to_a_profile(server: Server) -> None:
    """Its devices follow."""
    profile = server.add_profile(named("profile"))
    device = server.add_device(named("device"), profile)
    package = server.upload("software", named("package"), "2", IMAGE, profile=profile)
    for _ in range(2):
        server.assign(package, to=profile)
    server.wait_for(device, "INITIATED", kind="software", within_s=DISPATCH_S)
    for _ in range(2):
        server.unassign("software", from_=profile)
    eventually(lambda: server.attributes(device).get("sw_version"), None)


@part
def package_of_another_profile_is_not_assigned(server: Server) -> None:
    """The server says so."""
    device = server.add_device(named("device"))
    package = server.upload("firmware", named("package"), "1", IMAGE, profile=server.add_profile(named("profile")))
    refuses(ServerRefused, "different deviceProfile", lambda: server.assign(package, to=device))


@part
def attributes_are_written_and_deleted_by_scope(server: Server) -> None:
    """What is not there any more is no error."""
    device = server.add_device(named("device"))
    for scope in ("shared", "server"):
        for _ in range(2):
            server.write_attributes(device, {"colour": scope, "size": 5}, scope)
        same(server.attributes(device, scope)["colour"], scope)
        for _ in range(2):
            server.delete_attributes(device, "colour", scope=scope)
        same("colour" in server.attributes(device, scope), False)
    refuses(SettingsError, "expected 'shared', 'client' or 'server'", lambda: server.attributes(device, "mine"))


@part
def telemetry_is_read_as_rows_latest_and_frame(server: Server) -> None:
    """One truth, three forms."""
    device = server.add_device(named("device"))
    for ts_ms, value in ((1_790_000_000_000, 1), (1_790_000_001_000, 2)):
        server.write_telemetry(device, {"level": value}, ts_ms)
    rows = [(1_790_000_000_000, 1), (1_790_000_001_000, 2)]
    eventually(lambda: server.telemetry(device, "level").get("level"), rows)
    same(server.latest(device, "level"), {"level": 2})
    frame = server.history(device, "level")
    same(list(frame["value"]), [1, 2])
    same(str(frame["wall"].iloc[0]), "2026-09-21 14:13:20+00:00")


@part
def what_is_gone_is_deleted_without_an_error(server: Server) -> None:
    """What is in use is not, and the error says what to do."""
    profile = server.add_profile(named("profile"))
    device = server.add_device(named("device"), profile)
    package = server.upload("firmware", named("package"), "1", IMAGE, profile=profile)
    server.assign(package, to=device)
    refuses(ServerRefused, "unassign it first", lambda: server.delete(package))
    refuses(ServerRefused, "delete or move its devices first", lambda: server.delete(profile))
    for what in (device, package, profile):
        for _ in range(2):
            server.delete(what)
    same(server.operator.device_named(device.name), None)


@part
def clean_up_takes_back_what_was_done_and_no_more(server: Server) -> None:
    """A device that somebody else made keeps what it had; twice is as good as once."""
    theirs, profile = server.add_device(named("theirs")), server.add_profile(named("profile"))
    before = server.upload("firmware", named("before"), "1", IMAGE)
    server.assign(before, to=theirs)
    with server.taking_back():
        package = server.upload("firmware", named("package"), "1", IMAGE)
        server.assign(package, to=theirs)
        server.assign(server.upload("firmware", named("other"), "1", IMAGE, profile=profile), to=profile)
        ours = server.add_device(named("device"), profile)
        server.clean_up()
        server.clean_up()
    same(server.operator.device(theirs.id)["firmwareId"]["id"], before.id)
    same(server.operator.device_named(ours.name), None)
    same(server.operator.package_named(package.title, "1"), None)
    same(server.operator.profile(profile.id).get("firmwareId"), None)


@part
def waiting_ends_at_its_deadline(server: Server) -> None:
    """And says what came instead."""
    device = server.add_device(named("device"))
    refuses(ResponseTimeout, "nothing was assigned", lambda: server.wait_for(device, "UPDATED", within_s=0.1))
    server.write_telemetry(device, {"fw_state": "FAILED", "fw_error": "no room"})
    refuses(ResponseTimeout, "FAILED (no room) without UPDATED", lambda: server.wait_for(device, "UPDATED"))
