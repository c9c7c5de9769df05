"""The harness of the integration tests: standard library only.

resp.py       a RESP2/RESP3 client that also hands out the raw bytes
server.py     one server process: configuration, start, log, stop
runner.py     finds tests, runs them one by one, prints what failed
seccomp.py    starts a program that may not use io_uring
"""
