"""The twin's page in a browser: an operator uploads, assigns and watches, with mouse or keyboard, on any screen.

What devices and other operators wrote is shown and never run.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

import otakit
from otakit.errors import TransportError
from otakit.run import peer_at
from otakit.servers import Device, Twin
from otakit.twin.rules.entities import Device as Entity

pytestmark = pytest.mark.needs("chromium")

OpenPage = Callable[..., Page]
Accessible = Callable[[Page, str], None]
IMAGE = bytes(i % 251 for i in range(60_000))
REFUSED = "Failed to load resource: the server responded with a status of"
GONE = "net::ERR_"
HOSTILE = '<img src=x onerror="document.title=1"'  # without its last character ThingsBoard lets it pass
REMEMBER = """row => {
  window.shown = [];
  const watcher = new MutationObserver(() => window.shown.push(row.innerText));
  watcher.observe(row, {subtree: true, childList: true, characterData: true});
}"""
"""Keeps what a row said meanwhile: a browser that is slow to ask must not miss it."""


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    with Twin() as server:
        yield server


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Recordings of simulated devices go into the test's own folder."""
    monkeypatch.chdir(tmp_path)


def row(page: Page, name: str) -> Locator:
    """The table row of a device, package or profile."""
    return page.get_by_role("row").filter(has=page.get_by_role("rowheader").filter(has_text=re.compile(rf"^{name}")))


def upload(page: Page, title: str, version: str, content: bytes = IMAGE) -> None:
    """Uploads through the dialog, as an operator does."""
    page.get_by_role("button", name="Upload package").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Title").fill(title)
    dialog.get_by_label("Version").fill(version)
    dialog.get_by_label("Image", exact=True).set_input_files(
        {"name": "firmware.bin", "mimeType": "application/octet-stream", "buffer": content}
    )
    dialog.get_by_role("button", name="Upload").click()


def widths(page: Page) -> tuple[int, int]:
    """What the page needs, and what the screen has."""
    found = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    return int(found[0]), int(found[1])


def pages(twin: Twin) -> int:
    """How many pages the twin is telling."""
    server = twin._loop._server
    assert server is not None
    assert server._feed is not None
    return server._feed.pages


def report(twin: Twin, device: Device, values: dict[str, Any]) -> None:
    """What a device would say of itself, over its HTTP door."""
    httpx.post(f"{twin.url}/api/v1/{device.token}/telemetry", content=json.dumps(values)).raise_for_status()


def test_upload_assign_and_watch_a_device_become_updated(twin: Twin, open_page: OpenPage) -> None:
    """The whole way on one page: progress from the chunks, statuses in the device's words, exchanges as they happen."""
    device = twin.add_device("pump-1")
    page = open_page(twin.url)
    upload(page, "pump", "1.10")
    expect(row(page, "pump 1.10")).to_contain_text("60,000 bytes")
    page.get_by_role("button", name="Assign… pump-1").click()
    page.get_by_role("dialog").get_by_label("Firmware").select_option(label="pump 1.10")
    page.get_by_role("dialog").get_by_role("button", name="Assign").click()
    line = row(page, "pump-1")
    expect(line).to_contain_text("INITIATED")
    page.get_by_role("button", name="Exchanges pump-1").click()
    line.evaluate(REMEMBER)
    running = otakit.start_update(device, link="30 ms", chunk_bytes=1024, window=1)
    expect(line).to_contain_text("UPDATED")
    running.wait()
    shown = "\n".join(page.evaluate("window.shown"))
    assert re.search(r"connected\s+MQTT 3\.1\.1 · 127\.0\.0\.1:\d+\s+since \d\d:\d\d:\d\d", shown)
    assert "DOWNLOADING" in shown
    shares = [int(each) for each in re.findall(r"(\d+) % · [\d,]+ bytes of 60,000 bytes", shown)]
    assert shares == sorted(shares)
    assert len({share for share in shares if 0 < share < 100}) >= 2
    said = page.get_by_role("region", name="Exchanges of pump-1").get_by_role("listitem")
    chunk = re.compile(r"ChunkRequest 17, 1,024 bytes → ChunkResponse 1,024 bytes in [\d.]+ ms")
    expect(said.filter(has_text=chunk)).to_have_count(1)
    expect(line).to_contain_text("ThingsBoard keeps “1.10” of a device as the number 1.1")
    expect(said.filter(has_text="Connect MQTT 3.1.1").first).to_contain_text("ConnAck accepted")
    expect(page.locator("#news")).to_contain_text("pump-1: firmware UPDATED")


def test_assignment_to_a_profile_and_back(twin: Twin, open_page: OpenPage) -> None:
    """Its devices follow it; taken back they have nothing, after a question."""
    twin.add_profile("valves")
    twin.add_device("valve-1", profile="valves")
    twin.upload("firmware", "valve", "2.0", IMAGE, profile="valves")
    page = open_page(twin.url)
    page.get_by_role("button", name="Assign… profile valves").click()
    page.get_by_role("dialog").get_by_label("Firmware").select_option(label="valve 2.0")
    page.get_by_role("dialog").get_by_role("button", name="Assign").click()
    expect(row(page, "valve-1")).to_contain_text("valve 2.0 from the profile")
    page.get_by_role("button", name="Unassign firmware of profile valves").click()
    page.get_by_role("dialog").get_by_role("button", name="Unassign").click()
    expect(row(page, "valve-1")).to_contain_text("nothing assigned")
    assert twin.operator.profile_named("valves")["firmwareId"] is None  # type: ignore[index]  # it is there


def test_own_package_is_unassigned_from_its_row(twin: Twin, open_page: OpenPage) -> None:
    """And other settings of the device stay: a save is a full replace."""
    device = twin.add_device("pump-2")
    twin.assign(twin.upload("firmware", "pump", "1.2", IMAGE), to=device)
    page = open_page(twin.url)
    page.get_by_role("button", name="Unassign firmware of pump-2").click()
    page.get_by_role("dialog").get_by_role("button", name="Unassign").click()
    expect(row(page, "pump-2")).to_contain_text("nothing assigned")
    saved = twin.operator.device_named("pump-2")
    assert saved is not None
    assert saved["deviceProfileId"]["id"] == twin.add_profile("default").id


def test_refusals_stand_beside_the_button_in_thingsboards_words(twin: Twin, open_page: OpenPage) -> None:
    """A package in use, a title and version taken twice, markup in a name."""
    twin.assign(twin.upload("firmware", "pump", "1.3", IMAGE), to=twin.add_device("pump-3"))
    page = open_page(twin.url, forgiven=(REFUSED,))
    page.get_by_role("button", name="Delete… pump 1.3").click()
    page.get_by_role("button", name="Delete package").click()
    alert = page.get_by_role("dialog").get_by_role("alert")
    expect(alert).to_have_text("The otaPackage referenced by the devices cannot be deleted!")
    page.keyboard.press("Escape")
    upload(page, "pump", "1.3")
    expect(alert).to_have_text("OtaPackage with such title and version already exists!")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Add device").click()
    page.get_by_role("dialog").get_by_label("Name").fill("<b>bold</b>")
    page.get_by_role("dialog").get_by_role("button", name="Add device").click()
    expect(alert).to_contain_text("malformed")


def test_refused_image_leaves_no_empty_package_behind(twin: Twin, open_page: OpenPage) -> None:
    """The same title and version can be tried again."""
    page = open_page(twin.url, forgiven=(REFUSED,))
    upload(page, "pump", "1.4", b"")
    expect(page.get_by_role("dialog").get_by_role("alert")).to_have_text("OtaPackage data should be specified!")
    page.keyboard.press("Escape")
    upload(page, "pump", "1.4")
    expect(row(page, "pump 1.4")).to_contain_text("60,000 bytes")


def test_device_saved_elsewhere_meanwhile_is_told_and_loaded_again(twin: Twin, open_page: OpenPage) -> None:
    """A version conflict loses nobody's work."""
    device = twin.add_device("pump-5")
    twin.upload("firmware", "pump", "1.5", IMAGE)
    page = open_page(twin.url, forgiven=(REFUSED,))
    page.get_by_role("button", name="Assign… pump-5").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    twin.operator.save_device({**twin.operator.device(device.id), "label": "north hall"})
    dialog.get_by_label("Firmware").select_option(label="pump 1.5")
    dialog.get_by_role("button", name="Assign").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Device was already changed by someone else")
    dialog.get_by_role("button", name="Load it again").click()
    dialog.get_by_label("Firmware").select_option(label="pump 1.5")
    dialog.get_by_role("button", name="Assign").click()
    expect(row(page, "pump-5")).to_contain_text("pump 1.5")
    assert twin.operator.device(device.id)["label"] == "north hall"


def test_token_is_hidden_until_asked_for_and_can_be_copied(twin: Twin, open_page: OpenPage) -> None:
    """It never stands on the page in the open, nor in an address."""
    page = open_page(twin.url, permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Add device").click()
    page.get_by_role("dialog").get_by_label("Name").fill("pump-6")
    page.get_by_role("dialog").get_by_role("button", name="Add device").click()
    expect(page.get_by_role("heading", name="Device pump-6 is there")).to_be_visible()
    field = page.get_by_label("Access token")
    expect(field).to_have_attribute("type", "password")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("dialog").get_by_role("status")).to_have_text("Copied.")
    token = twin.add_device("pump-6").token
    assert page.evaluate("navigator.clipboard.readText()") == token
    page.get_by_role("button", name="Show", exact=True).click()
    expect(field).to_have_value(token)
    page.get_by_role("button", name="Done").click()
    assert token not in page.content()
    addresses = page.evaluate("performance.getEntries().map(entry => entry.name)")
    jwt = json.loads(page.evaluate("sessionStorage.getItem('otakit-twin-login')"))["token"]
    assert not [each for each in addresses if token in each or jwt in each]


def test_no_screen_has_to_be_scrolled_sideways(twin: Twin, open_page: OpenPage) -> None:
    """Long words at 360, 768 and 1280 px, at 1280 with 200 % zoom (640 px), and with text at 200 %; light and dark."""
    device = twin.add_device("a-device-" + "with-a-name-" * 8 + "Neustadt")
    twin.assign(twin.upload("firmware", "a-title-" * 12, "1." * 40 + "0", IMAGE), to=device)
    page = open_page(twin.url)
    expect(row(page, "a-device")).to_contain_text("INITIATED")
    report(twin, device, {"fw_state": "x" * 190, "fw_error": "y" * 10_000, "current_fw_title": "z" * 250})
    expect(row(page, "a-device")).to_contain_text("xxx")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for width, text in ((360, "100%"), (640, "100%"), (768, "100%"), (1280, "100%"), (1280, "200%")):
            page.set_viewport_size({"width": width, "height": 720})
            page.evaluate("size => { document.documentElement.style.fontSize = size }", text)
            needed, there = widths(page)
            assert needed <= there, f"{scheme}, {width} px, text at {text}"


def test_axe_finds_nothing_serious_in_any_state(open_page: OpenPage, accessible: Accessible) -> None:
    """Empty, busy, light, dark, narrow, each dialog, a refusal, a twin that went away."""
    with Twin() as twin:
        page = open_page(twin.url, forgiven=(REFUSED, GONE))
        expect(page.get_by_text("No device yet")).to_be_visible()
        accessible(page, "empty")
        device = twin.add_device("pump-1")
        twin.assign(twin.upload("firmware", "pump", "1.1", IMAGE), to=device)
        expect(row(page, "pump-1")).to_contain_text("INITIATED")
        page.get_by_role("button", name="Exchanges pump-1").click()
        otakit.update(device, show_progress=False)
        expect(row(page, "pump-1")).to_contain_text("UPDATED")
        page.get_by_label("Explain each line").check()
        accessible(page, "busy, light")
        page.emulate_media(color_scheme="dark")
        page.set_viewport_size({"width": 360, "height": 720})
        accessible(page, "busy, dark, narrow")
        for name in ("Upload package", "Assign… pump-1", "Token… pump-1", "Delete… pump 1.1"):
            page.get_by_role("button", name=name).click()
            expect(page.get_by_role("dialog")).to_be_visible()
            if name.startswith("Delete"):
                page.get_by_role("button", name="Delete package").click()
                expect(page.get_by_role("dialog").get_by_role("alert")).to_be_visible()
            accessible(page, name)
            page.keyboard.press("Escape")
            expect(page.get_by_role("dialog")).to_have_count(0)
        twin.close()
        expect(page.locator("#away")).to_be_visible()
        accessible(page, "twin away")


def test_keyboard_alone_is_enough(twin: Twin, open_page: OpenPage) -> None:
    """Every step's focus can be seen, a dialog keeps it and gives it back."""
    twin.upload("firmware", "pump", "1.8", IMAGE)
    page = open_page(twin.url)
    expect(row(page, "pump 1.8")).to_be_visible()

    def tab_to(name: str) -> None:
        for _ in range(120):
            page.keyboard.press("Tab")
            found = page.evaluate(
                "(() => { const at = document.activeElement, style = getComputedStyle(at);"
                " return [at.getAttribute('aria-label') ?? at.textContent.trim(), at.matches(':focus-visible'),"
                " style.outlineStyle] })()"
            )
            if found[0] != "" and found[0] != "otakit twin":
                assert found[1:] == [True, "solid"], found
            if found[0] == name:
                return
        raise AssertionError(f"{name} is not reached")

    tab_to("Skip to devices")
    page.keyboard.press("Enter")
    tab_to("Add device")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.type("pump-8")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Device pump-8 is there")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    tab_to("Assign… pump-8")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.type("pump 1.8")  # a choice is made by typing its name
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    tab_to("Assign")
    page.keyboard.press("Enter")
    expect(row(page, "pump-8")).to_contain_text("pump 1.8")
    expect(page.get_by_role("button", name="Assign… pump-8")).to_be_focused()


def test_hostile_texts_are_shown_and_never_run(twin: Twin, open_page: OpenPage) -> None:
    """Markup that passes the operators' rules, control characters, writing turned round, ten thousand characters."""
    device = twin.add_device(HOSTILE)
    twin.assign(twin.upload("firmware", HOSTILE, "1", IMAGE), to=device)
    words = {
        "fw_state": '<svg onload="document.title=2">\u202egnp.exe\x00\x1b[2J',
        "current_fw_title": "<script>document.title=3</script>",
        "current_fw_version": "\u200f\u2066v" + "w" * 10_000,
        "fw_error": "\ud83d </bdi></td><iframe src=//example.org>",
    }
    page = open_page(twin.url, width=360)
    line = row(page, "<img").first
    expect(line).to_contain_text("INITIATED")  # the server's own word does not come after the device's
    report(twin, device, words)
    expect(line).to_contain_text('<svg onload="document.title=2">⟨U+202E⟩gnp.exe␀␛[2J')
    expect(line).to_contain_text("<script>document.title=3</script> ⟨U+200F⟩⟨U+2066⟩vwww")
    page.get_by_role("button", name=f"Assign… {HOSTILE} 1").click()
    expect(page.get_by_role("dialog")).to_contain_text(HOSTILE)
    assert page.locator("main :is(img, svg, script, iframe), dialog :is(img, svg, script, iframe)").count() == 0
    assert page.title() == "otakit twin"
    needed, there = widths(page)
    assert needed <= there


def test_page_goes_on_by_itself_when_the_twin_is_back(open_page: OpenPage) -> None:
    """It says that the twin is away, and shows another twin's devices once one is there."""
    first = Twin()
    port = int(first.url.rpartition(":")[2])
    first.add_device("pump-before")
    page = open_page(first.url, forgiven=(GONE, REFUSED))
    expect(row(page, "pump-before")).to_be_visible()
    first.close()
    expect(page.get_by_role("alert")).to_contain_text("The twin does not answer")
    with Twin(http_port=port) as second:
        second.add_device("pump-after")
        expect(row(page, "pump-after")).to_be_visible()
        expect(row(page, "pump-before")).to_have_count(0)
        expect(page.locator("#pulse")).to_have_text("● live")


def test_paused_view_stands_still(twin: Twin, open_page: OpenPage) -> None:
    """What moves by itself can be stopped (WCAG 2.2.2); nothing is lost meanwhile."""
    twin.add_device("pump-still")
    page = open_page(twin.url)
    expect(row(page, "pump-still")).to_be_visible()
    page.get_by_role("button", name="Pause live view").click()
    late = twin.add_device("pump-late")
    heard = "async (id) => (await import('/twin/world.js')).world.devices.has(id)"
    for _ in range(2000):
        if page.evaluate(heard, late.id):
            break
    assert page.evaluate(heard, late.id)
    expect(row(page, "pump-late")).to_have_count(0)
    page.get_by_role("button", name="Pause live view").click()
    expect(row(page, "pump-late")).to_be_visible()


def test_dialog_opened_at_once_knows_the_profiles(twin: Twin, open_page: OpenPage) -> None:
    """An operator may be faster than the page's first reading of the lists."""
    page = open_page(twin.url)
    page.route("**/api/deviceProfiles*", lambda route: held.append(route) if not held else route.continue_())
    held: list[Any] = []
    page.reload()
    page.get_by_role("button", name="Add device").click()
    expect(page.get_by_role("dialog").get_by_label("Profile")).to_contain_text("default")
    held[0].continue_()


def test_many_devices_are_shown_in_part_and_found_by_name(open_page: OpenPage) -> None:
    """A fleet does not fill the page: fifty, more on demand, or those that a filter names."""
    with Twin() as twin:
        twin.ask(lambda model: [model.save_device(Entity(f"pump-{number}"), 1) for number in range(120)])
        page = open_page(twin.url)
        expect(page.locator("#device-count")).to_have_text("120 devices, 0 connected")
        rows = page.get_by_role("table", name="Devices").get_by_role("rowheader")
        expect(rows).to_have_count(50)
        page.get_by_role("button", name="Show 50 more of 120").click()
        expect(rows).to_have_count(100)
        page.get_by_label("Filter devices").fill("PUMP-11")
        expect(rows).to_have_count(11)


def test_page_that_nobody_sees_lets_go_of_the_stream(open_page: OpenPage) -> None:
    """A hidden tab costs the twin nothing, and the browser none of its few connections."""
    with Twin() as twin:
        twin.add_device("pump-1")
        page = open_page(twin.url)
        expect(row(page, "pump-1")).to_be_visible()
        turn = "is => { Object.defineProperty(document, 'hidden', {value: is, configurable: true}); %s }"
        turn %= "document.dispatchEvent(new Event('visibilitychange'))"
        page.evaluate(turn, True)
        deadline = time.monotonic() + 20
        while pages(twin) and time.monotonic() < deadline:
            pass
        assert pages(twin) == 0
        twin.add_device("pump-2")
        page.evaluate(turn, False)
        expect(row(page, "pump-2")).to_be_visible()


def test_refused_connection_is_shown_with_its_reason(twin: Twin, open_page: OpenPage) -> None:
    """A device with a wrong token is nobody's; its attempt stands under a heading of its own."""
    page = open_page(twin.url)
    page.get_by_role("button", name="Refused connections").click()
    expect(page.get_by_text("No connection was refused")).to_be_visible()
    stranger = peer_at("{}:{}".format(*twin.mqtt), "wrong-token", folder=Path("device"))
    with pytest.raises(TransportError):
        otakit.update(stranger, show_progress=False)
    region = page.get_by_role("region", name="Refused connections")
    expect(region.get_by_role("listitem").first).to_contain_text("not authorized")
    expect(region).not_to_contain_text("wrong-token")


def test_twin_on_a_network_asks_for_the_login(open_page: OpenPage, accessible: Accessible) -> None:
    """No hint there; a wrong password is refused in ThingsBoard's words; a page loaded anew stays logged in."""
    command = [sys.executable, "-m", "otakit.twin", "--host", "0.0.0.0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            doors = json.loads(process.stdout.readline())
            url = f"http://127.0.0.1:{doors['http'][1]}"
            assert httpx.get(f"{url}/twin/login/hint").json() == {}
            page = open_page(url, forgiven=(REFUSED,))
            expect(page.get_by_role("heading", name="Log in")).to_be_visible()
            accessible(page, "login")
            page.get_by_label("User").fill(doors["user"])
            page.get_by_label("Password").fill("guessed")
            page.get_by_role("button", name="Log in").click()
            expect(page.get_by_role("alert")).to_have_text("Invalid username or password")
            page.get_by_label("Password").fill(doors["password"])
            page.get_by_role("button", name="Log in").click()
            expect(page.get_by_text("No device yet")).to_be_visible()
            page.reload()
            expect(page.get_by_text("No device yet")).to_be_visible()
            page.get_by_role("button", name="Log out").click()
            expect(page.get_by_role("heading", name="Log in")).to_be_visible()
        finally:
            process.terminate()
            process.wait(20)
