"""test_weaker.py: what the weaker policies still promise.

`everysec`: an acknowledged write is lost only if it was acknowledged less than a second before the power
went. `no`: anything may be lost, but only from the end: the server starts, and what is there is a
prefix of what was written.
"""
from harness.runner import test
from harness.server import flavour

import settings
from lanes import forgetful_lane, judge, loop_lane

# The policy stays what it is.
KINDS = ("nothing", "rewrites", "snapshots", "saves")
SECONDS_MAX = {"martlet": 1.0}
PEER_SECONDS_MAX = 2.0


def judge_window(counts):
    """The harness's own longest absence is granted: it may have read the acknowledgement that much earlier."""
    print(f"  {counts.loose_lost} acknowledged writes were lost, the oldest {counts.window:.2f} s before a cut", flush=True)
    allowed = SECONDS_MAX.get(flavour(), PEER_SECONDS_MAX) + counts.stall
    assert counts.window <= allowed, f"a write acknowledged {counts.window:.3f} s before the cut is lost"


@test(limit=300)
def everysec_on_xfs(start):
    counts, cuts = loop_lane("xfs", settings.seed + 20, max(1, settings.cuts // 10), policy="everysec", kinds=KINDS,
                             seconds=(1.2, 2.5))
    judge("everysec, XFS", counts, cuts)
    judge_window(counts)


@test(limit=300)
def everysec_on_a_disk_that_forgets(start):
    counts, cuts = forgetful_lane(settings.seed + 21, max(1, settings.cuts // 8), policy="everysec", kinds=KINDS,
                                  seconds=(1.2, 2.5), tear=flavour() == "martlet")
    judge("everysec, forgetful", counts, cuts)
    judge_window(counts)


@test(limit=300)
def no_on_ext4(start):
    counts, cuts = loop_lane("ext4", settings.seed + 22, max(1, settings.cuts // 5), policy="no", kinds=KINDS)
    judge("no, ext4", counts, cuts)


@test(limit=300)
def no_on_a_disk_that_forgets(start):
    counts, cuts = forgetful_lane(settings.seed + 23, max(1, settings.cuts // 5), policy="no", kinds=KINDS,
                                  tear=flavour() == "martlet")
    judge("no, forgetful", counts, cuts)
