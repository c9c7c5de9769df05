"""test_redis_benchmark.py: the tool with which most people first meet a server. Nothing here is timed."""
import re
import shutil
import subprocess

from harness.runner import expect, skip, test


def benchmark(server, *arguments):
    if shutil.which("redis-benchmark") is None:
        skip("redis-benchmark is not installed")
    said = subprocess.run(["redis-benchmark", "-h", server.host, "-p", str(server.port), "-q", *arguments],
                          capture_output=True, text=True, timeout=100, stdin=subprocess.DEVNULL)
    expect(said.returncode, 0, said.stdout + said.stderr)
    assert "Error" not in said.stdout + said.stderr, said.stdout + said.stderr
    assert "WARNING: Could not fetch server CONFIG" not in said.stdout + said.stderr, said.stdout + said.stderr
    return re.findall(r"^(.+?): ([\d.]+) requests per second", said.stdout.replace("\r", "\n"), re.MULTILINE)


@test
def common_tests_run(server):
    names = [name for name, _ in benchmark(server, "-t", "ping,set,get,incr,mset", "-n", "20000")]
    expect(names, ["PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "MSET (10 keys)"])


@test
def pipelines_and_threads(server):
    names = [name for name, _ in benchmark(server, "-t", "set,get", "-n", "100000", "-P", "16", "-r", "10000")]
    expect(names, ["SET", "GET"])
    names = [name for name, _ in benchmark(server, "-t", "set,get", "-n", "50000", "--threads", "2", "-c", "100")]
    expect(names, ["SET", "GET"])


@test
def many_clients_and_large_values(server):
    expect(len(benchmark(server, "-t", "get,set", "-n", "20000", "-c", "500")), 2)
    expect(len(benchmark(server, "-t", "get,set", "-n", "5000", "-d", "16384")), 2)
    expect(len(benchmark(server, "-t", "get,set", "-n", "20000", "-c", "50", "-k", "0")), 2)


@test
def own_commands(server):
    expect(len(benchmark(server, "-n", "10000", "-r", "1000", "SET", "key:__rand_int__", "__rand_int__")), 1)
    assert server.call("DBSIZE") > 100


@test
def resp3(server):
    expect(len(benchmark(server, "-3", "-t", "ping_mbulk,get", "-n", "10000")), 2)
