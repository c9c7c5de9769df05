// ReactorFigures+Shared.swift — a reactor's counters where the executor may read them at any time.
//
// One block of words, written by the reactor with plain-cost stores at the end of its turns, read by whoever answers
// INFO. Each word is whole; two of them may be a turn apart.
import Channels
import Ring

/// Written by one thread, read by another.
struct SharedFigures: ~Copyable, @unchecked Sendable {
  private let words: UnsafeMutablePointer<HardwareWord>
  private static var figureCount: Int { 17 }
  /// One more says that the thread has nothing left to do.
  private static var wordCount: Int { figureCount + 1 }

  init() {
    words = .allocate(capacity: Self.wordCount)
    for i in 0..<Self.wordCount { (words + i).initialize(to: HardwareWord(0)) }
  }

  deinit {
    words.deinitialize(count: Self.wordCount)
    words.deallocate()
  }

  func store(_ figures: ReactorFigures, _ ring: RingStatistics, _ thread: ThreadFigures) {
    let values: InlineArray<17, UInt64> = [
      figures.reads, figures.writes, figures.bytesReceived, figures.bytesSent, figures.readPauses, figures.largeWords,
      ring.enters, ring.submissions, ring.completions, ring.overflows, ring.bufferShortages, ring.sleeps, ring.wakeups,
      thread.wakesSent, thread.wakesSuppressed, thread.jobs, thread.laneFull,
    ]
    for i in 0..<Self.figureCount { words[i].storeRelaxed(values[i]) }
  }

  /// The thread has given up its ring and is about to end: whoever joins it now does not wait.
  func end() { words[Self.figureCount].storeReleasing(1) }
  var hasEnded: Bool { words[Self.figureCount].loadAcquiring() != 0 }

  var figures: ReactorFigures {
    var figures = ReactorFigures()
    figures.reads = words[0].loadRelaxed()
    figures.writes = words[1].loadRelaxed()
    figures.bytesReceived = words[2].loadRelaxed()
    figures.bytesSent = words[3].loadRelaxed()
    figures.readPauses = words[4].loadRelaxed()
    figures.largeWords = words[5].loadRelaxed()
    return figures
  }

  var ring: RingStatistics {
    var ring = RingStatistics()
    ring.enters = words[6].loadRelaxed()
    ring.submissions = words[7].loadRelaxed()
    ring.completions = words[8].loadRelaxed()
    ring.overflows = words[9].loadRelaxed()
    ring.bufferShortages = words[10].loadRelaxed()
    ring.sleeps = words[11].loadRelaxed()
    ring.wakeups = words[12].loadRelaxed()
    return ring
  }

  var thread: ThreadFigures {
    var thread = ThreadFigures()
    thread.wakesSent = words[13].loadRelaxed()
    thread.wakesSuppressed = words[14].loadRelaxed()
    thread.jobs = words[15].loadRelaxed()
    thread.laneFull = words[16].loadRelaxed()
    return thread
  }
}

/// What a thread counts besides its sockets.
struct ThreadFigures: BitwiseCopyable {
  /// Times that the other side had to be woken, and times that it was awake anyway.
  var wakesSent: UInt64 = 0
  var wakesSuppressed: UInt64 = 0
  /// Jobs told, or orders given.
  var jobs: UInt64 = 0
  /// Turns that ended because the executor was behind.
  var laneFull: UInt64 = 0
}
