"""test_threads_limits.py: what threads are made of: rings, names, processors, descriptors; when they sleep; when they cannot be had."""
import os
import re
import resource
import signal

from harness.resp import encode, wait_until
from harness.runner import expect, expect_error, skip, test
from harness.server import engine, parse_info, pause
from test_engine import io_uring_is_here
from test_threads import reactors, thread_names, threads

ACTIVE = "io-threads-always-active yes"


def tasks(server):
    """The directories of the server's threads in /proc."""
    return [f"/proc/{server.pid}/task/{number}" for number in os.listdir(f"/proc/{server.pid}/task")]


def descriptors_of(server, word):
    """How many of the server's descriptors are of that kind."""
    count = 0
    for number in os.listdir(f"/proc/{server.pid}/fd"):
        try:
            count += word in os.readlink(f"/proc/{server.pid}/fd/{number}")
        except FileNotFoundError:
            pass
    return count


def sleeps_of_reactors(server):
    """How often each reactor's thread has gone to sleep."""
    counts = {}
    for task in tasks(server):
        with open(f"{task}/comm") as name, open(f"{task}/status") as status:
            if name.read().startswith("io_thd_"):
                counts[task] = int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", status.read(), re.M).group(1))
    return counts


@test(on="martlet")
def with_one_thread_nothing_is_threaded(start):
    """With `io-threads 1` there is no other thread that serves, and the counters of threads stay at 0."""
    server = start("io-threads 1")
    with server.connect() as client, server.connect() as other:
        for number in range(100):
            expect(other.call("SET", f"k{number}", number), "OK")
        expect(reactors(server), 0)
        stats = parse_info(client.call("INFO", "stats"))
        expect((stats["io_threaded_reads_processed"], stats["io_threaded_writes_processed"]), ("0", "0"))
        assert int(stats["total_reads_processed"]) >= 100, stats
        expect(parse_info(client.call("INFO", "server"))["io_threads_active"], "0")
        expect([name for name in threads(client) if re.fullmatch(r"io_thread_\d+", name)], ["io_thread_0"])
        assert threads(client)["io_thread_0"].startswith("clients=2,"), threads(client)
        for line in client.call("CLIENT", "LIST").decode().splitlines():
            assert " io-thread=0 " in line + " ", line


@test(on="martlet")
def every_thread_has_a_ring_of_its_own(start):
    """One ring per thread that serves, on either engine; those of threads that end go with them."""
    server = start("io-threads 1", ACTIVE)
    kind = "io_uring" if server.info("server")["io_engine"] == "io_uring" else "eventpoll"
    with server.connect() as control:
        alone = descriptors_of(server, kind)
        assert alone >= 1, alone
        for wanted in (4, 2, 8, 1):
            expect(control.call("CONFIG", "SET", "io-threads", wanted), "OK")
            wait_until(lambda: reactors(server) == wanted - 1, 20, f"{wanted - 1} reactors, not {thread_names(server)}")
            wait_until(lambda: descriptors_of(server, kind) == alone + wanted - 1, 20, f"{wanted} rings")


@test(on="martlet")
def figures_of_threads_add_up(start):
    """Clients per thread are those of CLIENT LIST and all of them together; reads and writes of threads are the totals'."""
    server = start("io-threads 4", ACTIVE)
    with server.connect() as control:
        clients = [server.connect() for _ in range(20)]
        for number, client in enumerate(clients):
            expect(client.pipeline(("SET", f"k{number}", number), ("GET", f"k{number}")), ["OK", str(number).encode()])

        def is_sound():
            info, listed = threads(control), control.call("CLIENT", "LIST").decode().splitlines()
            stats = parse_info(control.call("INFO", "stats"))
            parts = [dict(part.split("=") for part in info[f"io_thread_{number}"].split(",")) for number in range(4)]
            served = [int(re.search(r" io-thread=(\d+)", line).group(1)) for line in listed]
            expect([int(part["clients"]) for part in parts], [served.count(number) for number in range(4)])
            expect(len(served), 21)
            reads = sum(int(part["reads"]) for part in parts[1:])
            writes = sum(int(part["writes"]) for part in parts[1:])
            # The asking client's own reads go on between the two looks.
            return (reads <= int(stats["io_threaded_reads_processed"]) <= reads + 2
                    and writes <= int(stats["io_threaded_writes_processed"]) <= writes + 2 and reads >= 20)

        wait_until(is_sound, 10, "sums that match")
        for client in clients:
            client.close()


@test(on="martlet")
def threads_with_nothing_to_do_sleep(start):
    """After a load no reactor wakes up by itself, and the time that they count as active stands still."""
    server = start("io-threads 4", ACTIVE)
    # The first client's thread is the asking one's; the others have nothing more to do after the load.
    with server.connect() as control:
        clients = [server.connect() for _ in range(8)]
        for client in clients:
            expect(client.pipeline(*[("SET", "k", "v")] * 500), ["OK"] * 500)
        own = re.search(r" io-thread=(\d+)", control.call("CLIENT", "INFO").decode()).group(1)

        def are_asleep():
            ticks, sleeps = server.cpu_ticks(), sleeps_of_reactors(server)
            pause(1)
            return sleeps_of_reactors(server) == sleeps and server.cpu_ticks() - ticks <= 5

        expect(len(sleeps_of_reactors(server)), 3)
        wait_until(are_asleep, 60, "a second in which no reactor wakes up")

        def active():
            info = parse_info(control.call("INFO", "cpu"))
            return {name: value for name, value in info.items()
                    if name.startswith("used_active_time_io_thread_") and not name.endswith(own)}

        expect(len(active()), 2)

        def stands_still():
            before = active()
            pause(0.5)
            return active() == before

        wait_until(stands_still, 30, "active times that stand still")
        for client in clients:
            expect(client.call("GET", "k"), b"v")
            client.close()


@test(on="martlet")
def threads_run_on_the_processors_they_are_given(start):
    """Each thread is bound to processors of `server-cpulist` and to no other."""
    have = sorted(os.sched_getaffinity(0))
    chosen = have[-1]
    server = start("io-threads 3", ACTIVE, f"server-cpulist {chosen}")
    with server.connect() as client:
        for wanted in (3, 5):
            expect(client.call("CONFIG", "SET", "io-threads", wanted), "OK")
            wait_until(lambda: reactors(server) == wanted - 1, 20, "the threads")

            def bound():
                names = {}
                for task in tasks(server):
                    with open(f"{task}/comm") as file:
                        name = file.read().strip()
                    # Not those that the kernel runs for the ring.
                    if name.startswith("io_thd_") or task.endswith(f"/{server.pid}"):
                        names[name] = os.sched_getaffinity(int(os.path.basename(task)))
                return len(names) == wanted and all(allowed == {chosen} for allowed in names.values())

            wait_until(bound, 20, "threads bound to one processor")


@test(on="martlet")
def threads_that_cannot_be_had_leave_everything_as_it_was(start):
    """Where the process may open no more descriptors it goes on with the threads that it has, says so, and takes more later."""
    server = start("io-threads 2", ACTIVE)
    with server.connect() as client, server.connect() as other:
        expect((client.call("PING"), other.call("PING")), ("PONG", "PONG"))
        limits = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (server.open_descriptors(), limits[1]))
        # Rings are made while everybody goes on: what is answered may be that it has begun.
        reply = client.call("CONFIG", "SET", "io-threads", 64)
        if reply != "OK":
            expect_error(reply, "ERR CONFIG SET failed*")
        wait_until(lambda: client.call("CONFIG", "GET", "io-threads")[1] == b"2", 20, "the number of threads that there are")
        expect(other.call("SET", "k", "v"), "OK")
        wait_until(lambda: reactors(server) == 1, 20, f"one reactor, not {thread_names(server)}")
        # One line about all of them.
        server.wait_for_log("Unable to start all I/O threads")
        expect(server.log().count("Unable to start"), 1)
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, limits)
        expect(client.call("CONFIG", "SET", "io-threads", 5), "OK")
        wait_until(lambda: reactors(server) == 4, 20, "four reactors")
        expect(other.call("GET", "k"), b"v")


@test(on="martlet")
def without_lockable_memory_it_serves_too(start):
    """No memory may be locked (RLIMIT_MEMLOCK 0): rings are made all the same, or the other engine serves."""
    server = start("io-threads 3", ACTIVE, prefix=("prlimit", "--memlock=0:0"))
    with server.connect() as client:
        expect(client.call("SET", "k", b"v" * 100_000), "OK")
        expect(client.call("GET", "k"), b"v" * 100_000)
        expect(reactors(server), 2)


@test(on="martlet")
def one_enter_serves_everybody_who_is_ready(start):
    """Requests of 200 clients that are ready at once cost at most one system call for eight of them."""
    if engine() == "epoll" or not io_uring_is_here():
        skip("needs io_uring")
    server = start("io-threads 1")
    control = server.connect()
    clients = [server.connect() for _ in range(200)]
    for client in clients:
        expect(client.call("PING"), "PONG")
    before = parse_info(control.call("INFO", "everything"))
    for _ in range(10):
        server.process.send_signal(signal.SIGSTOP)
        for client in clients:
            client.send(encode("INCR", "n"))
        server.process.send_signal(signal.SIGCONT)
        for client in clients:
            client.read()
    after = parse_info(control.call("INFO", "everything"))
    expect(control.call("GET", "n"), b"2000")
    enters = int(after["io_enters"]) - int(before["io_enters"])
    assert 8 * enters <= 2000, f"{enters} enters for 2,000 requests"
    for client in clients:
        client.close()


@test(on="martlet")
def more_at_once_than_there_are_buffers_for(start):
    """20 MB from 600 clients, all there before the server looks: more than its buffers hold. It is answered whole."""
    for threads_wanted in (1, 2):
        server = start(f"io-threads {threads_wanted}", ACTIVE, "maxclients 2000")
        control = server.connect()
        clients = [server.connect(timeout=60.0) for _ in range(600)]
        for client in clients:
            expect(client.call("PING"), "PONG")
        value = bytes(range(256)) * 32
        server.process.send_signal(signal.SIGSTOP)
        for number, client in enumerate(clients):
            client.send(encode("SET", f"k{number}", value) * 4 + encode("STRLEN", f"k{number}") + encode("INCR", "n"))
        server.process.send_signal(signal.SIGCONT)
        counted = set()
        for client in clients:
            replies = client.read_replies(6)
            expect(replies[:5], ["OK"] * 4 + [8192])
            counted.add(replies[5])
        expect(counted, set(range(1, 601)))
        for client in clients:
            client.close()
