"""test_scripting.py: scripts that take long, scripts in EXEC, scripts that mean harm, and what is left of them in the log."""
import signal

from harness.resp import Error, wait_until
from harness.runner import Mismatch, expect, expect_error, test

ENDLESS = "while true do end"
ENDLESS_WRITER = "redis.call('set',KEYS[1],'half') while true do end"


def refused(server, *words):
    """Whether a new client hears BUSY: the script under way has taken longer than the threshold."""
    with server.connect() as client:
        got = client.call(*words)
        return isinstance(got, Error) and got.startswith("BUSY")


@test(on="martlet")
def endless_script_is_killed(start):
    """Others hear BUSY, SCRIPT KILL ends it, and everything is as before."""
    server = start("busy-reply-threshold 10")
    with server.connect() as runner, server.connect() as other:
        runner.send_command("EVAL", ENDLESS, 0)
        wait_until(lambda: refused(server, "GET", "k"), 20, "BUSY")
        expect(other.call("SCRIPT", "KILL"), "OK")
        expect_error(runner.read(), "ERR Script killed by user with SCRIPT KILL.*")
        expect(other.call("SET", "k", 1), "OK")
        expect_error(other.call("SCRIPT", "KILL"), "NOTBUSY No scripts in execution right now.")


@test(on="martlet")
def endless_script_in_a_transaction_is_killed(start):
    """The other requests of the transaction run all the same, and are one change."""
    server = start("busy-reply-threshold 10")
    with server.connect() as runner, server.connect() as other:
        runner.pipeline(("MULTI",), ("SET", "a", 1), ("EVAL", ENDLESS, 0), ("INCR", "a"))
        runner.send_command("EXEC")
        wait_until(lambda: refused(server, "GET", "a"), 20, "BUSY")
        expect(other.call("SCRIPT", "KILL"), "OK")
        got = runner.read()
        expect([got[0], got[2]], ["OK", 2])
        expect_error(got[1], "ERR Script killed by user with SCRIPT KILL.*")


@test(on="martlet")
def script_that_has_written_is_not_killed_and_leaves_nothing_behind(start):
    """SHUTDOWN NOSAVE ends the server; what the script had done so far is not in the log."""
    server = start("busy-reply-threshold 10", "appendonly yes", "appendfsync always")
    with server.connect() as runner, server.connect() as other:
        expect(other.call("SET", "before", 1), "OK")
        runner.send_command("EVAL", ENDLESS_WRITER, 1, "k")
        wait_until(lambda: refused(server, "GET", "k"), 20, "BUSY")
        expect_error(other.call("SCRIPT", "KILL"), "UNKILLABLE *")
        expect_error(other.call("SHUTDOWN"), "BUSY *")
        other.send_command("SHUTDOWN", "NOSAVE")
        server.wait_exit()
    server.restart()
    expect(server.call("GET", "before"), b"1")
    expect(server.call("GET", "k"), None)


@test(on="martlet")
def long_script_is_one_change(start):
    """It pauses many times; who asks meanwhile is answered afterwards; all it wrote survives kill -9 once answered."""
    server = start("busy-reply-threshold 0", "appendonly yes", "appendfsync always")
    script = "for i=1,ARGV[1] do redis.call('incr',KEYS[1]) if i%100==0 then redis.call('set','i'..i,i) end end return 'done'"
    with server.connect() as runner, server.connect() as other:
        runner.send_command("EVAL", script, 1, "n", 20000)
        got = other.call("GET", "n")
        if got not in (None, b"20000"):
            raise Mismatch(f"a part of a script was seen: {got}")
        expect(runner.read(), b"done")
    server.restart(signal.SIGKILL)
    expect(server.call("GET", "n"), b"20000")
    expect(server.call("DBSIZE"), 201)


@test(on="martlet")
def a_client_that_goes_does_not_end_its_script(start):
    server = start("busy-reply-threshold 0")
    with server.connect() as runner:
        runner.send_command("EVAL", "for i=1,20000 do redis.call('incr',KEYS[1]) end", 1, "n")
    wait_until(lambda: server.call("GET", "n") in (b"20000", None), 20, "all or nothing of the script")
    expect(server.call("PING"), "PONG")


HOSTILE = [
    "return string.rep('x', 2^31-1)",
    "local function f(n) return (('a'):gsub('a', function() return f(n+1) end)) end return f(0)",
    "local function f() return f()+1 end return f()",
    "local function f() return coroutine.wrap(f)() end return f()",
    "return cjson.decode(string.rep('[', 100000))",
    "local t={} for i=1,100000 do t={t} end return cjson.encode(t)",
    "return cmsgpack.unpack(string.rep('\\145', 100000))",
    "return cmsgpack.unpack('\\221\\255\\255\\255\\255')",
    "return struct.unpack('i2147483648', 'x')",
    "return struct.unpack('c2147483647', 'x')",
    "return struct.pack('!3i', 1)",
    "return bit.tohex(65535, -2147483648) .. redis.nothing.at.all",
    "redis.call = nil",
    "string.format = nil",
    "getmetatable('').__index = nil",
    "return loadstring(string.dump(function() return 1 end))()",
    "return io.open('/etc/passwd')",
    "return os.execute('true')",
    "return require('ffi')",
    "return package.loadlib('x', 'y')",
    "rawset(_G, 'x', 1)",
    "table.insert(redis, 1)",
]


@test(on="martlet")
def hostile_scripts_end_in_an_error(start):
    server = start()
    with server.connect() as client:
        for script in HOSTILE:
            got = client.call("EVAL", script, 0)
            if not isinstance(got, Error):
                raise Mismatch(f"{script}: {got!r}")
        # What one script does to its libraries no other sees.
        expect(client.call("EVAL", "return string.format('%d', 3)", 0), b"3")


@test(on="martlet")
def an_error_is_one_line(start):
    """Whatever bytes a script puts into an error or a status, the next answer is the next request's."""
    server = start()
    with server.connect() as client:
        for script in ("return redis.error_reply('a\\r\\n+INJECTED')", "error('a\\r\\n+INJECTED')",
                       "return {err='a\\n:1\\n'}", "return {ok='a\\r\\n$1\\r\\nx'}", "return {{err='x\\r\\n:1'}}"):
            client.call("EVAL", script, 0)
            expect(client.call("ECHO", "next"), b"next", script)
