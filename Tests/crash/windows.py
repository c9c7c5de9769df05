"""windows.py: keys that hold many elements, each of which is a window that moves over the numbers.

    1 2 3 [ 4 5 6 7 8 ] 9 …        elements are added behind, several in one command, and taken away in front

So every state of such a key is another one, and half a command shows: what a command leaves is a state, and
what a part of it leaves is none. As the value of a change stands the row of its numbers, as text.

    q  list         RPUSH, LPOP          z  sorted set   ZADD, ZREM
    s  set          SADD, SREM           x  stream       XADD, XDEL; one element in a command
    h  hash         HSET, HDEL

Every ninth element is long, and some windows are wide: every encoding is met, and every way from one to the next.
"""
from history import GONE

TAIL = b":" + b"x" * 80


def element(number):
    return b"%d" % number + (TAIL if number % 9 == 0 else b"")


def number_of(text):
    """The number of an element; raises ValueError for one that was never added."""
    number = int(text.partition(b":")[0])
    if element(number) != text:
        raise ValueError(text)
    return number


def numbers_in(value):
    return [int(number) for number in value.split(b",")] if value else []


def row(numbers):
    """The numbers as the value of a change; no element is no key."""
    return b",".join(b"%d" % number for number in numbers) or GONE


class Window:
    """What is said to a key of one kind, and what its answer means."""

    def __init__(self, add, take, read, words, numbers, can_add_several=True):
        self.add, self.take, self.read = add, take, read
        self.words, self.numbers, self.can_add_several = words, numbers, can_add_several

    def asking(self, name):
        return (self.read[0], name, *self.read[1:])

    def value(self, reply):
        """The row in the answer to `asking`; what is no window of anything is told as it is."""
        try:
            return row(self.numbers(reply or []))
        except (ValueError, TypeError, IndexError):
            return b"torn: %r" % (reply,)


def pairs(reply):
    return list(zip(reply[::2], reply[1::2]))


def of_hash(reply):
    for field, value in pairs(reply):
        if value != b"v" + element(int(field)):
            raise ValueError(value)
    return sorted(int(field) for field in reply[::2])


def of_sorted_set(reply):
    for member, score in pairs(reply):
        if float(score) != number_of(member):
            raise ValueError(score)
    return [number_of(member) for member in reply[::2]]


def of_stream(reply):
    for identifier, fields in reply:
        if fields != [b"f", element(int(identifier.partition(b"-")[0]))]:
            raise ValueError(fields)
    return [int(identifier.partition(b"-")[0]) for identifier, _ in reply]


KINDS = {
    b"q": Window("RPUSH", "LPOP", ("LRANGE", 0, -1), lambda number: (element(number),),
                 lambda reply: [number_of(text) for text in reply]),
    b"s": Window("SADD", "SREM", ("SMEMBERS",), lambda number: (element(number),),
                 lambda reply: sorted(number_of(text) for text in reply)),
    b"h": Window("HSET", "HDEL", ("HGETALL",), lambda number: (b"%d" % number, b"v" + element(number)), of_hash),
    b"z": Window("ZADD", "ZREM", ("ZRANGE", 0, -1, "WITHSCORES"), lambda number: (number, element(number)), of_sorted_set),
    b"x": Window("XADD", "XDEL", ("XRANGE", "-", "+"), lambda number: (b"%d-1" % number, b"f", element(number)), of_stream,
                 can_add_several=False),
}


def kind_of(name):
    """The Window of a key, or None for one that holds a string."""
    return KINDS.get(name.partition(b":")[2][:1])


def adding(window, name, numbers):
    """The command that adds these numbers behind, and what it does to a row."""
    words = (window.add, name, *(word for number in numbers for word in window.words(number)))
    return words, lambda value: row(numbers_in(value) + numbers)


def taking(window, name, numbers):
    """The command that takes these numbers away, which are the first, and what it does to a row."""
    if window.take == "LPOP":
        return (window.take, name, len(numbers)), lambda value: row(numbers_in(value)[len(numbers):])
    names = {"SREM": element, "ZREM": element, "HDEL": lambda number: b"%d" % number, "XDEL": lambda number: b"%d-1" % number}
    words = (window.take, name, *map(names[window.take], numbers))
    return words, lambda value: row(number for number in numbers_in(value) if number not in numbers)
