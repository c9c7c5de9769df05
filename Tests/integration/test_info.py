"""test_info.py: INFO, which is what monitoring reads."""
from harness.resp import wait_until
from harness.runner import expect, skip, test
from harness.server import is_sanitized, parse_info

# Sections of `INFO` and fields that redis 7.0 prints in them in any state.
FIELDS = {
    "Server": """redis_version redis_git_sha1 redis_git_dirty redis_build_id redis_mode os arch_bits
        monotonic_clock multiplexing_api atomicvar_api gcc_version process_id process_supervised run_id tcp_port
        server_time_usec uptime_in_seconds uptime_in_days hz configured_hz lru_clock executable config_file
        io_threads_active""",
    "Clients": """connected_clients cluster_connections maxclients client_recent_max_input_buffer
        client_recent_max_output_buffer blocked_clients tracking_clients clients_in_timeout_table""",
    "Memory": """used_memory used_memory_human used_memory_rss used_memory_rss_human used_memory_peak
        used_memory_peak_human used_memory_peak_perc used_memory_overhead used_memory_startup used_memory_dataset
        used_memory_dataset_perc allocator_allocated allocator_active allocator_resident total_system_memory
        total_system_memory_human used_memory_lua used_memory_scripts number_of_cached_scripts maxmemory
        maxmemory_human maxmemory_policy allocator_frag_ratio allocator_frag_bytes allocator_rss_ratio
        allocator_rss_bytes rss_overhead_ratio rss_overhead_bytes mem_fragmentation_ratio mem_fragmentation_bytes
        mem_not_counted_for_evict mem_replication_backlog mem_clients_slaves mem_clients_normal mem_aof_buffer
        mem_allocator active_defrag_running lazyfree_pending_objects lazyfreed_objects""",
    "Persistence": """loading async_loading current_cow_peak current_cow_size current_fork_perc
        current_save_keys_processed current_save_keys_total rdb_changes_since_last_save rdb_bgsave_in_progress
        rdb_last_save_time rdb_last_bgsave_status rdb_last_bgsave_time_sec rdb_current_bgsave_time_sec rdb_saves
        rdb_last_cow_size aof_enabled aof_rewrite_in_progress aof_rewrite_scheduled aof_last_rewrite_time_sec
        aof_current_rewrite_time_sec aof_last_bgrewrite_status aof_last_write_status""",
    "Stats": """total_connections_received total_commands_processed instantaneous_ops_per_sec
        total_net_input_bytes total_net_output_bytes instantaneous_input_kbps instantaneous_output_kbps
        rejected_connections sync_full sync_partial_ok sync_partial_err expired_keys expired_stale_perc
        expired_time_cap_reached_count expire_cycle_cpu_milliseconds evicted_keys evicted_clients
        keyspace_hits keyspace_misses pubsub_channels pubsub_patterns latest_fork_usec total_forks
        migrate_cached_sockets tracking_total_keys tracking_total_items tracking_total_prefixes
        unexpected_error_replies total_error_replies dump_payload_sanitizations total_reads_processed
        total_writes_processed io_threaded_reads_processed io_threaded_writes_processed""",
    "Replication": """role connected_slaves master_failover_state master_replid master_replid2
        master_repl_offset second_repl_offset repl_backlog_active repl_backlog_size
        repl_backlog_first_byte_offset repl_backlog_histlen""",
    "CPU": "used_cpu_sys used_cpu_user used_cpu_sys_children used_cpu_user_children",
    "Cluster": "cluster_enabled",
}

NOT_IN_VALKEY = {"redis_mode", "atomicvar_api", "gcc_version", "io_threads_active", "used_memory_lua"}


def sections_of(text):
    """{section: [field names]} of an INFO reply."""
    found, current = {}, None
    for line in text.decode().split("\r\n"):
        if line.startswith("# "):
            current = found.setdefault(line[2:], [])
        elif line:
            assert current is not None and ":" in line, line
            current.append(line.split(":", 1)[0])
    return found


@test
def default_sections_and_their_fields(server):
    sections = sections_of(server.call("INFO"))
    missing = []
    for section, names in FIELDS.items():
        have = set(sections.get(section, []))
        for name in names.split():
            if name not in have and not (server.flavour == "valkey" and name in NOT_IN_VALKEY):
                missing.append(f"{section}/{name}")
    expect(missing, [])


@test
def sections_are_in_the_order_of_redis(server):
    server.call("SET", "k", "v")
    order = ["Server", "Clients", "Memory", "Persistence", "Stats", "Replication", "CPU", "Modules", "Errorstats",
             "Cluster", "Keyspace"]
    seen = [name for name in sections_of(server.call("INFO")) if name in order]
    expect(seen, [name for name in order if name in seen])


@test
def several_sections_may_be_asked_for(server):
    expect(list(sections_of(server.call("INFO", "cpu", "clients"))), ["Clients", "CPU"])
    expect(list(sections_of(server.call("INFO", "CLIENTS", "clients"))), ["Clients"])
    expect(server.call("INFO", "nosuch"), b"")
    expect("Keyspace" in sections_of(server.call("INFO", "all")), True)
    everything = sections_of(server.call("INFO", "everything"))
    expect("Commandstats" in everything and "Latencystats" in everything, True)
    expect("Commandstats" in sections_of(server.call("INFO", "default")), False)


@test
def command_statistics(server):
    with server.connect() as connection:
        connection.call("CONFIG", "RESETSTAT")
        for _ in range(3):
            connection.call("GET", "k")
        connection.call("GET")
        connection.call("INCR", "k")
        connection.call("SET", "k", "abc")
        connection.call("INCR", "k")
        stats = parse_info(connection.call("INFO", "commandstats"))
    fields = dict(item.split("=") for item in stats["cmdstat_get"].split(","))
    expect(fields["calls"], "3")
    expect(fields["rejected_calls"], "1")
    expect(fields["failed_calls"], "0")
    assert set(fields) == {"calls", "usec", "usec_per_call", "rejected_calls", "failed_calls"}, fields
    fields = dict(item.split("=") for item in stats["cmdstat_incr"].split(","))
    expect((fields["calls"], fields["failed_calls"]), ("2", "1"))
    assert "cmdstat_config|resetstat" in stats, stats


@test
def latency_statistics(server):
    with server.connect() as connection:
        connection.call("CONFIG", "RESETSTAT")
        connection.call("GET", "k")
        stats = parse_info(connection.call("INFO", "latencystats"))
    assert stats["latency_percentiles_usec_get"].startswith("p50="), stats
    expect([item.split("=")[0] for item in stats["latency_percentiles_usec_get"].split(",")], ["p50", "p99", "p99.9"])


@test
def error_statistics(server):
    with server.connect() as connection:
        connection.call("CONFIG", "RESETSTAT")
        connection.call("nosuch")
        connection.call("HELLO", "9")
        connection.call("GET")
        stats = parse_info(connection.call("INFO", "errorstats"))
        expect(stats["errorstat_ERR"], "count=2")
        expect(stats["errorstat_NOPROTO"], "count=1")
        expect(parse_info(connection.call("INFO", "stats"))["total_error_replies"], "3")


@test
def keyspace_counts_every_database(server):
    with server.connect() as connection:
        connection.call("MSET", "a", "1", "b", "2")
        connection.call("SET", "c", "3", "EX", "1000")
        connection.call("SELECT", "9")
        connection.call("SET", "d", "4")
        info = parse_info(connection.call("INFO", "keyspace"))
    assert info["db0"].startswith("keys=3,expires=1,avg_ttl="), info
    assert info["db9"].startswith("keys=1,expires=0,avg_ttl=0"), info
    assert "db1" not in info


@test
def counters_move(server):
    with server.connect() as connection:
        before = parse_info(connection.call("INFO", "stats"))
        connection.call("SET", "k", "v")
        connection.call("GET", "k")
        connection.call("GET", "missing")
        connection.call("SET", "gone", "v", "PX", "1")
        wait_until(lambda: connection.call("EXISTS", "gone") == 0, 10, "the expiry")
        after = parse_info(connection.call("INFO", "stats"))

    def moved(name):
        return int(after[name]) - int(before[name])
    assert moved("total_commands_processed") >= 6
    assert moved("keyspace_hits") >= 1 and moved("keyspace_misses") >= 1
    expect(moved("expired_keys"), 1)
    assert moved("total_net_input_bytes") > 100 and moved("total_net_output_bytes") > 100
    assert moved("total_reads_processed") >= 1 and moved("total_writes_processed") >= 1
    assert moved("total_connections_received") == 0


@test
def memory_figures_make_sense(server):
    if is_sanitized():
        skip("a sanitizer's allocator keeps no figures")
    with server.connect() as connection:
        before = parse_info(connection.call("INFO", "memory"))
        connection.call("SET", "k", "x" * (50 << 20))
        after = parse_info(connection.call("INFO", "memory"))
    growth = int(after["used_memory"]) - int(before["used_memory"])
    # A large value is received where it will stand; the others hold a query buffer of its size as well.
    assert 50 << 20 <= growth <= (80 if server.flavour == "martlet" else 130) << 20, growth
    assert int(after["used_memory_peak"]) >= int(after["used_memory"])
    wait_until(lambda: int(server.info("memory")["used_memory_rss"]) > 50 << 20, 10, "the resident memory to show it")
    assert int(after["total_system_memory"]) > 1 << 28
    assert after["used_memory_human"].endswith(("M", "G")), after["used_memory_human"]
    server.call("DEL", "k")
    wait_until(lambda: int(server.info("memory")["used_memory"]) < int(before["used_memory"]) + (20 << 20),
               20, "the memory to be given back")


@test(on="martlet")
def fields_of_our_own(server):
    info = server.info("server")
    for name in ("server_name", "martlet_version", "io_engine", "io_engine_reason"):
        assert info.get(name), f"{name} is missing from INFO server"
    assert info["io_engine"] in ("io_uring", "epoll"), info["io_engine"]
    assert any("tier" in name for name in info), "the tier of the engine is missing"
    assert any("features" in name for name in info), "the features in use are missing"


@test(on="martlet")
def records_on_their_way_to_disk_count(start):
    """The log's buffer is in INFO memory and MEMORY STATS: nothing without a log, what waits for the disk with one."""
    with start("appendonly no").connect() as client:
        expect(parse_info(client.call("INFO", "memory"))["mem_aof_buffer"], "0")
    server = start("appendonly yes", "appendfsync everysec")
    with server.connect() as client:
        expect(client.call("DEBUG", "reply-blocking-pause", "aof"), "OK")
        expect(client.call("SET", "k", b"v" * 3_000_000), "OK")
        memory = parse_info(client.call("INFO", "memory"))
        assert int(memory["mem_aof_buffer"]) >= 3_000_000, memory
        expect(memory["mem_not_counted_for_evict"], memory["mem_aof_buffer"])
        stats = client.call("MEMORY", "STATS")
        assert stats[stats.index(b"aof.buffer") + 1] >= 3_000_000, stats
        expect(client.call("DEBUG", "reply-blocking-resume", "aof"), "OK")


@test(on="martlet")
def the_time_that_expiry_takes_is_told(server):
    """Sweeps for expired keys have their time in INFO stats, and count when it was not enough."""
    with server.connect() as client:
        client.call("CONFIG", "RESETSTAT")

        def told():
            client.pipeline(*[("SET", f"e{number}", "v", "PX", 1) for number in range(20_000)])
            stats = parse_info(client.call("INFO", "stats"))
            return int(stats["expire_cycle_cpu_milliseconds"]) > 0 and int(stats["expired_time_cap_reached_count"]) > 0

        wait_until(told, 60, "some time")
