"""test_recovery.py: while the disk is sick: who is answered, who waits, who is refused; and how it ends.

    held       a write whose record is not durable, and whoever reads what it changed, hear nothing
    clean      whoever touches nothing dirty is answered at once
    MISCONF    once the failure is known, new writes are refused before they are executed
    well       when the disk is, the server finds out by itself, and what was held is answered

Each disk forgets: after the scenario its power goes, and what was answered must be there.
"""
import contextlib
import errno

from disks.fault import FaultDisk
from harness.resp import Closed, Error, encode, wait_until
from harness.runner import expect, test

from lanes import have
from target import Target

RECOVERY_SECONDS = 20.0
SILENT_SECONDS = 0.3


@contextlib.contextmanager
def sick_server(*lines):
    """A server on a forgetful disk, with a clean key."""
    disk = have(lambda: FaultDisk(forgetful=True))
    target = Target(disk.path, *lines)
    try:
        target.start()
        expect(target.call("SET", "clean", "v"), "OK")
        yield disk, target
    finally:
        disk.clear()
        if target.is_alive():
            target.kill()
        target.destroy()
        disk.destroy()


def cut_and_restart(disk, target):
    disk.cut()
    if target.is_alive():
        target.kill()
    disk.lose(0)
    return target.start()


def reads_go_on(target):
    with target.connect(timeout=5) as other:
        expect(other.call("GET", "clean"), b"v")
        expect(other.call("ECHO", "there"), b"there")  # PING is refused like a write, as by Redis


def wait_for_refusal(target):
    """Until new writes are refused; each is tried on a connection of its own, since one that is held says nothing."""
    def refused():
        with target.connect(timeout=0.5) as connection:
            try:
                reply = connection.call("SET", "probe", "x")
            except TimeoutError:
                return None
            return reply if isinstance(reply, Error) else None
    reply = wait_until(refused, RECOVERY_SECONDS, "a refused write")
    assert reply.startswith("MISCONF"), reply


def wait_for_recovery(target):
    def accepted():
        with target.connect(timeout=1) as connection:
            try:
                return connection.call("SET", "again", "well") == "OK"
            except TimeoutError:
                return False
    wait_until(accepted, RECOVERY_SECONDS, "an accepted write")


def silent(connection, what):
    assert connection.is_silent(SILENT_SECONDS), f"{what} was answered: {connection.read()!r}"


# Held


@test(on="martlet", limit=120)
def a_write_waits_for_its_fsync_and_nobody_else(start):
    with sick_server() as (disk, target):
        with target.connect() as writer, target.connect() as reader:
            disk.rule("fsync", "hang")
            writer.send_command("SET", "dirty", "1")
            silent(writer, "a write that is not durable")
            reads_go_on(target)
            reader.send_command("GET", "dirty")
            silent(reader, "a read of what is not durable")
            disk.clear()
            expect(writer.read(), "OK")
            expect(reader.read(), b"1")
        cut_and_restart(disk, target)
        expect(target.call("GET", "dirty"), b"1")


@test(on="martlet", limit=120)
def a_pipeline_is_answered_up_to_the_first_dirty_byte(start):
    with sick_server() as (disk, target), target.connect() as client:
        disk.rule("fsync", "hang")
        client.send(encode("PING") + encode("GET", "clean") + encode("SET", "dirty", "1") + encode("PING"))
        expect(client.read(), "PONG")
        expect(client.read(), b"v")
        silent(client, "what follows a write that is not durable")
        disk.clear()
        expect([client.read(), client.read()], ["OK", "PONG"])


@test(on="martlet", limit=120)
def a_client_that_leaves_while_it_is_held_leaves_nothing(start):
    with sick_server() as (disk, target):
        disk.rule("fsync", "hang")
        for number in range(20):
            client = target.connect()
            client.send_command("SET", f"gone:{number}", "1")
            client.reset() if number % 2 else client.close()
        reads_go_on(target)
        disk.clear()
        wait_for_recovery(target)
        target.wait_for_clients(0)
        cut_and_restart(disk, target)
        reads_go_on(target)


@test(on="martlet", limit=120)
def sigterm_delivers_what_is_held(start):
    with sick_server() as (disk, target), target.connect() as client:
        disk.rule("fsync", "delay", 300_000)
        client.send_command("SET", "last", "1")
        # A command that was not read yet when the signal comes is not run, and owes no answer.
        wait_until(lambda: target.info("persistence")["held_clients"] == "1", 10, "a held client")
        target.process.terminate()
        expect(client.read(), "OK")
        expect(target.wait_exit(30), 0)
        disk.clear()
        disk.cut()
        disk.lose(0)
        target.start()
        expect(target.call("GET", "last"), b"1")


# A failed fsync


@test(on="martlet", limit=120)
def a_failed_fsync_refuses_writes_until_a_new_base_is_durable(start):
    with sick_server() as (disk, target), target.connect() as writer, target.connect() as reader:
        disk.rule("fsync", "error", errno.EIO)
        disk.rule("fsyncdir", "error", errno.EIO)
        writer.send_command("SET", "dirty", "1")
        silent(writer, "a write whose fsync failed")
        wait_for_refusal(target)
        reads_go_on(target)
        reader.send_command("GET", "dirty")
        silent(reader, "a read of what will perhaps never be durable")
        silent(writer, "a write whose fsync failed")
        disk.clear()
        writer.socket.settimeout(RECOVERY_SECONDS)
        reader.socket.settimeout(RECOVERY_SECONDS)
        expect(writer.read(), "OK")
        expect(reader.read(), b"1")
        wait_for_recovery(target)
        cut_and_restart(disk, target)
        expect(target.call("MGET", "clean", "dirty", "again"), [b"v", b"1", b"well"])


@test(on="martlet", limit=120)
def one_failed_fsync_is_enough(start):
    """The very next fsync of the same file would succeed; it proves nothing."""
    with sick_server() as (disk, target), target.connect() as writer:
        disk.rule("fsync", "error", errno.EIO, match=".incr.", count=1)
        writer.socket.settimeout(RECOVERY_SECONDS)
        expect(writer.call("SET", "dirty", "1"), "OK")
        cut_and_restart(disk, target)
        expect(target.call("MGET", "clean", "dirty"), [b"v", b"1"])


@test(on="martlet", limit=120)
def the_error_shows_in_info(start):
    with sick_server() as (disk, target), target.connect() as writer:
        expect(target.info("persistence")["aof_last_write_status"], "ok")
        disk.rule("fsync", "error", errno.EIO)
        writer.send_command("SET", "dirty", "1")
        wait_until(lambda: target.info("persistence")["aof_last_write_status"] == "err", 10, "aof_last_write_status:err")
        disk.clear()
        wait_for_recovery(target)
        wait_until(lambda: target.info("persistence")["aof_last_write_status"] == "ok", 10, "aof_last_write_status:ok")


@test(on="martlet", limit=120)
def waitaof_does_not_count_a_failed_fsync(start):
    with sick_server("appendfsync everysec") as (disk, target), target.connect(timeout=RECOVERY_SECONDS) as client:
        expect(client.call("SET", "before", "1"), "OK")
        expect(client.call("WAITAOF", 1, 0, 10_000), [1, 0])
        disk.rule("fsync", "error", errno.EIO)
        expect(client.call("SET", "dirty", "1"), "OK")
        reply = client.call("WAITAOF", 1, 0, 1500)
        assert not (isinstance(reply, list) and reply[0] == 1), f"WAITAOF said {reply} of a failed fsync"
        disk.clear()
        wait_for_recovery(target)


@test(on="martlet", limit=120)
def policy_exit_ends_and_answers_nothing(start):
    for operation in ("fsync", "write"):
        with sick_server("aof-error-policy exit") as (disk, target), target.connect() as writer:
            disk.rule(operation, "error", errno.EIO)
            writer.send_command("SET", "dirty", "1")
            try:
                raise AssertionError(f"a write whose {operation} failed was answered: {writer.read()!r}")
            except Closed:
                pass
            assert target.wait_exit(20) != 0, "it ended as if nothing had been wrong"
            disk.clear()
            cut_and_restart(disk, target)
            expect(target.call("GET", "clean"), b"v")


# Failed and short writes, a full disk


@test(on="martlet", limit=120)
def a_failed_write_is_made_good(start):
    with sick_server() as (disk, target), target.connect(timeout=RECOVERY_SECONDS) as writer:
        disk.rule("write", "error", errno.EIO)
        writer.send_command("SET", "dirty", "1")
        silent(writer, "a write that did not reach the disk")
        wait_for_refusal(target)
        reads_go_on(target)
        disk.clear()
        expect(writer.read(), "OK")
        wait_for_recovery(target)
        cut_and_restart(disk, target)
        expect(target.call("MGET", "clean", "dirty", "again"), [b"v", b"1", b"well"])


@test(on="martlet", limit=120)
def a_short_write_is_continued_and_synced_again(start):
    with sick_server() as (disk, target), target.connect() as writer:
        for number in range(1, 60, 7):
            disk.rule("write", "short", number, match=".incr.", count=1)
            expect(writer.call("SET", f"short:{number}", "x" * 40), "OK")
            disk.clear()
        cut_and_restart(disk, target)
        for number in range(1, 60, 7):
            expect(target.call("GET", f"short:{number}"), b"x" * 40)


@test(on="martlet", limit=120)
def a_full_disk_refuses_writes_until_there_is_space(start):
    with sick_server() as (disk, target):
        answered = fill(disk, target, 30_000)
        wait_for_refusal(target)
        reads_go_on(target)
        disk.space(-1)
        wait_for_recovery(target)
        cut_and_restart(disk, target)
        for number in range(answered):
            expect(target.call("GET", f"full:{number}"), b"y" * 1000)


@test(limit=120)
def killed_on_a_full_disk_it_starts_again(start):
    """In the middle of a record, without repair, on the disk that is still full."""
    with sick_server() as (disk, target):
        answered = fill(disk, target, 50_123)
        cut_and_restart(disk, target) if target.flavour == "martlet" else restart_with_space(disk, target)
        with target.connect() as connection:
            for number in range(answered):
                expect(connection.call("GET", f"full:{number}"), b"y" * 1000)


def restart_with_space(disk, target):
    disk.space(-1)
    cut_and_restart(disk, target)


def fill(disk, target, byte_count):
    """Writes until no answer comes; how many were answered."""
    disk.space(byte_count)
    answered = 0
    with target.connect(timeout=1.0) as connection:
        while answered < 10_000:
            try:
                reply = connection.call("SET", f"full:{answered}", "y" * 1000)
            except (TimeoutError, Closed):
                break
            if isinstance(reply, Error):
                assert reply.startswith("MISCONF"), reply
                break
            answered += 1
    assert 0 < answered < 10_000, f"{answered} writes of 1,000 bytes fit into {byte_count}"
    return answered


# Failed rewrites


@test(limit=180)
def a_rewrite_that_fails_costs_nothing(start):
    """At every step of the switch: the old files stay authoritative, or the new ones are complete."""
    steps = [("fsync", ".base."), ("fsync", "manifest"), ("fsync", "temp"), ("fsyncdir", "*"), ("rename", "manifest"),
             ("rename", ".base."), ("create", "*"), ("write", "temp"), ("write", "manifest"), ("unlink", "*")]
    for number, (operation, match) in enumerate(steps):
        with sick_server() as (disk, target):
            with target.connect() as connection:
                connection.call("SET", "before", number)
                disk.rule(operation, "error", errno.EIO, match=match, count=1)
                connection.call("BGREWRITEAOF")
                settle(target)
                disk.clear()
                if target.is_alive():
                    connection.call("SET", "after", number)
                elif target.flavour == "martlet":
                    raise AssertionError(f"it ended when {operation} of {match} failed:\n{target.log()[-1000:]}")
                else:
                    continue
            cut_and_restart(disk, target)
            expect(target.call("MGET", "clean", "before", "after"), [b"v", b"%d" % number, b"%d" % number],
                   f"{operation} of {match} failed")


def settle(target):
    """Until no rewrite runs or waits, or the server has ended."""
    def done():
        if not target.is_alive():
            return True
        try:
            fields = target.info("persistence")
        except (OSError, Closed):
            return False
        return fields["aof_rewrite_in_progress"] == "0" and fields["aof_rewrite_scheduled"] == "0"
    wait_until(done, 20, "the end of the rewrite")
