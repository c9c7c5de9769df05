"""test_engine.py: which engine moves the bytes, and what happens where io_uring is not to be had."""
from harness.runner import expect, skip, test
from harness.server import denied


def report(server):
    info = server.info("server")
    return info["io_engine"], info["io_engine_reason"]


def io_uring_is_here():
    if denied():
        return False
    import ctypes
    import os
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.syscall(425, 4, ctypes.create_string_buffer(120))
    if descriptor < 0:
        return False
    os.close(descriptor)
    return True


@test(on="martlet")
def engine_is_the_one_asked_for(start):
    expect(report(start("io-engine epoll"))[0], "epoll")
    expect(report(start("io-engine auto"))[0], "io_uring" if io_uring_is_here() else "epoll")
    if not io_uring_is_here():
        skip("the rest needs io_uring, which is refused here")
    expect(report(start("io-engine io_uring"))[0], "io_uring")


@test(on="martlet")
def auto_falls_back_and_says_why(start):
    """One line in the log and one in INFO; that it is forbidden and that it is unknown are different reasons."""
    reasons = set()
    for error in ("EPERM", "ENOSYS"):
        server = start("io-engine auto", deny=error)
        engine, reason = report(server)
        expect(engine, "epoll")
        assert "io_uring" in reason and reason in server.log(), (reason, server.log())
        reasons.add(reason)
        expect(server.call("PING"), "PONG")
    expect(len(reasons), 2)


@test(on="martlet")
def io_uring_where_it_cannot_be_is_a_clear_error(start):
    for error in ("EPERM", "ENOSYS"):
        server = start("io-engine io_uring", deny=error, start=False)
        server.start(wait=False)
        expect(server.wait_exit(), 1)
        log = server.log()
        assert "io_uring" in log and "atal" in log, log


@test(on="martlet")
def unknown_engine_is_a_configuration_error(start):
    server = start("io-engine nosuch", start=False)
    server.start(wait=False)
    assert server.wait_exit() != 0
    assert "io-engine" in server.log(), server.log()


@test(on="martlet")
def engine_cannot_be_changed_while_running(start):
    server = start()
    reply = server.call("CONFIG", "SET", "io-engine", "epoll")
    assert "immutable" in reply, reply


@test(on="martlet")
def multiplexing_api_names_the_engine(start):
    server = start("io-engine epoll")
    expect(server.info("server")["multiplexing_api"], "epoll")


@test(on="martlet")
def one_enter_serves_many_connections(start):
    """The counters of the ring are in INFO, and a pipeline does not cost an enter per command."""
    if not io_uring_is_here():
        skip("io_uring is refused here")
    server = start("io-engine io_uring")
    with server.connect() as connection:
        before = counters(server)
        for _ in range(100):
            connection.pipeline(*[("PING",)] * 100)
        after = counters(server)
    enters = after["enters"] - before["enters"]
    assert enters < 1000, f"{enters} enters for 10,000 pipelined commands"
    assert after["completions"] > before["completions"]
    assert after["submissions"] > before["submissions"]


def counters(server):
    """The ring's counters of INFO, by the last word of their names."""
    fields = server.info("everything")
    found = {}
    for name, value in fields.items():
        for word in ("enters", "submissions", "completions", "overflow", "enobufs", "sleeps", "wakeups"):
            if name.startswith("io_") and word in name.replace("_", "") and value.isdigit():
                found.setdefault(word, int(value))
    missing = [word for word in ("enters", "submissions", "completions", "sleeps") if word not in found]
    assert not missing, f"INFO lacks the ring's counters {missing}"
    return found
