"""The memory policy of processes that run a network on the CPU and do little else."""

import ctypes
import sys

# Parameters of glibc's mallopt, from <malloc.h>.
M_TRIM_THRESHOLD = -1
M_MMAP_MAX = -4


def keep_freed_memory() -> bool:
    """Keep the memory that this process frees, for what it allocates next.

    By default glibc maps every large block anew, at the latest from 32 MB on, and gives it back
    when it is freed. Each step of a network then touches fresh pages, and the system fills every
    one with zeros: half the time that a network of the papers' size took on a CPU.

    The policy lasts for the process's lifetime, so RSS stays at its peak. Hence only processes of
    our own call this, before they load anything, and never a module that is imported. It does not
    reach threads beside the main one: their heaps hold 64 MB, and the rest is mapped as before.

    Returns:
        True if the allocator took it: glibc does; elsewhere nothing changes.
    """
    if sys.platform != "linux":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library, such as musl
        return False
    # No mappings at all: not every glibc takes a threshold for them above 32 MB.
    return bool(mallopt(M_MMAP_MAX, 0) and mallopt(M_TRIM_THRESHOLD, -1))  # -1: never
