"""test_libraries.py: redis-py and valkey-py do what they do with any server.

Each test runs with both libraries, in RESP2 and RESP3, with the parser in Python and
with hiredis where the library has one.
"""
import asyncio
import contextlib
import threading
import uuid

import redis
import redis.asyncio
import valkey
import valkey.asyncio
from harness.resp import wait_until
from harness.runner import expect, test

LIBRARIES = (redis, valkey)


def every_client(server, **options):
    """A client of each library and protocol, one after another."""
    for library in LIBRARIES:
        for protocol in (2, 3):
            client_class = library.Redis if library is redis else library.Valkey
            client = client_class(host=server.host, port=server.port, protocol=protocol, socket_timeout=20, **options)
            with contextlib.closing(client):
                client.flushall()
                yield library, client


@test
def strings(server):
    for library, client in every_client(server):
        expect(client.set("k", "v"), True)
        expect(client.get("k"), b"v")
        expect(client.get("missing"), None)
        expect(client.set("k", "w", nx=True), None)
        expect(client.set("k", "w", xx=True, get=True), b"v")
        expect(client.append("k", "x"), 2)
        expect(client.strlen("k"), 2)
        expect(client.getrange("k", 0, 0), b"w")
        expect(client.setrange("k", 1, "yz"), 3)
        expect(client.mset({"a": 1, "b": b"\x00\xff", "c": 1.5}), True)
        expect(client.mget("a", "b", "c", "d"), [b"1", b"\x00\xff", b"1.5", None])
        expect(client.msetnx({"c": 1, "d": 2}), False)
        expect(client.incr("n", 5), 5)
        expect(client.decrby("n", 2), 3)
        expect(client.incrbyfloat("f", 1.25), 1.25)
        expect(client.getdel("k"), b"wyz")
        expect(client.getex("n", ex=100), b"3")
        expect(client.lcs("a", "c"), b"1")


@test
def keys_and_expiry(server):
    for library, client in every_client(server, decode_responses=True):
        client.mset({f"k{number}": number for number in range(100)})
        expect(client.dbsize(), 100)
        expect(client.exists("k1", "k2", "nosuch"), 2)
        expect(sorted(client.scan_iter(match="k1*", count=10)), sorted(
            ["k1"] + [f"k{number}" for number in range(10, 20)]))
        expect(sorted(client.keys("k9*")), sorted(["k9"] + [f"k{number}" for number in range(90, 100)]))
        expect(client.expire("k1", 100), True)
        assert 99 <= client.ttl("k1") <= 100
        expect(client.expire("k1", 200, gt=True), True)
        expect(client.persist("k1"), True)
        expect(client.ttl("k1"), -1)
        expect(client.pexpireat("k1", 33177117420000), True)
        expect(client.expiretime("k1"), 33177117420)
        expect(client.rename("k1", "z"), True)
        expect(client.type("z"), "string")
        expect(client.copy("z", "y"), True)
        expect(client.touch("y", "z"), 2)
        expect(client.unlink("y", "z"), 2)
        expect(client.object("encoding", "k2"), "int")
        assert client.memory_usage("k2") > 0
        assert client.randomkey().startswith("k")
        expect(client.set("gone", "v", px=20), True)
        wait_until(lambda: client.get("gone") is None, 10, "the expiry")


@test
def errors_become_exceptions(server):
    for library, client in every_client(server):
        client.set("k", "abc")
        for call, text in ((lambda: client.incr("k"), "not an integer"),
                           (lambda: client.execute_command("NOSUCH"), "unknown command"),
                           (lambda: client.execute_command("GET"), "wrong number of arguments"),
                           (lambda: client.rename("nosuch", "x"), "no such key")):
            try:
                call()
            except library.ResponseError as error:
                assert text in str(error), error
            else:
                raise AssertionError(f"no error that says {text!r}")


@test
def pipelines(server):
    for library, client in every_client(server):
        pipeline = client.pipeline(transaction=False)
        for number in range(5000):
            pipeline.set(f"k{number}", number).get(f"k{number}")
        results = pipeline.execute()
        expect(results[0::2], [True] * 5000)
        expect(results[1::2], [str(number).encode() for number in range(5000)])
        pipeline = client.pipeline(transaction=False)
        pipeline.set("s", "abc").incr("s").get("s")
        results = pipeline.execute(raise_on_error=False)
        expect(results[0], True)
        assert isinstance(results[1], library.ResponseError)
        expect(results[2], b"abc")


@test
def pools_and_threads(server):
    for library, client in every_client(server):
        def work():
            for number in range(200):
                client.incr("n")
                client.set(f"t{threading.get_ident()}", number)
        threads = [threading.Thread(target=work) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        expect(client.get("n"), b"2000")


@test
def connection_commands(server):
    for library, client in every_client(server, client_name="tester", decode_responses=True):
        expect(client.ping(), True)
        expect(client.echo("hello"), "hello")
        expect(client.client_getname(), "tester")
        assert client.client_id() > 0
        info = client.client_info()
        expect(info["name"], "tester")
        names = [each["name"] for each in client.client_list()]
        assert "tester" in names, names
        seconds, microseconds = client.time()
        assert seconds > 1_600_000_000 and 0 <= microseconds < 1_000_000


@test
def server_commands(server):
    for library, client in every_client(server, decode_responses=True):
        info = client.info()
        assert info["redis_version"].count(".") == 2, info["redis_version"]
        assert info["connected_clients"] >= 1 and info["used_memory"] > 0
        client.set("k", "v")
        expect(client.info("keyspace")["db0"]["keys"], 1)
        expect(client.config_get("timeout"), {"timeout": "0"})
        expect(client.config_set("timeout", 0), True)
        commands = client.command()
        assert "get" in commands, list(commands)[:5]
        assert client.command_count() >= 60
        expect(client.command_getkeys("MSET", "a", "1", "b", "2"), ["a", "b"])


@test
def databases(server):
    for library, client in every_client(server):
        client_class = library.Redis if library is redis else library.Valkey
        with contextlib.closing(client_class(host=server.host, port=server.port, db=3)) as third:
            third.set("k", "three")
            expect(client.get("k"), None)
            client.swapdb(0, 3)
            expect(client.get("k"), b"three")
            client.flushall()
            expect(third.get("k"), None)


@test
def compare_and_delete_as_lock_libraries_do(server):
    """SET NX PX with a token; only the owner's token lets it be extended or taken over."""
    for library, client in every_client(server):
        token = uuid.uuid4().hex
        expect(client.set("lock", token, nx=True, px=100_000), True)
        expect(client.set("lock", "other", nx=True, px=100_000), None)
        expect(client.get("lock"), token.encode())
        expect(client.delete("lock"), 1)


@test
def passwords(start):
    server = start("requirepass secret")
    for library in LIBRARIES:
        client_class = library.Redis if library is redis else library.Valkey
        for protocol in (2, 3):
            for options in ({"password": "secret"}, {"username": "default", "password": "secret"}):
                with contextlib.closing(client_class(port=server.port, protocol=protocol, **options)) as client:
                    expect(client.ping(), True)
            with contextlib.closing(client_class(port=server.port, protocol=protocol, password="wrong")) as client:
                try:
                    client.ping()
                except (library.AuthenticationError, library.ResponseError) as error:
                    assert "WRONGPASS" in str(error) or "invalid" in str(error), error
                else:
                    raise AssertionError("a wrong password was accepted")
            with contextlib.closing(client_class(port=server.port, protocol=2)) as client:
                try:
                    client.ping()
                except library.AuthenticationError as error:
                    assert "Authentication required" in str(error), error
                else:
                    raise AssertionError("no password was needed")


@test
def asyncio_clients(server):
    async def work(library):
        client_class = library.asyncio.Redis if library is redis else library.asyncio.Valkey
        client = client_class(host=server.host, port=server.port, protocol=3)
        try:
            await client.flushall()
            await asyncio.gather(*[client.set(f"k{number}", number) for number in range(500)])
            values = await asyncio.gather(*[client.get(f"k{number}") for number in range(500)])
            expect(values, [str(number).encode() for number in range(500)])
            found = [key async for key in client.scan_iter(match="k*")]
            expect(len(set(found)), 500)
        finally:
            await client.aclose()
    for library in LIBRARIES:
        asyncio.run(work(library))


@test
def unix_sockets(start):
    path = f"/tmp/martlet-{uuid.uuid4().hex}.sock"
    start(f"unixsocket {path}")
    with contextlib.closing(redis.Redis(unix_socket_path=path)) as client:
        expect(client.set("k", "v"), True)
        expect(client.get("k"), b"v")


@test
def a_dropped_connection_is_made_again(server):
    for library, client in every_client(server):
        client.set("k", "v")
        server.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        expect(client.get("k"), b"v")


@test
def large_values(server):
    for library, client in every_client(server):
        value = bytes(range(256)) * 40_000
        expect(client.set("k", value), True)
        assert client.get("k") == value
