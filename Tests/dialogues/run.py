#!/usr/bin/env python3
"""run.py: plays the dialogues of this folder. The grammar is in README.md."""
import glob
import os
import re
import socket
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "integration"))
sys.dont_write_bytecode = True

from harness import runner, server as servers  # noqa: E402
from harness.resp import (BigNumber, Error, Map, Push, SetReply, Simple, Verbatim, encode,  # noqa: E402
                          wait_until)

FLAVOURS = ["martlet", "valkey", "redis"]
SPEAKER = re.compile(r"^([a-z]\w*)?(>\*|>|~|!send|!hear|!silent|!closed)(?:\s+|$)(.*)$")

# Words and quoted strings


ESCAPES = {"n": 10, "r": 13, "t": 9, "b": 8, "a": 7, "\\": 92, '"': 34, "0": 0}


def unquote(text, at):
    """The bytes of the quoted string that begins at `at`, and where it ends."""
    data = bytearray()
    at += 1
    while text[at] != '"':
        if text[at] != "\\":
            data += text[at].encode()
            at += 1
        elif text[at + 1] == "x":
            data.append(int(text[at + 2:at + 4], 16))
            at += 4
        else:
            data.append(ESCAPES[text[at + 1]])
            at += 2
    return bytes(data), at + 1


def quote(data):
    out = ['"']
    for byte in bytes(data):
        if byte in (34, 92):
            out.append("\\" + chr(byte))
        elif byte in (13, 10, 9):
            out.append({13: "\\r", 10: "\\n", 9: "\\t"}[byte])
        elif 32 <= byte < 127:
            out.append(chr(byte))
        else:
            out.append(f"\\x{byte:02x}")
    return "".join(out) + '"'


def words(line):
    """The arguments of a command line. `"abc"*1000` repeats a string."""
    found, at = [], 0
    while at < len(line):
        if line[at].isspace():
            at += 1
        elif line[at] == '"':
            data, at = unquote(line, at)
            times = re.match(r"\*(\d+)", line[at:])
            if times:
                data *= int(times.group(1))
                at += times.end()
            found.append(data)
        else:
            end = at
            while end < len(line) and not line[end].isspace():
                end += 1
            found.append(line[at:end].encode())
            at = end
    return found


# Patterns of replies


class Anything:
    def __repr__(self):
        return "?"


class Rest:
    def __repr__(self):
        return "..."


class Integer:
    def __init__(self, low=None, high=None):
        self.low, self.high = low, high

    def __repr__(self):
        return "int" if self.low is None else f"int({self.low} {self.high})"


class Pattern(str):
    """A regular expression."""


class Either(list):
    """Replies of which any will do."""


class AnyOrder(list):
    """An array whose order is the server's business."""


class ReplyParser:
    """Text to a pattern; see README.md."""

    def __init__(self, text):
        self.text, self.at, self.depth = text, 0, 0

    def parse(self):
        value = self.value()
        self.space()
        if self.at != len(self.text):
            raise ValueError(f"more after the reply: {self.text[self.at:]!r}")
        return value

    def space(self):
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def take(self, expression):
        match = re.compile(expression).match(self.text, self.at)
        if match:
            self.at = match.end()
        return match

    def value(self):
        self.space()
        if self.take(r"\+"):
            return Simple(self.take(r"[^\s\]]*" if self.depth else r"[^\n]*").group().rstrip())
        if match := self.take(r"-(?!\d)"):
            return Error(self.take(r"[^\n]*").group())
        if self.take(r"\.\.\."):
            return Rest()
        if self.take(r"\?"):
            return Anything()
        if match := self.take(r"int\((-?\d+) (-?\d+)\)"):
            return Integer(int(match.group(1)), int(match.group(2)))
        if self.take(r"int\b"):
            return Integer()
        if self.take(r"nil\b"):
            return None
        if self.take(r"true\b"):
            return True
        if self.take(r"false\b"):
            return False
        if match := self.take(r",([^\s\]}]+)"):
            return float(match.group(1))
        if match := self.take(r"\((-?\d+)"):
            return BigNumber(match.group(1))
        if match := self.take(r"-?\d+"):
            return int(match.group())
        if match := self.take(r"/((?:[^/\\]|\\.)*)/"):
            return Pattern(match.group(1))
        if self.take("="):
            return Verbatim(self.string())
        if self.text[self.at:self.at + 1] == '"':
            return self.string()
        for opening, closing, kind in (("any[", "]", AnyOrder), ("~[", "]", SetReply), (">[", "]", Push),
                                       ("[", "]", list), ("{", "}", Map)):
            if self.text.startswith(opening, self.at):
                self.at += len(opening)
                return self.items(closing, kind)
        raise ValueError(f"not a reply: {self.text[self.at:self.at + 60]!r}")

    def string(self):
        data, self.at = unquote(self.text, self.at)
        if match := self.take(r"\*(\d+)"):
            data *= int(match.group(1))
        return data

    def items(self, closing, kind):
        values = []
        self.depth += 1
        while True:
            self.space()
            if self.text.startswith(closing, self.at):
                self.at += 1
                break
            values.append(self.value())
        self.depth -= 1
        if kind is Map:
            return Map(zip(values[0::2], values[1::2]))
        return kind(values)


def matches(wanted, got):
    """Whether a reply is what the pattern describes, in kind and value."""
    if isinstance(wanted, Anything):
        return True
    if isinstance(wanted, Integer):
        return type(got) is int and (wanted.low is None or wanted.low <= got <= wanted.high)
    if isinstance(wanted, Pattern):
        if isinstance(got, bytes):
            got = got.decode("latin-1")
        return isinstance(got, str) and re.match(wanted, got, re.DOTALL) is not None
    if isinstance(wanted, Either):
        return any(matches(each, got) for each in wanted)
    if isinstance(wanted, Error):
        # Blanks at the end of a line do not survive editors; test_protocol.py checks the one error that has one.
        return isinstance(got, Error) and (
            got.rstrip() == wanted.rstrip() or wanted.endswith("*") and got.startswith(wanted[:-1]))
    if isinstance(wanted, AnyOrder):
        return type(got) is list and same_members(wanted, got)
    if type(wanted) is not type(got):
        return False
    if isinstance(wanted, SetReply):
        return same_members(wanted, got)
    if isinstance(wanted, Map):
        return len(wanted) == len(got) and all(
            matches(a, c) and matches(b, d) for (a, b), (c, d) in zip(wanted, got))
    if isinstance(wanted, list):
        if wanted and isinstance(wanted[-1], Rest):
            wanted, got = wanted[:-1], got[:len(wanted) - 1]
        return len(wanted) == len(got) and all(matches(a, b) for a, b in zip(wanted, got))
    return wanted == got


def same_members(wanted, got):
    left = list(got)
    for each in wanted:
        found = next((index for index, value in enumerate(left) if matches(each, value)), None)
        if found is None:
            return False
        del left[found]
    return not left


def show(value, indent=""):
    """A reply in the notation of this folder."""
    if value is None:
        return "nil"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Simple):
        return "+" + value
    if isinstance(value, Error):
        return "-" + value
    if isinstance(value, BigNumber):
        return "(" + value
    if isinstance(value, Verbatim):
        return "=" + quote(value)
    if isinstance(value, (bytes, bytearray)):
        return quote(value)
    if isinstance(value, float):
        return f",{value!r}"
    if isinstance(value, Map):
        inner = [show(key) + " " + show(item, indent + "  ") for key, item in value]
        opening, closing = "{", "}"
    elif isinstance(value, list):
        inner = [show(item, indent + "  ") for item in value]
        opening, closing = {SetReply: "~[", Push: ">["}.get(type(value), "["), "]"
    else:
        return repr(value)
    if not inner:
        return opening + " " + closing
    flat = opening + " " + " ".join(inner) + " " + closing
    if len(flat) + len(indent) <= 110 and "\n" not in flat and not any(word.startswith("-") for word in inner):
        return flat
    return opening + "".join(f"\n{indent}  {item}" for item in inner) + f"\n{indent}{closing}"


# Sections


class Step:
    """One line that a client says, and the text of the reply written under it."""

    def __init__(self, number, who, verb, rest):
        self.number, self.who, self.verb, self.rest = number, who, verb, rest
        self.reply_lines = []

    def commands(self):
        """The commands that this line sends."""
        return [words(part) for part in (self.rest.split(" ^ ") if self.verb == ">*" else [self.rest])]

    def replies_expected(self):
        return {">": 1, "~": 1, "!hear": 1}.get(self.verb, len(self.commands()) if self.verb == ">*" else 0)

    def wanted(self):
        """The pattern of each reply."""
        if self.verb == ">*":
            return [ReplyParser(line).parse() for line in self.reply_lines]
        if not self.reply_lines:
            return []
        alternatives = [[]]
        for line in self.reply_lines:
            if line.startswith("or "):
                alternatives.append([])
                line = line[3:]
            alternatives[-1].append(line)
        patterns = [ReplyParser("\n".join(lines)).parse() for lines in alternatives]
        return [patterns[0] if len(patterns) == 1 else Either(patterns)]


class Section:
    def __init__(self, file, title, number):
        self.file, self.title, self.number = file, title, number
        self.flavours, self.protocol, self.config = list(FLAVOURS), 2, []
        self.steps = []


def read_sections(path):
    name = os.path.basename(path).removesuffix(".txt")
    sections = []
    with open(path) as file:
        for number, line in enumerate(file, 1):
            line = line.rstrip("\n")
            if line.startswith("#") or not line.strip():
                continue
            if line.startswith("== "):
                sections.append(Section(name, line[3:].strip(), number))
                continue
            section = sections[-1]
            if line.startswith("@"):
                word, _, rest = line[1:].partition(" ")
                if word == "on":
                    section.flavours = rest.split()
                elif word == "resp":
                    section.protocol = int(rest)
                elif word == "config":
                    section.config.append(rest)
                else:
                    raise ValueError(f"{path}:{number}: @{word}?")
                continue
            match = None if line.startswith(">[") else SPEAKER.match(line)
            if match and not line.startswith("~["):
                section.steps.append(Step(number, match.group(1) or "a", match.group(2), match.group(3)))
            else:
                section.steps[-1].reply_lines.append(line)
    return sections


class Stage:
    """The connections of one section while it is played."""

    def __init__(self, server, protocol):
        self.server, self.protocol, self.clients = server, protocol, {}

    def client(self, name):
        if name not in self.clients:
            self.clients[name] = self.server.connect(protocol=self.protocol)
        return self.clients[name]

    def perform(self, step):
        """Says the line; the replies heard."""
        client = self.client(step.who)
        if step.verb in (">", ">*", "~"):
            commands = step.commands()
            client.send(b"".join(encode(*command) for command in commands))
            return [client.read() for _ in commands]
        if step.verb == "!send":
            client.send(b"".join(words(step.rest)))
        elif step.verb == "!hear":
            return [client.read()]
        elif step.verb == "!silent":
            if not client.is_silent():
                raise AssertionError("it was not silent")
        elif step.verb == "!closed":
            rest = client.read_until_closed()
            if rest:
                raise AssertionError(f"before it closed the server said {rest!r}")
        return []

    def close(self):
        """Leaves when the server has seen every connection off: the next section may count its clients."""
        for client in self.clients.values():
            try:
                client.socket.shutdown(socket.SHUT_WR)
                client.read_until_closed()
            except OSError:
                pass  # it was closed already, or is kept from reading
            client.close()


def play(section, server):
    stage = Stage(server, section.protocol)
    try:
        for step in section.steps:
            wanted = step.wanted()
            if len(wanted) != step.replies_expected():
                raise runner.Mismatch(f"{section.file}.txt:{step.number}: {len(wanted)} replies written, "
                                      f"{step.replies_expected()} to be heard")
            heard = []

            def as_written():
                heard[:] = stage.perform(step)
                return len(heard) == len(wanted) and all(map(matches, wanted, heard))

            try:
                if step.verb == "~":
                    wait_until(as_written)
                elif not as_written():
                    raise AssertionError("it was not as written")
            except Exception as error:
                raise runner.Mismatch(
                    f"{section.file}.txt:{step.number}: {step.who}{step.verb} {step.rest[:200]}\n"
                    + "".join(f"  wanted {line}\n" for line in step.reply_lines)
                    + "".join(f"  heard  {show(reply)[:2000]}\n" for reply in heard)
                    + ("" if heard else f"  {type(error).__name__}: {error}")) from None
    finally:
        stage.close()


def case_of(section):
    def on_shared_server(server):
        play(section, server)

    def on_own_server(start):
        play(section, start(*section.config))

    body = on_own_server if section.config else on_shared_server
    return runner.Case(section.file, section.title, body, section.flavours, 60)


# Recording


def record(path):
    """Rewrites a file with the replies of a real server."""
    answers = {}
    for section in read_sections(path):
        if "redis" in section.flavours:
            binary = "/usr/bin/redis-server"
        elif "valkey" in section.flavours:
            binary = os.environ["VALKEY_SERVER"]
        else:
            continue
        server = servers.Server(*section.config, path=binary)
        stage = Stage(server, section.protocol)
        try:
            for step in section.steps:
                if step.verb == "~":
                    wait_until(lambda: all(map(matches, step.wanted(), stage.perform(step))))
                    continue
                heard = stage.perform(step)
                if not step.reply_lines:
                    answers[step.number] = [show(reply).rstrip() for reply in heard]
        finally:
            stage.close()
            server.destroy()
    lines = []
    with open(path) as file:
        for number, line in enumerate(file, 1):
            lines.append(line)
            lines += [answer + "\n" for answer in answers.get(number, [])]
    with open(path, "w") as file:
        file.writelines(lines)


def main(arguments):
    if arguments and arguments[0] == "--record":
        for path in arguments[1:]:
            record(path)
        return 0
    label, verbose, patterns = "dialogues", False, []
    while arguments:
        word = arguments.pop(0)
        if word == "-v":
            verbose = True
        elif word == "--label":
            label = arguments.pop(0)
        else:
            patterns.append(word)
    cases = [case_of(section) for path in sorted(glob.glob(os.path.join(HERE, "*.txt")))
             for section in read_sections(path)]
    return runner.Runner(label, verbose).run_all(cases, patterns)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
