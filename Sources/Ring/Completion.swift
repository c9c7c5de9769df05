// Completion.swift: one answer of the ring.

/// What became of an operation. `result` is the kernel's: a count, a descriptor, or a negated errno.
public struct Completion: BitwiseCopyable, Sendable {
  public let token: Token
  public let result: Int32
  public let flags: UInt32

  @inlinable public init(token: Token, result: Int32, flags: UInt32) {
    self.token = token
    self.result = result
    self.flags = flags
  }

  /// The ring's buffer number and the two facts that decide who may touch what.
  public enum Flag {
    /// The completion carries one of the ring's receive buffers: read it by `bytes(of:)`, give it back by `recycle`.
    @inlinable public static var buffer: UInt32 { 1 << 0 }
    /// The operation goes on: more completions under this token will come. Clear on the final one.
    @inlinable public static var more: UInt32 { 1 << 1 }
    @inlinable public static var bufferShift: UInt32 { 16 }
  }

  @inlinable public var carriesBuffer: Bool { flags & Flag.buffer != 0 }
  /// The last completion under this token: until it came, the kernel may touch the operation's memory.
  @inlinable public var isFinal: Bool { flags & Flag.more == 0 }
  @inlinable public var bufferNumber: Int { Int(flags >> Flag.bufferShift) }
}
