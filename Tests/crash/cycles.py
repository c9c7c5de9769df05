"""cycles.py: write, read, race, crash, restart, verify; again and again.

One Cycles is a server on a disk for some cycles, and the counts over all of them. What is left by
one crash is what the next cycle goes on with, until `GENERATIONS` are over and it begins on an
empty directory. Everything is drawn from the seed; the moments at which the kernel and the
server meet are not, so a seed leads back to the kind of a failure, not to the very same.
"""
import os
import random
import shutil
import time

from harness.server import flavour

from clients import Load
from history import History
from racing import KINDS, Racing
from target import Refused, Target
from verify import verify

GENERATIONS = 20
PROBLEMS_MAX = 12


class Counts:
    """Over all cycles of a lane."""

    def __init__(self):
        self.cycles = self.acknowledged = self.observed = self.lost = self.refused_starts = 0
        self.loose_lost = 0
        self.window = 0.0  # longest time between a lost acknowledgement and the crash, in seconds
        self.stall = 0.0   # longest time in which the harness itself did not look
        self.starts = []
        self.problems = []

    def line(self):
        starts = sorted(self.starts) or [0]
        return (f"{self.cycles} cycles, {self.acknowledged} acknowledged, {self.observed} observed, "
                f"{self.lost} lost or wrong, {self.refused_starts} refused starts; restart and load p50 "
                f"{starts[len(starts) // 2] * 1000:.0f} ms, p99 {starts[len(starts) * 99 // 100] * 1000:.0f} ms")


class Cycles:
    """`crash(target, load, rng)` ends the server and whatever it takes with it; it returns the monotonic
    time of the crash. `directory()` is where the data lies. `may_end`: a server that ends by itself is
    not to blame (a sick disk)."""

    def __init__(self, directory, crash, seed, lines=(), policy="always", command=None, kinds=KINDS, writers=8,
                 may_end=False, large=0.01, **options):
        self.directory, self.crash, self.lines, self.policy, self.command = directory, crash, lines, policy, command
        self.kinds, self.writers, self.may_end, self.large = kinds, writers, may_end, large
        self.rng = random.Random(seed)
        self.counts = Counts()
        self.options = options
        self.target = None

    def run(self, cycles, seconds=(0.1, 0.25)):
        """So many cycles; fewer when enough problems were found."""
        try:
            for number in range(cycles):
                if number % GENERATIONS == 0:
                    self.begin()
                    self.start()
                self.one(number, self.rng.uniform(*seconds))
                if len(self.counts.problems) >= PROBLEMS_MAX:
                    break
        finally:
            self.end()
        return self.counts

    def begin(self):
        """An empty directory, a new history."""
        self.end()
        directory = self.directory()
        for name in os.listdir(directory):
            path = os.path.join(directory, name)
            if name == "lost+found":
                continue
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
        self.target = Target(directory, f"appendfsync {self.policy}", *self.lines, command=self.command, **self.options)
        martlet = not self.command and flavour(self.target.path) == "martlet"
        self.history = History(strict_reads=martlet)

    def start(self):
        begin = time.monotonic()
        self.target.start()
        self.counts.starts.append(time.monotonic() - begin)
        self.history.policy_is(self.policy == "always")

    def one(self, number, seconds):
        # The fake server of the planted bugs knows strings only.
        load = Load(self.target.address, self.history, self.rng.random(), self.writers, large=self.large,
                    windows=not self.command)
        racing = Racing(self.target.address, self.history, self.rng.choice(self.kinds), random.Random(self.rng.random()))
        load.join(racing)
        before = self.history.acknowledged, self.history.observed
        try:
            load.run(seconds)
            died = not self.target.is_alive() and not self.may_end
            crashed = self.crash(self.target, load, self.rng)
        finally:
            load.close()
        counts = self.counts
        counts.cycles += 1
        counts.stall = max(counts.stall, load.stall)
        counts.acknowledged += self.history.acknowledged - before[0]
        counts.observed += self.history.observed - before[1]
        if died:
            self.problems(number, racing, [f"the server died by itself:\n{self.target.log()[-2000:]}"])
        try:
            self.start()
        except Refused as error:
            counts.refused_starts += 1
            self.problems(number, racing, [f"REFUSED START {error}"])
            self.keep()
            self.begin()
            self.start()
            return
        with self.target.connect() as connection:
            findings = verify(connection, self.history)
        counts.lost += len(findings.problems)
        counts.loose_lost += findings.lost_acknowledgements
        if findings.oldest_lost is not None:
            counts.window = max(counts.window, crashed - findings.oldest_lost)
        self.problems(number, racing, findings.problems)

    def problems(self, number, racing, texts):
        for text in texts[:5]:
            self.counts.problems.append(f"cycle {number} ({racing.kind} raced: {racing.done}): {text}")

    def keep(self):
        """A directory that a server refuses is worth keeping."""
        if os.environ.get("MARTLET_KEEP"):
            kept = f"{self.target.directory}-refused-{self.counts.refused_starts}"
            shutil.copytree(self.target.data, kept)
            print(f"  kept {kept}")

    def end(self):
        if self.target is not None:
            if self.target.is_alive():
                self.target.kill()
            self.target.destroy()
            self.target = None


def kill(target, load, rng):
    """kill -9. What the server had said is still in the sockets, and binds."""
    moment = time.monotonic()
    target.kill()
    load.drain()
    return moment
