"""lanes.py: a disk, a way to crash, and some cycles of it.

    loop_lane        an ext4 or XFS image, cut off by the shutdown ioctl without a log flush: the real kernel,
                     the real journal. Only replies received before the ioctl was entered bind.
    forgetful_lane   a FUSE disk that takes back what was not synced, whole or sector by sector, names
                     included: stricter than any real one (an fsync of a file does not save its name). The
                     cut is one moment for everybody, so every reply ever received binds.
    sick_lane        the FUSE disk again: operations fail in the middle of the load, then the power goes.
    kill_lane        any directory; kill -9.

A control program appends and syncs on the same loop disk in the same cuts: if it lost something, the
disk is to blame.
"""
import errno
import os
import shutil
import tempfile
import time

from disks.control import Control
from disks.fault import FaultDisk
from disks.loop import LoopDisk
from disks.tools import Unavailable
from harness.runner import skip

from cycles import Cycles, kill

LOAD_SECONDS = (0.15, 0.5)
SHORT_LOAD_SECONDS = (0.1, 0.25)

def have(make):
    """A disk, or the reason why there is none."""
    try:
        return make()
    except Unavailable as reason:
        skip(str(reason))


class LoopCuts:
    """Cuts a loop disk, server and control program together."""

    def __init__(self, disk):
        self.disk = disk
        self.control = Control(disk.path)
        self.control_acknowledged = self.control_lost = 0

    def __call__(self, target, load, rng):
        counted = self.control.counted()
        moment = time.monotonic()
        self.disk.cut()
        target.kill()
        self.control.end()
        self.disk.replug()
        self.control_acknowledged += counted
        self.control_lost += max(0, counted - self.control.survived())
        self.control.close()
        self.control = Control(self.disk.path)
        return moment

    def close(self):
        self.control.close()

    def line(self):
        return f"control {self.control_acknowledged} acknowledged, {self.control_lost} lost"


class ForgetfulCuts:
    """Cuts a FUSE disk: one in three cuts takes everything unsynced, the others tear."""

    def __init__(self, disk, tear):
        self.disk, self.tear = disk, tear
        self.bytes_taken = self.names_taken = 0

    def __call__(self, target, load, rng):
        moment = time.monotonic()
        self.disk.cut()
        target.kill()
        load.drain()
        seed = rng.randrange(1, 1 << 60) if self.tear and rng.random() < 0.67 else 0
        taken, names = self.disk.lose(seed)
        self.bytes_taken += taken
        self.names_taken += names
        # In the next cycle the disk is slow as often as not: more is unsynced when the power goes.
        self.disk.clear()
        if rng.random() < 0.5:
            self.disk.rule("fsync", "delay", rng.randrange(200, 4000))
        return moment

    def line(self):
        return f"{self.bytes_taken} bytes and {self.names_taken} names taken back"


def loop_lane(kind, seed, count, lines=(), seconds=LOAD_SECONDS, **options):
    disk = have(lambda: LoopDisk(kind))
    cuts = None
    try:
        cuts = LoopCuts(disk)
        counts = Cycles(lambda: data_directory(disk.path), cuts, seed, lines, **options).run(count, seconds)
        return counts, cuts
    finally:
        if cuts:
            cuts.close()
        disk.destroy()


def forgetful_lane(seed, count, lines=(), seconds=SHORT_LOAD_SECONDS, tear=True, **options):
    disk = have(lambda: FaultDisk(forgetful=True))
    try:
        cuts = ForgetfulCuts(disk, tear)
        counts = Cycles(lambda: disk.path, cuts, seed, lines, **options).run(count, seconds)
        return counts, cuts
    finally:
        disk.destroy()


def data_directory(path):
    """Beside the control's file, which is not the server's."""
    directory = os.path.join(path, "data")
    os.makedirs(directory, exist_ok=True)
    return directory


# Which fsyncs fail, and how many: the log's, all, one in the middle of the running load.
SICKNESSES = (
    ("fsync", {"count": 1}),
    ("fsync", {"count": 3}),
    ("fsync", {"count": 1, "match": ".incr."}),
    ("fsync", {"count": 2, "match": ".base."}),
    ("fsync", {"count": 1, "match": "manifest"}),
    ("fsyncdir", {"count": 2}),
    ("write", {"count": 1}),
    ("write", {"count": 3, "match": ".incr."}),
    ("rename", {"count": 1}),
)


class SickCuts:
    """In each cycle the disk is sick for a while, gets well, and loses its power later.

    A server may refuse writes (MISCONF), fall silent, or end; it may not forget.
    """

    def __init__(self, disk, sicknesses):
        self.disk, self.sicknesses = disk, sicknesses
        self.ended = self.hit = 0

    def __call__(self, target, load, rng):
        operation, options = rng.choice(self.sicknesses)
        before = self.disk.hits()
        if operation == "space":
            self.disk.space(rng.randrange(20_000))
        else:
            self.disk.rule(operation, **{"action": "error", "number": errno.EIO, **options})
        load.run(0.15)
        self.disk.clear()
        self.disk.space(-1)
        self.hit += self.disk.hits() - before
        load.run(0.15)
        moment = time.monotonic()
        self.disk.cut()
        if not target.is_alive():
            self.ended += 1
        target.kill()
        load.drain()
        self.disk.lose(0)
        return moment

    def line(self):
        return f"{self.hit} operations failed, {self.ended} times the server ended"


def sick_lane(seed, cycles, sicknesses=SICKNESSES, **options):
    disk = have(lambda: FaultDisk(forgetful=True))
    try:
        crash = SickCuts(disk, sicknesses)
        options.setdefault("kinds", ("nothing", "rewrites"))
        counts = Cycles(lambda: disk.path, crash, seed, may_end=True, **options).run(cycles, (0.05, 0.1))
        return counts, crash
    finally:
        disk.destroy()


def kill_lane(seed, count, lines=(), crash=kill, **options):
    directory = tempfile.mkdtemp(prefix="martlet-kill-")
    try:
        return Cycles(lambda: directory, crash, seed, lines, **options).run(count)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def judge(name, counts, crash=None):
    """Prints what was done; fails on anything that was found."""
    print(f"  {name}: {counts.line()}" + (f"; {crash.line()}" if crash else ""), flush=True)
    assert getattr(crash, "control_lost", 0) == 0, "the control program lost records: this disk proves nothing"
    assert not counts.problems, "\n".join(counts.problems)
