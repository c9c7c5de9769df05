// Completion.swift: one answer of the ring.

/// What became of an operation. `result` is the kernel's: a count, a descriptor, or a negated errno.
package struct Completion: BitwiseCopyable, Sendable {
  package let token: Token
  package let result: Int32
  package let flags: UInt32

  @inlinable package init(token: Token, result: Int32, flags: UInt32) {
    self.token = token
    self.result = result
    self.flags = flags
  }

  /// The ring's buffer number and the two facts that decide who may touch what.
  package enum Flag {
    /// The completion carries one of the ring's receive buffers: read it by `bytes(of:)`, give it back by `recycle`.
    @inlinable package static var buffer: UInt32 { 1 << 0 }
    /// The operation goes on: more completions under this token will come. Clear on the final one.
    @inlinable package static var more: UInt32 { 1 << 1 }
    @inlinable package static var bufferShift: UInt32 { 16 }
  }

  @inlinable package var carriesBuffer: Bool { flags & Flag.buffer != 0 }
  /// The last completion under this token: until it came, the kernel may touch the operation's memory.
  @inlinable package var isFinal: Bool { flags & Flag.more == 0 }
  @inlinable package var bufferNumber: Int { Int(flags >> Flag.bufferShift) }
}
