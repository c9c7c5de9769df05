"""test_saving.py: snapshots: who may begin one, when one begins by itself, what is in it, what happens when it fails."""
import os
import shutil
import signal

from harness.resp import Error, encode, wait_until
from harness.runner import expect, expect_error, skip, test
from harness.server import parse_info
from test_info import sections_of
from test_log_files import LATE, children, digest, fill, values

REDIS = "/usr/bin/redis-server"
SAVING = "ERR Background save already in progress"


def persistence(client):
    return parse_info(client.call("INFO", "persistence"))


def idle(client):
    """Until no snapshot is being written."""
    wait_until(lambda: persistence(client)["rdb_bgsave_in_progress"] == "0", 60, "the end of the snapshot")


def snapshot(server):
    return os.path.join(server.directory, "dump.rdb")


def block_snapshots(server):
    """Nothing can take the place of a directory."""
    if os.path.exists(snapshot(server)):
        os.unlink(snapshot(server))
    os.mkdir(snapshot(server))


# Commands


@test
def save_and_bgsave_answer(start):
    server = start()
    with server.connect() as client:
        client.call("DEBUG", "POPULATE", 200_000, "k", 100)
        expect(client.call("SAVE"), "OK")
        replies = client.pipeline(("BGSAVE",), ("BGSAVE",), ("BGSAVE", "SCHEDULE"), ("SAVE",), ("BGREWRITEAOF",))
        expect(replies, ["Background saving started", SAVING, SAVING, SAVING, "Background append only file rewriting scheduled"])
        expect([isinstance(reply, Error) for reply in replies], [False, True, True, True, False])
        for words in (("BGSAVE", "NOW"), ("BGSAVE", "SCHEDULE", "CANCEL"), ("BGSAVE", "SCHEDULE", "x")):
            expect_error(client.call(*words), "ERR syntax error")
        expect_error(client.call("SAVE", "x"), "ERR wrong number of arguments for 'save' command")
        expect_error(client.call("BGREWRITEAOF", "x"), "ERR wrong number of arguments for 'bgrewriteaof' command")
        idle(client)
        expect(persistence(client)["rdb_last_bgsave_status"], "ok")


@test(on="martlet valkey")
def bgsave_is_cancelled(start):
    server = start()
    with server.connect() as client:
        client.call("DEBUG", "POPULATE", 200_000, "k", 100)
        expect_error(client.call("BGSAVE", "CANCEL"), "ERR Background saving is currently not in progress or scheduled")
        expect(client.pipeline(("BGSAVE",), ("BGSAVE", "CANCEL")),
               ["Background saving started", "Background saving cancelled"])
        idle(client)
        expect(os.path.exists(snapshot(server)), False)
        wait_until(lambda: not [name for name in os.listdir(server.directory) if name.startswith("temp-")], 20, "no leftovers")
        # In one request: the rewrite may be over before another one comes.
        replies = client.pipeline(("BGREWRITEAOF",), ("BGSAVE", "SCHEDULE"), ("BGSAVE", "CANCEL"))
        expect(replies[2], "Scheduled background saving cancelled")
        expect_error(client.call("BGSAVE", "CANCEL"), "ERR Background saving is currently not in progress or scheduled")
        wait_until(lambda: persistence(client)["aof_rewrite_in_progress"] == "0", 30, "the rewrite")
        expect(client.call("BGSAVE"), "Background saving started")
        idle(client)
        expect(os.path.exists(snapshot(server)), True)


@test(on="martlet")
def save_keeps_only_its_own_client_waiting(start):
    server = start()
    with server.connect() as client, server.connect() as other:
        client.call("DEBUG", "POPULATE", 50_000, "k", 100)
        client.call("CONFIG", "SET", "rdb-key-save-delay", 60_000_000)
        client.send(encode("SAVE") + encode("PING"))
        wait_until(lambda: persistence(other)["rdb_bgsave_in_progress"] == "1", 20, "the snapshot")
        expect(other.call("SET", "during", "1"), "OK")
        expect(client.is_silent(), True)
        other.call("CONFIG", "SET", "rdb-key-save-delay", 0)
        expect(client.read_replies(2), ["OK", "PONG"])


@test(on="martlet")
def who_leaves_in_save_leaves_the_snapshot(start):
    server = start()
    with server.connect() as other:
        other.call("DEBUG", "POPULATE", 30_000, "k", 100)
        other.call("CONFIG", "SET", "rdb-key-save-delay", 60_000_000)
        client = server.connect()
        client.send_command("SAVE")
        wait_until(lambda: persistence(other)["rdb_bgsave_in_progress"] == "1", 20, "the snapshot")
        client.reset()
        wait_until(lambda: parse_info(other.call("INFO", "clients"))["connected_clients"] == "1", 20, "its end")
        other.call("CONFIG", "SET", "rdb-key-save-delay", 0)
        idle(other)
        expect(persistence(other)["rdb_saves"], "1")


@test
def lastsave(start):
    server = start()
    with server.connect() as client:
        at_start = client.call("LASTSAVE")
        expect(str(at_start), persistence(client)["rdb_last_save_time"])
        client.call("SET", "k", "v")
        expect(persistence(client)["rdb_changes_since_last_save"], "1")
        wait_until(lambda: int(client.call("TIME")[0]) > at_start, 5, "the next second")
        expect(client.call("SAVE"), "OK")
        expect(client.call("LASTSAVE") > at_start, True)
        expect(persistence(client)["rdb_changes_since_last_save"], "0")
        expect(persistence(client)["rdb_saves"], "1")


@test
def changes_are_counted(start):
    server = start()
    with server.connect() as client:
        def change(*words):
            before = int(persistence(client)["rdb_changes_since_last_save"])
            client.call(*words)
            return int(persistence(client)["rdb_changes_since_last_save"]) - before
        for words, wanted in ((("SET", "a", 1), 1), (("MSET", "b", 1, "c", 2, "d", 3), 3), (("GET", "a"), 0), (("DEL", "b", "c", "x"), 2),
                              (("SETNX", "a", 1), 0), (("EXPIRE", "a", 100), 1), (("PERSIST", "d"), 0), (("APPEND", "a", "x"), 1),
                              (("RENAME", "a", "e"), 1), (("FLUSHALL",), 3)):
            got = change(*words)
            # FLUSHALL counts its keys and itself, which each server does in its own way.
            expect(got > 0 if words == ("FLUSHALL",) else got == wanted, True, f"{words} counts {got}")


# By itself


@test
def save_points(start):
    server = start("save 1 3")
    with server.connect() as client:
        expect(client.call("CONFIG", "GET", "save"), [b"save", b"1 3"])
        client.pipeline(("SET", "a", 1), ("SET", "b", 2), ("SET", "c", 3))
        wait_until(lambda: int(persistence(client)["rdb_saves"]) >= 1, 30, "a save point")
        idle(client)
        expect(os.path.exists(snapshot(server)), True)
    assert "3 changes in 1 seconds. Saving..." in server.log(), server.log()


@test
def save_points_at_the_end(start):
    """With save points the end saves, without them it does not."""
    for lines, words, saved in (
        (["save 900 1"], None, True), (['save ""'], None, False), (["save 900 1"], ["SHUTDOWN"], True), (['save ""'], ["SHUTDOWN"], False),
        (["save 900 1"], ["SHUTDOWN", "NOSAVE"], False), (['save ""'], ["SHUTDOWN", "SAVE"], True), (['save ""'], ["SHUTDOWN", "SAVE", "NOW"], True),
    ):
        server = start(*lines)
        with server.connect() as client:
            client.call("SET", "k", "v")
            if words:
                client.send_command(*words)
                expect(server.wait_exit(), 0)
            else:
                expect(server.stop(), 0)
        expect(os.path.exists(snapshot(server)), saved, (lines, words))
        os.unlink(server.log_path)
        server.expected_exit = False
        server.start()
        expect(server.call("GET", "k"), b"v" if saved else None, (lines, words))


@test
def the_end_during_a_snapshot(start):
    server = start()
    with server.connect() as client:
        client.call("DEBUG", "POPULATE", 200_000, "k", 100)
        client.send(encode("BGSAVE") + encode("SHUTDOWN", "NOSAVE"))
        client.read_until_closed()
    expect(server.wait_exit(), 0)
    expect([name for name in os.listdir(server.directory) if name.startswith("temp-")], [])


@test
def the_end_saves_though_a_snapshot_is_under_way(start):
    """The snapshot that was begun gives way to the last one, and does not touch its file."""
    for _ in range(10):
        server = start("save 900 1")
        with server.connect() as client:
            client.call("DEBUG", "POPULATE", 2000)
            client.call("SET", "k", "v")
            client.send(encode("BGSAVE") + encode("SHUTDOWN"))
            client.read_until_closed()
        expect(server.wait_exit(), 0)
        server.restart()
        expect(server.call("DBSIZE"), 2001)


# What is in it


@test
def flushall_is_also_about_the_snapshot(start):
    """With save lines the file is emptied too, and no snapshot that is under way brings the keys back."""
    server = start("save 3600 100000")
    with server.connect() as client:
        client.call("DEBUG", "POPULATE", 1_000)
        expect(client.call("SAVE"), "OK")
        expect(client.call("FLUSHALL"), "OK")
        expect(persistence(client)["rdb_changes_since_last_save"], "0")
    server.restart(signal.SIGKILL)
    with server.connect() as client:
        expect(client.call("DBSIZE"), 0)
        client.call("CONFIG", "SET", "save", "")
        client.call("DEBUG", "POPULATE", 5_000)
        client.call("CONFIG", "SET", "rdb-key-save-delay", 1_000)
        client.call("BGSAVE")
        expect(client.call("FLUSHALL"), "OK")
        wait_until(lambda: persistence(client)["rdb_bgsave_in_progress"] == "0", 20, "no snapshot")
    server.restart(signal.SIGKILL)
    expect(server.call("DBSIZE"), 0)


@test(on="martlet")
def restarts_from_every_form_of_snapshot(start):
    for lines in ([], ["rdbcompression no"], ["rdbchecksum no"], ["rdb-save-incremental-fsync no"], ["rdb-version 9"], ["rdb-version 10"],
                  ["maxmemory-policy allkeys-lru"], ["maxmemory-policy allkeys-lfu"], ["dbfilename other.rdb"]):
        server = start(*lines)
        with server.connect() as client:
            fill(client)
            before = digest(client)
            expect(client.call("SAVE"), "OK")
            expect(client.call("DEBUG", "RELOAD"), "OK")
            expect(digest(client), before, lines)
        server.restart(signal.SIGKILL)
        with server.connect() as client:
            expect(digest(client), before, lines)


@test(on="martlet")
def snapshots_go_to_redis_and_back(start):
    if not os.path.exists(REDIS):
        skip("there is no redis-server")
    server = start("rdb-version 10")
    with server.connect() as client:
        fill(client)
        wanted = values(client)
        expect(client.call("SAVE"), "OK")
    theirs = start(path=REDIS, deny="", start=False)
    shutil.copy(snapshot(server), snapshot(theirs))
    theirs.start()
    with theirs.connect() as redis:
        expect(values(redis) == wanted, True)
        redis.call("SET", "theirs", b"ab" * 1000, "PXAT", LATE)
        redis.call("SET", "number", -123456)
        wanted = values(redis)
        expect(redis.call("SAVE"), "OK")
    again = start(start=False)
    shutil.copy(snapshot(theirs), snapshot(again))
    again.start()
    with again.connect() as client:
        expect(values(client) == wanted, True)


@test(on="martlet")
def compression_makes_files_small(start):
    sizes = {}
    for compression in ("yes", "no"):
        server = start(f"rdbcompression {compression}")
        with server.connect() as client:
            for number in range(50):
                client.call("SET", f"k{number}", b"the same again and again " * 400)
            before = digest(client)
            expect(client.call("SAVE"), "OK")
            sizes[compression] = os.path.getsize(snapshot(server))
        server.restart(signal.SIGKILL)
        expect(server.call("DEBUG", "DIGEST"), before)
    expect(sizes["yes"] * 10 < sizes["no"], True, sizes)


@test(on="martlet", limit=300)
def large_values_through_a_snapshot(start):
    server = start()
    with server.connect(timeout=60.0) as client:
        for size in (1 << 20, 100 << 20):
            client.call("SET", f"random{size}", os.urandom(1 << 20) * (size >> 20))
            client.call("SET", f"same{size}", b"a" * size)
        before = digest(client)
        expect(client.call("SAVE"), "OK")
    server.restart(signal.SIGKILL)
    with server.connect(timeout=60.0) as client:
        expect(digest(client), before)


@test(on="martlet")
def a_snapshot_is_of_the_instant_when_it_began(start):
    """What is changed, added and removed while it is written is not in it. (FLUSHALL ends a snapshot.)"""
    for change in (("FLUSHDB",), ("FLUSHDB", "ASYNC"), ("SWAPDB", 0, 1), ("DEL", "k:5", "k:6"), ("SET", "k:7", "new")):
        server = start()
        with server.connect() as client:
            client.call("DEBUG", "POPULATE", 4_000, "k", 50)
            client.call("SET", "expiring", "v", "PXAT", LATE)
            before = digest(client)
            changes = [("SET", f"k:{number * 37 % 4_000}", "changed") for number in range(400)]
            changes += [("SET", f"added:{number}", "x") for number in range(400)]
            changes += [("DEL", f"k:{number * 91 % 4_000}") for number in range(200)]
            expect(client.pipeline(("BGSAVE",), change, *changes)[0], "Background saving started")
            idle(client)
            expect(persistence(client)["rdb_last_bgsave_status"], "ok")
            expect(digest(client) == before, False)
        server.restart(signal.SIGKILL)
        with server.connect() as client:
            expect(digest(client) == before, True, change)


@test(on="valkey redis")
def a_snapshot_is_of_the_instant_elsewhere(start):
    server = start()
    with server.connect() as client:
        client.call("DEBUG", "POPULATE", 20_000, "k", 50)
        before = digest(client)
        client.pipeline(("BGSAVE",), *(("SET", f"k:{number}", "changed") for number in range(2000)))
        idle(client)
    server.restart(signal.SIGKILL)
    with server.connect() as client:
        expect(digest(client) == before, True)


@test(on="martlet")
def a_snapshot_needs_no_child(start):
    server = start()
    with server.connect() as client:
        client.call("DEBUG", "POPULATE", 30_000, "k", 100)
        client.call("CONFIG", "SET", "rdb-key-save-delay", 60_000_000)
        expect(client.call("BGSAVE"), "Background saving started")
        for _ in range(20):
            expect(persistence(client)["rdb_bgsave_in_progress"], "1")
            expect(children(server), [])
        client.call("CONFIG", "SET", "rdb-key-save-delay", 0)
        idle(client)
        expect(parse_info(client.call("INFO", "stats"))["total_forks"], "0")


# DEBUG RELOAD


@test
def debug_reload_keeps_the_data(start):
    server = start()
    with server.connect() as client:
        fill(client)
        before = digest(client)
        expect(client.call("DEBUG", "RELOAD"), "OK")
        expect(digest(client), before)
        client.call("SET", "unsaved", "1")
        expect(client.call("DEBUG", "RELOAD", "NOSAVE"), "OK")
        expect(digest(client), before)
        client.call("FLUSHALL")
        expect(client.call("DEBUG", "RELOAD", "NOSAVE", "NOFLUSH"), "OK")
        expect(digest(client), before)
        expect_error(client.call("DEBUG", "RELOAD", "NOSUCH"), "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.")


@test
def debug_reload_while_a_snapshot_is_under_way(start):
    for lines in ([], ["appendonly yes"]):
        server = start(*lines)
        with server.connect() as client:
            client.call("DEBUG", "POPULATE", 2000)
            for before in ((("BGSAVE",),), (("BGREWRITEAOF",),), (("BGREWRITEAOF",), ("BGSAVE", "SCHEDULE")), (("BGSAVE",), ("BGREWRITEAOF",))) * 5:
                replies = client.pipeline(*before, ("DEBUG", "RELOAD"), ("DBSIZE",))
                expect(replies[-2:], ["OK", 2000], before)


@test(on="martlet")
def others_hear_loading_during_a_reload(start):
    server = start()
    with server.connect() as client, server.connect() as other:
        client.call("DEBUG", "POPULATE", 300_000, "k", 100)
        client.send(encode("DEBUG", "RELOAD") + encode("DBSIZE"))
        heard = set()
        while client.is_silent(0.001):
            reply = other.call("GET", "k:5")
            heard.add(reply.code if isinstance(reply, Error) else "value")
        expect(heard <= {"LOADING", "value"}, True, heard)
        expect(client.read_replies(2), ["OK", 300_000])


# Failures


@test
def a_failed_snapshot_stops_writes(start):
    refusal = "MISCONF * is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may modify " \
        "the data set are disabled, because this instance is configured to report errors during writes if RDB snapshotting fails " \
        "(stop-writes-on-bgsave-error option). Please check the * logs for details about the RDB error."

    def expect_refused(reply):
        expect(isinstance(reply, Error), True, reply)
        begin, middle, end = refusal.split("*")
        expect(reply.startswith(begin) and middle in reply and reply.endswith(end), True, reply)

    server = start("save 3600 1000000")
    with server.connect() as client:
        client.call("SET", "k", "v")
        block_snapshots(server)
        expect(client.call("BGSAVE"), "Background saving started")
        idle(client)
        expect(persistence(client)["rdb_last_bgsave_status"], "err")
        for words in (("SET", "k", "w"), ("DEL", "k"), ("FLUSHALL",), ("INCR", "n"), ("PING",)):
            expect_refused(client.call(*words))
        expect([client.call("GET", "k"), client.call("ECHO", "x")], [b"v", b"x"])
        expect(client.call("CONFIG", "SET", "stop-writes-on-bgsave-error", "no"), "OK")
        expect(client.call("SET", "k", "w"), "OK")
        expect(client.call("CONFIG", "SET", "stop-writes-on-bgsave-error", "yes"), "OK")
        expect_refused(client.call("SET", "k", "x"))
        expect(client.call("CONFIG", "SET", "save", ""), "OK")
        expect(client.call("SET", "k", "x"), "OK", "who saves nothing by itself is not stopped")
        expect(client.call("CONFIG", "SET", "save", "3600 1000000"), "OK")
        expect_refused(client.call("SET", "k", "y"))
        os.rmdir(snapshot(server))
        expect(client.call("BGSAVE"), "Background saving started")
        idle(client)
        expect(persistence(client)["rdb_last_bgsave_status"], "ok")
        expect(client.call("SET", "k", "y"), "OK")
        expect([name for name in os.listdir(server.directory) if name.startswith("temp-")], [])


@test
def save_reports_its_failure(start):
    server = start()
    with server.connect() as client:
        client.call("SET", "k", "v")
        block_snapshots(server)
        before = client.call("LASTSAVE")
        expect(isinstance(client.call("SAVE"), Error), True)
        expect(client.call("LASTSAVE"), before)
        expect(persistence(client)["rdb_changes_since_last_save"], "1")
        expect(isinstance(client.call("DEBUG", "RELOAD"), Error), True)
        expect(client.call("GET", "k"), b"v")
        os.rmdir(snapshot(server))
        expect(client.call("SAVE"), "OK")


@test
def a_failed_save_prevents_the_end(start):
    server = start("save 900 1")
    with server.connect() as client:
        client.call("SET", "k", "v")
        block_snapshots(server)
        expect_error(client.call("SHUTDOWN"), "ERR Errors trying to SHUTDOWN. Check logs.")
        expect_error(client.call("SHUTDOWN", "SAVE"), "ERR Errors trying to SHUTDOWN. Check logs.")
        os.kill(server.pid, signal.SIGTERM)
        wait_until(lambda: "Received SIGTERM" in server.log(), 20, "the signal")
        expect(client.call("GET", "k"), b"v")
        client.send_command("SHUTDOWN", "FORCE")
        expect(client.read_until_closed(), b"")
    expect(server.wait_exit() is not None, True)


@test
def a_snapshot_that_is_none_prevents_the_start(start):
    for data in (b"REDIS0009", b"REDIS9999\xff", b"nonsense that is longer than a header", b"REDIS0009\x00\x01k\x05v"):
        server = start(start=False)
        with open(snapshot(server), "wb") as file:
            file.write(data)
        server.start(wait=False)
        expect(server.wait_exit(), 1, data)
        with open(snapshot(server), "rb") as file:
            expect(file.read(), data, "it is not touched")
        os.unlink(server.log_path)


# Loading


@test(on="martlet valkey redis", limit=180)
def commands_while_loading(start):
    server = start("appendonly yes", "aof-use-rdb-preamble no")
    with server.connect(timeout=60.0) as client:
        client.call("DEBUG", "POPULATE", 500_000, "k", 20)
        client.call("BGREWRITEAOF")
        wait_until(lambda: persistence(client)["aof_rewrite_in_progress"] == "0", 60, "the rewrite")
        expect(persistence(client)["aof_last_bgrewrite_status"], "ok")
    server.stop(signal.SIGKILL)
    os.unlink(server.log_path)
    server.start(wait=False)
    # Not sooner: what a killed process listened on may outlive it for a moment.
    server.wait_for_log("Server initialized", 30)
    with server.connect(timeout=60.0) as client:
        heard = []
        while True:
            info = persistence(client)
            if info["loading"] == "0":
                break
            replies = client.pipeline(("GET", "k:5"), ("SET", "k:5", "v"), ("PING",), ("SAVE",), ("BGSAVE",), ("KEYS", "*"), ("DBSIZE",))
            if persistence(client)["loading"] == "1":
                heard.append(replies)
                for field in ("loading_start_time", "loading_total_bytes", "loading_loaded_bytes", "loading_loaded_perc", "loading_eta_seconds"):
                    expect(field in info, True, field)
                expect(int(info["loading_loaded_bytes"]) <= int(info["loading_total_bytes"]), True)
                expect(client.call("CONFIG", "GET", "port")[0], b"port")
        if not heard:
            skip("the log was loaded before the first question")
        for replies in heard:
            for reply in replies:
                expect_error(reply, "LOADING *")
                expect(reply.endswith(" is loading the dataset in memory"), True, reply)
        server.wait_ready()
        expect(client.call("PING"), "PONG")
        expect(client.call("DBSIZE"), 500_000)


@test(on="martlet")
def the_end_while_loading(start):
    """It obeys a signal, and leaves the files as they are."""
    server = start("appendonly yes", "aof-use-rdb-preamble no", "save 900 1")
    with server.connect(timeout=60.0) as client:
        client.call("DEBUG", "POPULATE", 500_000, "k", 20)
        client.call("BGREWRITEAOF")
        wait_until(lambda: persistence(client)["aof_rewrite_in_progress"] == "0", 60, "the rewrite")
    server.stop(signal.SIGKILL)
    os.unlink(server.log_path)
    server.start(wait=False)
    server.wait_for_log("Server initialized", 20)
    server.stop(signal.SIGTERM)
    server.restart()
    with server.connect(timeout=60.0) as client:
        expect(client.call("DBSIZE"), 500_000)


# INFO


@test(on="martlet")
def info_has_the_fields_of_redis(start):
    """With a log and after a snapshot and a rewrite, when most fields are there."""
    if not os.path.exists(REDIS):
        skip("there is no redis-server")
    found = {}
    for path in (None, REDIS):
        server = start("appendonly yes", **({"path": path, "deny": ""} if path else {}))
        with server.connect() as client:
            client.call("SET", "k", "v")
            client.call("SAVE")
            client.call("BGREWRITEAOF")
            wait_until(lambda: persistence(client)["aof_rewrite_in_progress"] == "0", 20, "the rewrite")
            found[path] = sections_of(client.call("INFO", "persistence"))["Persistence"]
    missing = [field for field in found[REDIS] if field not in found[None]]
    expect(missing, [])
    common = [field for field in found[None] if field in found[REDIS]]
    expect(common, found[REDIS], "their order")


# Large values


@test(on="martlet")
def who_would_change_a_large_value_waits_for_its_image_and_nobody_else_does(start):
    server = start()
    with server.connect() as client, server.connect() as writer:
        # The image stands still after each key: whichever is first, one of the large values is still to be written.
        for name in ("set", "gone"):
            client.call("SADD", name, *range(5_000))
        client.call("HSET", "hash", *(word for number in range(5_000) for word in (f"field{number}", number)))
        client.call("SET", "string", b"x" * 2_000_000)
        for number in range(20):
            client.call("SET", f"small{number}", number)
        image = digest(client)
        client.call("CONFIG", "SET", "rdb-key-save-delay", 60_000_000)
        expect(client.call("BGSAVE"), "Background saving started")
        wanted = {("SADD", "set", "new"): 1, ("HSET", "hash", "new", 1): 1, ("APPEND", "string", "y"): 2_000_001}
        writers = {words: server.connect() for words in wanted}
        for words, other in writers.items():
            other.send_command(*words)
            other.send_command("PING")
        wait_until(lambda: int(persistence(client)["writers_parked"]) >= 2, 10, "writers that wait")
        # Reads, writes of other keys, and whatever replaces or removes a large value go on.
        expect(client.call("SCARD", "set"), 5_000)
        expect(writer.call("SET", "small1", "changed"), "OK")
        expect(writer.call("DEL", "gone"), 1)
        # A writer counts once, however often it has looked whether it may go on.
        wait_until(
            lambda: int(persistence(client)["writers_parked"]) == sum(other.is_silent() for other in writers.values()),
            10, "who waits is who is counted")
        expect(int(persistence(client)["writers_parked_total"]) <= len(writers), True)
        client.call("CONFIG", "SET", "rdb-key-save-delay", 0)
        for words, other in writers.items():
            expect(other.read_replies(2), [wanted[words], "PONG"])
            other.close()
        idle(client)
        expect(persistence(client)["writers_parked"], "0")
        expect(client.call("SISMEMBER", "set", "new"), 1)
        # The image is of the moment at which it began.
        client.call("DEBUG", "RELOAD", "NOSAVE")
        expect(digest(client), image)
