// ParameterFacts.swift: what three servers answer to CONFIG GET, recorded once.
//
// name | Redis 7.0.15 | Redis 8.2.3 | Valkey 9.1.2; each is "-" where the server does not know the
// parameter, otherwise a letter and the built-in value: a = any time, s = at start only,
// p = protected, o = otherwise restricted, h = hidden. The working directory is written as ".".

/// One row of the recording.
struct ParameterFact {
  struct Answer {
    let changes: Character
    let value: String
  }

  let name: String
  let redis7: Answer?
  let redis8: Answer?
  let valkey9: Answer?

  static let all: [ParameterFact] = recorded.split(separator: "\n").map { row in
    let cells = row.split(separator: "|", omittingEmptySubsequences: false).map { cell in
      String(cell.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
    func answer(_ cell: String) -> Answer? {
      cell == "-" ? nil : Answer(changes: cell.first ?? "a", value: String(cell.dropFirst(2)))
    }
    return ParameterFact(
      name: cells[0], redis7: answer(cells[1]), redis8: answer(cells[2]), valkey9: answer(cells[3]))
  }

  private static let recorded = """
    acl-pubsub-default | a=resetchannels | a=resetchannels | a=resetchannels
    aclfile | s= | s= | s=
    acllog-max-len | a=128 | a=128 | a=128
    active-defrag-cycle-max | a=25 | a=25 | a=25
    active-defrag-cycle-min | a=1 | a=1 | a=1
    active-defrag-cycle-us | - | - | a=500
    active-defrag-ignore-bytes | a=104857600 | a=104857600 | a=104857600
    active-defrag-max-scan-fields | a=1000 | a=1000 | a=1000
    active-defrag-threshold-lower | a=10 | a=10 | a=10
    active-defrag-threshold-upper | a=100 | a=100 | a=100
    active-expire-effort | a=1 | a=1 | a=1
    activedefrag | a=no | a=no | a=no
    activerehashing | a=yes | a=yes | a=yes
    always-show-logo | s=no | s=no | s=no
    aof-disable-auto-gc | a=no | h=no | h=no
    aof-load-truncated | a=yes | a=yes | a=yes
    aof-rewrite-cpulist | - | s= | s=
    aof-rewrite-incremental-fsync | a=yes | a=yes | a=yes
    aof-timestamp-enabled | a=no | a=no | a=no
    aof-use-rdb-preamble | a=yes | a=yes | a=yes
    aof_rewrite_cpulist | s= | s= | s=
    appenddirname | s=appendonlydir | s=appendonlydir | s=appendonlydir
    appendfilename | s=appendonly.aof | s=appendonly.aof | s=appendonly.aof
    appendfsync | a=everysec | a=everysec | a=everysec
    appendonly | a=no | a=no | a=no
    auto-aof-rewrite-min-size | a=67108864 | a=67108864 | a=67108864
    auto-aof-rewrite-percentage | a=100 | a=100 | a=100
    availability-zone | - | - | a=
    bgsave-cpulist | - | s= | s=
    bgsave_cpulist | s= | s= | s=
    bind | a=* -::* | a=* -::* | a=* -::*
    bind-source-addr | a= | a= | a=
    bio-cpulist | - | s= | s=
    bio_cpulist | s= | s= | s=
    busy-reply-threshold | a=5000 | a=5000 | a=5000
    client-output-buffer-limit | a=normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60 | a=normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60 | a=normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60
    client-query-buffer-limit | a=1073741824 | a=1073741824 | a=1073741824
    cluster-allow-pubsubshard-when-down | a=yes | a=yes | a=yes
    cluster-allow-reads-when-down | a=no | a=no | a=no
    cluster-allow-replica-migration | a=yes | a=yes | a=yes
    cluster-announce-bus-port | a=0 | a=0 | a=0
    cluster-announce-client-ipv4 | - | - | a=
    cluster-announce-client-ipv6 | - | - | a=
    cluster-announce-client-port | - | - | a=0
    cluster-announce-client-tls-port | - | - | a=0
    cluster-announce-hostname | a= | a= | a=
    cluster-announce-human-nodename | - | a= | a=
    cluster-announce-ip | a= | a= | a=
    cluster-announce-port | a=0 | a=0 | a=0
    cluster-announce-tls-port | a=0 | a=0 | a=0
    cluster-blacklist-ttl | - | - | a=60
    cluster-compatibility-sample-ratio | - | a=0 | -
    cluster-config-file | s=nodes.conf | s=nodes.conf | s=nodes.conf
    cluster-config-save-behavior | - | - | a=sync
    cluster-databases | - | - | s=1
    cluster-enabled | s=no | s=no | s=no
    cluster-link-sendbuf-limit | a=0 | a=0 | a=0
    cluster-manual-failover-timeout | - | - | a=5000
    cluster-message-gossip-perc | - | - | h=10
    cluster-migration-barrier | a=1 | a=1 | a=1
    cluster-node-timeout | a=15000 | a=15000 | a=15000
    cluster-ping-interval | - | h=0 | h=0
    cluster-port | s=0 | s=0 | s=0
    cluster-preferred-endpoint-type | a=ip | a=ip | a=ip
    cluster-replica-no-failover | a=no | a=no | a=no
    cluster-replica-validity-factor | a=10 | a=10 | a=10
    cluster-require-full-coverage | a=yes | a=yes | a=yes
    cluster-slave-no-failover | a=no | a=no | a=no
    cluster-slave-validity-factor | a=10 | a=10 | a=10
    cluster-slot-migration-log-max-len | - | - | a=1000
    cluster-slot-stats-enabled | - | a=no | a=no
    commandlog-execution-slower-than | - | - | a=10000
    commandlog-large-reply-max-len | - | - | a=128
    commandlog-large-request-max-len | - | - | a=128
    commandlog-reply-larger-than | - | - | a=1048576
    commandlog-request-larger-than | - | - | a=1048576
    commandlog-slow-execution-max-len | - | - | a=128
    crash-log-enabled | a=yes | a=yes | a=yes
    crash-memcheck-enabled | a=yes | a=yes | a=yes
    daemonize | s=no | s=no | s=no
    databases | s=16 | s=16 | s=16
    dbfilename | p=dump.rdb | p=dump.rdb | p=dump.rdb
    debug-context | - | - | h=
    dir | p=. | p=. | p=.
    disable-thp | s=yes | s=yes | s=yes
    dual-channel-replication-enabled | - | - | a=no
    dynamic-hz | a=yes | a=yes | -
    enable-debug-assert | - | - | h=no
    enable-debug-command | s=no | s=no | s=no
    enable-module-command | s=no | s=no | s=no
    enable-protected-configs | s=no | s=no | s=no
    extended-redis-compatibility | - | - | a=no
    hash-max-listpack-entries | a=512 | a=512 | a=512
    hash-max-listpack-value | a=64 | a=64 | a=64
    hash-max-ziplist-entries | a=512 | a=512 | a=512
    hash-max-ziplist-value | a=64 | a=64 | a=64
    hash-seed | - | - | s=
    hide-user-data-from-log | - | a=no | a=yes
    hll-sparse-max-bytes | a=3000 | a=3000 | a=3000
    hz | a=10 | a=10 | a=10
    ignore-warnings | a= | a= | a=
    import-mode | - | - | a=no
    io-threads | s=1 | s=1 | a=1
    io-threads-always-active | - | - | h=no
    io-threads-do-reads | s=no | - | -
    jemalloc-bg-thread | a=yes | a=yes | a=yes
    key-load-delay | h=0 | h=0 | h=0
    latency-monitor-threshold | a=0 | a=0 | a=0
    latency-tracking | a=yes | a=yes | a=yes
    latency-tracking-info-percentiles | a=50 99 99.9 | a=50 99 99.9 | a=50 99 99.9
    lazyexpire-nested-arbitrary-keys | - | h=yes | -
    lazyfree-lazy-eviction | a=no | a=no | a=yes
    lazyfree-lazy-expire | a=no | a=no | a=yes
    lazyfree-lazy-server-del | a=no | a=no | a=yes
    lazyfree-lazy-user-del | a=no | a=no | a=yes
    lazyfree-lazy-user-flush | a=no | a=no | a=yes
    lfu-decay-time | a=1 | a=1 | a=1
    lfu-log-factor | a=10 | a=10 | a=10
    list-compress-depth | a=0 | a=0 | a=0
    list-max-listpack-size | a=-2 | a=-2 | a=-2
    list-max-ziplist-size | a=-2 | a=-2 | a=-2
    loading-process-events-interval-bytes | h=2097152 | h=524288 | h=2097152
    locale-collate | - | a= | a=
    log-format | - | - | a=legacy
    log-timestamp-format | - | - | a=legacy
    logfile | s= | s= | s=
    loglevel | a=notice | a=notice | a=notice
    lua-enable-deprecated-api | h=no | h=no | h=no
    lua-enable-insecure-api | - | - | h=no
    lua-time-limit | a=5000 | a=5000 | a=5000
    masterauth | a= | a= | a=
    masteruser | a= | a= | a=
    max-new-connections-per-cycle | - | a=10 | a=10
    max-new-tls-connections-per-cycle | - | a=1 | a=1
    maxclients | a=10000 | a=10000 | a=10000
    maxmemory | a=0 | a=0 | a=0
    maxmemory-clients | a=0 | a=0 | a=0
    maxmemory-eviction-tenacity | a=10 | a=10 | a=10
    maxmemory-policy | a=noeviction | a=noeviction | a=noeviction
    maxmemory-samples | a=5 | a=5 | a=5
    min-io-threads-avoid-copy-reply | - | - | h=7
    min-replicas-max-lag | a=10 | a=10 | a=10
    min-replicas-to-write | a=0 | a=0 | a=0
    min-slaves-max-lag | a=10 | a=10 | a=10
    min-slaves-to-write | a=0 | a=0 | a=0
    min-string-size-avoid-copy-reply | - | - | h=16384
    min-string-size-avoid-copy-reply-threaded | - | - | h=65536
    mptcp | - | - | s=no
    no-appendfsync-on-rewrite | a=no | a=no | a=no
    notify-keyspace-events | a= | a= | a=
    oom-score-adj | a=no | a=no | a=no
    oom-score-adj-values | a=0 200 800 | a=0 200 800 | a=0 200 800
    pidfile | s= | s= | s=
    port | a=6379 | a=6379 | a=6379
    prefetch-batch-max-size | - | h=16 | a=16
    primaryauth | - | - | a=
    primaryuser | - | - | a=
    proc-title-template | a={title} {listen-addr} {server-mode} | a={title} {listen-addr} {server-mode} | a={title} {listen-addr} {server-mode}
    propagation-error-behavior | a=ignore | a=ignore | a=ignore
    protected-mode | a=yes | a=yes | a=yes
    proto-max-bulk-len | a=536870912 | a=536870912 | a=536870912
    rdb-del-sync-files | a=no | a=no | a=no
    rdb-key-save-delay | h=0 | h=0 | h=0
    rdb-save-incremental-fsync | a=yes | a=yes | a=yes
    rdb-version-check | - | - | a=strict
    rdbchecksum | s=yes | s=yes | s=yes
    rdbcompression | a=yes | a=yes | a=yes
    rdma-bind | - | - | o=
    rdma-completion-vector | - | - | s=-1
    rdma-port | - | - | a=0
    rdma-rx-size | - | - | s=1048576
    repl-backlog-size | a=1048576 | a=1048576 | a=10485760
    repl-backlog-ttl | a=3600 | a=3600 | a=3600
    repl-disable-tcp-nodelay | a=no | a=no | a=no
    repl-diskless-load | a=disabled | a=disabled | a=disabled
    repl-diskless-sync | a=yes | a=yes | a=yes
    repl-diskless-sync-delay | a=5 | a=5 | a=5
    repl-diskless-sync-max-replicas | a=0 | a=0 | a=0
    repl-mptcp | - | - | s=no
    repl-ping-replica-period | a=10 | a=10 | a=10
    repl-ping-slave-period | a=10 | a=10 | a=10
    repl-rdb-channel | - | h=yes | -
    repl-timeout | a=60 | a=60 | a=60
    replica-announce-ip | a= | a= | a=
    replica-announce-port | a=0 | a=0 | a=0
    replica-announced | a=yes | a=yes | a=yes
    replica-full-sync-buffer-limit | - | a=0 | -
    replica-ignore-disk-write-errors | a=no | a=no | a=no
    replica-ignore-maxmemory | a=yes | a=yes | a=yes
    replica-lazy-flush | a=no | a=no | a=yes
    replica-priority | a=100 | a=100 | a=100
    replica-read-only | a=yes | a=yes | a=yes
    replica-serve-stale-data | a=yes | a=yes | a=yes
    replicaof | s= | s= | s=
    requirepass | a= | a= | a=
    sanitize-dump-payload | a=no | a=no | -
    save | a=3600 1 300 100 60 10000 | a=3600 1 300 100 60 10000 | a=3600 1 300 100 60 10000
    server-cpulist | - | s= | s=
    server_cpulist | s= | s= | s=
    set-max-intset-entries | a=512 | a=512 | a=512
    set-max-listpack-entries | - | a=128 | a=128
    set-max-listpack-value | - | a=64 | a=64
    set-proc-title | s=yes | s=yes | s=yes
    shutdown-on-sigint | a=default | a=default | a=default
    shutdown-on-sigterm | a=default | a=default | a=default
    shutdown-timeout | a=10 | a=10 | a=10
    slave-announce-ip | a= | a= | a=
    slave-announce-port | a=0 | a=0 | a=0
    slave-ignore-maxmemory | a=yes | a=yes | a=yes
    slave-lazy-flush | a=no | a=no | a=yes
    slave-priority | a=100 | a=100 | a=100
    slave-read-only | a=yes | a=yes | a=yes
    slave-serve-stale-data | a=yes | a=yes | a=yes
    slaveof | s= | s= | s=
    slot-migration-max-failover-repl-bytes | - | - | a=0
    slowlog-log-slower-than | a=10000 | a=10000 | a=10000
    slowlog-max-len | a=128 | a=128 | a=128
    socket-mark-id | s=0 | s=0 | s=0
    stop-writes-on-bgsave-error | a=yes | a=yes | a=yes
    stream-node-max-bytes | a=4096 | a=4096 | a=4096
    stream-node-max-entries | a=100 | a=100 | a=100
    supervised | s=no | s=no | s=no
    syslog-enabled | s=no | s=no | s=no
    syslog-facility | s=local0 | s=local0 | s=local0
    syslog-ident | s=redis | s=redis | s=valkey
    tcp-backlog | s=511 | s=511 | s=511
    tcp-keepalive | a=300 | a=300 | a=300
    timeout | a=0 | a=0 | a=0
    tls-auth-clients | a=yes | a=yes | a=yes
    tls-auth-clients-user | - | - | a=off
    tls-auto-reload-interval | - | - | a=0
    tls-ca-cert-dir | a= | a= | a=
    tls-ca-cert-file | a= | a= | a=
    tls-cert-file | a= | a= | a=
    tls-ciphers | a= | a= | a=
    tls-ciphersuites | a= | a= | a=
    tls-client-cert-file | a= | a= | a=
    tls-client-key-file | a= | a= | a=
    tls-client-key-file-pass | a= | a= | a=
    tls-cluster | a=no | a=no | a=no
    tls-dh-params-file | a= | a= | a=
    tls-key-file | a= | a= | a=
    tls-key-file-pass | a= | a= | a=
    tls-port | a=0 | a=0 | a=0
    tls-prefer-server-ciphers | a=no | a=no | a=no
    tls-protocols | a= | a= | a=
    tls-replication | a=no | a=no | a=no
    tls-session-cache-size | a=20480 | a=20480 | a=20480
    tls-session-cache-timeout | a=300 | a=300 | a=300
    tls-session-caching | a=yes | a=yes | a=yes
    tracking-table-max-keys | a=1000000 | a=1000000 | a=1000000
    unixsocket | s= | s= | s=
    unixsocketgroup | - | - | s=
    unixsocketperm | s=0 | s=0 | s=0
    use-exit-on-panic | h=no | h=no | h=no
    vset-force-single-threaded-execution | - | a=no | -
    watchdog-period | h=0 | h=0 | h=0
    zset-max-listpack-entries | a=128 | a=128 | a=128
    zset-max-listpack-value | a=64 | a=64 | a=64
    zset-max-ziplist-entries | a=128 | a=128 | a=128
    zset-max-ziplist-value | a=64 | a=64 | a=64
    """
}
