"""test_history.py: what the books make of replies that come in an unlucky order.

A refusal and what stands behind it reach different sockets: a reader may see the second before the writer reads the
first. That is no loss; a value that no order of the replies explains is one.
"""
from harness.runner import expect, test

from history import History
from windows import KINDS, adding, element, kind_of, taking


def a_log(*pieces, heard=()):
    """A history whose one key got these pieces; those at the positions `heard` are acknowledged."""
    history = History(strict_reads=True)
    history.policy_is(True)
    key = history.key(b"w1:l1", 0, 1)
    changes = []
    for turn, piece in enumerate(pieces, 1):
        changes.append(key.send((key.latest or b"") + piece, history.epoch, turn, piece=piece))
    for position in heard:
        history.acknowledge(key, changes[position])
    return history, key, changes


@test
def a_reader_may_be_faster_than_a_refusal(start):
    history, key, changes = a_log(b"1,", b"2,", b"3,", heard=[0])
    history.observe(key, b"1,3,", key.floor, history.epoch)
    history.refuse(key, changes[1])
    history.end()
    assert history.problems == [], history.problems
    assert key.floor == 3, "what was seen behind the refusal binds"


@test
def a_refusal_may_never_be_heard(start):
    history, key, _ = a_log(b"1,", b"2,", b"3,", heard=[0])
    history.observe(key, b"1,3,", key.floor, history.epoch)
    history.end()
    assert history.problems == [], history.problems


@test
def what_was_acknowledged_cannot_have_been_refused(start):
    history, key, _ = a_log(b"1,", b"2,", b"3,", heard=[0, 1])
    history.observe(key, b"1,3,", 1, history.epoch)
    history.end()
    assert len(history.problems) == 1, history.problems


@test
def a_torn_value_is_explained_by_nothing(start):
    for value in (b"1,3", b"1,2,2,", b"3,", b"x"):
        history, key, changes = a_log(b"1,", b"2,", b"3,", heard=[0])
        history.observe(key, value, key.floor, history.epoch)
        history.refuse(key, changes[1])
        history.end()
        assert len(history.problems) == 1, (value, history.problems)


@test
def half_a_command_is_no_state_of_a_window():
    """Part of what one command adds or takes, a field without its value, a score of another member: each is found."""
    history = History(True)
    key = history.key(b"w0:q0", 0, 0)
    _, piece = adding(kind_of(key.name), key.name, [100, 101, 102])
    key.send(piece(key.latest), 1, 1, piece=piece)
    _, piece = taking(kind_of(key.name), key.name, [100, 101])
    key.send(piece(key.latest), 1, 2, piece=piece)
    lists = KINDS[b"q"]
    for whole in ([], [b"100", b"101", b"102"], [b"102"]):
        expect(key.find(lists.value(whole))[0] is not None, True, whole)
    for half in ([b"100"], [b"100", b"101"], [b"101", b"102"], [b"102", b"102"], [b"1000"]):
        expect(key.find(lists.value(half))[0], None, half)
    expect(KINDS[b"h"].value([b"9", b"v" + element(9)]), b"9")
    for kind, reply in ((b"h", [b"9", b"v9"]), (b"h", [b"1", b"v2"]), (b"z", [b"7", b"8"]), (b"x", [[b"5-1", [b"f", b"6"]]]), (b"q", [b"9"])):
        expect(KINDS[kind].value(reply).startswith(b"torn"), True, reply)
