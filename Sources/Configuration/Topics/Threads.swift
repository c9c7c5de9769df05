// Threads.swift — how the work is spread over cores, and by which engine it is done.

/// Threads, engine, processor placement. Each field is described by its line in the table below.
package struct ThreadSettings: Sendable, Equatable {
  package var ioEngine = IOEngine.auto
  package var ioThreads = 0
  package var ioThreadsDoReads = false
  package var ioThreadsAlwaysActive = false
  package var prefetchBatchMax = 0
  package var avoidCopyReplyThreadsMin = 0
  package var avoidCopyReplyBytesMin = 0
  package var avoidCopyReplyThreadedBytesMin = 0
  /// Processor lists in the form of taskset, such as `0-3,8`.
  package var serverProcessors = ""
  package var backgroundProcessors = ""
  package var logRewriteProcessors = ""
  package var snapshotProcessors = ""
  package var vectorSetsSingleThreaded = false
}

/// Which interface of the kernel moves the bytes.
package enum IOEngine: String, CaseIterable, Sendable { case auto, io_uring, epoll }

extension Directive {
  static let threads: [Directive] = [
    .choice(
      "io-engine", \.threads.ioEngine, default: .auto, changes: .atStart,
      "How the server talks to the kernel; 'auto' takes io_uring where it works and says why if not."),
    .integer(
      "io-threads", \.threads.ioThreads, 1...128, default: 1,
      "Threads that serve connections; 1 does everything on one."
    ),
    .flag(
      "io-threads-do-reads", \.threads.ioThreadsDoReads, default: false, changes: .atStart,
      "Threads also read requests; here they always do."
    ).accepted(),
    .flag(
      "io-threads-always-active", \.threads.ioThreadsAlwaysActive, default: false,
      "All threads serve clients, however little there is to do and however few processors there are; for tests."
    ).hidden(),
    .integer(
      "prefetch-batch-max-size", \.threads.prefetchBatchMax, 0...128, default: 16,
      "Keys whose memory is fetched ahead of a batch of requests; 0 fetches none."
    ),
    .integer(
      "min-io-threads-avoid-copy-reply", \.threads.avoidCopyReplyThreadsMin, .nonNegative32, default: 7,
      "Threads from which large values are sent from where they lie."
    ).hidden().accepted(),
    .memory(
      "min-string-size-avoid-copy-reply", \.threads.avoidCopyReplyBytesMin, .nonNegative32, default: 16384,
      "Values from this size are sent from where they lie."
    ).hidden().accepted(),
    .memory(
      "min-string-size-avoid-copy-reply-threaded", \.threads.avoidCopyReplyThreadedBytesMin, .nonNegative32,
      default: 65536, "The same, with several threads."
    ).hidden().accepted(),
    .text(
      "server_cpulist", \.threads.serverProcessors, also: ["server-cpulist"], changes: .atStart,
      accepts: "processors, such as 0-3,8", "Processors for the threads that serve clients."
    ),
    .text(
      "bio_cpulist", \.threads.backgroundProcessors, also: ["bio-cpulist"], changes: .atStart,
      accepts: "processors, such as 0-3,8", "Processors for background threads."
    ).later(.system),
    .text(
      "aof_rewrite_cpulist", \.threads.logRewriteProcessors, also: ["aof-rewrite-cpulist"], changes: .atStart,
      accepts: "processors, such as 0-3,8", "Processors for a child that rewrites the log; nothing forks here."
    ).accepted(),
    .text(
      "bgsave_cpulist", \.threads.snapshotProcessors, also: ["bgsave-cpulist"], changes: .atStart,
      accepts: "processors, such as 0-3,8", "Processors for a child that writes the snapshot; nothing forks here."
    ).accepted(),
    .flag(
      "vset-force-single-threaded-execution", \.threads.vectorSetsSingleThreaded, default: false,
      "Keeps vector sets on one thread; there are none here."
    ).accepted(),
  ]
}
