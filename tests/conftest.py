"""What every test stands on: outside tools that may be missing, and a home of its own.

`@pytest.mark.needs("tshark")` says that a test uses a tool which the lock does not bring. Where the tool
is missing the test is skipped and the summary says in one loud line how to install it; under
`REQUIRE_ALL=1` it fails. No test sees the user's home, settings or `OTAKIT_*` variables.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

import hypothesis
import pytest

ROOT = Path(__file__).resolve().parent.parent
HAS_ENGINE = ROOT / "src/otakit/diagrams/engine/plantuml.js"
PIP_CACHES = {"win32": "AppData/Local/pip/Cache", "darwin": "Library/Caches/pip"}

TOOLS = {
    "tshark": "sudo apt-get install tshark   (macOS: brew install wireshark; Windows: wireshark.org, with TShark)",
    "npm": "sudo apt-get install npm   (macOS: brew install node; Windows: winget install OpenJS.NodeJS)",
    "java": "sudo apt-get install default-jre-headless   (macOS: brew install openjdk)",
    "chromium": "sudo apt-get install chromium   (macOS: brew install --cask chromium; Windows: chromium.org)",
    "mosquitto_pub": "sudo apt-get install mosquitto-clients   (macOS: brew install mosquitto; Windows: mosquitto.org)",
    "curl": "sudo apt-get install curl   (it comes with macOS and Windows)",
    "openssl": "sudo apt-get install openssl   (macOS: brew install openssl; Windows: it comes with Git)",
    "plantuml": "sudo apt-get install plantuml   (conda install -c conda-forge plantuml)",
    "engine": "python kit.py diagrams   (brings the diagram engine)",
    "open-files": "ulimit -Hn 4096   (as root or in the service's settings; Windows has no such number)",
    "chinese-font": "sudo apt-get install fonts-noto-cjk   (macOS and Windows bring one)",
}
"""Each outside thing a test may need, with the command that brings it."""

hypothesis.settings.register_profile("kit", deadline=None, print_blob=True)
hypothesis.settings.load_profile("kit")


def is_there(tool: str) -> bool:
    """Whether this machine has an outside tool of the table."""
    if tool == "engine":
        return HAS_ENGINE.is_file()
    if tool == "chinese-font":
        return _has_chinese_font()
    if tool == "open-files":
        return _allows_many_open_files()
    return shutil.which(tool) is not None


def _allows_many_open_files() -> bool:
    """Raises this process's own limit beyond what `select` can handle, as far as the system lets it."""
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return False
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2048 if hard == resource.RLIM_INFINITY else min(2048, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted >= 1100


def _has_chinese_font() -> bool:
    from matplotlib import font_manager  # noqa: PLC0415 - half a second, only for the tests that need it

    known = ("Noto Sans CJK", "Noto Serif CJK", "WenQuanYi", "PingFang", "Microsoft YaHei", "SimHei", "Source Han")
    return any(font.name.startswith(known) for font in font_manager.fontManager.ttflist)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker, and move into a home that is thrown away."""
    config.addinivalue_line("markers", "needs(*tools): skipped, loudly, where one of these outside tools is missing")
    for name in [name for name in os.environ if name.startswith("OTAKIT_")]:
        del os.environ[name]
    _keep_caches()
    home = Path(tempfile.mkdtemp(prefix="otakit-home-"))
    config.add_cleanup(lambda: shutil.rmtree(home, ignore_errors=True))
    for name in ("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA"):
        os.environ[name] = str(home)
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "IPYTHONDIR"):
        os.environ.pop(name, None)
    os.environ["OTAKIT_CONFIG_DIR"] = str(home / "otakit-config")
    os.environ["MPLBACKEND"] = "agg"


def _keep_caches() -> None:
    """Caches stay warm between runs: pip's where it is, matplotlib's list of fonts in build/."""
    home = Path.home()
    cache = Path(os.environ.get("XDG_CACHE_HOME", home / ".cache")) / "pip"
    os.environ.setdefault(
        "PIP_CACHE_DIR", str(home / PIP_CACHES[sys.platform] if sys.platform in PIP_CACHES else cache)
    )
    os.environ.setdefault("MPLCONFIGDIR", str(ROOT / "build" / "matplotlib"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, or fail under REQUIRE_ALL=1, what needs a tool that is not here."""
    wanted = [tool for mark in item.iter_markers("needs") for tool in mark.args]
    unknown = [tool for tool in wanted if tool not in TOOLS]
    if unknown:
        pytest.fail(f"needs({unknown[0]!r}): tests/conftest.py knows only {', '.join(TOOLS)}", pytrace=False)
    missing = [tool for tool in wanted if not is_there(tool)]
    if not missing:
        return
    item.user_properties += [("missing_tool", tool) for tool in missing]
    reason = f"{missing[0]} is missing; install it with: {TOOLS[missing[0]]}"
    if os.environ.get("REQUIRE_ALL") == "1":
        pytest.fail(f"REQUIRE_ALL=1, and {reason}", pytrace=False)
    pytest.skip(reason)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One loud line for each tool that was missing, with the command that installs it."""
    reports = [*terminalreporter.stats.get("skipped", []), *terminalreporter.stats.get("error", [])]
    missing = Counter(
        value for report in reports for name, value in getattr(report, "user_properties", ()) if name == "missing_tool"
    )
    for tool, tests in sorted(missing.items()):
        line = f"NOT TESTED: {tool} is missing, {tests} test{'s' * (tests != 1)} left out. Install: {TOOLS[tool]}"
        terminalreporter.write_line(line, yellow=True, bold=True)
