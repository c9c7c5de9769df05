// StreamReference.swift: a stream: its entries in blocks, what it remembers of them, and its groups.
//
//   entry's payload ──▶ ┌────────┬────────────────────────────┬──────────────────────┬──────────────────┐
//                       │ owners │ blocks, by first identifier│ length, last, first, │ groups, by name  │
//                       └────────┴────────────────────────────┴─deleted, added───────┴──────────────────┘
//                                   │                                                   │
//                                   ▼ listpack of up to 100 entries                     ▼ StreamGroup
//
// It is counted as a blob is: whoever reads it for longer than a call pins it, a pinned one does not change, the
// last owner frees.
import Bytes
import CAllocator

struct StreamRoot: ~Copyable {
  var owners = 1
  /// The blobs of blocks, as bits.
  var blocks = StreamIndex<UInt64>()
  var length = 0
  var lastID = StreamID.zero
  /// Of the first entry that is there; zero in an empty stream.
  var firstID = StreamID.zero
  /// The highest that was deleted by itself, not by trimming.
  var deletedIDMax = StreamID.zero
  var entriesAdded: UInt64 = 0
  var groups = StreamNames<StreamGroup>()
  /// Bytes of the blobs of blocks.
  var blockBytes = 0
  /// Bytes of groups with all that hangs on them.
  var groupBytes = 0
}

/// A counted pointer to a stream. Copying it counts nothing: `pin` and `release` do.
@safe public struct StreamReference: BitwiseCopyable, Equatable {
  let root: UnsafeMutablePointer<StreamRoot>

  init(bits: UInt64) { unsafe root = UnsafeMutablePointer(bitPattern: UInt(bits)).unsafelyUnwrapped }

  init(_ root: UnsafeMutablePointer<StreamRoot>) { unsafe self.root = root }

  /// As an entry's payload.
  var bits: UInt64 { unsafe UInt64(UInt(bitPattern: root)) }

  /// An empty one, owned once.
  static func make() -> StreamReference {
    let root = UnsafeMutablePointer<StreamRoot>.allocate(capacity: 1)
    unsafe root.initialize(to: StreamRoot())
    return unsafe StreamReference(root)
  }

  public static func == (a: StreamReference, b: StreamReference) -> Bool { unsafe a.root == b.root }

  // MARK: ownership

  public var isPinned: Bool { unsafe root.pointee.owners > 1 }

  /// Makes the caller one more owner. Only on the thread that owns the store.
  public func pin() { unsafe root.pointee.owners += 1 }

  /// Lets go; the last owner frees, all at once: the graveyard does it in steps.
  public func release() {
    let remaining = unsafe root.pointee.owners - 1
    precondition(remaining >= 0, "a stream was released more often than owned")
    unsafe root.pointee.owners = remaining
    guard remaining == 0 else { return }
    while freeSome(.max) > 0 {}
    unsafe root.deinitialize(count: 1)
    unsafe root.deallocate()
  }

  /// Frees about `effort` blocks or pending entries of a stream with one owner; how many it freed, 0 when none is left.
  func freeSome(_ effort: Int) -> Int {
    var freed = 0
    while freed < effort, let last = unsafe root.pointee.blocks.last {
      unsafe BlobReference(bits: root.pointee.blocks[last].value).release()
      unsafe root.pointee.blocks.remove(last)
      freed += 1
    }
    while freed < effort, let group = groups.last {
      freed += group.freePending(effort - freed)
      guard freed < effort else { break }
      remove(group)
      freed += 1
    }
    return freed
  }

  /// Bytes of memory of everything.
  public var memoryBytes: Int {
    let indices = unsafe root.pointee.blocks.memoryBytes + root.pointee.groups.memoryBytes
    return unsafe StreamReference.rootBytes + root.pointee.blockBytes + root.pointee.groupBytes + indices
  }

  private static var rootBytes: Int { SizeClass.round(MemoryLayout<StreamRoot>.size) }

  // MARK: figures

  /// Entries that are there.
  public var count: Int { unsafe root.pointee.length }
  /// Blocks that hold them.
  public var blockCount: Int { unsafe root.pointee.blocks.count }
  /// The identifier that was given out last, whether or not the entry is still there.
  public var lastID: StreamID { unsafe root.pointee.lastID }
  /// Of the first entry that is there; zero in an empty stream.
  public var firstID: StreamID { unsafe root.pointee.firstID }
  /// The highest that was deleted by itself.
  public var deletedIDMax: StreamID { unsafe root.pointee.deletedIDMax }
  /// Entries that were ever added.
  public var entriesAdded: UInt64 { unsafe root.pointee.entriesAdded }

  /// Sets what the stream remembers of its past, for XSETID and snapshots. `added` and `deleted` stay as they are
  /// where nil.
  public func remember(last: StreamID, added: UInt64? = nil, deleted: StreamID? = nil) {
    unsafe root.pointee.lastID = last
    if let added { unsafe root.pointee.entriesAdded = added }
    if let deleted { unsafe root.pointee.deletedIDMax = deleted }
  }

  /// The identifier of the first entry is looked up anew.
  func refreshFirstID() {
    var cursor = cursor(from: .zero, through: .greatest)
    let first = cursor.next()?.id ?? .zero
    unsafe root.pointee.firstID = first
  }

  // MARK: blocks

  /// The block at a place of the index.
  func block(_ place: StreamIndex<UInt64>.Place) -> StreamBlock {
    let item = unsafe root.pointee.blocks[place]
    return StreamBlock(blob: BlobReference(bits: item.value), master: item.id)
  }

  /// Calls `change` with the block at `place` and keeps its result; `change` takes and returns ownership.
  func changeBlock(_ place: StreamIndex<UInt64>.Place, _ change: (StreamBlock) -> StreamBlock) {
    let old = block(place)
    let before = old.blob.memoryBytes
    let new = change(old)
    unsafe root.pointee.blocks.update(place, new.blob.bits)
    unsafe root.pointee.blockBytes += new.blob.memoryBytes - before
  }

  func removeBlock(_ place: StreamIndex<UInt64>.Place) {
    let blob = block(place).blob
    unsafe root.pointee.blockBytes -= blob.memoryBytes
    unsafe root.pointee.blocks.remove(place)
    blob.release()
  }

  /// Adds a block whose ownership goes over. False, and the caller keeps it, if there is one with its identifier.
  func insertBlock(_ block: StreamBlock) -> Bool {
    guard unsafe root.pointee.blocks.insert(block.master, block.blob.bits) else { return false }
    unsafe root.pointee.blockBytes += block.blob.memoryBytes
    return true
  }

  /// Every block with the identifier it is known by, in order: what a snapshot has.
  public func forEachBlock(_ body: (StreamID, ByteView) -> Void) {
    var place = unsafe root.pointee.blocks.first
    while let here = place {
      let block = block(here)
      body(block.master, block.blob.bytes)
      place = unsafe root.pointee.blocks.next(here)
    }
  }
}
