"""The client's only way to the disk: the image file, the slots, and what must outlive a restart.

`image` streams and hashes, `slots` is the simulated device, `carrier` carries the machine's actions out.
"""

from otakit.client.disk.carrier import DiskCarrier, Installer
from otakit.client.disk.image import ImageFile
from otakit.client.disk.slots import TwoSlotDevice

__all__ = ["DiskCarrier", "ImageFile", "Installer", "TwoSlotDevice"]
