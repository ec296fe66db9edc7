"""Bodies of operators: whatever JSON comes, it is read or refused."""

from __future__ import annotations

import contextlib
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otakit.errors import ServerRefused
from otakit.twin.model import Model
from otakit.twin.rest import shapes
from otakit.twin.rules.entities import Device
from otakit.twin.settings import TwinSettings

NAMES = (
    "id", "name", "title", "version", "type", "label", "deviceProfileId", "firmwareId", "softwareId", "tag", "url",
    "usesUrl", "dataSize", "credentialsType", "credentialsId", "deviceId", "transportType",
    "additionalInfo", "profileData",
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*NAMES, "x"]), inner, max_size=3),
    max_leaves=8,
)
READERS = (shapes.device_of, shapes.profile_of, shapes.package_of, shapes.credentials_of)


@pytest.mark.parametrize("reader", READERS)
@given(body=st.dictionaries(st.sampled_from(NAMES), JSON, max_size=6))
def test_any_body_is_read_or_refused(reader: Any, body: dict[str, object]) -> None:
    with contextlib.suppress(ServerRefused):
        reader(body)


def test_what_goes_out_comes_back_in() -> None:
    """A device posted as it was read changes nothing but its version."""
    model = Model(TwinSettings(), random.Random(0), 10**18)
    device = model.save_device(Device("d", label="l", extra={"additionalInfo": {"gateway": False}}), 10**18)
    again = model.save_device(shapes.device_of(shapes.device_json(model.store, device)), 10**18)
    first, second = (shapes.device_json(model.store, each) for each in (device, again))
    assert {**first, "version": 2} == second
