"""loop.py: small ext4 and XFS images on loop devices whose power can be cut.

    disk = LoopDisk("xfs")
    ...                    disk.path is mounted
    disk.cut()             FS_IOC_SHUTDOWN without a log flush: what is not on the disk now never will be;
                           every later write and fsync answers EIO
    disk.replug()          unmount, mount: the journal is replayed, the page cache is gone
    disk.destroy()

The file system is the kernel's own; what it does not see is sectors torn by the device or
reordered in the device's cache. A shutdown can race with an fsync that is just completing, so only
what was acknowledged *before* `cut` was called binds (control.py watches that this is enough).
"""
import fcntl
import os
import shutil
import struct
import subprocess
import tempfile
import time

from . import space
from .tools import Unavailable

FS_IOC_SHUTDOWN = 0x8004587D  # _IOR('X', 125, __u32)
NO_LOG_FLUSH = 2
KINDS = ("ext4", "xfs")
# mkfs.xfs refuses less than 300 MB; the image is sparse.
MEGABYTES = {"ext4": 128, "xfs": 320}
MAKE = {"ext4": ["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0"], "xfs": ["mkfs.xfs", "-q", "-f"]}
SECONDS = 30


class LoopDisk:
    """One image, made and mounted."""

    def __init__(self, kind, megabytes=None):
        maker = MAKE[kind]
        if not shutil.which(maker[0]):
            raise Unavailable(f"no {maker[0]} (package {'xfsprogs' if kind == 'xfs' else 'e2fsprogs'})")
        space.enter()
        self.kind = kind
        self.home = tempfile.mkdtemp(prefix=f"martlet-{kind}-")
        self.image = os.path.join(self.home, "image")
        self.path = os.path.join(self.home, "disk")
        os.mkdir(self.path)
        self.mounted = False
        try:
            with open(self.image, "wb") as file:
                file.truncate((megabytes or MEGABYTES[kind]) << 20)
            _run([*maker, self.image])
            self.mount()
        except BaseException:
            self.destroy()
            raise

    def mount(self):
        options = "loop" if self.kind == "ext4" else "loop,nouuid"
        _run(["mount", "-t", self.kind, "-o", options, self.image, self.path])
        self.mounted = True

    def cut(self):
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(descriptor, FS_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(descriptor)

    def unmount(self, force=False):
        """Whoever used the disk has ended; the kernel may still be closing what it held."""
        deadline = time.monotonic() + 10
        while self.mounted:
            said = subprocess.run(["umount", self.path], capture_output=True, text=True, timeout=SECONDS)
            if said.returncode == 0:
                break
            if time.monotonic() > deadline:
                if not force:
                    raise AssertionError(f"umount {self.path}: {said.stderr.strip()}")
                subprocess.run(["umount", "-l", self.path], capture_output=True, timeout=SECONDS)
                break
            time.sleep(0.02)
        self.mounted = False

    def replug(self):
        self.unmount()
        self.mount()

    def destroy(self):
        self.unmount(force=True)
        shutil.rmtree(self.home, ignore_errors=True)


def _run(command):
    said = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    if said.returncode:
        raise Unavailable(f"{' '.join(command)}: {said.stderr.strip()[:300]}")
