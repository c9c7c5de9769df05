"""history.py: what the server said, key by key, and what it may therefore not forget.

Each key belongs to one writer, so its changes form one row, numbered from 1. A change is
*sent*, later perhaps *acknowledged*, perhaps *observed* by a reader's GET.

    number     1    2    3    4    5    6
             ───────────┬─────────────┬──
               floor = 3│             │ sent = 6     after the crash the key must hold the
             acknowledged or read     │              value of change 3, 4, 5 or 6

Only what was said under `appendfsync always` raises the floor. Under a weaker policy an acknowledgement is
*loose*: it binds as soon as a write that was sent after the return to `always` is acknowledged, since
the log is one row of bytes and that write stands behind all of them. A policy is an *epoch*: words
that were on their way while it changed count for the weaker one.

The values of one key are all different (they carry their number), except that a deleted key
has none; a reader who sees none has seen at least the first deletion or expiry above the floor it knew.
"""
import time
from collections import deque
from itertools import chain

GONE = None
PAST_MAX = 256


class Change:
    """One change of one key: the value it leaves, and when that value ends by itself."""

    __slots__ = ("number", "value", "piece", "deadline", "epoch", "turn", "said")

    def __init__(self, number, value, piece=None, deadline=None, epoch=0, turn=0):
        self.number, self.value, self.deadline, self.epoch = number, value, deadline, epoch
        self.piece = piece  # what INCR or APPEND added, or what is done to a row; None for what replaces the value
        self.turn = turn    # its place in the row of all changes of its writer
        self.said = 0.0     # when it was acknowledged, by the monotonic clock

    def leaves(self, value, now):
        """Whether the key may hold `value` at the wall-clock time `now` when this was its last change."""
        if value == self.value:
            return True
        return value is GONE and self.deadline is not None and now >= self.deadline


class Key:
    """One key's row of changes: from the floor on, the older ones are forgotten."""

    __slots__ = ("name", "database", "writer", "past", "changes", "sent", "loose")

    def __init__(self, name, database, writer):
        self.name, self.database, self.writer = name, database, writer
        self.past = deque(maxlen=PAST_MAX)
        self.changes = deque([Change(0, GONE)])  # the first is the floor
        self.sent = 0
        self.loose = 0

    @property
    def floor(self):
        return self.changes[0].number

    @property
    def latest(self):
        """The value when everything sent has been executed; what expires may be gone before."""
        return self.changes[-1].value

    def send(self, value, epoch, turn, piece=None, deadline=None):
        self.sent += 1
        change = Change(self.sent, value, piece, deadline, epoch, turn)
        self.changes.append(change)
        return change

    def bind(self, number):
        """Nothing older than change `number` may come back."""
        changes = self.changes
        while changes[0].number < number:
            self.past.append(changes.popleft())

    def find(self, value):
        """The first change from the floor on that leaves `value`, and the one after it; (None, None) if there is none."""
        now = time.time()
        found = None
        for change in self.changes:
            if found:
                return found, change
            if change.leaves(value, now):
                found = change
        return found, None

    def seen(self, value, floor):
        """The first change since an earlier floor that leaves `value`: its reply may have been long on its way."""
        now = time.time()
        for change in chain(self.past, self.changes):
            if change.number >= floor and change.leaves(value, now):
                return change
        return None

    def with_refusals(self, value, floor):
        """The last change that was made if some changes, whose replies nobody heard, were refused and `value` is what
        the others leave; None if that is no explanation either.

        A reader may hear what stands behind a refusal before the writer hears of the refusal.
        """
        states = {}  # what the key may hold: the last change that was made
        for change in chain(self.past, self.changes):
            if change.number < floor:
                continue
            made = {}
            for before, last in states.items():
                if change.piece is None:
                    made[change.value] = change
                else:
                    made[added(before, change.piece)] = change
            if not states:
                made[change.value] = change
            elif not change.said:
                made = {**states, **made}
            if value in made:
                return made[value]
            # A log only grows until it is replaced: what is no beginning of the value leads nowhere.
            states = {state: last for state, last in made.items()
                      if not isinstance(change.piece, bytes) or (value or b"").startswith(state or b"")}
            if not states:
                states = {change.value: change}
        return None

    def remove(self, refused):
        """The server has refused a change: what was sent behind it adds to what was there before. False if the
        value that only this change leaves has been seen.

        A reader may have been faster than the refusal: the value that it saw was then put down to the refused
        INCR or APPEND, and belongs to a later one.
        """
        row = [*self.past, *self.changes]
        floor = self.changes[0]
        if floor is refused and refused.piece is None and refused.value is not GONE:
            return False
        bound = floor.value
        at = row.index(refused)
        row.remove(refused)
        for index in range(max(at, 1), len(row)):
            if row[index].piece is None:
                break
            row[index].value = added(row[index - 1].value, row[index].piece)
        start = row.index(floor) if floor is not refused else max(0, at - 1)
        if refused.number <= floor.number and floor.piece is not None:
            start = next((index for index in range(start, len(row)) if row[index].value == bound), start)
        self.past = deque(row[:start], maxlen=PAST_MAX)
        self.changes = deque(row[start:])
        return True

    def settle(self, value, deadline, turn):
        """The server has been asked after a restart: from now on this is the floor."""
        self.past.clear()
        self.changes = deque([Change(self.sent, value, None, deadline, 0, turn)])
        self.loose = 0


def added(value, piece):
    """The value after INCR (`piece` is a number), APPEND (bytes) or a change of a window (what it does to a row)."""
    if callable(piece):
        return piece(value)
    if isinstance(piece, int):
        return b"%d" % (int(value or 0) + piece)
    return (value or b"") + piece


class History:
    """All keys, the policy, and the complaints.

    `strict_reads`: a read that is answered under `always` binds even if what it saw was written
    under a weaker policy (the change of policy is a barrier).
    """

    def __init__(self, strict_reads):
        self.keys = {}
        self.strict_reads = strict_reads
        self.epoch, self.always = 1, True
        self.loosened = set()
        self.problems = []
        self.puzzles = []  # reads that no change explains yet: a refusal may be on its way to the writer
        self.acknowledged = self.observed = self.refused = 0

    def key(self, name, database, writer):
        if (name, database) not in self.keys:
            self.keys[name, database] = Key(name, database, writer)
        return self.keys[name, database]

    # The policy

    def policy_changes(self):
        """CONFIG SET appendfsync is on its way: what is answered from here on may mean the weaker policy."""
        self.epoch += 1
        self.always = False

    def policy_is(self, always):
        """It has been answered, or the server was started with it."""
        self.epoch += 1
        self.always = always

    def binds(self, epoch):
        return self.always and epoch == self.epoch

    # What the server said

    def acknowledge(self, key, change):
        self.acknowledged += 1
        change.said = time.monotonic()
        if self.binds(change.epoch):
            key.bind(change.number)
            if self.loosened:
                for other in self.loosened:
                    other.bind(other.loose)
                self.loosened.clear()
        else:
            key.loose = max(key.loose, change.number)
            self.loosened.add(key)

    def observe(self, key, value, floor, epoch):
        """A GET that was sent when the key's floor was `floor`, in policy `epoch`, answered `value`."""
        self.observed += 1
        change = key.seen(value, floor)
        if change is None:
            self.puzzles.append((key, value, floor, epoch, key.sent))
        elif self.binds(epoch) and (self.strict_reads or change.epoch == self.epoch):
            key.bind(change.number)

    def refuse(self, key, change):
        self.refused += 1
        if not key.remove(change):
            self.problem(key, f"a reader saw {shown(change.value)}, which was refused")
        puzzles, self.puzzles = self.puzzles, []
        for puzzle in puzzles:
            if puzzle[0] is key and key.seen(puzzle[1], puzzle[2]):
                self.observed -= 1
                self.observe(*puzzle[:4])
            else:
                self.puzzles.append(puzzle)

    def end(self):
        """No more replies come: what is a puzzle now is a problem, unless replies that nobody heard explain it."""
        for key, value, floor, epoch, sent in self.puzzles:
            change = key.with_refusals(value, floor)
            if change is None:
                self.problem(key, f"a reader saw {shown(value)}, which no change from {floor} to {sent} leaves")
            elif self.binds(epoch) and (self.strict_reads or change.epoch == self.epoch):
                key.bind(change.number)
        self.puzzles = []

    def problem(self, key, text):
        self.problems.append(f"{key.name.decode()} in database {key.database}: {text}")


def shown(value):
    if value is GONE:
        return "nothing"
    return repr(value) if len(value) <= 60 else f"{value[:40]!r}… ({len(value)} bytes)"
