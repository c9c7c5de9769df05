"""verify.py: after a crash, everything that binds is there and nothing is torn.

    present    each key holds the value of a change between its floor and the last that was sent
    whole      the value is one that was sent, every byte of it, every element
    timed      what was to expire still does, not later than it was to
    together   the three keys of an MSET agree
    in order   one moment in the row of a writer's changes explains all of its keys

Afterwards the History is settled: what was found is the floor of the next cycle.
"""
import time

from harness.resp import Error

from clients import DATABASES, LONG_EXPIRY_MS
from history import GONE, shown
from windows import kind_of


class Findings:
    """What one restart has shown."""

    def __init__(self):
        self.problems = []
        self.lost_acknowledgements = 0
        self.oldest_lost = None  # monotonic time of the oldest acknowledgement that did not survive


def verify(connection, history):
    """Asks for every key, compares, settles. Returns the Findings."""
    findings = Findings()
    history.end()
    findings.problems += history.problems
    history.problems = []
    states = {}
    for database in range(DATABASES):
        keys = [key for key in history.keys.values() if key.database == database]
        if not keys:
            continue
        connection.call("SELECT", database)
        asked = time.time()
        windows = [kind_of(key.name) for key in keys]
        reads = [window.asking(key.name) if window else ("GET", key.name) for key, window in zip(keys, windows)]
        replies = connection.pipeline(*reads, *[("PTTL", key.name) for key in keys])
        for key, window, value, lifetime in zip(keys, windows, replies, replies[len(keys):]):
            if isinstance(value, Error) or isinstance(lifetime, Error):
                findings.problems.append(f"{key.name!r}: -{value if isinstance(value, Error) else lifetime}")
            else:
                if window:
                    value = window.value(value)
                # What expires between the two questions is gone. The deadline is a lower bound.
                deadline = asked + lifetime / 1000 - 0.002 if lifetime >= 0 else None
                states[key] = value if lifetime != -2 else GONE, lifetime, deadline
    for key, (value, lifetime, _) in states.items():
        check(key, value, lifetime, findings)
    for writer in {key.writer for key in history.keys.values()}:
        check_order(writer, [(key, states[key][0]) for key in states if key.writer == writer], findings)
    turns = {key.writer: 0 for key in states}
    for key in states:
        turns[key.writer] = max(turns[key.writer], key.changes[-1].turn)
    for key, (value, _, deadline) in states.items():
        key.settle(value, deadline, turns[key.writer])
    history.loosened.clear()
    return findings


def check(key, value, lifetime, findings):
    change, behind = key.find(value)
    if change is None:
        if key.with_refusals(value, key.floor):
            return
        findings.problems.append(
            f"LOST {key.name.decode()} in database {key.database} holds {shown(value)}; bound to change {key.floor} "
            f"({shown(key.changes[0].value)}) or later, {key.sent} were sent")
        return
    now = time.time()
    for other in reversed(key.changes):
        # The newest change that explains the value: a key is deleted more than once.
        if other.leaves(value, now):
            break
        if other.said:
            findings.lost_acknowledgements += 1
            if findings.oldest_lost is None or other.said < findings.oldest_lost:
                findings.oldest_lost = other.said
    if value is not GONE and change.deadline and not 0 <= lifetime <= LONG_EXPIRY_MS:
        findings.problems.append(f"TIME {key.name.decode()} holds {shown(value)}, which was to expire; PTTL {lifetime}")
    if value is not GONE and not change.deadline and lifetime > 0:
        findings.problems.append(f"TIME {key.name.decode()} holds {shown(value)}, which was to stay; PTTL {lifetime}")


def check_order(writer, pairs, findings):
    """Each value says: this key's change has been made, and its next has not. Those must agree on a moment."""
    made, made_by, not_made, not_made_by = 0, None, None, None
    groups = {}
    for key, value in pairs:
        if key.name.split(b":")[1].startswith(b"m"):
            groups[value] = key
        if value is GONE:
            continue  # deleted or expired: more than one change may explain it
        change, behind = key.find(value)
        if change is None:
            return
        if change.turn > made:
            made, made_by = change.turn, key
        if behind and (not_made is None or behind.turn < not_made):
            not_made, not_made_by = behind.turn, key
    if len(groups) > 1:
        findings.problems.append(f"TORN the MSET of writer {writer} left {', '.join(shown(value) for value in groups)}")
    if not_made is not None and made >= not_made:
        findings.problems.append(f"ORDER writer {writer}: {made_by.name.decode()} has change {made} of the writer, "
                                 f"{not_made_by.name.decode()} lacks change {not_made}")
