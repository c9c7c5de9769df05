"""runner.py: finds tests, runs them one by one, says what failed.

A test is a function marked with `@test`. What it needs it names as parameters:

    server   a running server with the default configuration, shared by the
             module's tests; emptied before each
    client   a connection to `server`
    start    starts a server of the test's own: start("maxclients 10", ...)

`@test(on="redis valkey")` limits a test to some flavours of server; a test that
is not for the server at hand is not counted. `skip(reason)` inside a test counts
as skipped and prints the reason. Nothing here retries.
"""
import inspect
import re
import signal
import sys
import time
import traceback

from . import server as servers
from .resp import Connection

TIME_LIMIT_SECONDS = 300


class Skipped(Exception):
    """The test cannot run here; the text says why."""


class Mismatch(AssertionError):
    """A failure whose text says everything: no traceback is printed."""


class TimeLimit(BaseException):
    """The test took longer than its limit. Not an Exception: nothing may swallow it."""


def skip(reason):
    raise Skipped(reason)


def expect(got, wanted, what=""):
    """Fails unless the two are equal, in value and in kind of reply."""
    if got != wanted or (isinstance(got, str) != isinstance(wanted, str)):
        note = f" ({what})" if what else ""
        raise AssertionError(f"expected {_short(wanted)}{note}\n     got {_short(got)}{_first_difference(wanted, got)}")


def expect_error(got, text):
    """Fails unless `got` is the error reply `text`; a trailing `*` allows anything after it."""
    from .resp import Error
    if isinstance(got, Error):
        if got == text or (text.endswith("*") and got.startswith(text[:-1])):
            return
    raise AssertionError(f"expected the error {text!r}\n     got {_short(got)}")


def _first_difference(wanted, got):
    """Where two long texts begin to differ."""
    if not isinstance(wanted, (str, bytes)) or type(wanted) is not type(got) or len(wanted) + len(got) < 400:
        return ""
    common = next((at for at, (one, other) in enumerate(zip(wanted, got)) if one != other), min(len(wanted), len(got)))
    return (f"\n     which differ from {common} of {len(wanted)} and {len(got)}: "
            f"{wanted[common:common + 40]!r}, {got[common:common + 40]!r}")


def _short(value, limit=400):
    text = f"{type(value).__name__} {value!r}"
    return text if len(text) <= limit else text[:limit] + f"... ({len(text)} characters)"


class Case:
    """One test: a name, a body, which flavours it is for."""

    def __init__(self, module, name, body, flavours, limit):
        self.module, self.name, self.body = module, name, body
        self.flavours, self.limit = flavours, max(limit, TIME_LIMIT_SECONDS)

    @property
    def full_name(self):
        return f"{self.module}/{self.name}"


_collected = []


def test(function=None, *, on="martlet valkey redis", limit=TIME_LIMIT_SECONDS):
    """Marks a function as a test."""
    def mark(body):
        module = body.__module__.removeprefix("test_")
        _collected.append(Case(module, body.__name__, body, on.split(), limit))
        return body
    return mark(function) if function else mark


def collected():
    return list(_collected)


def _out_of_time(*_):
    raise TimeLimit()


class Runner:
    """Runs cases one after another and keeps the count."""

    def __init__(self, label, verbose=False):
        self.label, self.verbose = label, verbose
        self.passed = self.failed = self.skipped = 0
        self.failures = []
        self.shared = {}
        signal.signal(signal.SIGALRM, _out_of_time)

    def run_all(self, cases, patterns=()):
        flavour = servers.flavour()
        chosen = [case for case in cases
                  if flavour in case.flavours
                  and (not patterns or any(re.search(pattern, case.full_name) for pattern in patterns))]
        module = None
        for case in chosen:
            if case.module != module:
                self._release_shared()
                module = case.module
            self.run_one(case)
        self._release_shared()
        return self.finish()

    def run_one(self, case):
        begin = time.monotonic()
        owned, connections = [], []

        def start(*lines, **options):
            running = options.pop("start", True)
            server = servers.Server(*lines, **options, start=False)
            owned.append(server)  # before it starts: a failed start is cleaned up too
            return server.start() if running else server

        problem = None
        signal.alarm(case.limit)
        try:
            arguments = {}
            for parameter in inspect.signature(case.body).parameters:
                if parameter == "start":
                    arguments[parameter] = start
                elif parameter == "server":
                    arguments[parameter] = self._shared_server()
                elif parameter == "client":
                    connection = self._shared_server().connect()
                    connections.append(connection)
                    arguments[parameter] = connection
                else:
                    raise TypeError(f"no fixture is called {parameter}")
            case.body(**arguments)
        except Skipped as reason:
            self.skipped += 1
            print(f"  skipped {self.label} {case.full_name}: {reason}", flush=True)
            return
        except TimeLimit:
            problem = f"took more than {case.limit} s\n" + _last_frames()
        except Exception:
            problem = _last_frames()
        finally:
            signal.alarm(0)
            for connection in connections:
                connection.close()
            for each in owned:
                complaint = each.destroy()
                if complaint:
                    problem = f"{problem or ''}\n{complaint}"
        complaint = self._check_shared()
        if complaint:
            problem = f"{problem or ''}\n{complaint}"
        seconds = time.monotonic() - begin
        if problem is None:
            self.passed += 1
            if self.verbose:
                print(f"  passed  {case.full_name} ({seconds:.2f} s)", flush=True)
        else:
            self.failed += 1
            self.failures.append(case.full_name)
            print(f"  FAILED  {self.label} {case.full_name} ({seconds:.2f} s)\n{_indent(problem)}", flush=True)

    def finish(self):
        """Prints the names of the failed tests and the line that `run` adds up."""
        for name in self.failures:
            print(f"  failed: {self.label} {name}")
        print(f"RESULT {self.label}: {self.passed} passed, {self.failed} failed, {self.skipped} skipped", flush=True)
        return 1 if self.failed else 0

    # The server that the tests of one module share

    def _shared_server(self):
        server = self.shared.get("server")
        if server is None or not server.is_alive():
            if server is not None:
                server.destroy()
            server = self.shared["server"] = servers.Server(start=False)
            server.start()
        else:
            with server.connect() as connection:
                connection.call("FLUSHALL")
        return server

    def _check_shared(self):
        server = self.shared.get("server")
        if server is None or server.is_alive():
            return None
        complaint = server.destroy()
        self.shared.clear()
        return complaint

    def _release_shared(self):
        server = self.shared.pop("server", None)
        if server is not None:
            complaint = server.destroy()
            if complaint:
                self.failed += 1
                self.failures.append("the shared server's end")
                print(f"  FAILED  {self.label} the shared server's end\n{_indent(complaint)}", flush=True)


def _last_frames():
    """The traceback without this file's own frames."""
    kind, error, trace = sys.exc_info()
    if isinstance(error, Mismatch):
        return str(error)
    while trace and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    return "".join(traceback.format_exception(kind, error, trace)).rstrip()


def _indent(text):
    return "\n".join("          " + line for line in text.strip().splitlines())


__all__ = ["test", "skip", "expect", "expect_error", "Runner", "Case", "Connection", "collected"]
