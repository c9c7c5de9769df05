"""test_exporter.py: Debian's prometheus-redis-exporter scrapes the server without an error."""
import shutil
import subprocess
import urllib.request

from harness.resp import wait_until
from harness.runner import expect, skip, test
from harness.server import free_port

PROGRAM = "prometheus-redis-exporter"

# What dashboards of the exporter plot.
WANTED = """redis_up redis_uptime_in_seconds redis_connected_clients redis_memory_used_bytes redis_memory_max_bytes
    redis_commands_processed_total redis_commands_total redis_keyspace_hits_total redis_keyspace_misses_total
    redis_net_input_bytes_total redis_net_output_bytes_total redis_db_keys redis_db_keys_expiring
    redis_expired_keys_total redis_evicted_keys_total redis_instance_info redis_connections_received_total
    redis_memory_used_rss_bytes redis_cpu_sys_seconds_total redis_cpu_user_seconds_total
    redis_commands_duration_seconds_total redis_config_maxclients""".split()


def scrape(server, *options):
    """{metric: {labels: value}} of one scrape."""
    if shutil.which(PROGRAM) is None:
        skip(f"{PROGRAM} is not installed")
    port = free_port()
    process = subprocess.Popen([PROGRAM, "-redis.addr", f"redis://{server.host}:{server.port}",
                                "-web.listen-address", f"127.0.0.1:{port}", *options],
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        def fetch():
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
                    return answer.read().decode()
            except OSError:
                return None
        text = wait_until(fetch, 30, "the exporter")
    finally:
        process.terminate()
        complaints = process.communicate()[1]
    metrics = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            metric, _, labels = name.partition("{")
            metrics.setdefault(metric, {})[labels.rstrip("}")] = float(value)
    return metrics, complaints


@test
def scrape_without_an_error(server):
    with server.connect() as connection:
        connection.call("MSET", "a", "1", "b", "2")
        connection.call("SET", "c", "3", "EX", "1000")
        connection.call("GET", "a")
        connection.call("GET", "missing")
    metrics, complaints = scrape(server)
    expect(metrics["redis_up"], {"": 1.0})
    expect(metrics["redis_exporter_last_scrape_error"], {'err=""': 0.0})
    missing = [name for name in WANTED if name not in metrics]
    expect(missing, [])
    expect(metrics["redis_db_keys"]['db="db0"'], 3.0)
    expect(metrics["redis_db_keys_expiring"]['db="db0"'], 1.0)
    assert metrics["redis_commands_total"]['cmd="get"'] >= 2, metrics["redis_commands_total"]
    info = next(iter(metrics["redis_instance_info"]))
    for label in ("os=", "redis_mode=", "redis_version=", "role=", "run_id=", "tcp_port="):
        assert label in info, info
    if server.flavour != "valkey":  # it renamed redis_mode
        assert '=""' not in info, info
    assert "level=error" not in complaints, complaints


@test
def scrape_of_single_keys_and_patterns(server):
    with server.connect() as connection:
        connection.pipeline(*[("SET", f"key:{number}", str(number)) for number in range(50)])
    metrics, complaints = scrape(server, "-check-single-keys", "db0=key:7", "-check-keys", "db0=key:4*",
                                 "-count-keys", "db0=key:*")
    values = metrics["redis_key_value"]
    expect(next(value for labels, value in values.items() if 'key="key:7"' in labels), 7.0)
    expect(next(iter(metrics["redis_keys_count"].values())), 50.0)
