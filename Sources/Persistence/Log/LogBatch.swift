// LogBatch.swift — records that become durable together.
//
//   memory     start                       start + count       capacity
//   ▼          ▼                           ▼                   ▼
//   ┌──────────┬───────────────────────────┬─────────┬─────────┐
//   │ the head │ *3 $3 SET … *2 $3 DEL …   │ padding │         │
//   └──────────┴───────────────────────────┴─────────┴─────────┘
//   while it fills it may move; once the kernel writes it, nothing is appended and nothing moves
//
// Memory begins at a block of 4096 bytes, and records stand in it as they will stand in the file's blocks: then
// the batch can be written past the page cache, with what the file has before it in its first block as the head.
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
  private var memory: UnsafeMutablePointer<UInt8>
  /// Where records begin in memory: the expected offset in the file, within its block.
  package private(set) var head = 0
  public private(set) var count = 0
  private var capacity: Int
  /// Bytes of it that are written, by this or earlier attempts.
  public internal(set) var written = 0
  /// Writing and syncing it as one operation has not worked.
  var isRefusedAsOne = false
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
  /// What is written past the page cache begins and ends at multiples of this.
  package static let blockBytes = 4096

  public init() {
    capacity = Self.bytesMin
    unsafe memory = Self.allocate(Self.bytesMin)
  }

  deinit { unsafe free(memory) }

  public var isEmpty: Bool { count == 0 }
  public var isFull: Bool { count >= Self.bytesFull }
  /// The first record, or the seal before it.
  var start: UnsafeMutablePointer<UInt8> { unsafe memory + head }
  public var bytes: ByteView { unsafe ByteView(start: UnsafeRawPointer(start), count: count) }
  /// Bytes of memory, the dirty keys' included.
  public var memoryBytes: Int { capacity + keys.memoryBytes }

  /// Room for `bytes` behind the last record; `commit` what was written there.
  public mutating func reserve(_ bytes: Int) -> UnsafeMutablePointer<UInt8> {
    if room < bytes { grow(by: bytes) }
    return unsafe start + count
  }

  public mutating func commit(_ bytes: Int) {
    precondition(bytes >= 0 && bytes <= room, "more written than reserved")
    count += bytes
  }

  public mutating func append(_ view: ByteView) {
    guard view.count > 0 else { return }
    unsafe memcpy(reserve(view.count), view.start, view.count)
    count += view.count
  }

  /// The last bytes are not part of it after all.
  mutating func takeBack(_ bytes: Int) {
    precondition(bytes >= 0 && bytes <= count, "more taken back than appended")
    count -= bytes
  }

  /// Bytes that may still come without growing; a block is always left for the padding.
  private var room: Int { capacity - Self.blockBytes - head - count }

  /// Nothing is in it yet, and it will stand elsewhere than was thought.
  mutating func place(at offset: Int64) {
    precondition(isEmpty, "records are not moved")
    head = Int(offset & Int64(Self.blockBytes - 1))
  }

  /// The batch as whole blocks: `before` is what the file has in the first one, zeros fill the last one.
  mutating func blocks(before: UnsafePointer<UInt8>) -> (memory: UnsafeRawPointer, count: Int) {
    unsafe memory.update(from: before, count: head)
    let end = head + count
    let whole = (end + Self.blockBytes - 1) & ~(Self.blockBytes - 1)
    unsafe (memory + end).update(repeating: 0, count: whole - end)
    return unsafe (UnsafeRawPointer(memory), whole)
  }

  /// Begins anew. Memory beyond what batches usually need is given back.
  mutating func reset(sequence: UInt64, generation: UInt64) {
    self.sequence = sequence
    self.generation = generation
    count = 0
    head = 0
    written = 0
    isRefusedAsOne = false
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
    let (needed, overflow) = (head + count + Self.blockBytes).addingReportingOverflow(bytes)
    precondition(!overflow && needed < Int.max / 2, "a batch larger than memory")
    let size = martlet_size_class(max(needed, min(capacity * 2, capacity + (64 << 20))))
    let moved = unsafe Self.allocate(size)
    unsafe moved.update(from: memory, count: head + count)
    unsafe free(memory)
    unsafe memory = moved
    capacity = size
  }

  private static func allocate(_ bytes: Int) -> UnsafeMutablePointer<UInt8> {
    var memory: UnsafeMutableRawPointer?
    guard unsafe posix_memalign(&memory, blockBytes, bytes) == 0, let memory = unsafe memory else {
      preconditionFailure("out of memory for the log")
    }
    return unsafe memory.assumingMemoryBound(to: UInt8.self)
  }
}
