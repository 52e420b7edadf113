"""Texts that came before, as digests: memory for a catalogue of any size."""

import hashlib
import os
from array import array


class Digests:
    """A set of texts that keeps a digest of 8 bytes of each, in a table at most half full.

    Two texts of 100,000 share a digest with a chance of 3e-10, two of a million 3e-8. A text takes
    16 to 32 bytes of memory, where a path takes some 300.
    """

    def __init__(self) -> None:
        self._slots = array("Q", bytes(2**13))  # 0 is a free one
        self._count = 0

    def add(self, text: str) -> bool:
        """Add a text.

        Returns:
            False if it is there already.
        """
        if 2 * self._count >= len(self._slots):
            full, self._slots = self._slots, array("Q", bytes(16 * len(self._slots)))
            for digest in filter(None, full):
                self._place(digest)
        content = hashlib.blake2b(os.fsencode(text), digest_size=8).digest()
        is_new = self._place(int.from_bytes(content, "big") or 1)
        self._count += is_new
        return is_new

    def _place(self, digest: int) -> bool:
        slots = self._slots
        at = digest % len(slots)
        while slots[at] not in (0, digest):
            at = (at + 1) % len(slots)
        is_new = not slots[at]
        slots[at] = digest
        return is_new
