"""Scenario 37 of section 19."""

from __future__ import annotations

from otakit.conformance.stage import Stage

OF_123456789 = {
    "MD5": "25f9e794323b453885f5181f1b624d0b",
    "SHA256": "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
    "SHA384": "eb455d56d2c1a69de64e832011f3393d45f3fa31d6842f21af92d2fe469c499da5e3179847334a18479c8d1dedea1be3",
    "SHA512": "d9e6762dd1c8eaf6d61b3c6192fc408d4d6d5f1176d0c29169bc24e71c3f274a"
    "d27fcd5811b313d681f7e55ec02d73d499c95455b6b5bb503acf574fba8ffe85",
    "CRC32": "2639f4cb",
    "MURMUR3_32": "82f3feb4",
    "MURMUR3_128": "a4cc66db5e64843c05a11e3ac7faf899",
}


def test_scenario_37_seven_checksums(stage: Stage) -> None:
    """The server computes each algorithm's checksum and prints it in its own byte order."""
    fx = stage.fixture()
    stored = [fx.make_package(name, b"123456789", algorithm=name) for name in OF_123456789]
    assert {each["checksumAlgorithm"]: each["checksum"] for each in stored} == OF_123456789
