"""test_scripting.py: scripts that take long, scripts in EXEC, scripts that mean harm, and what is left of them in the log."""
import signal

from harness.resp import Error, Push, encode, wait_until
from harness.runner import Mismatch, expect, expect_error, test
from harness.server import parse_info

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


@test(on="martlet")
def what_a_script_tells_comes_when_it_has_ended(start):
    """Messages, events and MONITOR's lines of a script that stands in the middle; its own client gets them last."""
    server = start("busy-reply-threshold 10", "notify-keyspace-events KEA")
    script = ("redis.call('publish','c','first') redis.call('set',KEYS[1],'v') while not redis.call('get','stop') do end "
              "return 1")
    with server.connect(protocol=3) as runner, server.connect() as listener, server.connect() as monitor, \
            server.connect() as other:
        expect(runner.call("SUBSCRIBE", "c"), Push([b"subscribe", b"c", 1]))
        expect(listener.call("PSUBSCRIBE", "c", "__key*@0__:*"), [b"psubscribe", b"c", 1])
        expect(listener.read(), [b"psubscribe", b"__key*@0__:*", 2])
        expect(monitor.call("MONITOR"), "OK")
        runner.send_command("EVAL", script, 1, "k")
        wait_until(lambda: refused(server, "GET", "k"), 20, "BUSY")
        expect((listener.is_silent(), monitor.is_silent(), runner.is_silent()), (True, True, True))
        expect_error(other.call("SCRIPT", "KILL"), "UNKILLABLE *")
        expect_error(other.call("SET", "stop", 1), "BUSY *")
        other.send_command("SHUTDOWN", "NOSAVE")
        server.wait_exit()


@test(on="martlet")
def a_script_tells_in_the_order_of_its_commands(start):
    server = start("appendonly yes", "appendfsync always", "notify-keyspace-events KEA")
    script = ("redis.call('publish','c','1') redis.call('set',KEYS[1],'v') redis.call('publish','c','2') "
              "redis.call('incr','n') return 'done'")
    told = [[b"message", b"c", b"1"], [b"pmessage", b"__key*", b"__keyspace@0__:k", b"set"],
            [b"pmessage", b"__key*", b"__keyevent@0__:set", b"k"], [b"message", b"c", b"2"],
            [b"pmessage", b"__key*", b"__keyspace@0__:n", b"incrby"], [b"pmessage", b"__key*", b"__keyevent@0__:incrby", b"n"]]
    with server.connect(protocol=3) as runner, server.connect() as listener, server.connect() as monitor, \
            server.connect() as other:
        for client in (runner, listener):
            client.call("SUBSCRIBE", "c")
            client.call("PSUBSCRIBE", "__key*")
        expect(monitor.call("MONITOR"), "OK")
        for transaction in (False, True):
            expect(other.call("DEBUG", "reply-blocking-pause", "aof"), "OK")
            eval_ = encode("EVAL", script, 1, "k")
            runner.send(encode("MULTI") + eval_ + encode("EXEC") if transaction else eval_)
            if transaction:
                expect(runner.read_replies(2), ["OK", "QUEUED"])
            wait_until(lambda: int(parse_info(other.call("INFO", "everything"))["held_clients"]) >= 2, 20, "held replies")
            expect((listener.is_silent(), runner.is_silent()), (True, True))
            expect(other.call("DEBUG", "reply-blocking-resume", "aof"), "OK")
            expect(runner.read(), [b"done"] if transaction else b"done")
            for message in told:
                expect(listener.read(), message)
                expect(list(runner.read()), message)
        seen = []
        other.call("PING", "end")
        while not seen or b'"end"' not in seen[-1]:
            seen.append(bytes(monitor.read(), "utf8"))
        lua = [line.split(b"] ", 1)[1] for line in seen if b"lua]" in line]
        expect(lua, [b'"publish" "c" "1"', b'"set" "k" "v"', b'"publish" "c" "2"', b'"incr" "n"'] * 2)
        expect(sum(b'"EVAL"' in line for line in seen), 2)


@test(on="martlet")
def scripts_and_long_writes_do_not_mix(start):
    """A script that might touch what is being changed begins when the change is whole."""
    server = start()
    with server.connect(timeout=60) as other, server.connect(timeout=60) as writer, server.connect(timeout=60) as runner:
        other.call("RPUSH", "list", *range(2_000))
        expect(other.call("DEBUG", "SET-SLICE", 50), "OK")
        expect(other.call("DEBUG", "PAUSE-LONG", 1), "OK")
        writer.send_command("LTRIM", "list", 0, 9)
        wait_until(lambda: int(server.info("stats")["long_commands_under_way"]) == 1, 20, "a command in the middle")
        runner.send_command("EVAL", "return redis.call('llen','list')", 0)
        wait_until(lambda: int(server.info("stats")["parked_writers"]) == 1, 20, "a script that waits")
        expect(other.call("SET", "unrelated", 1), "OK")
        expect(other.call("DEBUG", "PAUSE-LONG", 0), "OK")
        expect((writer.read(), runner.read()), ("OK", 10))


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
