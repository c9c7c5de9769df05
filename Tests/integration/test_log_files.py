"""test_log_files.py: the append-only log on disk: its records, its files, and what a restart makes of them.

The records are compared with those that redis-server writes for the same commands, and the
directories are handed over between the two, in both directions.
"""
import os
import re
import shutil
import signal

from harness.resp import Error, encode, wait_until
from harness.runner import expect, skip, test
from harness.server import parse_info, pause

REDIS = "/usr/bin/redis-server"
LATE = 4_102_444_800_000  # a time to live that no test outlives


def directory(server, name="appendonlydir"):
    return os.path.join(server.directory, name)


def manifest(server, folder="appendonlydir", prefix="appendonly.aof"):
    """[(name, sequence, type)] as the manifest has them."""
    with open(os.path.join(directory(server, folder), prefix + ".manifest")) as file:
        lines = [line.split() for line in file.read().splitlines()]
    return [(words[1], int(words[3]), words[5]) for words in lines]


def files(server):
    return sorted(os.listdir(directory(server)))


def parse_records(data):
    """The commands of a log, without annotations."""
    commands, at = [], 0
    while at < len(data):
        end = data.find(b"\r\n", at)
        head, at = data[at:end], end + 2
        if head.startswith(b"#"):
            continue
        if head.startswith(b"\0"):
            break  # room that is kept ready ahead of a busy log
        assert head.startswith(b"*"), f"no record at {at}: {head[:40]}"
        words = []
        for _ in range(int(head[1:])):
            end = data.index(b"\r\n", at)
            length, at = int(data[at + 1:end]), end + 2
            words.append(data[at:at + length])
            at += length + 2
        commands.append(words)
    return commands


def increments(server):
    """The bytes of all increments, in order."""
    data = b""
    for name, _, kind in manifest(server):
        if kind == "i":
            with open(os.path.join(directory(server), name), "rb") as file:
                data += file.read()
    return data


def records(server):
    return parse_records(increments(server))


def durable(client):
    """Until all that this client has written is on disk."""
    expect(client.call("WAITAOF", 1, 0, 0), [1, 0])


def rewrite(client):
    """BGREWRITEAOF, and until it is done and the files it replaces are gone."""
    before = int(persistence(client)["aof_rewrites"])
    expect(client.call("BGREWRITEAOF").startswith("Background append only file rewriting "), True)
    wait_until(lambda: int(persistence(client)["aof_rewrites"]) > before, 60, "the rewrite")
    wait_until(lambda: persistence(client)["aof_rewrite_in_progress"] == "0", 60, "the end of what follows it")


def persistence(client):
    return parse_info(client.call("INFO", "persistence"))


def fill(client):
    """Strings of many forms in several databases."""
    for database in (0, 3, 15):
        client.call("SELECT", database)
        for number in range(100):
            client.call("SET", f"k{number}", number if number % 3 else "x" * number)
        client.call("SET", "expiring", "v", "PXAT", LATE)
        client.call("SET", b"\x00\xff\r\n\"'", bytes(range(256)) * 20)
        client.call("SET", "", "")
        client.call("SETRANGE", "range", 1000, "x")
        client.call("APPEND", "k6", "more")
        client.call("INCRBYFLOAT", "k1", "0.5")
        client.call("DEL", "k7", "k8")
    client.call("COPY", "k3", "copied", "DB", 0)
    client.call("MOVE", "k4", 1)
    client.call("SWAPDB", 3, 4)
    client.call("SELECT", 0)


def digest(client):
    return client.call("DEBUG", "DIGEST")


# Records


@test(on="martlet")
def records_are_those_of_redis(start):
    """What is relative is logged absolute, what changes nothing is not logged."""
    if not os.path.exists(REDIS):
        skip("there is no redis-server")
    ours = start("appendonly yes", "aof-checksum no", "appendfsync always")
    theirs = start("appendonly yes", "appendfsync always", path=REDIS, deny="")
    payload = ours.call("DUMP", "nothing")
    with theirs.connect() as redis:
        redis.call("SET", "p", "v")
        payload = redis.call("DUMP", "p")
        redis.call("FLUSHALL")
    with ours.connect() as client:
        client.call("FLUSHALL")
    commands = [
        ("SET", "a", "1"), ("set", "b", "2", "ex", "1000"), ("SET", "c", "3", "PX", "1000000"), ("SET", "d", "4", "PXAT", LATE),
        ("SET", "e", "5", "EXAT", LATE // 1000), ("SET", "a", "6", "KEEPTTL"), ("SET", "a", "7", "NX"), ("SET", "a", "8", "XX"),
        ("SET", "a", "9", "GET"), ("SET", "b", "10", "XX", "GET", "EX", 1000), ("SETEX", "f", 1000, "v"), ("PSETEX", "g", 1_000_000, "v"), ("SETNX", "a", 1),
        ("SETNX", "h", 1), ("MSET", "i", 1, "j", 2), ("MSETNX", "i", 1, "k", 2), ("MSETNX", "k", 1, "l", 2), ("APPEND", "a", "x"),
        ("INCR", "n"), ("DECRBY", "n", 5), ("INCRBYFLOAT", "n", "1.5"), ("SETRANGE", "r", 5, "x"), ("SETRANGE", "r", 0, ""),
        ("GETSET", "a", "z"), ("GETDEL", "h"), ("GETDEL", "h"), ("GETEX", "b", "PERSIST"), ("GETEX", "b", "PERSIST"),
        ("GETEX", "a", "EX", 1000), ("GETEX", "a", "PXAT", LATE), ("GETEX", "a"), ("GETEX", "i", "PXAT", 1000),
        ("EXPIRE", "a", 1000), ("PEXPIRE", "a", 1_000_000), ("EXPIREAT", "a", LATE // 1000), ("PEXPIREAT", "a", LATE),
        ("EXPIRE", "a", 1000, "NX"), ("EXPIRE", "missing", 1000), ("EXPIRE", "j", -1), ("PERSIST", "a"), ("PERSIST", "a"),
        ("DEL", "k", "missing"), ("DEL", "missing"), ("UNLINK", "l", "f"), ("RENAME", "a", "a2"), ("RENAMENX", "a2", "b"),
        ("RENAMENX", "a2", "a"), ("COPY", "a", "b"), ("COPY", "a", "b", "REPLACE"), ("COPY", "a", "x", "DB", 3),
        ("MOVE", "a", 3), ("MOVE", "a", 3), ("SETBIT", "bit", 7, 1), ("RESTORE", "p1", 0, payload),
        ("RESTORE", "p2", 1_000_000, payload), ("RESTORE", "p3", LATE, payload, "ABSTTL"), ("RESTORE", "p2", 0, payload, "REPLACE"),
        ("SELECT", 3), ("SET", "a", "1"), ("GET", "a"), ("SWAPDB", 0, 3), ("FLUSHDB",), ("FLUSHDB", "ASYNC"), ("SET", "a", "1"),
        ("FLUSHALL", "SYNC"), ("FLUSHALL",), ("SET", "a"), ("INCR", "a"), ("SET", "t", "text"), ("INCR", "t"), ("TOUCH", "t"),
        ("SELECT", 0), ("SET", "last", "1"),
    ]
    with ours.connect() as client, theirs.connect() as redis:
        known = [command for command in commands if client.call("COMMAND", "INFO", command[0])[0] is not None]
        ours_logged, theirs_logged = [], []
        for command in known:
            for connection, server, logged in ((client, ours, ours_logged), (redis, theirs, theirs_logged)):
                expect(connection.call("DEBUG", "SLEEP", 0), "OK")
                before = len(increments(server))
                connection.call(*command)
                if server is ours:
                    durable(connection)
                logged.append(parse_records(increments(server)[before:]))

    def plain(words):
        words = [words[0].upper(), *words[1:]]
        return [re.sub(rb"^1[5-9]\d{11}$", b"<now>", word) for word in words]

    differences = []
    for command, our, their in zip(known, ours_logged, theirs_logged):
        # SELECT is each server's own affair: when it goes into the log it goes before what needs it.
        our, their = ([plain(words) for words in each if words[0].upper() != b"SELECT"] for each in (our, their))
        if our != their:
            differences.append(f"{command}: {our}, redis {their}")
    expect("\n".join(differences), "")


@test(on="martlet")
def expired_keys_leave_deletions(start):
    server = start("appendonly yes")
    with server.connect() as client:
        client.call("DEBUG", "SET-ACTIVE-EXPIRE", 0)
        client.call("SET", "lazy", "v", "PX", 1)
        pause(0.01)
        expect(client.call("GET", "lazy"), None)
        client.call("SET", "lazy", "again")
        client.call("SET", "active", "v", "PX", 1)
        client.call("DEBUG", "SET-ACTIVE-EXPIRE", 1)
        wait_until(lambda: int(parse_info(client.call("INFO", "stats"))["expired_keys"]) == 2, 20, "the sweep")
        client.call("SET", "after", "1")
        durable(client)
        logged = [(words[0].upper(), words[1]) for words in records(server) if words[0].upper() != b"SELECT"]
        expect([(b"DEL" if name == b"UNLINK" else name, key) for name, key in logged],
               [(b"SET", b"lazy"), (b"DEL", b"lazy"), (b"SET", b"lazy"), (b"SET", b"active"), (b"DEL", b"active"), (b"SET", b"after")])
    server.restart()
    expect(server.call("MGET", "lazy", "active"), [b"again", None])


@test(on="martlet")
def keys_that_expire_while_the_server_is_down(start):
    server = start("appendonly yes", "appendfsync always")
    with server.connect() as client:
        client.call("DEBUG", "SET-ACTIVE-EXPIRE", 0)
        client.call("SET", "short", "v", "PX", 1)
        client.call("SET", "long", "v", "PXAT", LATE)
    server.restart(signal.SIGKILL)
    with server.connect() as client:
        expect(client.call("GET", "short"), None)
        expect(client.call("PEXPIRETIME", "long"), LATE)


@test(on="martlet")
def a_renamed_command_is_logged_by_its_own_name(start):
    server = start("appendonly yes", "appendfsync always", "rename-command SET store", 'rename-command APPEND ""')
    with server.connect() as client:
        expect(client.call("store", "k", "v"), "OK")
        expect(client.call("STORE", "l", "w", "EX", 1000), "OK")
        expect([words[0].upper() for words in records(server)], [b"SELECT", b"SET", b"SET"])
    # What the log says is understood whatever names are in force.
    for lines in (["rename-command SET store"], [], ['rename-command SET ""']):
        server.stop()
        os.unlink(server.config_path)
        os.unlink(server.log_path)
        server.lines = ["appendonly yes", "appendfsync always", *lines]
        server.start()
        expect(server.call("GET", "k"), b"v", lines)
        expect(server.call("TTL", "l") > 900, True, lines)


# Restarts


@test(on="martlet")
def every_form_of_log_brings_the_data_back(start):
    for lines in (
        [], ["aof-checksum no"], ["aof-use-rdb-preamble no"], ["aof-timestamp-enabled yes"],
        ["aof-checksum no", "aof-use-rdb-preamble no", "aof-timestamp-enabled yes"], ["rdbcompression no", "rdbchecksum no"],
        ["aof-rewrite-incremental-fsync no"], ["appendfsync always"], ["appendfsync no"],
    ):
        server = start("appendonly yes", *lines)
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
            with server.connect() as client:
                fill(client)
                durable(client)
                before = digest(client)
            server.restart(number)
            with server.connect() as client:
                expect(digest(client), before, (lines, "records"))
                rewrite(client)
                expect(digest(client), before, (lines, "the rewrite changed the data"))
            server.restart(number)
            with server.connect() as client:
                expect(digest(client), before, (lines, "a base"))


@test(on="martlet")
def the_base_is_of_the_form_that_is_asked_for(start):
    for preamble, suffix, magic in (("yes", "rdb", b"REDIS"), ("no", "aof", b"*")):
        server = start("appendonly yes", f"aof-use-rdb-preamble {preamble}")
        with server.connect() as client:
            fill(client)
            rewrite(client)
            name = next(name for name, _, kind in manifest(server) if kind == "b")
            expect(name.endswith(f".base.{suffix}"), True, name)
            with open(os.path.join(directory(server), name), "rb") as file:
                data = file.read()
            expect(data.startswith(magic), True, data[:20])
            if preamble == "yes":
                expect(b"aof-base" in data[:200], True)


@test(on="martlet")
def times_are_noted(start):
    server = start("appendonly yes", "aof-timestamp-enabled yes")
    with server.connect() as client:
        for number in range(10):
            client.call("SET", "k", number)
        durable(client)
        data = increments(server)
    stamps = [int(stamp) for stamp in re.findall(rb"#TS:(\d+)\r\n", data)]
    expect(1 <= len(stamps) <= 10, True, stamps)
    expect(stamps, sorted(set(stamps)))
    expect(data.index(b"#TS:") < data.index(b"*3"), True)
    server.restart()
    expect(server.call("GET", "k"), b"9")
    plain = start("appendonly yes")
    plain.call("SET", "k", "v")
    expect(b"#TS" in increments(plain), False)


@test(on="martlet")
def without_checksums_the_log_is_plain(start):
    server = start("appendonly yes", "aof-checksum no", "appendfsync always")
    with server.connect() as client:
        client.call("SET", "k", "v")
        client.call("SET", "k", "w")
    expect(increments(server), encode("SELECT", 0) + encode("SET", "k", "v") + encode("SET", "k", "w"))
    server.restart()
    expect(server.call("GET", "k"), b"w")


@test(on="martlet", limit=300)
def large_values_through_the_log(start):
    server = start("appendonly yes", "appendfsync always")
    sizes = (1 << 20, (1 << 20) + 1, 100 << 20)
    with server.connect(timeout=60.0) as client:
        for size in sizes:
            expect(client.call("SET", f"random{size}", os.urandom(1 << 20) * (size >> 20) + b"x" * (size & 1)), "OK")
            expect(client.call("SET", f"same{size}", b"a" * size), "OK")
        client.call("APPEND", f"same{sizes[-1]}", "end")
        before = digest(client)
    server.restart(signal.SIGKILL)
    with server.connect(timeout=60.0) as client:
        expect(digest(client), before)
        rewrite(client)
        expect(client.call("SET", "after", "1"), "OK")
        before = digest(client)
    server.restart(signal.SIGKILL)
    with server.connect(timeout=60.0) as client:
        expect(digest(client), before)
        expect(client.call("STRLEN", f"same{sizes[-1]}"), sizes[-1] + 3)


# Rewrites


@test(on="martlet")
def the_manifest_after_rewrites(start):
    server = start("appendonly yes")
    expect(manifest(server), [("appendonly.aof.1.base.rdb", 1, "b"), ("appendonly.aof.1.incr.aof", 1, "i")])
    expect(files(server), ["appendonly.aof.1.base.rdb", "appendonly.aof.1.incr.aof", "appendonly.aof.manifest"])
    with server.connect() as client:
        for turn in range(2, 6):
            client.call("SET", "k", turn)
            rewrite(client)
            wanted = [(f"appendonly.aof.{turn}.base.rdb", turn, "b"), (f"appendonly.aof.{turn}.incr.aof", turn, "i")]
            wait_until(lambda: manifest(server) == wanted, 20, f"the manifest {wanted}, it is {manifest(server)}")
            wait_until(lambda: files(server) == [wanted[0][0], wanted[1][0], "appendonly.aof.manifest"], 20, f"{files(server)}")
        leftovers = [name for name in os.listdir(server.directory) if "temp" in name]
        expect(leftovers, [])
        expect(client.call("GET", "k"), b"5")


@test(on="martlet")
def replaced_files_are_kept_if_asked(start):
    server = start("appendonly yes", "aof-disable-auto-gc yes")
    with server.connect() as client:
        client.call("SET", "k", "v")
        rewrite(client)
        wanted = {(2, "b"), (1, "h"), (2, "i")}
        wait_until(lambda: {(sequence, kind) for _, sequence, kind in manifest(server)} == wanted, 20, f"{wanted}")
        wait_until(lambda: len(files(server)) == 5, 20, "five files")
        expect(client.call("CONFIG", "SET", "aof-disable-auto-gc", "no"), "OK")
        rewrite(client)
        wait_until(lambda: len(files(server)) == 3, 20, f"three files, there are {files(server)}")
    server.restart()
    expect(server.call("GET", "k"), b"v")


@test(on="martlet")
def the_log_has_the_names_it_is_given(start):
    server = start("appendonly yes", 'appendfilename "my log.aof"', 'appenddirname "the logs"')
    with server.connect() as client:
        client.call("SET", "k", "v")
        rewrite(client)
    expect("my log.aof.manifest" in os.listdir(directory(server, "the logs")), True)
    server.restart()
    expect(server.call("GET", "k"), b"v")


@test(on="martlet")
def rewrites_under_load(start):
    for policy in ("always", "everysec"):
        server = start("appendonly yes", f"appendfsync {policy}")
        with server.connect() as writer, server.connect() as operator:
            operator.call("DEBUG", "POPULATE", 50_000, "old", 20)
            sent, rewrites = 0, 0
            while rewrites < 5:
                if persistence(operator)["aof_rewrite_in_progress"] == "0":
                    operator.call("BGREWRITEAOF")
                writer.pipeline(*(("INCR", f"n{number % 97}") for number in range(sent, sent + 500)),
                                ("DEL", f"old:{rewrites}"), ("SET", f"old:{rewrites + 100}", "x" * 3000), ("FLUSHDB",) if sent == 1500 else ("PING",))
                sent += 500
                rewrites = int(persistence(operator)["aof_rewrites"])
            durable(writer)
            before = digest(operator)
        server.restart(signal.SIGKILL)
        with server.connect() as client:
            expect(digest(client), before, policy)


@test(on="martlet")
def the_log_is_rewritten_when_it_has_grown(start):
    server = start("appendonly yes", "auto-aof-rewrite-min-size 100kb", "auto-aof-rewrite-percentage 100")
    with server.connect() as client:
        for number in range(300):
            client.call("SET", "k", b"x" * 1000)
        wait_until(lambda: int(persistence(client)["aof_rewrites"]) >= 1, 20, "a rewrite")
        # What came while the base was written is behind it, and may be most of it.
        expect(int(persistence(client)["aof_current_size"]) < 300_000, True, "less than all that was written")
    assert "Starting automatic rewriting of AOF on" in server.log(), server.log()


@test(on="martlet")
def a_rewrite_needs_no_child(start):
    server = start("appendonly yes")
    with server.connect() as client:
        client.call("DEBUG", "POPULATE", 100_000, "k", 100)
        expect(client.pipeline(("BGREWRITEAOF",), ("SET", "k", "v"))[1], "OK")
        while persistence(client)["aof_rewrite_in_progress"] == "1":
            expect(children(server), [])
        expect(parse_info(client.call("INFO", "stats"))["total_forks"], "0")


def children(server):
    found = []
    for task in os.listdir(f"/proc/{server.pid}/task"):
        try:
            with open(f"/proc/{server.pid}/task/{task}/children") as file:
                found += file.read().split()
        except FileNotFoundError:
            pass
    return found


@test
def rewrites_answer_as_redis(start):
    server = start("appendonly yes")
    with server.connect() as client:
        client.call("DEBUG", "POPULATE", 100_000, "k", 100)
        first, second, save, scheduled = client.pipeline(("BGREWRITEAOF",), ("BGREWRITEAOF",), ("BGSAVE",), ("BGSAVE", "SCHEDULE"))
        expect(first, "Background append only file rewriting started")
        expect(second, "ERR Background append only file rewriting already in progress")
        expect(save, "ERR Another child process is active (AOF?): can't BGSAVE right now. "
                     "Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible.")
        expect((isinstance(second, Error), isinstance(save, Error)), (True, True))
        expect(scheduled, "Background saving scheduled")
        wait_until(lambda: int(persistence(client)["rdb_saves"]) == 1, 30, "the scheduled save")
        wait_until(lambda: persistence(client)["rdb_bgsave_in_progress"] == "0", 30, "its end")
        # In one request: the save may be over before another one comes.
        save, scheduled, info = client.pipeline(("BGSAVE",), ("BGREWRITEAOF",), ("INFO", "persistence"))
        expect(save, "Background saving started")
        expect(scheduled, "Background append only file rewriting scheduled")
        expect(parse_info(info)["aof_rewrite_scheduled"], "1")
        wait_until(lambda: int(persistence(client)["aof_rewrites"]) == 2, 30, "the scheduled rewrite")


# On and off


@test(on="martlet")
def the_log_is_turned_on_and_off_with_data(start):
    server = start()
    with server.connect() as client:
        fill(client)
        expect(os.path.exists(directory(server)), False)
        expect(client.call("CONFIG", "SET", "appendonly", "yes"), "OK")
        client.call("SET", "during", "1")
        wait_until(lambda: persistence(client)["aof_rewrite_in_progress"] == "0", 30, "the first base")
        client.call("SET", "after", "1")
        durable(client)
        expect(persistence(client)["aof_enabled"], "1")
        expect(client.call("CONFIG", "REWRITE"), "OK")
        before = digest(client)
    server.restart(signal.SIGKILL)
    with server.connect() as client:
        expect(digest(client), before)
        for turn in range(5):
            expect(client.call("CONFIG", "SET", "appendonly", "no"), "OK")
            client.call("SET", "off", turn)
            expect(client.call("CONFIG", "SET", "appendonly", "yes"), "OK")
            client.call("SET", "on", turn)
        wait_until(lambda: persistence(client)["aof_rewrite_in_progress"] == "0", 30, "the base")
        durable(client)
        before = digest(client)
    server.restart(signal.SIGKILL)
    with server.connect() as client:
        expect(client.call("MGET", "off", "on"), [b"4", b"4"])
        expect(digest(client), before)


@test(on="martlet")
def a_log_that_is_off_is_not_written(start):
    server = start("appendonly yes")
    with server.connect() as client:
        client.call("SET", "k", "v")
        expect(client.call("CONFIG", "SET", "appendonly", "no"), "OK")
        wait_until(lambda: persistence(client)["aof_enabled"] == "0", 20, "the end of the log")
        size = len(increments(server))
        client.call("SET", "k", "w")
        expect(len(increments(server)), size)
        fields = persistence(client)
        expect([name for name in fields if name in ("aof_current_size", "aof_base_size", "held_replies")], [])


@test(on="martlet")
def a_snapshot_becomes_the_first_base(start):
    """appendonly yes over a dump.rdb and no log: the data are kept, and are in the log from then on."""
    server = start()
    with server.connect() as client:
        fill(client)
        before = digest(client)
        expect(client.call("SAVE"), "OK")
    server.stop()
    server.lines = ["appendonly yes"]
    os.unlink(server.config_path)
    server.restart()
    with server.connect() as client:
        expect(digest(client), before)
        wait_until(lambda: persistence(client)["aof_rewrite_in_progress"] == "0", 20, "the base")
        client.call("SET", "after", "1")
        durable(client)
        before = digest(client)
    os.unlink(os.path.join(server.directory, "dump.rdb"))
    server.restart(signal.SIGKILL)
    with server.connect() as client:
        expect(digest(client), before)


@test(on="martlet")
def the_log_wins_over_the_snapshot(start):
    server = start("appendonly yes")
    with server.connect() as client:
        client.call("SET", "k", "old")
        expect(client.call("SAVE"), "OK")
        client.call("SET", "k", "new")
        durable(client)
    server.restart(signal.SIGKILL)
    expect(server.call("GET", "k"), b"new")


@test(on="martlet valkey")
def waitaof_while_the_first_base_is_written(start):
    """Nothing that a restart would find is on disk before the base is: whoever waits for the disk waits for it."""
    server = start()
    with server.connect() as client, server.connect() as observer:
        client.call("DEBUG", "POPULATE", 300_000, "k", 100)
        client.send(encode("CONFIG", "SET", "appendonly", "yes") + encode("SET", "k", "v") + encode("WAITAOF", 1, 0, 0))
        expect(client.read_replies(3), ["OK", "OK", [1, 0]])
        wait_until(lambda: persistence(observer)["aof_rewrite_in_progress"] == "0", 20, "the end of the rewrite")
        expect([kind for _, _, kind in manifest(server) if kind != "h"], ["b", "i"])
        expect(client.call("CONFIG", "REWRITE"), "OK")
    server.restart(signal.SIGKILL)
    expect(server.call("MGET", "k", "k:5") != [None, None], True)


@test
def a_scheduled_rewrite_needs_no_log(start):
    server = start()
    with server.connect() as client:
        client.call("DEBUG", "POPULATE", 100_000)
        expect(client.pipeline(("BGSAVE",), ("BGREWRITEAOF",)),
               ["Background saving started", "Background append only file rewriting scheduled"])
        wait_until(lambda: persistence(client)["aof_rewrite_scheduled"] == "0", 20, "the rewrite's turn")


@test(on="martlet")
def the_log_is_turned_on_while_a_snapshot_ends(start):
    """Whatever moment it is: the end of one job is not taken for that of the next."""
    server = start()
    with server.connect() as client:
        client.call("SET", "k", "v")
        for turn in range(60):
            expect(client.call("BGSAVE"), "Background saving started")
            pause(turn % 12 * 0.0005)
            expect(client.call("CONFIG", "SET", "appendonly", "yes"), "OK")
            wait_until(lambda: persistence(client).get("aof_pending_rewrite") == "0", 20, f"the log, turn {turn}")
            expect(client.call("CONFIG", "SET", "appendonly", "no"), "OK")
            wait_until(lambda: persistence(client)["aof_enabled"] == "0", 20, "the end of the log")
            wait_until(lambda: persistence(client)["rdb_bgsave_in_progress"] == "0", 20, "the snapshot")


@test(on="martlet")
def a_save_after_a_rewrite_that_was_given_up(start):
    server = start("appendonly yes")
    with server.connect() as client:
        client.call("SET", "k", "v")
        for turn in range(60):
            client.call("BGREWRITEAOF")
            pause(turn % 12 * 0.001)
            expect(client.call("CONFIG", "SET", "appendonly", "no"), "OK")
            reply = client.call("SAVE")
            expect(reply == "OK" or reply.startswith("ERR Another child process is active"), True, reply)
            expect(client.call("CONFIG", "SET", "appendonly", "yes"), "OK")
            wait_until(lambda: persistence(client).get("aof_pending_rewrite") == "0", 20, f"the log, turn {turn}")


# Logs of others


@test(on="martlet")
def old_logs_of_one_file_are_taken_over(start):
    log = encode("SELECT", 2) + b"".join(encode("SET", f"k{number}", number) for number in range(100))
    made = start()
    with made.connect() as client:
        client.call("SELECT", 2)
        for number in range(50):
            client.call("SET", f"old{number}", number)
        client.call("SAVE")
    with open(os.path.join(made.directory, "dump.rdb"), "rb") as file:
        preamble = file.read()
    for what, data, count in (("records", log, 100), ("a snapshot and records", preamble + log, 150), ("a snapshot", preamble, 50)):
        server = start("appendonly yes", start=False)
        path = os.path.join(server.directory, "appendonly.aof")
        with open(path, "wb") as file:
            file.write(data)
        server.start()
        with server.connect() as client:
            client.call("SELECT", 2)
            expect(client.call("DBSIZE"), count, what)
            expect(os.path.exists(path), False)
            expect(manifest(server)[0], ("appendonly.aof", 1, "b"))
            client.call("SET", "new", "1")
            durable(client)
        server.restart(signal.SIGKILL)
        with server.connect() as client:
            client.call("SELECT", 2)
            expect(client.call("DBSIZE"), count + 1, what)
            rewrite(client)
            wait_until(lambda: "appendonly.aof" not in files(server), 20, "the old file's end")
        server.restart(signal.SIGKILL)
        with server.connect() as client:
            client.call("SELECT", 2)
            expect(client.call("DBSIZE"), count + 1, what)


@test(on="martlet redis")
def an_interrupted_takeover_is_finished(start):
    """The manifest names the old file, which is still in its old place: as a crash in between leaves it."""
    server = start("appendonly yes", start=False)
    os.mkdir(directory(server))
    with open(os.path.join(directory(server), "appendonly.aof.manifest"), "w") as file:
        file.write("file appendonly.aof seq 1 type b\n")
    with open(os.path.join(server.directory, "appendonly.aof"), "wb") as file:
        file.write(encode("SELECT", 0) + encode("SET", "k", "v"))
    server.start()
    expect(server.call("GET", "k"), b"v")


def values(client):
    """Everything in all databases: {(database, key): (value, expiry)}."""
    found = {}
    for database in range(16):
        client.call("SELECT", database)
        for key in client.call("KEYS", "*"):
            found[database, key] = (client.call("GET", key), client.call("PEXPIRETIME", key))
    client.call("SELECT", 0)
    return found


@test(on="martlet")
def redis_takes_our_log_over_and_gives_it_back(start):
    if not os.path.exists(REDIS):
        skip("there is no redis-server")
    for lines in ([], ["aof-checksum no"], ["aof-use-rdb-preamble no"], ["aof-timestamp-enabled yes"]):
        server = start("appendonly yes", "rdb-version 10", *lines)
        with server.connect() as client:
            fill(client)
            rewrite(client)
            client.call("SET", "after", "the rewrite")
            client.call("SET", "expiring", "v", "PXAT", LATE + 1)
            wanted = values(client)
        server.stop()
        theirs = start("appendonly yes", path=REDIS, deny="", start=False)
        shutil.copytree(directory(server), directory(theirs))
        theirs.start()
        with theirs.connect() as redis:
            expect(values(redis) == wanted, True, lines)
            fill(redis)
            redis.call("BGREWRITEAOF")
            wait_until(lambda: persistence(redis)["aof_rewrite_in_progress"] == "0", 30, "its rewrite")
            redis.call("SET", "theirs", "1", "EX", 1000)
            wanted = values(redis)
        theirs.stop()
        again = start("appendonly yes", *lines, start=False)
        shutil.copytree(directory(theirs), directory(again))
        again.start()
        with again.connect() as client:
            expect(values(client) == wanted, True, lines)
            rewrite(client)
            expect(values(client) == wanted, True, lines)


# Damage


@test(on="martlet")
def a_missing_file_is_fatal(start):
    for kind in ("b", "i"):
        server = start("appendonly yes")
        server.call("SET", "k", "v")
        server.stop()
        name = next(name for name, _, each in manifest(server) if each == kind)
        os.unlink(os.path.join(directory(server), name))
        server.start(wait=False)
        expect(server.wait_exit(), 1)
        assert f"can't open the append log file {name}" in server.log(), server.log()
        os.unlink(server.log_path)  # its last line is an alarm to the harness


@test(on="martlet")
def a_torn_end_is_cut_or_fatal(start):
    for allowed in ("yes", "no"):
        server = start("appendonly yes", f"aof-load-truncated {allowed}", "aof-checksum no")
        with server.connect() as client:
            client.call("SET", "k", "v")
        server.stop()
        path = os.path.join(directory(server), manifest(server)[-1][0])
        size = os.path.getsize(path)
        with open(path, "ab") as file:
            file.write(encode("SET", "torn", "x" * 100)[:-10])
        os.unlink(server.log_path)
        if allowed == "yes":
            server.start()
            expect(server.call("MGET", "k", "torn"), [b"v", None])
            expect(os.path.getsize(path), size)
            expect(server.info("persistence")["aof_dropped_tail_bytes"] != "0", True)
        else:
            server.start(wait=False)
            expect(server.wait_exit(), 1)
            assert "Unexpected end of file" in server.log(), server.log()
            expect(os.path.getsize(path) > size, True, "a server that refuses to start changes nothing")


@test(on="martlet redis")
def a_log_of_nothing_is_a_log(start):
    """A base of commands without keys has no bytes at all."""
    server = start("aof-use-rdb-preamble no", "appendfsync always", 'save ""')
    with server.connect() as client:
        expect(client.call("CONFIG", "SET", "appendonly", "yes"), "OK")
        wait_until(lambda: persistence(client)["aof_rewrite_in_progress"] == "0", 20, "the first base")
        expect(client.call("SET", "k", "v"), "OK")
        rewrite_of(client)
        expect(client.call("FLUSHALL"), "OK")
        rewrite_of(client)
        expect(client.call("SET", "l", "w"), "OK")
        expect(client.call("CONFIG", "REWRITE"), "OK")
    server.restart(signal.SIGKILL)
    expect(server.call("MGET", "k", "l"), [None, b"w"])


def rewrite_of(client):
    """BGREWRITEAOF on any server."""
    expect(client.call("BGREWRITEAOF"), "Background append only file rewriting started")
    wait_until(lambda: persistence(client)["aof_rewrite_in_progress"] == "0", 60, "the rewrite")
    expect(persistence(client)["aof_last_bgrewrite_status"], "ok")


@test(on="martlet redis")
def the_end_waits_for_the_first_base(start):
    """Whoever has turned the log on relies on it: there is no end before it holds the data."""
    server = start('save ""')
    with server.connect() as client:
        client.call("DEBUG", "POPULATE", 20_000, "k", 10)
        client.call("CONFIG", "SET", "rdb-key-save-delay", 60_000)
        expect(client.call("CONFIG", "SET", "appendonly", "yes"), "OK")
        expect(client.call("SHUTDOWN"), Error("ERR Errors trying to SHUTDOWN. Check logs."))
        server.wait_for_log("Writing initial AOF, can't exit")
        server.process.terminate()
        server.wait_for_log("Errors trying to shut down the server")
        expect(client.call("DBSIZE"), 20_000)
        client.call("CONFIG", "SET", "rdb-key-save-delay", 0)
        wait_until(lambda: persistence(client)["aof_rewrite_in_progress"] == "0", 60, "the first base")
        expect(client.call("CONFIG", "REWRITE"), "OK")
    server.restart()
    expect(server.call("DBSIZE"), 20_000)


@test(on="martlet redis")
def an_answered_write_survives_the_process(start):
    """Under every policy: only the machine's end may take what `everysec` and `no` have answered."""
    for policy in ("everysec", "no"):
        server = start("appendonly yes", f"appendfsync {policy}")
        for turn in range(8):
            with server.connect() as client:
                for _ in range(3):
                    client.call("INCR", "count")
                server.restart(signal.SIGKILL)
            expect(server.call("GET", "count"), str(3 * (turn + 1)).encode())


@test(on="martlet")
def batches_after_a_switch_that_failed_go_on_in_number(start):
    """Seals that begin anew in the old file would make a torn end look like damage, and damage like a torn end."""
    for torn in (True, False):
        server = start("appendonly yes")
        with server.connect() as client:
            for number in range(6):
                client.call("SET", f"k{number}", "v")
                durable(client)
            os.mkdir(os.path.join(directory(server), "appendonly.aof.2.incr.aof"))
            client.call("BGREWRITEAOF")
            wait_until(lambda: persistence(client)["aof_last_bgrewrite_status"] == "err", 20, "the failure")
            for number in range(6, 12):
                client.call("SET", f"k{number}", "v")
                durable(client)
        server.stop(signal.SIGKILL)
        path = os.path.join(directory(server), "appendonly.aof.1.incr.aof")
        with open(path, "rb") as file:
            data = file.read()
        numbers = [int(number, 16) for number in re.findall(rb"#MARTLET:([0-9a-f]{16}):", data)]
        expect(numbers, list(range(1, len(numbers) + 1)))
        # One bit of the last batch, or of the first one after the failure, which is vouched for by those behind it.
        at = data.rindex(b"$3\r\nSET") if torn else data.index(b"$2\r\nk6")
        with open(path, "r+b") as file:
            file.seek(at)
            file.write(b"?")
        os.unlink(server.log_path)
        if torn:
            server.start()
            expect(server.call("EXISTS", *[f"k{number}" for number in range(12)]), 11)
        else:
            server.start(wait=False)
            expect(server.wait_exit(), 1)
            assert "damaged" in server.log(), server.log()


@test(on="martlet")
def increments_of_attempts_that_failed_are_removed(start):
    server = start()
    with server.connect() as client:
        client.call("SET", "k", "v")
        os.mkdir(directory(server))
        # A number once used for a file is not used again.
        taken = [os.path.join(directory(server), f"appendonly.aof.{number}.base.rdb") for number in range(1, 10)]
        for path in taken:
            os.mkdir(path)
        expect(client.call("CONFIG", "SET", "appendonly", "yes"), "OK")
        wait_until(lambda: int(persistence(client)["aof_rewrites_consecutive_failures"]) >= 3, 30, "three failures")
        server.wait_for_log("Background AOF rewrite has repeatedly failed and triggered the limit, will retry in 1 minutes")
        wait_until(lambda: not [name for name in files(server) if ".incr." in name], 10, "no increments")
        for path in taken:
            os.rmdir(path)
        # By hand it is tried at once, however long it would wait by itself.
        expect(client.call("BGREWRITEAOF"), "Background append only file rewriting started")
        wait_until(lambda: persistence(client)["aof_rewrite_in_progress"] == "0", 30, "the base")
        durable_of(client)
        wait_until(lambda: len([name for name in files(server) if ".incr." in name]) == 1, 20, "one increment")
    server.restart(signal.SIGKILL)


def durable_of(client):
    """A write of its own, and until it is on disk."""
    client.call("SET", "last", "1")
    durable(client)


@test(on="martlet")
def a_log_without_an_end_of_rewrites(start):
    """Right after one rewrite is over the next one begins, not later."""
    server = start("appendonly yes")
    with server.connect() as client:
        for _ in range(20):
            rewrite_of(client)


@test(on="martlet redis")
def what_was_replaced_goes_when_it_may(start):
    server = start("appendonly yes", "aof-disable-auto-gc yes")
    with server.connect() as client:
        for turn in range(2):
            client.call("SET", "k", turn)
            rewrite_of(client)
        old = [name for name, _, kind in manifest(server) if kind == "h"]
        expect(old, [
            "appendonly.aof.2.incr.aof", "appendonly.aof.2.base.rdb", "appendonly.aof.1.incr.aof",
            "appendonly.aof.1.base.rdb"])
        expect(client.call("CONFIG", "SET", "aof-disable-auto-gc", "no"), "OK")
        wait_until(lambda: not [1 for _, _, kind in manifest(server) if kind == "h"], 10, "no history")
        wait_until(lambda: len(files(server)) == 3, 10, "a base, an increment, a manifest")


@test(on="martlet redis")
def a_log_that_is_off_can_be_loaded(start):
    server = start('save ""')
    with server.connect() as client:
        client.call("SET", "k", "v")
        rewrite_of(client)
        client.call("SET", "k", "w")
        expect(client.call("DEBUG", "LOADAOF"), "OK")
        expect(client.call("GET", "k"), b"v")


@test(on="martlet")
def a_start_that_fails_says_who_it_was(start):
    """Which process, and as its last word why."""
    server = start("appendonly yes")
    server.call("SET", "k", "v")
    server.stop()
    path = os.path.join(directory(server), manifest(server)[-1][0])
    with open(path, "ab") as file:
        file.write(b"*1\r\n$3\r\nBAD\r\n")
    os.unlink(server.log_path)
    server.start(wait=False)
    expect(server.wait_exit(), 1)
    lines = server.log().strip().splitlines()
    expect([line for line in lines if line.strip() == f"PID: {server.process.pid}"] != [], True, lines)
    assert "Unknown command 'BAD'" in lines[-1], lines


# Room ahead of a busy log


def busy_always(start, *lines):
    """A server whose log is written without a pause until there are zeros ahead of it."""
    server = start("appendonly yes", "appendfsync always", "aof-preallocate 2mb", *lines)
    with server.connect() as client:
        def load():
            for number in range(50):
                client.call("SET", f"k{number}", "v" * 100)
            return int(persistence(client)["aof_preallocated_bytes"]) > 0
        wait_until(load, 60, "zeros")
    return server


def current(server):
    return os.path.join(directory(server), manifest(server)[-1][0])


@test(on="martlet")
def a_busy_log_past_the_page_cache(start):
    """Whole blocks, the last one again and again; what a sudden end leaves is complete."""
    server = busy_always(start, "aof-direct-io yes")
    with server.connect() as client:
        for number in range(500):
            client.call("SET", f"k{number % 50}", f"{number}" * (number % 90))
        client.call("SET", "large", "x" * 300_000)
        for number in range(100):
            client.call("APPEND", "k1", "y" * number)
        before = digest(client)
    server.restart(signal.SIGKILL)
    with server.connect() as client:
        expect(digest(client), before)


@test(on="martlet")
def a_busy_log_has_room_ahead(start):
    server = busy_always(start)
    with server.connect() as client:
        def has_zeros():
            # They are taken back after a second without writes, which may pass here between any two lines.
            for number in range(300):
                client.call("SET", f"k{number % 50}", "v" * 100)
            figures = persistence(client)
            written = int(figures["aof_current_size"]) - int(figures["aof_base_size"])
            return os.path.getsize(current(server)) > written
        wait_until(has_zeros, 20, "zeros behind the records")
        figures = persistence(client)
        # One operation where the file system is known to keep what it promises, else a write and a sync.
        expect(int(figures["aof_single_commits"]) <= int(figures["aof_commits"]), True)
        # Idle, it gives the room back.
        wait_until(lambda: int(persistence(client)["aof_preallocated_bytes"]) == 0, 20, "no zeros")
        figures = persistence(client)
        written = int(figures["aof_current_size"]) - int(figures["aof_base_size"])
        expect(os.path.getsize(current(server)), written)


@test(on="martlet")
def the_room_is_given_back_at_the_end(start):
    server = busy_always(start)
    path = current(server)
    server.stop()
    with open(path, "rb") as file:
        expect(b"\0" in file.read(), False)
    server.restart()
    expect(server.call("GET", "k49"), b"v" * 100)


@test(on="martlet")
def zeros_behind_the_records_are_no_damage(start):
    """Even for a server that must not start with a torn log."""
    for _ in range(20):
        server = busy_always(start, "aof-load-truncated no")
        server.stop(signal.SIGKILL)
        with open(current(server), "rb") as file:
            if b"\0" in file.read():
                break
        # They were taken back before the end came, as they are after a second without writes.
        server.destroy()
    else:
        raise AssertionError("no zeros in any of 20 logs")
    server.restart()
    expect(server.call("GET", "k49"), b"v" * 100)
    expect(persistence(server)["aof_dropped_tail_bytes"], "0")
    with open(current(server), "rb") as file:
        expect(b"\0" in file.read(), False)


@test(on="martlet")
def rewrites_of_a_log_with_room_ahead(start):
    server = busy_always(start, "aof-disable-auto-gc yes")
    with server.connect() as client:
        for turn in range(5):
            old = current(server)
            for number in range(200):
                client.call("SET", f"k{number % 50}", f"{turn}" * 100)
            rewrite(client)
            with open(old, "rb") as file:
                expect(b"\0" in file.read(), False, "an increment that is full has no zeros")
        before = digest(client)
    server.restart(signal.SIGKILL)
    with server.connect() as client:
        expect(digest(client), before)


@test(on="martlet")
def a_failing_rewrite_leaves_the_log_as_it_is(start):
    """The name of the next base is taken by a directory."""
    server = start("appendonly yes")
    with server.connect() as client:
        client.call("SET", "k", "v")
        os.mkdir(os.path.join(directory(server), "appendonly.aof.2.base.rdb"))
        client.call("BGREWRITEAOF")
        wait_until(lambda: persistence(client)["aof_last_bgrewrite_status"] == "err", 20, "the failure")
        expect(persistence(client)["aof_rewrites_consecutive_failures"], "1")
        expect(client.call("SET", "k", "w"), "OK")
        durable(client)
        os.rmdir(os.path.join(directory(server), "appendonly.aof.2.base.rdb"))
        rewrite(client)
        expect(persistence(client)["aof_last_bgrewrite_status"], "ok")
        client.call("SET", "l", "x")
        durable(client)
    server.restart(signal.SIGKILL)
    expect(server.call("MGET", "k", "l"), [b"w", b"x"])


# DEBUG LOADAOF


@test(on="martlet")
def debug_loadaof_keeps_the_data(start):
    server = start("appendonly yes")
    with server.connect() as client:
        fill(client)
        before = digest(client)
        for _ in range(3):
            expect(client.call("DEBUG", "LOADAOF"), "OK")
            expect(digest(client), before)
        rewrite(client)
        client.call("SET", "after", "1")
        before = digest(client)
        expect(client.call("DEBUG", "LOADAOF"), "OK")
        expect(digest(client), before)
        client.call("SET", "still", "logged")
        durable(client)
        before = digest(client)
    server.restart(signal.SIGKILL)
    with server.connect() as client:
        expect(digest(client), before)
