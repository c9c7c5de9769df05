"""test_faults.py: disks that answer EIO. What an fsync has failed for is never called durable.

After a failed fsync Linux takes the pages for clean: the next fsync succeeds and the data is gone. The
FUSE disk does the same (disks/faultfs/forgetting.c): what a failed fsync should have covered is
doomed. So if a server ever answers for it by a later fsync of the same bytes, the restart shows it.
"""
from harness.runner import test

import settings
from lanes import judge, sick_lane


@test(limit=600)
def no_failed_fsync_is_ever_taken_for_durable(start):
    judge("EIO", *sick_lane(settings.seed + 30, max(4, settings.cuts)))


@test(limit=300)
def failures_under_everysec(start):
    """The order and the wholeness of what is there hold under any policy."""
    judge("EIO under everysec", *sick_lane(settings.seed + 31, max(2, settings.cuts // 4), policy="everysec"))


@test(limit=300)
def short_writes(start):
    """A write that takes only some bytes is continued, or nothing is answered for it."""
    sicknesses = [("write", {"action": "short", "number": number, "match": ".incr.", "count": count})
                  for number in (1, 7, 100, 511, 4096) for count in (1, 5)]
    judge("short writes", *sick_lane(settings.seed + 32, max(2, settings.cuts // 2), sicknesses, kinds=("nothing",)))


@test(limit=300)
def a_disk_that_fills_up_and_is_emptied(start):
    """ENOSPC after a random number of bytes, in the middle of a record as likely as not."""
    judge("ENOSPC", *sick_lane(settings.seed + 33, max(2, settings.cuts // 2), [("space", {})]))
