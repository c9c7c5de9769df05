"""test_protocol.py: what a server answers to bytes that are not quite requests.

Rows P01 to P19 of the catalogue of bad input. Every request that breaks the
protocol is answered by one error and a close; nothing after it runs. Where Redis
and Valkey differ, the stricter behaviour is expected of Martlet.
"""
from harness.resp import Closed, Error, encode, wait_until
from harness.runner import expect, expect_error, test

PING = b"*1\r\n$4\r\nPING\r\n"


def said(server, data):
    """Everything the server says to `data` until it closes."""
    with server.connect() as connection:
        try:
            connection.send(data)
        except Closed:
            pass
        return connection.read_until_closed()


def expect_protocol_error(server, data, text):
    expect(said(server, data), b"-ERR Protocol error: " + text + b"\r\n", f"after {data[:40]!r}")


@test
def empty_requests_are_ignored(client):
    """P01: an empty line and an empty or negative array are no requests."""
    for nothing in (b"\r\n", b"\n", b"*0\r\n", b"*-1\r\n", b"*-10\r\n", b"\r\n\r\n*0\r\n"):
        client.send(nothing + PING)
        expect(client.read(), "PONG", repr(nothing))


@test
def array_length_must_be_a_small_integer(server):
    """P02: lengths over 2^31-1, signs, leading zeros and letters."""
    for length in (b"3000000000", b"2147483648", b"9223372036854775807", b"9223372036854775808",
                   b"18446744073709551617", b"+1", b"01", b" 1", b"1 ", b"a", b"1a", b"", b"-", b"0x1", b"1e1"):
        expect_protocol_error(server, b"*" + length + b"\r\n", b"invalid multibulk length")


@test
def claimed_array_length_allocates_nothing(server):
    """P03: `*2147483647` is accepted, and costs what arrives, not what it claims."""
    connections = [server.connect() for _ in range(50)]
    before = server.resident_bytes()
    for connection in connections:
        connection.send(b"*2147483647\r\n$4\r\nPING\r\n")
    expect(server.call("PING"), "PONG")
    growth = server.resident_bytes() - before
    assert growth < 16 << 20, f"{growth} bytes for 50 claimed arrays"
    for connection in connections:
        assert connection.is_silent(0.001)
        connection.close()


@test
def endless_array_length_is_cut_off(server):
    """P04."""
    expect_protocol_error(server, b"*" + b"1" * 70_000, b"too big mbulk count string")


@test
def argument_length_must_be_within_the_limit(server):
    """P05: negative, over proto-max-bulk-len, empty, not a number."""
    for length in (b"-1", b"-2", b"536870913", b"9223372036854775808", b"zz", b"", b"+3", b"03", b" 3", b"3 ", b"3a"):
        expect_protocol_error(server, b"*1\r\n$" + length + b"\r\n", b"invalid bulk length")


@test
def endless_argument_length_is_cut_off(server):
    """P06."""
    expect_protocol_error(server, b"*1\r\n$" + b"1" * 70_000, b"too big bulk count string")


@test
def argument_must_begin_with_dollar(server):
    """P07."""
    expect_protocol_error(server, b"*1\r\nfoo\r\n", b"expected '$', got 'f'")
    expect_protocol_error(server, b"*2\r\n$4\r\nECHO\r\n:1\r\n", b"expected '$', got ':'")


@test(on="martlet")
def argument_header_echo_is_printable(server):
    """P07: a byte that could break the error line, or a terminal, is not echoed as it is."""
    for byte in (b"\r", b"\n", b"\x00", b"\x1b", b"\xff"):
        data = said(server, b"*1\r\n" + byte + b"oo\r\n")
        assert data.startswith(b"-ERR Protocol error: expected '$', got '"), data
        assert data.endswith(b"'\r\n") and data[:-2].decode("ascii").isprintable(), data


@test(on="martlet valkey")
def payload_must_end_in_a_line_end(server):
    """P08: the two bytes after a payload are checked, not skipped."""
    expect_protocol_error(server, b"*1\r\n$4\r\nPINGxx", b"invalid CRLF in request")
    expect_protocol_error(server, b"*3\r\n$3\r\nSET\r\n$1\r\nkX\n$1\r\nv\r\n", b"invalid CRLF in request")
    expect(server.call("EXISTS", "k"), 0)


@test
def endless_inline_request_is_cut_off(server):
    """P09."""
    expect_protocol_error(server, b"a" * 70_000, b"too big inline request")


@test
def unbalanced_quotes(server):
    """P10."""
    for line in (b'set "abc x', b"set 'abc x", b'set k "abc', b"set k '", b'set k "'):
        expect_protocol_error(server, line + b"\r\n", b"unbalanced quotes in request")


@test(on="martlet redis")
def quote_followed_by_text(server):
    """P10: a closing quote ends the argument; text right after it is an error. An escaped quote closes nothing."""
    for line in (b'set "a"b c', b"set 'a'b c", b"set k 'a\\'", b'set k "a\\"'):
        expect_protocol_error(server, line + b"\r\n", b"unbalanced quotes in request")


@test
def inline_escapes(client):
    """P11."""
    expect(client.inline(r'set k "\x00\n\r\t\a\b\\\"x\x41"'), "OK")
    expect(client.call("GET", "k"), b"\x00\n\r\t\a\b\\\"xA")
    expect(client.inline(r'echo "\xzz"'), b"xzz")
    expect(client.inline(r"echo 'it\'s \n'"), rb"it's \n")
    expect(client.inline('  echo\t"a b"  '), b"a b")
    expect(client.inline('echo ""'), b"")
    client.send(b"PING\nPING\r\n")
    expect(client.read_replies(2), ["PONG", "PONG"])


@test(on="martlet")
def binary_inline_is_an_error(server):
    """P12, P13: a NUL is not silence. A length with a NUL in it is no length."""
    data = said(server, b"\x00\x00\r\n")
    assert data.startswith(b"-ERR") and data.count(b"\r\n") == 1, data
    expect_protocol_error(server, b"*\x00\r\n", b"invalid multibulk length")


@test
def web_request_is_closed(server):
    """P14, P15: a browser made to post commands at us gets nowhere."""
    for head in (b"POST / HTTP/1.1\r\n", b"post / HTTP/1.1\r\n", b"Host: localhost\r\n", b"host: x\r\n",
                 b"GET / HTTP/1.1\r\nHost: localhost\r\n"):
        with server.connect() as connection:
            connection.send(head + b"\r\nSET injected yes\r\n")
            data = connection.read_until_closed()
            assert b"+OK" not in data, data
    with server.connect() as connection:
        connection.send(PING + b"POST / HTTP/1.1\r\nSET injected yes\r\n")
        data = connection.read_until_closed()
        assert data in (b"", b"+PONG\r\n"), data
    expect(server.call("EXISTS", "injected"), 0)
    # Redis and Valkey call it a possible security attack; either way there is a line that says what it was.
    wait_until(lambda: "SECURITY ATTACK" in server.log() or "HTTP" in server.log(), 10, "a line in the log")


@test(on="martlet")
def tls_hello_on_the_plain_port_is_closed(server):
    """P16: the beginning of a ClientHello cannot become a request: close at once."""
    hello = bytes.fromhex("1603010200010001fc0303") + bytes(range(64))
    with server.connect() as connection:
        connection.send(hello)
        connection.read_until_closed()


@test
def unknown_command_is_echoed_safely(client):
    """P17: one line, shortened, without line ends of the caller's."""
    expect_error(client.call("nosuch"), "ERR unknown command 'nosuch', with args beginning with: ")
    expect_error(client.call("nosuch", "a", "b c"),
                 "ERR unknown command 'nosuch', with args beginning with: 'a' 'b c' ")
    client.send(encode(b"bad\r\nname", b"arg\r\n+OK"))
    raw = client.read_raw()
    expect(raw, b"-ERR unknown command 'bad  name', with args beginning with: 'arg  +OK' \r\n")
    reply = client.call("x" * 300, *(["y" * 50] * 30))
    assert isinstance(reply, Error) and len(reply) <= 350, (len(reply), reply)
    assert "'" + "x" * 128 + "'" in reply and "x" * 129 not in reply, reply
    reply = client.call(b"a\x00b", b"c")
    assert isinstance(reply, Error) and reply.startswith("ERR unknown command 'a"), reply
    expect(client.call("PING"), "PONG")


@test
def wrong_number_of_arguments(client):
    """Arity comes before anything else, with the command's name in lower case."""
    expect_error(client.call("GET"), "ERR wrong number of arguments for 'get' command")
    expect_error(client.call("GeT", "a", "b"), "ERR wrong number of arguments for 'get' command")
    expect_error(client.call("SET", "a"), "ERR wrong number of arguments for 'set' command")
    expect_error(client.call("MSET", "a"), "ERR wrong number of arguments for 'mset' command")
    expect_error(client.call("CONFIG"), "ERR wrong number of arguments for 'config' command")
    expect_error(client.call("CONFIG", "GET"), "ERR wrong number of arguments for 'config|get' command")
    expect_error(client.call("CONFIG", "nosuch"), "ERR unknown subcommand 'nosuch'. Try CONFIG HELP.")
    expect_error(client.call("CLIENT", "no\r\nsuch"), "ERR unknown subcommand 'no  such'. Try CLIENT HELP.")


@test
def requests_of_nothing_but_empty_strings(client):
    client.send(b"*1\r\n$0\r\n\r\n")
    expect_error(client.read(), "ERR unknown command '', with args beginning with: ")
    expect(client.call("SET", "", ""), "OK")
    expect(client.call("GET", ""), b"")


@test
def inline_and_array_requests_mix(client):
    """One connection may change between the two at every request."""
    client.send(b"SET a 1\r\n" + encode("GET", "a") + b"GET a\n" + b"*0\r\n\r\n" + encode("PING") + b"ping\r\n")
    expect(client.read_replies(5), ["OK", b"1", b"1", "PONG", "PONG"])


PIPELINE = b"".join([
    encode("SET", "k", "v"), encode("GET", "k"), b"PING\r\n", encode("APPEND", "k", b"\r\n$3\r\nabc\r\n"),
    encode("GET", "k"), b"*0\r\n", encode("INCR", "n"), encode("INCRBY", "n", -5), encode("GET"), b"\r\n",
    encode("nosuch", "a", "b"), encode("SETRANGE", "k", "3", ""), encode("STRLEN", "k"), encode("DEL", "k", "n"),
    b'set "a b" "\\x41"\n', encode("GET", "a b"), encode("MSET", "x", "", "y", "1"), encode("MGET", "x", "y", "z"),
    encode("ECHO", "x" * 100), encode("SELECT", "1"), encode("DBSIZE"), encode("SELECT", "0"), encode("PING", "end"),
])
PIPELINE_REPLIES = 20


def raw_replies(connection):
    """The bytes of the replies to PIPELINE, up to the last one."""
    data = bytearray()
    while not data.endswith(b"$3\r\nend\r\n"):
        data += connection.read_raw()
    return bytes(data)


@test
def pipeline_split_at_every_byte(server):
    """P19: where a packet ends changes nothing, wherever it ends."""
    with server.connect() as connection:
        connection.send(PIPELINE)
        wanted = raw_replies(connection)
        assert wanted.count(b"\r\n") >= PIPELINE_REPLIES
        for split in range(1, len(PIPELINE)):
            connection.call("FLUSHALL")
            connection.send(PIPELINE[:split])
            # The server must have read the first part before the second is sent: it has, when it
            # answered somebody else who came later. Nothing here depends on it for correctness.
            connection.send(PIPELINE[split:])
            expect(raw_replies(connection), wanted, f"split at byte {split}")


@test
def pipeline_one_byte_per_packet(server):
    """P19."""
    with server.connect() as other, server.connect() as connection:
        connection.send(PIPELINE)
        wanted = raw_replies(connection)
        other.call("FLUSHALL")
        for position in range(len(PIPELINE)):
            connection.send(PIPELINE[position:position + 1])
            if position % 3 == 0:
                other.call("PING")
        expect(raw_replies(connection), wanted)


@test
def pipeline_split_in_two_places_while_others_speak(server):
    """P19: the tail kept of one connection never mixes with another's."""
    with server.connect() as one, server.connect() as two:
        one.send(PIPELINE)
        wanted = raw_replies(one)
        for split in range(1, len(PIPELINE), 7):
            one.call("FLUSHALL")
            one.send(PIPELINE[:split])
            expect(two.call("ECHO", "between"), b"between")
            two.send(encode("ECHO", "half")[:split % 20])
            one.send(PIPELINE[split:])
            expect(raw_replies(one), wanted, f"split at byte {split}")
            two.send(encode("ECHO", "half")[split % 20:])
            expect(two.read(), b"half")


@test
def nothing_runs_after_a_protocol_error(server):
    """The requests before the error are answered, those behind it never run."""
    with server.connect() as connection:
        connection.send(encode("SET", "before", "1") + b"*1\r\n!bad\r\n" + encode("SET", "after", "1"))
        data = connection.read_until_closed()
    assert data.startswith(b"+OK\r\n-ERR Protocol error: expected '$', got '!'"), data
    assert data.count(b"\r\n") == 2, data
    expect(server.call("MGET", "before", "after"), [b"1", None])


@test
def a_million_commands_in_one_pipeline(server):
    """P20: every reply, in order, while the client reads."""
    import threading
    count = 1_000_000
    chunk = b"".join(encode("INCR", "n") for _ in range(1000))
    with server.connect(timeout=60) as connection:
        sender = threading.Thread(target=lambda: [connection.send(chunk) for _ in range(count // 1000)], daemon=True)
        sender.start()
        received, numbers, tail = 0, 0, b""
        while numbers < count:
            tail += connection.socket.recv(1 << 20)
            lines = tail.split(b"\r\n")
            tail = lines.pop()
            for line in lines:
                numbers += 1
                if line != b":%d" % numbers:
                    raise AssertionError(f"reply {numbers} is {line!r}")
            received += len(lines)
        sender.join()
        expect(received, count)


@test
def connection_closed_in_the_middle_of_a_request(server):
    """A client that goes away half-way leaves nothing behind."""
    for part in (b"*", b"*3\r\n", b"*3\r\n$3\r\nSET\r\n$1", b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100\r\nabc", b"SET k"):
        connection = server.connect()
        connection.send(part)
        connection.close()
    server.wait_for_clients(0)
    expect(server.call("DBSIZE"), 0)
