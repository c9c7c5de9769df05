"""planted_bugs.py: the harness must find every one of these, and nothing where there is nothing.

Each bug of fake_server.py is run through the lane that is there to find it. The servers without a bug go
through all lanes and must come out clean. A real redis-server that is told `appendfsync no` while
the history takes it for `always` is a server that lies on every disk.
"""
import os
import shutil
import sys

from harness.runner import test

import settings
from lanes import forgetful_lane, judge, kill_lane, loop_lane, sick_lane

HERE = os.path.dirname(os.path.abspath(__file__))
QUIET = ("nothing",)
REWRITES = ("rewrites",)
# Enough cycles that none of these bugs gets away by luck; a lane ends soon after it has found something.
CYCLES = 40


def fake(bug):
    return [sys.executable, os.path.join(HERE, "fake_server.py"), "--bug", bug]


def killed(bug, kinds=QUIET, cycles=CYCLES, writers=8):
    return kill_lane(settings.seed, cycles, command=fake(bug), kinds=kinds, writers=writers)


def forgetful(bug, kinds=QUIET):
    return forgetful_lane(settings.seed, CYCLES, command=fake(bug), kinds=kinds)[0]


def found(bug, counts, *marks):
    print(f"  {bug}: {counts.line()}", flush=True)
    assert counts.problems, f"{bug} was not found in {counts.cycles} cycles"
    assert any(mark in counts.problems[0] for mark in marks), counts.problems[0]


# Nothing where there is nothing


@test(limit=300)
def a_sound_server_passes_kills(start):
    judge("sound, kill -9", killed("none", ("rewrites", "nothing")))


@test(limit=300)
def a_sound_server_passes_cuts(start):
    for kind in ("ext4", "xfs"):
        judge(f"sound, {kind}", *loop_lane(kind, settings.seed, 10, command=fake("none"), kinds=REWRITES))
    judge("sound, forgetful", *forgetful_lane(settings.seed, CYCLES, command=fake("none"), kinds=REWRITES))


@test(limit=300)
def a_sound_server_passes_fsync_errors(start):
    judge("sound, fsync errors", *sick_lane(settings.seed, 10, command=fake("none")))


# What kill -9 finds


@test(limit=300)
def answers_before_the_write(start):
    found("ack-before-write", killed("ack-before-write"), "LOST")


@test(limit=300)
def replays_twice(start):
    found("double-replay", killed("double-replay"), "LOST", "ORDER", "INCR")


@test(limit=300)
def forgets_deletions(start):
    found("forgotten-delete", killed("forgotten-delete"), "LOST", "ORDER")


@test(limit=300)
def forgets_expiries(start):
    found("forgotten-expiry", killed("forgotten-expiry"), "LOST", "TIME", "ORDER", "reader")


@test(limit=300)
def writes_an_mset_in_pieces(start):
    found("split-mset", killed("split-mset", cycles=150, writers=3), "TORN", "ORDER")


@test(limit=300)
def leaves_a_gap(start):
    found("middle-gap", killed("middle-gap"), "LOST", "ORDER", "TORN")


# What a power cut finds


@test(limit=300)
def answers_before_the_sync(start):
    found("ack-before-fsync, forgetful", forgetful("ack-before-fsync", QUIET), "LOST")
    for kind in ("ext4", "xfs"):
        counts, cuts = loop_lane(kind, settings.seed, CYCLES, command=fake("ack-before-fsync"), kinds=QUIET)
        found(f"ack-before-fsync, {kind}", counts, "LOST")
        assert cuts.control_lost == 0


@test(limit=300)
def lets_readers_see_what_is_not_durable(start):
    found("dirty-reads", forgetful("dirty-reads", QUIET), "LOST")


@test(limit=300)
def refuses_a_torn_tail(start):
    found("stops-at-tear", forgetful("stops-at-tear", QUIET), "REFUSED")


@test(limit=300)
def believes_torn_sectors(start):
    """One sector in the middle of a large value: it takes many large values under way."""
    counts, _ = forgetful_lane(settings.seed, 3 * CYCLES, command=fake("no-checksum"), kinds=QUIET, large=0.3)
    found("no-checksum", counts, "LOST", "TORN", "ORDER", "REFUSED")


@test(limit=300)
def renames_without_syncing_the_directory(start):
    found("no-directory-fsync", forgetful("no-directory-fsync", REWRITES), "LOST", "reader")


@test(limit=300)
def renames_what_is_not_synced(start):
    counts, _ = forgetful_lane(settings.seed, 3 * CYCLES, command=fake("no-file-fsync"), kinds=REWRITES)
    found("no-file-fsync", counts, "LOST", "REFUSED")


@test(limit=300)
def believes_a_second_fsync(start):
    found("retried-fsync", sick_lane(settings.seed, CYCLES, command=fake("retried-fsync"))[0], "LOST")


@test(limit=300)
def a_redis_that_never_syncs(start):
    """Its own configuration says `no`; the history was told `always`."""
    options = {"path": shutil.which("redis-server"), "kinds": QUIET, "lines": ("appendfsync no",)}
    for kind in ("ext4", "xfs"):
        counts, cuts = loop_lane(kind, settings.seed, 10, **options)
        found(f"redis-server without fsync, {kind}", counts, "LOST")
        assert cuts.control_lost == 0
    counts, _ = forgetful_lane(settings.seed, 10, tear=False, **options)
    found("redis-server without fsync, forgetful", counts, "LOST")
