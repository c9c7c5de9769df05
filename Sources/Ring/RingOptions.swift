// RingOptions.swift: how large a ring is, and what it must do without.

/// Sizes of one ring. All counts become powers of two; the kernel may grant less than asked for.
public struct RingOptions: Sendable {
  /// Operations that one `enter` can hand over at once. More may be queued; they follow in the same `enter`.
  public var submissionEntries: UInt32 = 1024
  /// Completions that fit without the kernel keeping some for us. At least twice the connections plus the buffers.
  public var completionEntries: UInt32 = 16384
  /// Receive buffers, at most 32768.
  public var bufferCount = 512
  /// Bytes of each receive buffer. Small requests touch one page of each; a value of 16 KiB comes in one or two.
  public var bufferBytes = 16384
  /// Descriptors below this number are registered with io_uring when they are attached; 0 turns it off.
  public var registeredFilesMax: UInt32 = 0

  /// What old kernels lack and tests leave out here.
  public var allowsMultishot = true
  public var allowsDeferredTaskRun = true
  public var allowsPostedWakes = true

  public init() {}

  /// For a ring that serves no connections: the log, doorbells, links.
  public static var small: RingOptions {
    var options = RingOptions()
    options.submissionEntries = 64
    options.completionEntries = 1024
    options.bufferCount = 16
    return options
  }

  /// The same memory in fewer, larger buffers: epoll pays a system call for each that is filled.
  public static var epoll: RingOptions {
    var options = RingOptions()
    options.bufferCount = 256
    options.bufferBytes = 16384
    return options
  }
}
