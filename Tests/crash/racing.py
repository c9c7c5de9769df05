"""racing.py: what an operator does while everybody writes: rewrites, snapshots, changes of policy.

One connection. What it does, and when, is drawn from the cycle's seed; it keeps the History
informed of the policy in force.
"""
import time

from harness.resp import encode

from clients import ErrorReply, Peer

SAVE_POINTS = ("", "1 1", "3600 1 300 100")
# Answers that only say that something else of the kind is going on.
HARMLESS = ("ERR Background", "ERR Another", "ERR Can't BGSAVE", "ERR Can't execute", "ERR An AOF", "MISCONF")
KINDS = ("nothing", "rewrites", "snapshots", "policies", "saves", "everything")


class Racing(Peer):
    """`kind` is one of KINDS."""

    def __init__(self, address, history, kind, rng, pause=0.03):
        super().__init__(address)
        self.history, self.kind, self.rng, self.pause = history, kind, rng, pause
        self.next = time.monotonic() + rng.uniform(0, pause)
        self.done = {}

    def compose(self):
        if self.expected or self.kind == "nothing" or time.monotonic() < self.next:
            return
        self.next = time.monotonic() + self.rng.uniform(0, 2 * self.pause)
        kind = self.rng.choice(KINDS[1:-1]) if self.kind == "everything" else self.kind
        getattr(self, kind)()

    def ask(self, *words, then=None):
        self.outgoing += encode(*words)
        self.expected.append((words, then))
        name = " ".join(words[:1] if words[0] != "CONFIG" else words[:3])
        self.done[name] = self.done.get(name, 0) + 1

    def rewrites(self):
        self.ask("BGREWRITEAOF")

    def snapshots(self):
        self.ask("BGSAVE")

    def saves(self):
        self.ask("CONFIG", "SET", "save", self.rng.choice(SAVE_POINTS))

    def policies(self):
        """To a weaker policy, or back."""
        if self.history.always:
            self.history.policy_changes()
            self.ask("CONFIG", "SET", "appendfsync", self.rng.choice(("everysec", "no")))
        else:
            self.ask("CONFIG", "SET", "appendfsync", "always", then=lambda: self.history.policy_is(True))

    def take(self, expected, reply):
        words, then = expected
        if isinstance(reply, ErrorReply):
            if not reply.startswith(HARMLESS):
                self.history.problems.append(f"{' '.join(words)} was answered -{reply}")
        elif then:
            then()
