"""test_kill.py: kill -9 loses nothing that was acknowledged, nothing that was read, and the server starts again.

Writers, readers, rewrites, snapshots and changes of policy are cut off in the middle, hundreds of
times. The page cache survives a kill: this tests the order of the log, the switching of files and the loader.
"""
from harness.runner import test

import settings
from cycles import kill
from lanes import judge, kill_lane


@test(limit=1200)
def kill_9_under_load(start):
    judge("kill -9", kill_lane(settings.seed, settings.kills))


@test(limit=300)
def kill_9_with_automatic_rewrites(start):
    """Rewrites that the server starts by itself, again and again, while it is killed."""
    lines = ("auto-aof-rewrite-percentage 10", "auto-aof-rewrite-min-size 16kb", "aof-timestamp-enabled yes")
    judge("kill -9, automatic rewrites", kill_lane(settings.seed + 1, max(2, settings.kills // 10), lines))


@test(limit=300)
def kill_9_while_it_starts(start):
    """A server that is killed while it loads has lost nothing either."""
    def crash(target, load, rng):
        moment = kill(target, load, rng)
        for _ in range(2):
            target.start(wait=False)
            load.receive(rng.uniform(0, 0.06))
            target.kill()
        return moment

    judge("kill -9 at start", kill_lane(settings.seed + 2, max(2, settings.kills // 15), crash=crash))
