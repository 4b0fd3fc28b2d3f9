"""Limits of what is read from files. They are checked before anything is unpacked or built.

Genuine files stay far below them; a file above one is damaged, or made to exhaust memory or time.
"""

from __future__ import annotations

MAX_PIXELS = 200_000_000
"""Pixels of an image: more than any camera's photo has."""

MAX_SIDE = 65_535
"""Pixels of a side of an image: the most that a JPEG can have."""

MAX_FILE = 2 * 2**30
"""Bytes of an image, a sound in an archive, a table or a text, each of which is read as a whole."""

MAX_WEIGHTS_HEADER = 100 * 2**20
"""Bytes of the header of a .safetensors file."""

MAX_CONFIG_NUMBER = 2**17
"""The largest number in the config of a network."""

MAX_MODULES = 5_000
"""Modules of a network, a module being a layer or a group of layers."""
