"""Objects kept small: a thousand clusters are thirty thousand objects, and all of them look alike.

A pod is 4 KB of JSON and 23 KB as Python's dictionaries. Compressed with the first object of its kind as the
dictionary of the compressor, it is 0.3 KB (measured). So the cache keeps bytes, and only what a reconcile looks at
becomes dictionaries, and its own ones: nobody can change the cache by changing what it answered.
"""

from __future__ import annotations

import zlib
from typing import Any, Final

import orjson

_LEVEL: Final = 6
_WINDOW: Final = -15
"""Raw deflate: no header, no checksum; memory has its own."""
_MEMORY: Final = 4
"""Of 9: small objects need no large tables, and clearing large ones costs more than the compression."""
_DICTIONARY_MAX: Final = 32768
"""What deflate can look back at."""


class Packer:
    """Packs JSON objects, each by the example of the first of its kind."""

    def __init__(self) -> None:
        self._examples: dict[str, bytes] = {}

    def pack(self, kind: str, value: dict[str, Any]) -> bytes:
        """Return `value` as bytes."""
        text = orjson.dumps(value)
        example = self._examples.setdefault(kind, text[:_DICTIONARY_MAX])
        compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW, _MEMORY, zdict=example)
        return compressor.compress(text) + compressor.flush()

    def unpack(self, kind: str, packed: bytes) -> dict[str, Any]:
        """Return a new object, equal to the one that was packed."""
        text = zlib.decompressobj(_WINDOW, zdict=self._examples[kind]).decompress(packed)
        value: dict[str, Any] = orjson.loads(text)
        return value
