"""What the environment configures, and what it may get wrong."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from otakit import settings
from otakit.errors import SettingsError

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("h", ("h", 1883, False)),
        ("h:1884", ("h", 1884, False)),
        ("mqtt://h", ("h", 1883, False)),
        ("mqtts://h", ("h", 8883, True)),
        ("mqtts://h:1/", ("h", 1, True)),
        ("[::1]:1883", ("::1", 1883, False)),
    ],
)
def test_mqtt_address_has_four_forms(text: str, address: tuple[str, int, bool]) -> None:
    """Host, host:port, and both with a scheme."""
    assert settings.mqtt_address(text) == address


@pytest.mark.parametrize("text", ["", "http://h", "h:port", "h:0", "h:99999", "mqtt://", "mqtt://token@h", "h/topic"])
def test_nonsense_as_mqtt_address_is_refused(text: str) -> None:
    """A token in an address would end in logs, so it is refused too."""
    with pytest.raises(SettingsError, match="an MQTT address is"):
        settings.mqtt_address(text)


@pytest.mark.parametrize(
    ("platform", "variable", "folder"),
    [
        ("linux", "XDG_CONFIG_HOME", "otakit"),
        ("win32", "APPDATA", "otakit"),
    ],
)
def test_settings_are_kept_where_the_platform_keeps_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, platform: str, variable: str, folder: str
) -> None:
    """Unless OTAKIT_CONFIG_DIR names another folder."""
    monkeypatch.delenv("OTAKIT_CONFIG_DIR")
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv(variable, str(tmp_path))
    assert settings.config_folder() == tmp_path / folder


def test_every_variable_that_is_read_is_in_the_table() -> None:
    """The table is what `doctor` and the documentation show."""
    source = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "src" / "otakit").rglob("*.py")))
    used = {word.strip("\"'`") for word in source.replace("(", " ").replace(")", " ").replace(",", " ").split()}
    read = {word for word in used if word.startswith("OTAKIT_") and word.replace("_", "").isalnum() and word.isupper()}
    assert read <= set(settings.VARIABLES)


@pytest.mark.parametrize(("value", "is_on"), [("1", True), ("", False), ("0", False)])
def test_debugging_is_off_unless_asked_for(monkeypatch: pytest.MonkeyPatch, value: str, is_on: bool) -> None:
    """OTAKIT_DEBUG=0 is off too."""
    monkeypatch.setenv("OTAKIT_DEBUG", value)
    assert settings.is_debugging() is is_on
    assert os.environ["OTAKIT_DEBUG"] == value
