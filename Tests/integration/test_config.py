"""test_config.py: configuration files, good and bad, and CONFIG REWRITE."""
import os

from harness.resp import Error, wait_until
from harness.runner import expect, expect_error, skip, test
from harness.server import READY, Server


def write(server, name, text):
    path = os.path.join(server.directory, name)
    with open(path, "w") as file:
        file.write(text)
    return path


def refused(start, *lines, **options):
    """Starts a server that must not start; its log."""
    server = start(*lines, start=False, **options)
    server.start(wait=False)
    assert server.wait_exit() != 0, "it ended with 0"
    return server.log()


# Grammar


@test
def grammar_of_a_configuration_file(start):
    server = start(
        "# a comment",
        "",
        "   timeout    7   ",
        "TCP-KEEPALIVE 42",
        'requirepass "a \\"quoted\\" word\\x21"',
        "maxmemory 100mb",
        "maxmemory-policy allkeys-lru",
        "client-output-buffer-limit pubsub 1mb 2mb 3",
        'unixsocketperm 700',
        "\ttcp-backlog\t99",
    )
    with server.connect() as connection:
        expect(connection.call("AUTH", 'a "quoted" word!'), "OK")
        for name, value in (("timeout", b"7"), ("tcp-keepalive", b"42"), ("maxmemory", b"104857600"),
                            ("maxmemory-policy", b"allkeys-lru"), ("tcp-backlog", b"99")):
            expect(connection.call("CONFIG", "GET", name), [name.encode(), value])
        limits = connection.call("CONFIG", "GET", "client-output-buffer-limit")[1]
        assert limits.endswith(b"pubsub 1048576 2097152 3"), limits


@test
def single_quotes_and_escapes(start):
    server = start("requirepass 'it\\'s \"so\"'")
    with server.connect() as connection:
        expect(connection.call("AUTH", "it's \"so\""), "OK")


@test
def later_lines_win(start):
    server = start("timeout 5", "timeout 6")
    expect(server.call("CONFIG", "GET", "timeout"), [b"timeout", b"6"])


@test
def save_lines_add_up(start):
    server = start("save 900 1", "save 300 10")
    expect(server.call("CONFIG", "GET", "save"), [b"save", b"900 1 300 10"])


@test
def include_reads_other_files(start):
    server = start(start=False)
    first = write(server, "first.conf", "timeout 11\ntcp-keepalive 12\n")
    for name, text in (("a.part", "maxclients 21\n"), ("b.part", "tcp-backlog 22\n")):
        write(server, name, text)
    server.lines += [f"include {first}", f"include {server.directory}/*.part", "tcp-keepalive 13"]
    server.start()
    for name, value in (("timeout", b"11"), ("tcp-keepalive", b"13"), ("maxclients", b"21"), ("tcp-backlog", b"22")):
        expect(server.call("CONFIG", "GET", name), [name.encode(), value])


@test
def stock_files_start_the_server(start):
    """Debian's redis.conf, unchanged but for where it listens and writes."""
    path = "/etc/redis/redis.conf"
    if not os.path.exists(path):
        skip(f"there is no {path}")
    server = start(configuration=False, start=False)
    server.arguments = [path, "--port", str(server.port), "--dir", server.directory, "--daemonize", "no",
                        "--logfile", "", "--pidfile", f"{server.directory}/pid", "--supervised", "no",
                        "--bind", "127.0.0.1"]
    server.start()
    expect(server.call("PING"), "PONG")
    expect(server.call("CONFIG", "GET", "port"), [b"port", str(server.port).encode()])


# What is refused


@test
def unknown_directive_is_refused_with_its_line(start):
    log = refused(start, "timeout 1", "no-such-directive yes")
    assert "no-such-directive yes" in log and "line" in log.lower(), log


@test
def wrong_values_are_refused_with_their_line(start):
    for line in ("timeout abc", "timeout", "timeout 1 2", "port 99999", "maxclients 0", "loglevel loud",
                 "databases 0", "save 1", "appendfsync sometimes", "maxmemory 1xb", "tcp-keepalive -1",
                 "client-output-buffer-limit normal 1 1", "unixsocketperm 999", "daemonize maybe",
                 "maxmemory-policy keep-all", "notify-keyspace-events Q"):
        log = refused(start, line)
        assert line in log, (line, log)


@test
def unterminated_quote_is_refused(start):
    log = refused(start, 'requirepass "abc')
    assert "requirepass" in log or "unbalanced" in log.lower(), log


@test(on="martlet")
def include_loop_is_refused(start):
    """F21: a file that includes itself ends in an error, not in a stack without a bottom."""
    server = start(start=False)
    server.lines.append(f"include {server.config_path}")
    server.start(wait=False)
    assert server.wait_exit() != 0
    assert "include" in server.log(), server.log()[-2000:]


@test(on="martlet")
def very_long_line_is_survived(start):
    """F21: a line of 64 MiB is refused, or read like any other."""
    server = start(start=False)
    server.lines.append("requirepass " + "x" * (64 << 20))
    server.start(wait=False)
    wait_until(lambda: not server.is_alive() or READY in server.log(), 60, "a decision")
    if not server.is_alive():
        code = server.wait_exit()
        assert code > 0, f"ended by signal {-code}"


@test
def missing_file_is_refused(start):
    server = start(configuration=False, arguments=["/nonexistent/server.conf"], start=False)
    server.start(wait=False)
    assert server.wait_exit() != 0
    assert "/nonexistent/server.conf" in server.log(), server.log()


@test
def missing_include_is_refused(start):
    log = refused(start, "include /nonexistent/other.conf")
    assert "/nonexistent/other.conf" in log, log


@test(on="martlet")
def directory_that_is_not_there_is_refused(start):
    log = refused(start, "dir /nonexistent/data")
    assert "/nonexistent/data" in log, log


# Environment


@test(on="martlet")
def environment_sets_directives(start):
    server = start(environment={"MARTLET_MAXCLIENTS": "66", "MARTLET_TCP_KEEPALIVE": "77"})
    expect(server.call("CONFIG", "GET", "maxclients"), [b"maxclients", b"66"])
    expect(server.call("CONFIG", "GET", "tcp-keepalive"), [b"tcp-keepalive", b"77"])


@test(on="martlet")
def environment_with_an_unknown_name_is_refused(start):
    server = start(environment={"MARTLET_NO_SUCH_DIRECTIVE": "1"}, start=False)
    server.start(wait=False)
    assert server.wait_exit() != 0
    assert "MARTLET_NO_SUCH_DIRECTIVE" in server.log(), server.log()


@test(on="martlet")
def command_line_wins_over_the_environment(start):
    server = start(environment={"MARTLET_MAXCLIENTS": "66"}, arguments=["--maxclients", "88"])
    expect(server.call("CONFIG", "GET", "maxclients"), [b"maxclients", b"88"])


# While it runs


@test
def rewrite_keeps_what_was_written_by_hand(start):
    server = start("# a comment that stays", "timeout 5", "maxmemory-policy allkeys-lru", "# the end")
    with server.connect() as connection:
        expect(connection.call("CONFIG", "SET", "timeout", "9", "tcp-keepalive", "123", "maxmemory", "64mb"), "OK")
        expect(connection.call("CONFIG", "REWRITE"), "OK")
    with open(server.config_path) as file:
        text = file.read()
    lines = text.splitlines()
    assert "# a comment that stays" in lines and "# the end" in lines, text
    assert "timeout 9" in lines and "timeout 5" not in lines, text
    assert "tcp-keepalive 123" in lines and "maxmemory 64mb" in lines, text
    assert "maxmemory-policy allkeys-lru" in lines, text
    server.restart()
    expect(server.call("CONFIG", "GET", "timeout"), [b"timeout", b"9"])
    expect(server.call("CONFIG", "GET", "maxmemory"), [b"maxmemory", b"67108864"])


@test
def rewrite_twice_changes_nothing(start):
    server = start("timeout 5")
    expect(server.call("CONFIG", "REWRITE"), "OK")
    with open(server.config_path) as file:
        first = file.read()
    expect(server.call("CONFIG", "REWRITE"), "OK")
    with open(server.config_path) as file:
        expect(file.read().rstrip(), first.rstrip())


@test
def rewrite_of_special_values_can_be_read_again(start):
    server = start()
    password = "pass word \"quoted\" \\ \x01"
    with server.connect() as connection:
        expect(connection.call("CONFIG", "SET", "requirepass", password, "save", "900 1 300 10",
                               "client-output-buffer-limit", "normal 1mb 512kb 7"), "OK")
        connection.call("AUTH", password)
        expect(connection.call("CONFIG", "REWRITE"), "OK")
    server.restart()
    with server.connect() as connection:
        expect(connection.call("AUTH", password), "OK")
        expect(connection.call("CONFIG", "GET", "save"), [b"save", b"900 1 300 10"])
        limits = connection.call("CONFIG", "GET", "client-output-buffer-limit")[1]
        assert limits.startswith(b"normal 1048576 524288 7 "), limits


@test
def rewrite_without_a_file_is_an_error(start):
    server = start(configuration=False, start=False)
    server.arguments = ["--port", str(server.port), "--save", "", "--dir", server.directory]
    server.start()
    expect_error(server.call("CONFIG", "REWRITE"), "ERR The server is running without a config file")


@test
def every_parameter_can_be_asked_for(server):
    """CONFIG GET * names each once, sorted or not, with a string for a value."""
    reply = server.call("CONFIG", "GET", "*")
    names = reply[0::2]
    expect(len(names), len(set(names)))
    assert len(names) > 100, len(names)
    assert all(isinstance(value, bytes) for value in reply), reply


@test(on="martlet")
def parameters_of_redis_are_known(server):
    """Every parameter of redis-server 7.0 is known, so that its files start this server."""
    oracle_path = "/usr/bin/redis-server"
    if not os.path.exists(oracle_path):
        skip("no redis-server to ask")
    oracle = Server(path=oracle_path)
    try:
        wanted = set(oracle.call("CONFIG", "GET", "*")[0::2])
    finally:
        oracle.destroy()
    known = set(server.call("CONFIG", "GET", "*")[0::2])
    expect([name.decode() for name in sorted(wanted - known)], [])


@test
def setting_every_parameter_to_its_own_value_is_accepted(server):
    """CONFIG SET name (CONFIG GET name) never fails, except for what cannot be changed while running."""
    with server.connect() as connection:
        reply = connection.call("CONFIG", "GET", "*")
        for name, value in zip(reply[0::2], reply[1::2]):
            answer = connection.call("CONFIG", "SET", name, value)
            if isinstance(answer, Error):
                allowed = ("immutable", "protected config", "requires", "oom-score", "RDMA")
                assert any(word in answer for word in allowed), f"{name}: {answer}"
        expect(connection.call("PING"), "PONG")


@test
def resetstat_clears_the_counters(server):
    with server.connect() as connection:
        connection.call("SET", "k", "v")
        connection.call("GET", "k")
        connection.call("GET", "missing")
        before = server.info("stats")
        assert int(before["keyspace_hits"]) >= 1 and int(before["keyspace_misses"]) >= 1, before
        expect(connection.call("CONFIG", "RESETSTAT"), "OK")
        after = server.info("stats")
        expect(after["keyspace_hits"], "0")
        expect(after["keyspace_misses"], "0")
        assert int(after["total_commands_processed"]) <= 2, after


@test(on="martlet")
def what_has_no_effect_yet_is_listed_at_start(start):
    """A directive whose feature is not there is accepted, and named in the log."""
    server = start("activedefrag no", "oom-score-adj no")
    assert "oom-score-adj" in server.log() or "activedefrag" in server.log(), server.log()
