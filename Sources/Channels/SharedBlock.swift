// SharedBlock.swift — the memory that the ends of a queue have in common.
//
//   byte 0              128               256                          384
//   │ holders, padding   │ word, padding   │ word, padding              │ cells …
//
// Each word that one thread writes while another reads it stands alone on 128 bytes: a cache line has 64, and
// processors fetch lines in pairs, so a neighbour within 128 bytes would still be pulled back and forth.
// The ends own the block together: whoever of them ends last frees it. That is counted in `holders`,
// which nobody touches while work is done.

/// One allocation: the count of its holders, then `wordCount` words on lines of their own, then cells.
/// A trivial view; `release` says when the memory is to be given back.
@unsafe @frozen @usableFromInline
struct SharedBlock<Word: AtomicWord & ~Copyable>: BitwiseCopyable {
  @usableFromInline let base: UnsafeMutableRawPointer

  /// What one thread writes alone, in bytes.
  @inlinable static var lineBytes: Int { 128 }

  /// Bytes ahead of the cells.
  @inlinable static func headerBytes(wordCount: Int) -> Int { unsafe lineBytes * (1 + wordCount) }

  /// Room for `wordCount` words, all 0, and for `cellBytes` bytes, which are not initialized.
  @inlinable init(wordCount: Int, cellBytes: Int, holders: UInt64) {
    unsafe base = .allocate(
      byteCount: Self.headerBytes(wordCount: wordCount) + cellBytes, alignment: Self.lineBytes)
    unsafe initializeWord(at: 0, to: holders)
    for i in 0..<wordCount { unsafe initializeWord(at: 1 + i, to: 0) }
  }

  @inlinable func initializeWord(at line: Int, to value: UInt64) {
    unsafe (base + line * Self.lineBytes).bindMemory(to: Word.self, capacity: 1).initialize(to: Word(value))
  }

  /// The word on a line; line 0 is the count of holders.
  @inlinable @inline(__always)
  func word(_ line: Int) -> UnsafeMutablePointer<Word> {
    unsafe (base + line * Self.lineBytes).assumingMemoryBound(to: Word.self)
  }

  /// One holder more. Relaxed: the caller is a holder, so the block cannot go meanwhile.
  @inlinable func retain() { unsafe word(0).pointee.addRelaxed(1) }

  /// One holder fewer; true for the last one, who sees all that the others did and calls `free`.
  @inlinable func release() -> Bool { unsafe word(0).pointee.subtract(1) == 0 }

  /// True when the caller is the only holder left. Acquires, so that all that the others did is visible.
  @inlinable var isHeldOnce: Bool { unsafe word(0).pointee.loadAcquiring() == 1 }

  @inlinable func free(wordCount: Int) {
    for line in 0...wordCount { unsafe word(line).deinitialize(count: 1) }
    unsafe base.deallocate()
  }
}

/// What all rings ask of a capacity. Two is the least: with one cell, a free and a taken one look the same in
/// `SPMCRing`.
@inlinable func checkCapacity(_ capacity: Int) {
  precondition(capacity >= 2 && capacity & (capacity - 1) == 0, "a capacity is a power of two, and not one")
}
