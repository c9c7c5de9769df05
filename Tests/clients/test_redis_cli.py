"""test_redis_cli.py: redis-cli of Debian, as a person and as a script."""
import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import termios
import time

from harness.resp import encode
from harness.runner import expect, skip, test


def cli(server, *arguments, feed=None, seconds=60, text=True):
    """Runs redis-cli to its end."""
    if shutil.which("redis-cli") is None:
        skip("redis-cli is not installed")
    return subprocess.run(["redis-cli", "-h", server.host, "-p", str(server.port), *arguments],
                          input=feed, capture_output=True, text=text, timeout=seconds,
                          stdin=subprocess.DEVNULL if feed is None else None)


class Terminal:
    """redis-cli in a pseudo-terminal: what a person sees and types."""

    def __init__(self, server, *arguments):
        if shutil.which("redis-cli") is None:
            skip("redis-cli is not installed")
        self.screen = ""
        self.process, self.master = pty.fork()
        if self.process == 0:
            os.environ.update(TERM="xterm", REDISCLI_HISTFILE="/dev/null", COLUMNS="200")
            # A terminal of no size would be asked for its size by moving the cursor.
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
            os.execvp("redis-cli", ["redis-cli", "-h", server.host, "-p", str(server.port), *arguments])

    def see(self, expression, seconds=20):
        """Waits until the screen shows it; what was matched is taken off the screen."""
        deadline = time.monotonic() + seconds
        while True:
            match = re.search(expression, self.screen, re.DOTALL)
            if match:
                self.screen = self.screen[match.end():]
                return match
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.master], [], [], left)[0]:
                raise AssertionError(f"the screen does not show {expression!r}:\n{self.screen!r}")
            try:
                data = os.read(self.master, 65536)
            except OSError:
                data = b""
            if not data:
                raise AssertionError(f"redis-cli ended; the screen shows {self.screen!r}")
            self.screen += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", data.decode(errors="replace"))

    def type(self, keys):
        os.write(self.master, keys.encode())

    def close(self):
        try:
            os.kill(self.process, signal.SIGTERM)
        except ProcessLookupError:
            pass
        os.waitpid(self.process, 0)
        os.close(self.master)


@test
def single_commands(server):
    for arguments, output in ((("SET", "k", "v"), "OK\n"), (("GET", "k"), "v\n"), (("INCR", "n"), "1\n"),
                              (("GET", "nosuch"), "\n"), (("MGET", "k", "n"), "v\n1\n"), (("PING",), "PONG\n")):
        said = cli(server, *arguments)
        expect((said.returncode, said.stdout, said.stderr), (0, output, ""))
    said = cli(server, "-e", "NOSUCH")
    expect(said.returncode, 1)
    assert "unknown command" in said.stdout + said.stderr
    said = cli(server, "-3", "--json", "MGET", "k", "nosuch")
    expect(said.stdout.strip(), '["v",null]')
    said = cli(server, "-x", "SET", "x", feed="from stdin")
    expect(said.stdout, "OK\n")
    expect(server.call("GET", "x"), b"from stdin")
    said = cli(server, "-n", "5", "SET", "five", "v")
    expect(said.stdout, "OK\n")
    expect(cli(server, "-n", "5", "DBSIZE").stdout, "1\n")
    expect(cli(server, "-r", "3", "INCR", "r").stdout, "1\n2\n3\n")


@test
def commands_from_a_file(server):
    said = cli(server, feed='SET "a b" "x\\ny"\nGET "a b"\nINCR n\nNOSUCH\nMGET n n\n')
    expect(said.stdout, "OK\nx\ny\n1\nERR unknown command 'NOSUCH', with args beginning with: \n\n1\n1\n")


@test
def interactive_session_starts_and_hints(server):
    """redis-cli asks COMMAND DOCS at its start and shows the arguments of what is typed."""
    terminal = Terminal(server)
    try:
        prompt = re.escape(f"{server.host}:{server.port}> ")
        terminal.see(prompt)
        terminal.type("SET k ")
        terminal.see(r"value \[")
        terminal.type("hello\r")
        terminal.see(r"OK\r\n")
        terminal.see(prompt)
        terminal.type("GET k\r")
        terminal.see(r'"hello"\r\n')
        terminal.see(prompt)
        terminal.type("HELP GETEX\r")
        terminal.see(r"summary: ")
        terminal.see(r"group: string")
        terminal.see(prompt)
        terminal.type("select 3\r")
        terminal.see(re.escape(f"{server.host}:{server.port}[3]> "))
        terminal.type("HELLO 3\r")
        terminal.see(r'proto" => \(integer\) 3')
        terminal.type("quit\r")
    finally:
        terminal.close()


@test
def authentication(start):
    server = start("requirepass secret")
    expect(cli(server, "-a", "secret", "--no-auth-warning", "PING").stdout, "PONG\n")
    expect(cli(server, "--user", "default", "--pass", "secret", "--no-auth-warning", "PING").stdout, "PONG\n")
    assert "NOAUTH" in cli(server, "PING").stdout


@test
def scan_mode(server):
    with server.connect() as connection:
        connection.pipeline(*[("SET", f"key:{number}", "v") for number in range(2000)])
    said = cli(server, "--scan")
    expect(len(set(said.stdout.split())), 2000)
    said = cli(server, "--scan", "--pattern", "key:1??")
    expect(len(set(said.stdout.split())), 100)


@test
def big_keys(server):
    with server.connect() as connection:
        connection.pipeline(*[("SET", f"key:{number}", "v" * number) for number in range(500)])
    said = cli(server, "--bigkeys")
    expect((said.returncode, said.stderr), (0, ""))
    assert re.search(r'Biggest string found .*key:499.* has 499 bytes', said.stdout), said.stdout
    assert "500 strings with" in said.stdout, said.stdout


@test
def memory_keys(server):
    with server.connect() as connection:
        connection.pipeline(*[("SET", f"key:{number}", "v" * number * 10) for number in range(100)])
    said = cli(server, "--memkeys")
    expect((said.returncode, said.stderr), (0, ""))
    # Values within one size class of the allocator cost the same: the last dozen are equally big.
    assert re.search(r"Biggest string found .*key:(8[5-9]|9\d)", said.stdout), said.stdout


@test
def hot_keys(start):
    server = start("maxmemory-policy allkeys-lfu")
    with server.connect() as connection:
        connection.pipeline(*[("SET", f"key:{number}", "v") for number in range(50)])
        connection.pipeline(*[("GET", "key:7")] * 5000)
    said = cli(server, "--hotkeys")
    expect(said.returncode, 0)
    assert "key:7" in said.stdout, said.stdout


@test
def mass_insertion(server):
    """--pipe: protocol from standard input, ended by an ECHO of 20 random bytes."""
    commands = b"".join(encode("SET", f"key:{number}", f"value{number}") for number in range(50_000))
    said = cli(server, "--pipe", feed=commands, text=False)
    expect(said.returncode, 0)
    assert b"errors: 0, replies: 50000" in said.stdout, said.stdout
    expect(server.call("DBSIZE"), 50_000)
    said = cli(server, "--pipe", feed=b"SET inline 1\r\nNOSUCH\r\nSET inline 2\r\n", text=False)
    assert b"errors: 1, replies: 3" in said.stdout, said.stdout


def first_lines(server, *arguments, count=3, seconds=20):
    """The first lines that a mode prints which never ends."""
    if shutil.which("redis-cli") is None:
        skip("redis-cli is not installed")
    process = subprocess.Popen(["redis-cli", "-h", server.host, "-p", str(server.port), *arguments],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + seconds
        lines = []
        while len(lines) < count and time.monotonic() < deadline:
            line = process.stdout.readline()
            if not line:
                break
            lines.append(line)
        return lines
    finally:
        process.terminate()
        process.wait()


@test
def stat_mode(server):
    server.call("SET", "k", "v")
    lines = first_lines(server, "--stat", "-i", "0.1", count=4)
    assert "keys" in "".join(lines[:2]) and "clients" in "".join(lines[:2]), lines
    figures = lines[-1].split()
    expect(figures[0], "1")
    assert re.match(r"[\d.]+[BKMG]$", figures[1]), lines


@test
def latency_mode(server):
    said = cli(server, "--latency", "--raw", "-i", "1")
    expect((said.returncode, said.stderr), (0, ""))
    low, high, average, samples = said.stdout.split()
    assert float(low) <= float(average) <= float(high) and int(samples) > 10, said.stdout


@test
def latency_history(server):
    lines = first_lines(server, "--latency-history", "-i", "1", count=1)
    assert lines and re.search(r"\d", lines[0]), lines
