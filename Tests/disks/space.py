"""space.py: a private mount namespace, and what this machine lets us do.

Everything that is mounted by the tests is mounted in a namespace that only this process and
its children see. When the last of them is gone, so are the mounts and with them the
loop devices, however the tests ended.
"""
import ctypes
import os
import signal

from .tools import Unavailable

CLONE_NEWNS = 0x20000
CLONE_FS = 0x200
MS_REC = 0x4000
MS_PRIVATE = 1 << 18
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)
_entered = False


def enter():
    """Moves this process into a mount namespace of its own; once, before there are threads."""
    global _entered
    if _entered:
        return
    if os.geteuid() != 0:
        raise Unavailable("mounting needs root")
    if _libc.unshare(CLONE_NEWNS | CLONE_FS) != 0:
        raise Unavailable(f"no mount namespace of our own: {os.strerror(ctypes.get_errno())}")
    if _libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) != 0:
        raise Unavailable(f"mounts cannot be made private: {os.strerror(ctypes.get_errno())}")
    _entered = True


def die_with_parent():
    """For a child between fork and exec: it ends when the tests end, by whatever cause."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
