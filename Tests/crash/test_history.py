"""test_history.py: what the books make of replies that come in an unlucky order.

A refusal and what stands behind it reach different sockets: a reader may see the second before the writer reads the
first. That is no loss; a value that no order of the replies explains is one.
"""
from harness.runner import test

from history import History


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
