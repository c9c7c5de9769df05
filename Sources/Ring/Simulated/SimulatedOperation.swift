// SimulatedOperation.swift: one operation from its call to its final completion.
import Glibc

/// What was asked for, and how far it has come.
@safe struct SimulatedOperation {
  enum Kind { case accept, receive, receiveInto, send, connect, close, poll, write, sync }

  let kind: Kind
  let descriptor: Int32
  let token: Token
  /// A receive's memory, or the pieces to be sent or written.
  var memory: UnsafeMutableRawPointer?
  var segments: [Segment] = []
  var count = 0
  var offset: Int64 = 0
  /// Bytes sent so far.
  var progress = 0
  /// The memory's bytes when it was handed over.
  var snapshot: [UInt8] = []
  /// A write that completes when its bytes are on disk.
  var isDurable = false
  /// The write that a linked sync waits for.
  var linkedAfter: UInt64?
  /// Turns before anything may happen to it.
  var delay = 0
  /// A cancel has been asked for and takes effect after so many turns.
  var cancelsAfter: Int?
  /// Order of submission; unique.
  let number: UInt64

  init(_ kind: Kind, _ descriptor: Int32, _ token: Token, number: UInt64) {
    self.kind = kind
    self.descriptor = descriptor
    self.token = token
    self.number = number
  }

  var isReading: Bool { kind == .accept || kind == .receive || kind == .receiveInto || kind == .poll }
  var isWriting: Bool { kind == .send || kind == .connect }

  /// Remembers the bytes that nobody but the kernel may change from now on.
  mutating func takeSnapshot() {
    if let memory = unsafe memory { unsafe snapshot = Array(UnsafeRawBufferPointer(start: memory, count: count)) }
    for segment in segments {
      unsafe snapshot.append(contentsOf: UnsafeRawBufferPointer(start: segment.start, count: segment.count))
    }
  }

  /// Nobody has changed them.
  var isUntouched: Bool {
    unsafe snapshot.withUnsafeBytes { expected in
      guard let start = expected.baseAddress else { return true }
      if let memory = unsafe memory { return unsafe memcmp(memory, start, count) == 0 }
      var position = 0
      for segment in segments {
        guard unsafe memcmp(segment.start, start + position, segment.count) == 0 else { return false }
        position += segment.count
      }
      return true
    }
  }
}
