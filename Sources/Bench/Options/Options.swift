// Options.swift: what to measure, as the command line says it.
//
// The short names are those of redis-benchmark where it has one. Everything is checked when it is
// parsed (Options+Parse.swift), so that the rest of the program can rely on it.
import Ring

/// One invocation of martlet-bench.
struct Options: Sendable {
  // MARK: the server
  var host = "127.0.0.1"
  var port: UInt16 = 6379
  /// A unix socket; host and port are then not used.
  var unixPath: String?
  var user: String?
  var password: String?
  var database = 0
  /// 2 or 3: the version of the protocol.
  var protocolVersion = 2
  /// The server's process, for its processor time; nil if it is elsewhere.
  var serverProcess: Int32?

  // MARK: the load
  var clients = 50
  /// Closed loop: requests per batch, and the next batch follows the last reply of the one before.
  /// Open loop: requests in flight per connection at most.
  var pipeline: Int?
  var threads = 1
  var mix = Mix.get
  /// Words of a command of the user's own; takes the place of the mix.
  var command: [String] = []
  var keys: UInt64 = 100_000
  var valueBytes = 64
  var seed: UInt64 = 1
  /// Requests per second of an open loop; nil: closed loop.
  var rate: Double?

  // MARK: the window
  var warmupSeconds = 0.0
  var seconds = 5.0
  /// Ends the window by a number of requests instead.
  var requests: UInt64?

  // MARK: how
  var engine = EngineChoice.auto
  var output = Output.human

  /// Depth in use: 1 in a closed loop unless said otherwise, 128 in an open one.
  var depth: Int { pipeline ?? (rate == nil ? 1 : 128) }

  enum Output: Sendable { case human, json, histogram }
}

extension Options {
  /// What `--help` prints.
  static let usage = """
    martlet-bench: load for a server that speaks the Redis protocol

    usage: martlet-bench [options] [-- WORD...]

    server
      -h HOST  -p PORT        where (127.0.0.1 6379)
      -s PATH                 unix socket instead
      -a PASSWORD --user NAME AUTH; --dbnum N selects a database; -3 speaks RESP3
      --pid PID               the server's process on this machine: also measures its processor time
    load
      -c N                    connections (50)
      -P N                    closed loop: requests per batch (1); open loop: in flight per connection at most (128)
      --mix LIST              get, set, incr, ping or weights of them: get:9,set:1 (get)
      -- WORD...              a command of your own: __key__ becomes a key, __rand_int__ 12 random digits,
                              __value__ a value; must be the last thing on the line
      -r N                    keys, key:000000000000 and up (100000)
      -d BYTES                size of a value (64)
      --rate N                open loop: N requests per second in all, latency from the moment each was due
      --seed N                same seed, same keys (1)
      --threads N             threads with a ring each (1)
    window
      --warmup S              seconds before measuring starts (0)
      --seconds S             seconds to measure (5)
      -n N                    or this many requests
    how
      --engine NAME           auto, io_uring or epoll (auto)
      --json                  one JSON object
      --hgrm                  the latency histogram in HdrHistogram's text form
      --help  --version
    """
}
