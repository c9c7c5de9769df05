"""test_cuts.py: the power goes, and everything that was acknowledged before is there.

On real file systems and on a disk that is stricter than they are (lanes.py). Torn sectors are for servers
whose log has checksums; the peers' have none.
"""
from harness.runner import test
from harness.server import flavour

import settings
from lanes import forgetful_lane, judge, loop_lane


@test(limit=900)
def power_cuts_on_ext4(start):
    judge("power cuts, ext4", *loop_lane("ext4", settings.seed + 10, max(1, settings.cuts // 2)))


@test(limit=900)
def power_cuts_on_xfs(start):
    judge("power cuts, XFS", *loop_lane("xfs", settings.seed + 11, max(1, settings.cuts // 2)))


@test(limit=900)
def power_cuts_on_a_disk_that_forgets(start):
    judge("power cuts, forgetful", *forgetful_lane(settings.seed + 12, settings.cuts, tear=flavour() == "martlet"))


@test(limit=900)
def power_cuts_with_automatic_rewrites(start):
    """The files are switched again and again: names, manifests and directories are what is at stake."""
    lines = ("auto-aof-rewrite-percentage 10", "auto-aof-rewrite-min-size 16kb")
    judge("power cuts, switching", *forgetful_lane(settings.seed + 13, settings.cuts, lines, tear=False,
                                                   kinds=("nothing", "rewrites")))
