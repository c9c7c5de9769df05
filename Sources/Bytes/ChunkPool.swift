// ChunkPool.swift — the memory that replies wait in.
//
//   chunk:  next │ capacity │ used │ bytes …            (header: 16 bytes)
//
// Two standard sizes are kept on free lists, last in first out, so that the replies of one
// turn are written where the replies of the turn before are still in the cache. Whatever is
// larger is allocated exactly and given back at once. A pool belongs to one thread.
import CAllocator

/// One stretch of output. Its bytes lie directly behind it.
@safe public struct Chunk {
  public var next: UnsafeMutablePointer<Chunk>?
  public var capacity: UInt32
  public var used: UInt32
}

@safe public struct ChunkPool: ~Copyable {
  private var small: UnsafeMutablePointer<Chunk>?
  private var large: UnsafeMutablePointer<Chunk>?
  private var idleSmall = 0
  private var idleLarge = 0
  /// Bytes of all chunks that are lent out, headers included.
  public private(set) var lentBytes = 0

  /// Whole allocations: jemalloc has classes of exactly these sizes.
  public static let smallBytes = 1_024
  public static let largeBytes = 16_384
  public static let headerBytes = 16
  /// Idle chunks kept: 1 MiB of small ones and 4 MiB of large ones at most.
  private static let idleSmallMax = 1_024
  private static let idleLargeMax = 256

  public init() {
    unsafe small = nil
    unsafe large = nil
  }

  deinit {
    unsafe Self.freeAll(small)
    unsafe Self.freeAll(large)
  }

  /// A chunk that holds at least `bytes` behind its header.
  public mutating func take(_ bytes: Int) -> UnsafeMutablePointer<Chunk> {
    let needed = bytes + Self.headerBytes
    if needed <= Self.smallBytes {
      if let chunk = unsafe small {
        unsafe small = chunk.pointee.next
        idleSmall -= 1
        return unsafe lend(chunk)
      }
      return unsafe lend(Self.make(Self.smallBytes))
    }
    if needed <= Self.largeBytes {
      if let chunk = unsafe large {
        unsafe large = chunk.pointee.next
        idleLarge -= 1
        return unsafe lend(chunk)
      }
      return unsafe lend(Self.make(Self.largeBytes))
    }
    return unsafe lend(Self.make(needed))
  }

  /// Takes a chunk back.
  public mutating func give(_ chunk: UnsafeMutablePointer<Chunk>) {
    let bytes = unsafe Int(chunk.pointee.capacity) + Self.headerBytes
    lentBytes -= bytes
    if bytes == Self.smallBytes && idleSmall < Self.idleSmallMax {
      unsafe chunk.pointee.next = small
      unsafe small = chunk
      idleSmall += 1
    } else if bytes == Self.largeBytes && idleLarge < Self.idleLargeMax {
      unsafe chunk.pointee.next = large
      unsafe large = chunk
      idleLarge += 1
    } else {
      unsafe martlet_free_sized(chunk, bytes)
    }
  }

  private mutating func lend(_ chunk: UnsafeMutablePointer<Chunk>) -> UnsafeMutablePointer<Chunk> {
    unsafe chunk.pointee.next = nil
    unsafe chunk.pointee.used = 0
    lentBytes += unsafe Int(chunk.pointee.capacity) + Self.headerBytes
    return unsafe chunk
  }

  private static func make(_ bytes: Int) -> UnsafeMutablePointer<Chunk> {
    // Replies are bounded by what a client may have outstanding, so a size beyond 32 bits is a bug here.
    precondition(bytes > headerBytes && bytes <= Int(UInt32.max), "a chunk of an impossible size")
    guard let memory = unsafe malloc(bytes) else { preconditionFailure("out of memory for a reply of \(bytes) bytes") }
    let chunk = unsafe memory.bindMemory(to: Chunk.self, capacity: 1)
    unsafe chunk.pointee = unsafe Chunk(next: nil, capacity: UInt32(bytes - headerBytes), used: 0)
    return unsafe chunk
  }

  private static func freeAll(_ first: UnsafeMutablePointer<Chunk>?) {
    var chunk = unsafe first
    while let this = unsafe chunk {
      unsafe chunk = this.pointee.next
      unsafe free(this)
    }
  }
}
