// Traffic.swift — what all reactors have received and sent, since the start or CONFIG RESETSTAT.

struct Traffic {
  /// Of each reactor, as it last said.
  var reactors = [ReactorFigures()]
  /// Of reactors that have ended.
  var ended = ReactorFigures()
  private var atReset = ReactorFigures()
  private var threadedAtReset = ReactorFigures()

  var total: ReactorFigures { reactors.reduce(ended, +) - atReset }

  /// What reactors with threads of their own did of it.
  var threaded: ReactorFigures { reactors.dropFirst().reduce(ended, +) - threadedAtReset }

  mutating func reset() {
    atReset = reactors.reduce(ended, +)
    threadedAtReset = reactors.dropFirst().reduce(ended, +)
  }
}

extension ReactorFigures {
  static func + (a: ReactorFigures, b: ReactorFigures) -> ReactorFigures { a.merged(b, &+) }
  static func - (a: ReactorFigures, b: ReactorFigures) -> ReactorFigures { a.merged(b, &-) }

  private func merged(_ other: ReactorFigures, _ merge: (UInt64, UInt64) -> UInt64) -> ReactorFigures {
    var result = ReactorFigures()
    result.reads = merge(reads, other.reads)
    result.writes = merge(writes, other.writes)
    result.bytesReceived = merge(bytesReceived, other.bytesReceived)
    result.bytesSent = merge(bytesSent, other.bytesSent)
    result.readPauses = merge(readPauses, other.readPauses)
    result.largeWords = merge(largeWords, other.largeWords)
    return result
  }
}
