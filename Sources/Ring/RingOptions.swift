// RingOptions.swift: how large a ring is, and what it must do without.

/// Sizes of one ring. All counts become powers of two; the kernel may grant less than asked for.
package struct RingOptions: Sendable {
  /// Operations that one `enter` can hand over at once. More may be queued; they follow in the same `enter`.
  package var submissionEntries: UInt32 = 1024
  /// Completions that fit without the kernel keeping some for us. At least twice the connections plus the buffers.
  package var completionEntries: UInt32 = 16384
  /// Receive buffers, at most 32768.
  package var bufferCount = 1024
  /// Bytes of each receive buffer.
  package var bufferBytes = 4096
  /// Descriptors below this number are registered with io_uring when they are attached; 0 turns it off.
  package var registeredFilesMax: UInt32 = 0

  /// What old kernels lack and tests leave out here.
  package var allowsMultishot = true
  package var allowsDeferredTaskRun = true
  package var allowsPostedWakes = true

  package init() {}

  /// For a ring that serves no connections: the log, doorbells, links.
  package static var small: RingOptions {
    var options = RingOptions()
    options.submissionEntries = 64
    options.completionEntries = 1024
    options.bufferCount = 16
    return options
  }

  /// The same memory in fewer, larger buffers: epoll pays a system call for each that is filled.
  package static var epoll: RingOptions {
    var options = RingOptions()
    options.bufferCount = 256
    options.bufferBytes = 16384
    return options
  }
}
