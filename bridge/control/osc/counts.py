"""Counters of the OSC server."""

from dataclasses import dataclass


@dataclass
class Counts:
    """Counters since the server started."""

    packets: int = 0
    messages: int = 0
    malformed: int = 0
    refused: int = 0  # messages, or bundles with such
    clipped: int = 0
    late_bundles: int = 0  # whose time had passed
    lost: int = 0  # packets that came too fast for their client's queue
    faults: int = 0  # of restem's own
    denied: int = 0  # packets of hosts that are not allowed
    unsent: int = 0  # answers that could not be sent, and errors that were too many
    own: int = 0  # packets that restem had sent to itself
    looped: int = 0  # answers that another restem sent back, again and again
