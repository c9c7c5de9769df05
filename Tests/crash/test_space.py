"""test_space.py: a real file system that is really full.

A small ext4 image, a ballast file that takes most of it, writers until nothing fits. What was answered is
there after kill -9; with the ballast gone the server goes on by itself. A peer ends instead: it may, as
long as what it had answered is there.
"""
import os
import time

from disks.loop import LoopDisk
from harness.resp import wait_until
from harness.runner import test

import settings
from clients import Load
from history import History
from lanes import have
from target import Target
from test_recovery import wait_for_refusal
from verify import verify

MEGABYTES = 24
LEFT_BYTES = 3 << 20
GIVE_UP_SECONDS = 20.0
STOPPED_SECONDS = 0.5


@test(limit=180)
def a_full_ext4_loses_nothing(start):
    disk = have(lambda: LoopDisk("ext4", MEGABYTES))
    data = os.path.join(disk.path, "data")
    os.mkdir(data)
    target = Target(data)
    try:
        target.start()
        ballast = fill_up(disk.path)
        history = History(strict_reads=target.flavour == "martlet")
        history.policy_is(True)
        load = Load(target.address, history, settings.seed + 40)
        until_stopped(load, history, target)
        if target.flavour == "martlet":
            assert target.is_alive(), f"it ended on a full disk:\n{target.log()[-2000:]}"
            wait_for_refusal(target)
            os.unlink(ballast)
            before = history.acknowledged
            load.run(GIVE_UP_SECONDS, until=lambda: history.acknowledged > before + 1000)
            assert history.acknowledged > before, "no write was accepted after there was space again"
            ballast = fill_up(disk.path)
            until_stopped(load, history, target)
        target.kill()
        load.drain()
        load.close()
        os.unlink(ballast)
        target.start()
        with target.connect() as connection:
            findings = verify(connection, history)
        print(f"  ENOSPC on ext4: {history.acknowledged} acknowledged, {history.refused} refused, "
              f"{len(findings.problems)} lost or wrong", flush=True)
        assert not findings.problems, "\n".join(findings.problems)
        wait_until(lambda: target.call("SET", "again", "well") == "OK", 20, "an accepted write")
    finally:
        if target.is_alive():
            target.kill()
        target.destroy()
        disk.destroy()


def until_stopped(load, history, target):
    """Until nobody is answered any more: what they wait for does not fit on the disk."""
    begin = time.monotonic()
    while time.monotonic() < begin + GIVE_UP_SECONDS:
        before = history.acknowledged
        load.run(STOPPED_SECONDS)
        if not target.is_alive() or history.acknowledged == before:
            return
    raise AssertionError("the disk never became full")


def fill_up(path):
    """A file that leaves LEFT_BYTES free, or half of what there is."""
    about = os.statvfs(path)
    free = about.f_bavail * about.f_frsize
    name = os.path.join(path, "ballast")
    with open(name, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(4096, free - min(LEFT_BYTES, free // 2)))
    return name
