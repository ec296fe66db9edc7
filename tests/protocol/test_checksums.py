"""ThingsBoard's seven checksums, held against values computed with its own hash library (Guava 33.1.0)."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otakit.errors import SettingsError
from otakit.protocol.checksums import ALGORITHMS, checksum, checksum_of

DIGITS = b"123456789"
FOX = b"The quick brown fox jumps over the lazy dog"
A = bytes(i % 251 for i in range(200_000))
B = bytes((7 * i + 3) % 256 for i in range(100_000))
ONES = b"\xff" * (1 << 20)
EVERY = bytes(range(256))

SHORT = ("MD5", "CRC32", "MURMUR3_32", "MURMUR3_128")
VECTORS = {
    "digits": (DIGITS, "25f9e794323b453885f5181f1b624d0b 2639f4cb 82f3feb4 a4cc66db5e64843c05a11e3ac7faf899"),
    "fox": (FOX, "9e107d9d372bb6826bd81d3542a419d6 39a34f41 23f74f2e 6c1b07bc7bbc4be347939ac4a93c437a"),
    "zero": (b"\0", "93b885adfe0da089cdf634904fd59f71 8def02d2 b7284e51 b55cff6ee5ab10468335f878aa2d6251"),
    "every": (EVERY, "e2c865db4162bed963bfaa9ef6ac18f0 738c0529 560e0ae4 b9126fdc13c3991c1ecc34ab7f07d670"),
    "ones": (ONES, "2fdd6851b32ae931637d4845c037b550 74ac6b95 58a3be32 09576c25cfe77fce03ee18a401453c7d"),
    "fixture A": (A, "415d6e662118c229c6ad3f950c24702a 45c145a7 fcbeb656 9e867df6a73dcb78342a799439a594f2"),
    "fixture B": (B, "59f08777fcd1aa2b8e0c8f892cfaae09 a8ca30f7 b463d862 7067f275daf3e4675bbc0d018e8c4c8c"),
}
SHA384_OF_DIGITS = "eb455d56d2c1a69de64e832011f3393d45f3fa31d6842f21af92d2fe469c499da5e3179847334a18479c8d1dedea1be3"
SHA512_OF_DIGITS = (
    "d9e6762dd1c8eaf6d61b3c6192fc408d4d6d5f1176d0c29169bc24e71c3f274a"
    "d27fcd5811b313d681f7e55ec02d73d499c95455b6b5bb503acf574fba8ffe85"
)
LONG = [
    ("SHA256", DIGITS, "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"),
    ("SHA256", EVERY, "40aff2e9d2d8922e47afd4648e6967497158785fbd1da870e7110266bf944880"),
    ("SHA256", B, "d96bab6a55ee326ba206dd4a85a6e95e14360d7fabbf448f03e689c24382b7d0"),
    ("SHA384", DIGITS, SHA384_OF_DIGITS),
    ("SHA512", DIGITS, SHA512_OF_DIGITS),
]  # fmt: skip


@pytest.mark.parametrize("name", VECTORS)
def test_the_short_checksums_are_printed_as_thingsboard_prints_them(name: str) -> None:
    """CRC32 and Murmur3 little-endian, the reverse of the usual print; leading zeros stay."""
    data, expected = VECTORS[name]
    assert [checksum_of(algorithm, data) for algorithm in SHORT] == expected.split()


@pytest.mark.parametrize(("algorithm", "data", "expected"), LONG)
def test_the_long_checksums_are_the_usual_digits(algorithm: str, data: bytes, expected: str) -> None:
    """Lower case."""
    assert checksum_of(algorithm, data) == expected


def test_fixture_a_has_the_sum_that_thingsboard_announces() -> None:
    """The checksum of the attributes in ThingsBoard's own messages."""
    assert checksum_of("SHA256", A) == hashlib.sha256(A).hexdigest()
    assert checksum_of("SHA256", A).startswith("e24bc62381f1224fbbb74688663f8f97")


@given(st.sampled_from(ALGORITHMS), st.lists(st.binary(max_size=100), max_size=6))
def test_pieces_have_the_sum_of_the_whole(algorithm: str, pieces: list[bytes]) -> None:
    """The image is hashed while it arrives, in whatever pieces; memory views are fine."""
    running = checksum(algorithm)
    for piece in pieces:
        running.update(memoryview(piece))
    assert running.hexdigest() == checksum_of(algorithm, b"".join(pieces))


@given(st.binary(max_size=200))
def test_no_leading_zero_is_lost(data: bytes) -> None:
    """One image in 256 has one; clients that drop it fail for no visible reason."""
    assert [len(checksum_of(algorithm, data)) for algorithm in ALGORITHMS] == [32, 64, 96, 128, 8, 8, 32]


def test_any_letter_case_names_an_algorithm() -> None:
    """The operator may have typed it."""
    assert checksum_of("sha256", b"x") == checksum_of("SHA256", b"x")


@pytest.mark.parametrize("name", ["", "SHA1", "SHA-256", "x" * 10_000])
def test_an_unknown_algorithm_is_named_with_the_seven(name: str) -> None:
    """In one line of bounded length."""
    with pytest.raises(SettingsError, match="MD5, SHA256, SHA384, SHA512, CRC32, MURMUR3_32, MURMUR3_128") as caught:
        checksum(name)
    assert len(str(caught.value)) < 200
