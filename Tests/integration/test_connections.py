"""test_connections.py: how clients get in, what they may use up, how they are sent away."""
import os
import socket
import stat

from harness.resp import Closed, Connection, encode, wait_until
from harness.runner import expect, expect_error, skip, test
from harness.server import free_port, is_sanitized, parse_info


# Limits on who comes in


@test
def maxclients_is_told_in_these_words(start):
    server = start("maxclients 10")
    others = [server.connect() for _ in range(10)]
    for each in others:
        expect(each.call("PING"), "PONG")
    with server.connect() as refused:
        expect(refused.read_until_closed(), b"-ERR max number of clients reached\r\n")
    expect(int(parse_info(others[0].call("INFO", "stats"))["rejected_connections"]), 1)
    others.pop().close()

    def admitted():
        with server.connect() as again:
            try:
                return again.call("PING") == "PONG"
            except Closed:
                return False
    wait_until(admitted, 10, "a free place to be given away")


@test
def maxclients_can_be_raised_while_running(start):
    server = start("maxclients 2")
    one, two = server.connect(), server.connect()
    expect(one.call("PING"), "PONG")
    expect(two.call("PING"), "PONG")
    with server.connect() as refused:
        expect(refused.read_until_closed(), b"-ERR max number of clients reached\r\n")
    expect(one.call("CONFIG", "SET", "maxclients", "3"), "OK")
    with server.connect() as third:
        expect(third.call("PING"), "PONG")
    expect(one.call("CONFIG", "GET", "maxclients"), [b"maxclients", b"3"])


@test
def unauthenticated_peers_get_little(start):
    """P25: before the password ten arguments, 16 KiB each, and a megabyte of input."""
    server = start("requirepass secret")

    def first_error(data):
        with server.connect() as connection:
            try:
                connection.send(data)
            except Closed:
                pass
            return connection.read_until_closed()

    expect(first_error(b"*11\r\n"), b"-ERR Protocol error: unauthenticated multibulk length\r\n")
    expect(first_error(b"*2\r\n$4\r\nAUTH\r\n$16385\r\n"), b"-ERR Protocol error: unauthenticated bulk length\r\n")
    with server.connect() as connection:
        connection.send(b"*10\r\n" + b"$1\r\na\r\n" * 10)
        # Ten are let through; Redis looks for the command first, Valkey for the password.
        reply = connection.read()
        assert reply.startswith(("ERR unknown command 'a'", "NOAUTH")), reply
        connection.send(b"*2\r\n$4\r\nAUTH\r\n$16384\r\n" + b"x" * 16384 + b"\r\n")
        expect_error(connection.read(), "WRONGPASS*")
        expect(connection.call("AUTH", "secret"), "OK")
        expect(connection.call("SET", "k", "x" * 100_000), "OK")
        expect(connection.call("MSET", *(["a", "b"] * 100)), "OK")


@test(on="martlet redis")
def unauthenticated_flood_is_cut_off(start):
    """P26: a peer that is not let in and never reads may not make us queue replies."""
    server = start("requirepass secret", 'client-output-buffer-limit normal 0 0 0')
    before = server.resident_bytes()
    with server.connect(receive_buffer=4096, timeout=10) as connection:
        request = encode("PING") * 1000
        sent = 0
        try:
            while sent < 256 << 20:
                connection.send(request)
                sent += len(request)
        except (Closed, OSError):
            pass
    growth = server.resident_bytes() - before
    assert sent < 256 << 20, "the server took 256 MB of requests without reading an answer"
    assert growth < 32 << 20, f"{growth} bytes for one unauthenticated peer"


@test
def protected_mode_answers_strangers_with_advice(start):
    """Only loopback may come in while there is no password; other addresses of this machine are strangers."""
    address = other_address()
    if address is None:
        skip("this machine has no address but loopback")
    server = start(f"bind 127.0.0.1 {address}", "protected-mode yes")
    with Connection((address, server.port), source=address) as stranger:
        data = stranger.read_until_closed()
        assert data.startswith(b"-DENIED ") and b"protected mode" in data, data
    expect(server.call("PING"), "PONG")
    expect(server.call("CONFIG", "SET", "protected-mode", "no"), "OK")
    with Connection((address, server.port), source=address) as guest:
        expect(guest.call("PING"), "PONG")


def other_address():
    """An address of this machine that is not loopback, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Sends nothing: the kernel only chooses the route. 192.0.2.0/24 belongs to documentation.
            probe.connect(("192.0.2.1", 9))
            address = probe.getsockname()[0]
        except OSError:
            return None
    return None if address.startswith("127.") or address == "0.0.0.0" else address


@test
def idle_clients_are_closed_after_timeout(start):
    server = start("timeout 1")
    with server.connect() as idle, server.connect() as other:
        expect(idle.call("PING"), "PONG")
        expect(other.call("PING"), "PONG")
        expect(idle.read_until_closed(), b"")


@test
def timeout_set_while_running_applies_to_those_connected(start):
    server = start()
    with server.connect() as idle:
        expect(idle.call("PING"), "PONG")
        expect(server.call("CONFIG", "SET", "timeout", "1"), "OK")
        expect(idle.read_until_closed(), b"")


# Where it listens


@test
def several_addresses(start):
    server = start("bind 127.0.0.1 127.0.0.2 127.0.0.3")
    for host in ("127.0.0.1", "127.0.0.2", "127.0.0.3"):
        with Connection((host, server.port)) as connection:
            expect(connection.call("PING"), "PONG")
    try:
        Connection(("127.0.0.4", server.port))
    except ConnectionRefusedError:
        return
    raise AssertionError("it listens on an address that was not named")


@test
def loopback_of_both_families(start):
    server = start("bind 127.0.0.1 -::1")
    expect(server.call("PING"), "PONG")
    try:
        with Connection(("::1", server.port)) as connection:
            expect(connection.call("PING"), "PONG")
            info = connection.call("CLIENT", "INFO")
            assert b"addr=[::1]:" in info, info
    except OSError:
        skip("no IPv6 here")


@test
def optional_address_may_be_missing(start):
    """`-` before an address: carry on where it does not exist."""
    server = start("bind 127.0.0.1 -192.0.2.77")
    expect(server.call("PING"), "PONG")


@test
def address_that_cannot_be_bound_ends_the_start(start):
    server = start("bind 127.0.0.1 192.0.2.77", start=False)
    server.start(wait=False)
    assert server.wait_exit() != 0
    assert "192.0.2.77" in server.log(), server.log()


@test
def port_in_use_ends_the_start(start):
    first = start()
    second = start(f"port {first.port}", start=False)
    second.start(wait=False)
    expect(second.wait_exit(), 1)
    log = second.log()
    assert "Failed listening on port" in log and str(first.port) in log, log
    expect(first.call("PING"), "PONG")


@test
def unix_socket_with_permissions(start):
    path = f"/tmp/martlet-test-{os.getpid()}.sock"
    server = start(f"unixsocket {path}", "unixsocketperm 700")
    expect(stat.S_IMODE(os.stat(path).st_mode), 0o700)
    with Connection(path) as connection:
        expect(connection.call("PING"), "PONG")
        info = connection.call("CLIENT", "INFO")
        assert b"addr=" in info and path.encode() + b":0" in info and b" flags=U " in info, info
    expect(server.call("PING"), "PONG")
    server.stop()
    assert not os.path.exists(path), "the socket's file outlives the server"


@test
def unix_socket_alone(start):
    path = f"/tmp/martlet-test-{os.getpid()}.sock"
    server = start("port 0", f"unixsocket {path}")
    with Connection(path) as connection:
        expect(connection.call("SET", "k", "x" * 1_000_000), "OK")
        expect(len(connection.call("GET", "k")), 1_000_000)
        expect(parse_info(connection.call("INFO", "server"))["tcp_port"], "0")
    server.stop()


@test
def old_unix_socket_file_is_replaced(start):
    path = f"/tmp/martlet-test-{os.getpid()}.sock"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(path)
    server = start(f"unixsocket {path}")
    with Connection(path) as connection:
        expect(connection.call("PING"), "PONG")
    server.stop()


@test
def no_place_to_listen_is_an_error(start):
    server = start("port 0", start=False)
    server.start(wait=False)
    expect(server.wait_exit(), 1)


def socket_timers(port):
    """Of every established connection to `port`: what /proc/net/tcp says of its timer."""
    found = []
    with open("/proc/net/tcp") as table:
        next(table)
        for line in table:
            fields = line.split()
            if int(fields[1].split(":")[1], 16) == port and fields[3] == "01":
                found.append(fields[5])
    return found


@test
def tcp_keepalive_is_set_on_accepted_connections(start):
    """A keepalive timer runs on the server's side of a connection (timer kind 2 in /proc/net/tcp)."""
    server = start("tcp-keepalive 60")
    with server.connect() as connection:
        expect(connection.call("PING"), "PONG")
        wait_until(lambda: any(timer.startswith("02:") for timer in socket_timers(server.port)),
                   10, "a keepalive timer")
    without = start("tcp-keepalive 0")
    with without.connect() as connection:
        expect(connection.call("PING"), "PONG")
        assert not any(timer.startswith("02:") for timer in socket_timers(without.port))


@test
def tcp_backlog_is_used(start):
    """The length of the accept queue, as the kernel sees it."""
    server = start("tcp-backlog 77")
    with open("/proc/sys/net/core/somaxconn") as file:
        wanted = min(77, int(file.read()))
    import subprocess
    try:
        listing = subprocess.run(["ss", "-Hltn"], capture_output=True, text=True).stdout
    except FileNotFoundError:
        skip("no ss here")
    queues = [line.split()[2] for line in listing.splitlines() if line.split()[3].endswith(f":{server.port}")]
    expect(queues, [str(wanted)])


# Who uses up too much


@test
def replies_that_nobody_reads_do_not_pile_up(start):
    """P21: without a limit the server stops reading from such a client; memory stays bounded."""
    server = start()
    server.call("SET", "k", "x" * 1000)
    with server.connect() as other:
        other.call("PING")
        before = server.resident_bytes()
        with server.connect(receive_buffer=4096, timeout=3) as deaf:
            request = encode("GET", "k") * 100
            sent = 0
            try:
                while sent < 600_000:
                    deaf.send(request)
                    sent += 100
            except (TimeoutError, Closed, OSError):
                pass
            expect(other.call("PING"), "PONG")
            growth = server.resident_bytes() - before
            if server.flavour == "martlet":
                assert growth < 128 << 20, f"{growth} bytes grown for a client that does not read ({sent} requests sent)"


@test
def what_was_not_read_is_still_complete_and_in_order(server):
    """After the client begins to read it gets every reply, in order."""
    import threading
    count = 100_000
    with server.connect(receive_buffer=4096, timeout=60) as connection:
        payload = b"".join(encode("ECHO", f"{number:0200}") for number in range(count))
        sender = threading.Thread(target=connection.send, args=(payload,), daemon=True)
        sender.start()
        sender.join(1.0)  # by now the send has come to a stand, or is done; either will do
        for number in range(count):
            reply = connection.read()
            if reply != b"%0200d" % number:
                raise AssertionError(f"reply {number} is {reply!r}")
        sender.join()


@test
def output_buffer_limit_closes_the_client(start):
    server = start("client-output-buffer-limit normal 1mb 0 0")
    server.call("SET", "k", "x" * 100_000)
    with server.connect(receive_buffer=4096) as deaf:
        try:
            deaf.send(encode("GET", "k") * 1000)
        except (Closed, OSError):
            pass
        with server.connect() as other:
            wait_until(lambda: int(parse_info(other.call("INFO", "clients"))["connected_clients"]) == 1,
                       20, "the client to be closed")
    server.wait_for_log("output buffer limits")


@test
def soft_output_buffer_limit_closes_after_its_time(start):
    server = start("client-output-buffer-limit normal 0 200kb 1")
    server.call("SET", "k", "x" * 100_000)
    with server.connect(receive_buffer=4096) as deaf, server.connect() as other:
        deaf.send(encode("GET", "k") * 100)
        # Output over the soft limit is looked at when more is appended, or by a timer: give it both.
        def closed():
            try:
                deaf.send(encode("GET", "k"))
            except (Closed, OSError):
                return True
            return int(parse_info(other.call("INFO", "clients"))["connected_clients"]) == 1
        wait_until(closed, 20, "the client to be closed")


@test
def query_buffer_limit_closes_the_client(start):
    """P28: one request may not be larger than client-query-buffer-limit."""
    server = start("client-query-buffer-limit 1mb")
    with server.connect() as connection:
        try:
            connection.send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$20000000\r\n" + b"x" * 20_000_000)
        except (Closed, OSError):
            pass
        connection.read_until_closed()
    server.wait_for_log("max query buffer length")
    expect(server.call("EXISTS", "k"), 0)
    if server.flavour != "martlet":
        return
    # Several words that are each below the limit, and together above it: the others count one at a time.
    with server.connect() as connection:
        try:
            connection.send(encode("MSET", *["key", "x" * 300_000] * 10))
        except (Closed, OSError):
            pass
        connection.read_until_closed()
    expect(server.call("EXISTS", "key"), 0)


# Coming and going


@test
def thousands_come_and_go_without_a_trace(server):
    """P31: descriptors and clients return to where they were."""
    with server.connect() as observer:
        observer.call("PING")
        before = server.open_descriptors()
        for round_number in range(20):
            batch = [server.connect() for _ in range(100)]
            for number, connection in enumerate(batch):
                if number % 3 == 0:
                    connection.send(encode("PING"))
                elif number % 3 == 1:
                    expect(connection.call("ECHO", str(number)), str(number).encode())
            for number, connection in enumerate(batch):
                if number % 2:
                    connection.reset()
                else:
                    connection.close()
        wait_until(lambda: int(parse_info(observer.call("INFO", "clients"))["connected_clients"]) == 1,
                   20, "all clients to be gone")
        wait_until(lambda: server.open_descriptors() <= before, 10, f"no more than {before} descriptors")


@test
def reset_in_the_middle_of_a_bulk(server):
    """P30."""
    with server.connect() as observer:
        observer.call("PING")
        before = server.open_descriptors()
        for _ in range(50):
            connection = server.connect()
            connection.send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$10000000\r\n" + b"x" * 200_000)
            connection.reset()
        wait_until(lambda: int(parse_info(observer.call("INFO", "clients"))["connected_clients"]) == 1,
                   20, "all clients to be gone")
        wait_until(lambda: server.open_descriptors() <= before, 10, f"no more than {before} descriptors")
        expect(observer.call("EXISTS", "k"), 0)


@test
def reset_while_replies_are_on_their_way(server):
    """P30: a send that fails half-way ends that connection and nothing else."""
    server.call("SET", "k", "x" * 1_000_000)
    with server.connect() as observer:
        observer.call("PING")
        before = server.open_descriptors()
        for _ in range(20):
            connection = server.connect(receive_buffer=4096)
            connection.send(encode("GET", "k") * 20)
            connection.socket.recv(1000)
            connection.reset()
        wait_until(lambda: int(parse_info(observer.call("INFO", "clients"))["connected_clients"]) == 1,
                   20, "all clients to be gone")
        wait_until(lambda: server.open_descriptors() <= before, 10, f"no more than {before} descriptors")


@test
def client_kill_while_replies_are_pending(server):
    server.call("SET", "k", "x" * 1_000_000)
    with server.connect() as observer:
        for _ in range(10):
            victim = server.connect(receive_buffer=4096)
            number = victim.call("CLIENT", "ID")
            victim.send(encode("GET", "k") * 20)
            victim.socket.recv(1000)
            expect(observer.call("CLIENT", "KILL", "ID", number), 1)
            data = victim.read_until_closed()
            assert len(data) < 20_000_400, len(data)
            victim.close()
        wait_until(lambda: int(parse_info(observer.call("INFO", "clients"))["connected_clients"]) == 1,
                   10, "all clients to be gone")


@test
def client_kill_by_each_filter(server):
    with server.connect() as killer:
        def victim():
            connection = server.connect()
            identity = connection.call("CLIENT", "ID")
            address = connection.socket.getsockname()
            return connection, identity, f"{address[0]}:{address[1]}"

        one, identity, address = victim()
        expect(killer.call("CLIENT", "KILL", address), "OK")
        assert one.is_closed()
        one, identity, address = victim()
        expect(killer.call("CLIENT", "KILL", "ADDR", address), 1)
        assert one.is_closed()
        one, identity, address = victim()
        expect(killer.call("CLIENT", "KILL", "ID", identity), 1)
        assert one.is_closed()
        expect(killer.call("CLIENT", "KILL", "ID", identity), 0)
        # Nobody who is still on the way out is to be counted.
        wait_until(lambda: parse_info(killer.call("INFO", "clients"))["connected_clients"] == "1", 10, "one client")
        one, identity, address = victim()
        expect(killer.call("CLIENT", "KILL", "LADDR", f"127.0.0.1:{server.port}", "SKIPME", "yes"), 1)
        assert one.is_closed()
        one, identity, address = victim()
        two, other, _ = victim()
        expect(killer.call("CLIENT", "KILL", "TYPE", "normal", "ID", identity, "ADDR", address), 1)
        assert one.is_closed()
        expect(two.call("PING"), "PONG")
        expect(killer.call("CLIENT", "KILL", "TYPE", "pubsub"), 0)
        expect(two.call("PING"), "PONG")
        two.close()


@test(on="martlet valkey")
def client_kill_by_age(server):
    with server.connect() as killer, server.connect() as young:
        young.call("PING")
        expect(killer.call("CLIENT", "KILL", "MAXAGE", "100000"), 0)
        expect(young.call("PING"), "PONG")


@test
def a_thousand_idle_connections_cost_nothing(server):
    """An idle server sleeps: what it does while nothing happens does not grow with its clients."""
    idle = [server.connect() for _ in range(1000)]
    try:
        expect(idle[-1].call("PING"), "PONG")
        server.wait_for_clients(1000)
        from harness.server import pause
        # What their coming has left to do is done sooner or later; then two seconds are quiet.
        for _ in range(10):
            switches, ticks = server.voluntary_switches(), server.cpu_ticks()
            pause(2.0)
            switches, ticks = server.voluntary_switches() - switches, server.cpu_ticks() - ticks
            # A turn of housekeeping ten times a second would make twenty; nobody polls.
            if server.flavour != "martlet" or (switches <= 60 and ticks <= 4):
                break
        else:
            raise AssertionError(f"{switches} wake-ups and {ticks} clock ticks of CPU in 2 s")
    finally:
        for connection in idle:
            connection.close()


@test
def thousand_clients_at_once(server):
    clients = [server.connect() for _ in range(1000)]
    try:
        for number, connection in enumerate(clients):
            connection.send(encode("SET", f"k{number}", number) + encode("GET", f"k{number}"))
        for number, connection in enumerate(clients):
            expect(connection.read_replies(2), ["OK", str(number).encode()])
        expect(server.call("DBSIZE"), 1000)
    finally:
        for connection in clients:
            connection.close()


@test
def half_closed_connection_still_gets_its_replies(server):
    """A client that has sent its FIN after a pipeline is answered what it asked (nc does this)."""
    with server.connect() as connection:
        connection.send(encode("SET", "k", "v") + encode("GET", "k") + b"PING\r\n")
        connection.socket.shutdown(socket.SHUT_WR)
        expect(connection.read_until_closed(), b"+OK\r\n$1\r\nv\r\n+PONG\r\n")


@test(on="martlet")
def a_large_value_that_was_held_is_freed(start):
    """The words of a request that CLIENT PAUSE holds are kept, and let go of when it has run."""
    if is_sanitized():
        skip("a sanitizer's allocator keeps no figures")
    server = start()
    with server.connect() as control, server.connect(timeout=60.0) as writer:
        def used():
            return int(parse_info(control.call("INFO", "memory"))["used_memory"])

        before = used()
        for _ in range(3):
            expect(control.call("CLIENT", "PAUSE", 60000, "WRITE"), "OK")
            writer.send(encode("SET", "k", b"v" * (32 << 20)))
            expect(writer.is_silent(0.3), True)
            expect(control.call("CLIENT", "UNPAUSE"), "OK")
            expect(writer.read(), "OK")
            expect(control.call("STRLEN", "k"), 32 << 20)
            expect(control.call("DEL", "k"), 1)
        wait_until(lambda: used() < before + (16 << 20), 10, f"the memory of the values, {used() - before} bytes, to be given back")
