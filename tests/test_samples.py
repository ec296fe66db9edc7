"""The sample recording that ships with the package is what its generator makes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "src" / "otakit" / "samples" / "two-updates.pcapng"


def make(*options: str, seed: str = "0") -> subprocess.CompletedProcess[str]:
    """Runs the generator in a process whose string hashing is seeded differently."""
    command = [sys.executable, str(ROOT / "docs" / "make_samples.py"), *options]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={"PYTHONHASHSEED": seed, "PATH": ""}, cwd=ROOT
    )


def test_sample_is_made_anew_byte_for_byte() -> None:
    """Under two hash seeds: nothing in it depends on this machine or this process."""
    for seed in ("1", "2"):
        done = make("--check", seed=seed)
        assert done.returncode == 0, done.stderr


def test_sample_holds_no_token() -> None:
    """Masked, as every recording."""
    assert b"SAMPLE-TOKEN" not in SAMPLE.read_bytes()
