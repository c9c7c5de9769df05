"""test_lifecycle.py: start, signals, exit codes, pidfile, daemon, supervision, log."""
import os
import re
import signal
import socket
import subprocess
import tempfile

from harness.resp import Closed, encode, wait_until
from harness.runner import expect, expect_error, test
from harness.server import binary, plain_environment


def run_binary(*arguments, **options):
    return subprocess.run([binary(), *arguments], capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL, env=plain_environment(), **options)


# The command line


@test
def version_and_help(start):
    for flag in ("-v", "--version"):
        said = run_binary(flag)
        expect(said.returncode, 0)
        assert re.search(r"v=\d+\.\d+", said.stdout) or re.search(r"\d+\.\d+\.\d+", said.stdout), said.stdout
        expect(said.stdout.count("\n"), 1)
    for flag in ("-h", "--help"):
        said = run_binary(flag)
        assert "Usage" in said.stdout + said.stderr, said


@test
def directives_on_the_command_line(start):
    server = start(configuration=False, start=False)
    server.arguments = ["--port", str(server.port), "--save", "", "--maxclients", "77", "--bind", "127.0.0.1",
                        "127.0.0.2", "--dir", server.directory]
    server.start()
    expect(server.call("CONFIG", "GET", "maxclients"), [b"maxclients", b"77"])
    expect(server.call("CONFIG", "GET", "bind"), [b"bind", b"127.0.0.1 127.0.0.2"])


@test
def command_line_wins_over_the_file(start):
    server = start("maxclients 10", "timeout 5", arguments=["--maxclients", "77"])
    expect(server.call("CONFIG", "GET", "maxclients"), [b"maxclients", b"77"])
    expect(server.call("CONFIG", "GET", "timeout"), [b"timeout", b"5"])


@test
def configuration_from_standard_input(start):
    server = start(configuration=False, start=False)
    server.standard_input = f"port {server.port}\nbind 127.0.0.1\nmaxclients 55\nsave \"\"\ndir {server.directory}\n"
    server.arguments = ["-", "--timeout", "9"]
    server.start()
    expect(server.call("CONFIG", "GET", "maxclients"), [b"maxclients", b"55"])
    expect(server.call("CONFIG", "GET", "timeout"), [b"timeout", b"9"])


# Signals and exit codes


@test
def sigterm_and_sigint_end_it_with_0(start):
    for number in (signal.SIGTERM, signal.SIGINT):
        server = start()
        with server.connect() as connection:
            expect(connection.call("SET", "k", "v"), "OK")
            expect(server.stop(number), 0)
            expect(connection.read_until_closed(), b"")
        assert "ready to exit, bye bye" in server.log(), server.log()


@test
def signal_names_are_logged(start):
    server = start()
    server.stop(signal.SIGTERM)
    assert "Received SIGTERM" in server.log(), server.log()
    server = start()
    server.stop(signal.SIGINT)
    assert "Received SIGINT" in server.log(), server.log()


@test
def second_sigint_ends_it_at_once(start):
    """The first asks politely; a person who presses Ctrl-C twice means it."""
    server = start()
    with server.connect() as connection:
        connection.send(encode("DEBUG", "SLEEP", "3"))
        os.kill(server.pid, signal.SIGINT)
        wait_until(lambda: "Received SIGINT" in server.log() or not server.is_alive(), 10, "the first signal")
        if server.is_alive():
            os.kill(server.pid, signal.SIGINT)
        assert server.wait_exit() is not None


@test
def sighup_and_sigpipe_do_not_end_it(start):
    server = start()
    for number in (signal.SIGHUP, signal.SIGPIPE):
        os.kill(server.pid, number)
        expect(server.call("PING"), "PONG")


@test
def shutdown_nosave(start):
    server = start()
    with server.connect() as connection:
        connection.send(encode("SHUTDOWN", "NOSAVE"))
        expect(connection.read_until_closed(), b"")
    expect(server.wait_exit(), 0)


@test
def shutdown_now_force(start):
    for arguments in (["NOW"], ["NOW", "FORCE"], ["NOSAVE", "NOW"], []):
        server = start()
        with server.connect() as connection:
            connection.send(encode("SHUTDOWN", *arguments))
            expect(connection.read_until_closed(), b"")
        expect(server.wait_exit(), 0)


@test
def shutdown_refuses_nonsense(start):
    server = start()
    with server.connect() as connection:
        expect_error(connection.call("SHUTDOWN", "NOSUCH"), "ERR syntax error")
        expect_error(connection.call("SHUTDOWN", "SAVE", "NOSAVE"), "ERR syntax error")
        expect_error(connection.call("SHUTDOWN", "ABORT"), "ERR No shutdown in progress.")
        expect_error(connection.call("SHUTDOWN", "ABORT", "NOSAVE"), "ERR syntax error")
        expect(connection.call("PING"), "PONG")


@test(on="martlet")
def replies_are_flushed_before_the_end(start):
    """What was executed before SHUTDOWN is answered. (Redis and Valkey drop what they have not yet written.)"""
    server = start()
    with server.connect() as connection:
        connection.send(encode("SET", "k", "v") * 1000 + encode("SHUTDOWN", "NOSAVE"))
        expect(connection.read_until_closed(), b"+OK\r\n" * 1000)
    expect(server.wait_exit(), 0)


@test
def restart_on_the_same_port(start):
    """The port is free again the moment the server is gone, connected clients or not."""
    server = start()
    for _ in range(3):
        connection = server.connect()
        expect(connection.call("PING"), "PONG")
        server.restart()
        connection.close()
    expect(server.call("PING"), "PONG")


# Pidfile, daemon, supervision


@test
def pidfile_is_written_and_removed(start):
    server = start("pidfile server.pid")
    path = os.path.join(server.directory, "server.pid")
    if not os.path.exists(path):  # relative to the directory from which it was started, or to `dir`
        raise AssertionError("no pidfile")
    with open(path) as file:
        expect(int(file.read()), int(server.info("server")["process_id"]))
    server.stop()
    assert not os.path.exists(path)


@test
def daemonize(start):
    server = start("daemonize yes", start=False)
    pidfile = os.path.join(server.directory, "server.pid")
    server.lines += [f"pidfile {pidfile}", f"logfile {server.directory}/daemon.log"]
    server.start(wait=False)
    expect(server.wait_exit(), 0, "the process that was started ends when the daemon is on its way")
    wait_until(lambda: os.path.exists(pidfile) and open(pidfile).read().strip(), 20, "the pidfile")
    with open(pidfile) as file:
        daemon = int(file.read())
    try:
        def ready():
            path = f"{server.directory}/daemon.log"
            return os.path.exists(path) and "eady to accept connections" in open(path).read()
        wait_until(ready, 20, "the log line")
        expect(int(server.info("server")["process_id"]), daemon)
        expect(os.getsid(daemon) != os.getsid(0), True, "a session of its own")
    finally:
        os.kill(daemon, signal.SIGTERM)
    wait_until(lambda: not os.path.exists(f"/proc/{daemon}") or is_zombie(daemon), 20, "the daemon's end")


def is_zombie(process):
    with open(f"/proc/{process}/stat") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0] == "Z"


class Supervisor:
    """The listening end of sd_notify."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="martlet-notify-")
        self.path = os.path.join(self.directory, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(60)
        self.heard = []

    def wait_for(self, line):
        while line not in self.heard:
            self.heard += self.socket.recv(4096).decode().splitlines()

    def close(self):
        self.socket.close()
        os.unlink(self.path)
        os.rmdir(self.directory)


@test(on="martlet")
def systemd_is_notified(start):
    supervisor = Supervisor()
    try:
        for mode in ("systemd", "auto"):
            server = start(f"supervised {mode}", environment={"NOTIFY_SOCKET": supervisor.path})
            supervisor.wait_for("READY=1")
            assert any(line.startswith("STATUS=") for line in supervisor.heard), supervisor.heard
            expect(server.info("server")["process_supervised"], "systemd")
            server.stop()
            supervisor.wait_for("STOPPING=1")
            supervisor.heard.clear()
    finally:
        supervisor.close()


@test
def unsupervised_by_default(start):
    expect(start().info("server")["process_supervised"], "no")


# The log


LINE = re.compile(r"^\d+:[MSCX] \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d\.\d{3} [.\-*#] .+$")


@test
def log_lines_look_as_tools_expect(start):
    """`pid:role day month year time level text`; the banner prints ` PID: <pid>`."""
    server = start("always-show-logo yes", "loglevel verbose")
    server.stop()
    log = server.log()
    assert f" PID: {server.pid}" in log, log
    lines = [line for line in log.splitlines() if re.match(r"^\d+:[A-Z] ", line)]
    assert len(lines) >= 4, log
    for line in lines:
        assert LINE.match(line), line
        assert line.startswith(f"{server.pid}:"), line
    assert re.search(r"Ready to accept connections", log), log


@test
def logfile_is_used_and_reopened(start):
    """A log that was moved away is written anew: logrotate needs no signal."""
    server = start("logfile server.log", start=False)
    server.start(wait=False)
    path = os.path.join(server.directory, "server.log")
    wait_until(lambda: os.path.exists(path) and "eady to accept" in open(path).read(), 20, "the log file")
    os.rename(path, path + ".1")
    server.stop()
    with open(path) as log:
        assert "bye bye" in log.read()
    assert "eady to accept" not in server.log(), "the log also went to standard output"


@test
def log_level_limits_what_is_written(start):
    quiet = start("loglevel warning", start=False)
    quiet.start(wait=False)
    with_retry(quiet)
    with quiet.connect() as connection:
        connection.call("PING")
    assert "Accepted" not in quiet.log()
    quiet.stop()
    assert "eady to accept" not in quiet.log(), quiet.log()
    loud = start("loglevel verbose")
    with loud.connect() as connection:
        connection.call("PING")
    loud.wait_for_log("Accepted 127.0.0.1:")
    expect(loud.call("CONFIG", "SET", "loglevel", "warning"), "OK")


def with_retry(server):
    """Until it answers: for a server whose log says nothing."""
    def answers():
        try:
            return server.call("PING") == "PONG"
        except (ConnectionRefusedError, Closed):
            return False
    wait_until(answers, 20, "an answer")


@test
def debug_log_writes_a_line(start):
    """Tests of other projects mark their place in our log with it."""
    server = start()
    expect(server.call("DEBUG", "LOG", "a message for the log"), "OK")
    server.wait_for_log("DEBUG LOG: a message for the log")


@test(on="martlet")
def start_says_what_one_wants_to_know(start):
    """Version, I/O engine and why, and which directives are not yet in effect."""
    server = start("activedefrag no", "appendonly no")
    log = server.log()
    assert re.search(r"engine.*(io_uring|epoll)", log, re.IGNORECASE), log
    info = server.info("server")
    for field in ("martlet_version", "redis_version", "server_name", "io_engine", "io_engine_reason",
                  "multiplexing_api"):
        assert info.get(field), f"INFO server lacks {field}"
    expect(info["redis_version"], "7.2.4")
    expect(info["server_name"], "martlet")
