// OutputBuffer.swift — everything a client has been told and has not received yet.
//
//           sent                                            appended        (stream positions)
//            ▼                                                  ▼
//   head ─▶ [ ░░░░████████ ] ─▶ [ ███████████████ ] ─▶ [ █████──── ] ◀─ tail
//
// Every byte ever appended has a stream position, counted from the client's first. What
// may leave is everything below one position, the owner's send limit. Bytes once appended
// do not move, so a send in flight and further appends do not disturb each other.
import CAllocator

@safe public struct OutputBuffer: BitwiseCopyable {
  public var pool: UnsafeMutablePointer<ChunkPool>
  public var head: UnsafeMutablePointer<Chunk>?
  public var tail: UnsafeMutablePointer<Chunk>?
  /// Bytes of the head chunk that are sent already.
  public var headSent: UInt32 = 0
  /// Chunks in the chain.
  public var chunkCount: Int32 = 0
  /// Stream position behind the last byte appended.
  public var appendedEnd: UInt64 = 0
  /// Bytes of all chunks in the chain, headers included.
  public var heldBytes = 0
  /// Gaps that are still to be filled: their chunks look empty, and stay.
  public internal(set) var openGaps: Int32 = 0
  /// Error replies ever written here; wraps. A command that moved it has failed.
  public var errorCount: UInt32 = 0

  public init(pool: UnsafeMutablePointer<ChunkPool>) {
    unsafe self.pool = pool
    unsafe head = nil
    unsafe tail = nil
  }

  @inlinable public var appended: UInt64 { appendedEnd }
  /// Stream position of the first byte that no send has completed for.
  public private(set) var sent: UInt64 = 0
  /// Bytes waiting.
  @inlinable public var pending: Int { Int(appendedEnd &- sent) }
  @inlinable public var isEmpty: Bool { appendedEnd == sent }

  // MARK: appending

  /// Room for `bytes` in one piece behind the tail; `commit` what was written there.
  @inlinable public mutating func reserve(_ bytes: Int) -> UnsafeMutablePointer<UInt8> {
    if let tail = unsafe tail {
      let used = unsafe Int(tail.pointee.used)
      if unsafe Int(tail.pointee.capacity) - used >= bytes {
        return unsafe Self.bytes(of: tail) + used
      }
    }
    return unsafe grow(bytes)
  }

  /// Says that `bytes` of what was reserved are output now.
  @inlinable public mutating func commit(_ bytes: Int) {
    guard let tail = unsafe tail else { preconditionFailure("nothing was reserved") }
    unsafe precondition(Int(tail.pointee.used) + bytes <= Int(tail.pointee.capacity), "more written than reserved")
    unsafe tail.pointee.used += UInt32(bytes)
    appendedEnd += UInt64(bytes)
  }

  /// Appends a copy of `view`, over as many chunks as it takes.
  public mutating func append(_ view: ByteView) {
    var rest = view
    while rest.count > 0 {
      if let tail = unsafe tail {
        let room = unsafe Int(tail.pointee.capacity - tail.pointee.used)
        if room > 0 {
          let part = min(room, rest.count)
          unsafe memcpy(Self.bytes(of: tail) + Int(tail.pointee.used), rest.start, part)
          commit(part)
          rest = rest[part..<rest.count]
          continue
        }
      }
      unsafe _ = grow(min(rest.count, Self.chunkBytesMax))
    }
  }

  /// Pieces of one value larger than this are spread over several chunks.
  private static let chunkBytesMax = 1 << 20

  public mutating func grow(_ bytes: Int) -> UnsafeMutablePointer<UInt8> {
    // A client with one chunk full is in for a long reply: the next chunks are large.
    let standard = ChunkPool.largeBytes - ChunkPool.headerBytes
    let chunk = unsafe pool.pointee.take(tail == nil ? bytes : max(bytes, standard))
    unsafe link(chunk)
    return unsafe Self.bytes(of: chunk)
  }

  private mutating func link(_ chunk: UnsafeMutablePointer<Chunk>) {
    if let tail = unsafe tail { unsafe tail.pointee.next = chunk } else { unsafe head = chunk }
    unsafe tail = chunk
    chunkCount += 1
    heldBytes += unsafe Int(chunk.pointee.capacity) + ChunkPool.headerBytes
  }

  @inlinable public static func bytes(of chunk: UnsafeMutablePointer<Chunk>) -> UnsafeMutablePointer<UInt8> {
    unsafe (UnsafeMutableRawPointer(chunk) + 16).assumingMemoryBound(to: UInt8.self)
  }

  // MARK: sending

  /// Lists at most `capacity` stretches that cover the bytes from `sent` up to stream position `limit`.
  /// Returns how many there are and how many bytes they hold together.
  public func stretches(
    upTo limit: UInt64, capacity: Int, _ add: (_ index: Int, _ start: UnsafeRawPointer, _ count: Int) -> Void
  ) -> (stretches: Int, bytes: Int) {
    var left = limit > sent ? Int(min(limit, appendedEnd) - sent) : 0
    var chunk = unsafe head
    var skip = Int(headSent)
    var listed = 0
    var bytes = 0
    while left > 0, listed < capacity, let this = unsafe chunk {
      let part = unsafe min(left, Int(this.pointee.used) - skip)
      if part > 0 {
        unsafe add(listed, UnsafeRawPointer(Self.bytes(of: this) + skip), part)
        listed += 1
        bytes += part
        left -= part
      }
      skip = 0
      unsafe chunk = this.pointee.next
    }
    return (listed, bytes)
  }

  /// The kernel has taken `bytes` more: they are forgotten, and chunks that are done go back to the pool.
  public mutating func release(_ bytes: Int) {
    precondition(bytes >= 0 && bytes <= pending, "more sent than was waiting")
    sent += UInt64(bytes)
    var left = bytes
    while let chunk = unsafe head {
      if left == 0 && openGaps > 0 { return }
      let rest = unsafe Int(chunk.pointee.used) - Int(headSent)
      if left < rest {
        headSent += UInt32(left)
        return
      }
      left -= rest
      // The tail is kept while replies may still be written behind its bytes; an empty buffer keeps nothing.
      if unsafe chunk == tail && sent != appendedEnd {
        unsafe headSent = chunk.pointee.used
        return
      }
      unsafe unlinkHead(chunk)
    }
  }

  private mutating func unlinkHead(_ chunk: UnsafeMutablePointer<Chunk>) {
    unsafe head = chunk.pointee.next
    if unsafe head == nil { unsafe tail = nil }
    headSent = 0
    chunkCount -= 1
    heldBytes -= unsafe Int(chunk.pointee.capacity) + ChunkPool.headerBytes
    unsafe pool.pointee.give(chunk)
  }

  /// Drops everything that waits: the client is gone and no send is in flight.
  public mutating func discardAll() {
    openGaps = 0
    while let chunk = unsafe head { unsafe unlinkHead(chunk) }
    sent = appendedEnd
  }

  // MARK: taking back, filling in later

  /// A place in the stream to come back to within the same command.
  @safe public struct Mark: BitwiseCopyable {
    public let chunk: UnsafeMutablePointer<Chunk>?
    public let used: UInt32
    public let position: UInt64
  }

  public var mark: Mark {
    guard let tail = unsafe tail else { return unsafe Mark(chunk: nil, used: 0, position: appendedEnd) }
    return unsafe Mark(chunk: tail, used: tail.pointee.used, position: appendedEnd)
  }

  /// The place of a stream position that has not been sent, found again: for whoever comes back in a later turn.
  public func mark(at position: UInt64) -> Mark {
    var left = position &- sent
    var chunk = unsafe head
    var skip = UInt64(headSent)
    while let this = unsafe chunk {
      let rest = unsafe UInt64(this.pointee.used) - skip
      if left <= rest { return unsafe Mark(chunk: this, used: UInt32(skip + left), position: position) }
      left -= rest
      skip = 0
      unsafe chunk = this.pointee.next
    }
    return mark
  }

  /// The first byte appended after `mark`, nil if none was. What a reply begins with tells its kind.
  public func firstByte(after mark: Mark) -> UInt8? {
    guard appendedEnd > mark.position else { return nil }
    var chunk = unsafe mark.chunk ?? head
    var offset = unsafe mark.chunk == nil ? 0 : Int(mark.used)
    while let this = unsafe chunk {
      if unsafe offset < Int(this.pointee.used) { return unsafe Self.bytes(of: this)[offset] }
      unsafe chunk = this.pointee.next
      offset = 0
    }
    return nil
  }

  /// Copies the first bytes after `mark` (at most 32 of them) for whoever wants to know what was answered.
  public func prefix(after mark: Mark) -> InlineArray<32, UInt8> {
    var result = InlineArray<32, UInt8>(repeating: 0)
    var chunk = unsafe mark.chunk ?? head
    var offset = unsafe mark.chunk == nil ? 0 : Int(mark.used)
    var filled = 0
    while let this = unsafe chunk, filled < 32 {
      while unsafe offset < Int(this.pointee.used) && filled < 32 {
        unsafe result[filled] = Self.bytes(of: this)[offset]
        filled += 1
        offset += 1
      }
      unsafe chunk = this.pointee.next
      offset = 0
    }
    return result
  }

  /// Takes back everything appended since `mark`. Only within the command that took the mark: nothing of it can be in flight.
  public mutating func rollback(to mark: Mark) {
    precondition(mark.position >= sent, "taking back what was sent")
    guard let keep = unsafe mark.chunk else {
      while let chunk = unsafe head { unsafe unlinkHead(chunk) }
      appendedEnd = mark.position
      return
    }
    while let extra = unsafe keep.pointee.next {
      unsafe keep.pointee.next = extra.pointee.next
      chunkCount -= 1
      heldBytes -= unsafe Int(extra.pointee.capacity) + ChunkPool.headerBytes
      unsafe pool.pointee.give(extra)
    }
    unsafe keep.pointee.used = mark.used
    unsafe tail = keep
    appendedEnd = mark.position
  }

  /// A gap for a header whose number is not known yet.
  @safe public struct Gap: BitwiseCopyable {
    @usableFromInline let chunk: UnsafeMutablePointer<Chunk>
  }

  /// Leaves a gap here: what is appended next goes behind it. Fill it within the same command.
  public mutating func leaveGap() -> Gap {
    let gap = unsafe pool.pointee.take(Decimal.digitsMax + 3)
    unsafe link(gap)
    let body = unsafe pool.pointee.take(ChunkPool.smallBytes - ChunkPool.headerBytes)
    unsafe link(body)
    openGaps += 1
    return unsafe Gap(chunk: gap)
  }

  /// Writes `kind`, `number` and a line end into the gap.
  public mutating func fill(_ gap: Gap, kind: UInt8, number: Int64) {
    let out = unsafe Self.bytes(of: gap.chunk)
    unsafe out[0] = kind
    let digits = unsafe Decimal.write(number, to: out + 1)
    unsafe out[digits + 1] = UInt8(ascii: "\r")
    unsafe out[digits + 2] = UInt8(ascii: "\n")
    unsafe gap.chunk.pointee.used = UInt32(digits + 3)
    openGaps -= 1
    appendedEnd += UInt64(digits + 3)
  }
}
