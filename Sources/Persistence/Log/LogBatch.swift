// LogBatch.swift — records that become durable together.
//
//   memory                     count           capacity
//   ▼                          ▼               ▼
//   ┌──────────────────────────┬───────────────┐
//   │ *3 $3 SET … *2 $3 DEL …  │               │
//   └──────────────────────────┴───────────────┘
//   while it fills it may move; once the kernel writes it, nothing is appended and nothing moves
//
// A batch has a sequence number, the position that everything else is measured in: a reply waits
// for a batch, a key is dirty in a batch, the watermark is the last batch on disk. Bytes would
// say no more, since batches become durable whole.
import Bytes
import CAllocator

@safe public struct LogBatch: ~Copyable {
  /// Grows by one with each batch since the start of the process.
  public internal(set) var sequence: UInt64 = 0
  /// The log file it belongs to: `CommitPipeline.generation` when it began.
  public internal(set) var generation: UInt64 = 0
  public private(set) var memory: UnsafeMutablePointer<UInt8>
  public private(set) var count = 0
  private var capacity: Int
  /// Bytes of it that are written, by this or earlier attempts.
  public internal(set) var written = 0
  /// Records in it, preludes and SELECTs not counted.
  public var records = 0
  /// It begins with a seal.
  package var isSealed = false
  /// The number of its seal, once it has one.
  package var sealNumber: UInt64 = 0
  /// When its first record came, by the caller's clock in nanoseconds.
  public var beganAtNanoseconds: UInt64 = 0
  /// What it has changed. Only filled in while replies wait for the log.
  public var keys = DirtyKeys()

  static let bytesMin = 64 << 10
  /// A batch that has reached this takes no more records.
  public static let bytesFull = 8 << 20

  public init() {
    capacity = Self.bytesMin
    unsafe memory = Self.allocate(Self.bytesMin)
  }

  deinit { unsafe free(memory) }

  public var isEmpty: Bool { count == 0 }
  public var isFull: Bool { count >= Self.bytesFull }
  public var bytes: ByteView { unsafe ByteView(start: UnsafeRawPointer(memory), count: count) }
  /// Bytes of memory, the dirty keys' included.
  public var memoryBytes: Int { capacity + keys.memoryBytes }

  /// Room for `bytes` behind the last record; `commit` what was written there.
  public mutating func reserve(_ bytes: Int) -> UnsafeMutablePointer<UInt8> {
    if capacity - count < bytes { grow(by: bytes) }
    return unsafe memory + count
  }

  public mutating func commit(_ bytes: Int) {
    precondition(bytes >= 0 && bytes <= capacity - count, "more written than reserved")
    count += bytes
  }

  public mutating func append(_ view: ByteView) {
    guard view.count > 0 else { return }
    unsafe memcpy(reserve(view.count), view.start, view.count)
    count += view.count
  }

  /// Begins anew. Memory beyond what batches usually need is given back.
  mutating func reset(sequence: UInt64, generation: UInt64) {
    self.sequence = sequence
    self.generation = generation
    count = 0
    written = 0
    records = 0
    isSealed = false
    sealNumber = 0
    beganAtNanoseconds = 0
    keys.removeAll()
    if capacity > Self.bytesFull {
      unsafe free(memory)
      unsafe memory = Self.allocate(Self.bytesMin)
      capacity = Self.bytesMin
    }
  }

  private mutating func grow(by bytes: Int) {
    let (needed, overflow) = count.addingReportingOverflow(bytes)
    precondition(!overflow && needed < Int.max / 2, "a batch larger than memory")
    let size = martlet_size_class(max(needed, min(capacity * 2, capacity + (64 << 20))))
    guard let moved = unsafe realloc(memory, size) else { preconditionFailure("out of memory for the log") }
    unsafe memory = moved.assumingMemoryBound(to: UInt8.self)
    capacity = size
  }

  private static func allocate(_ bytes: Int) -> UnsafeMutablePointer<UInt8> {
    guard let memory = unsafe malloc(bytes) else { preconditionFailure("out of memory for the log") }
    return unsafe memory.assumingMemoryBound(to: UInt8.self)
  }
}
