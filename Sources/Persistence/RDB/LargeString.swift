// LargeString.swift — one long string on its way into a snapshot, a piece at a time.
//
//   compressing ──▶ every piece became text of LZF ──▶ header and text leave in pieces
//        │
//        └─ the first piece did not shrink, or the whole not enough ──▶ length and bytes leave as they are
//
// A snapshot is written between the commands of clients, so nothing here handles more bytes at once than
// it is told to. The bytes stay where they are: the string is pinned until the last piece has left.
import Bytes
import Store

struct LargeString: BitwiseCopyable {
  private enum Stage { case compressing, sendingCompressed, sending, done }

  private let blob: BlobReference
  private var stage: Stage
  /// Bytes of the blob that were dealt with in this stage.
  private var taken = 0
  /// What was compressed and has not left.
  private var compressed: OutputBuffer

  /// A piece is compressed at once: some 100 µs.
  private static var pieceBytes: Int { 32 << 10 }
  /// More compressed text is not kept back: the string leaves as it is.
  private static var compressedBytesMax: Int { 64 << 20 }

  /// Pins the blob; call `drop` in the end.
  init(_ blob: BlobReference, compresses: Bool, pool: UnsafeMutablePointer<ChunkPool>) {
    blob.pin()
    self.blob = blob
    // Readers unpack with 32-bit lengths.
    stage = compresses && blob.count < 1 << 31 ? .compressing : .sending
    compressed = unsafe OutputBuffer(pool: pool)
  }

  /// Appends to `output` and handles about `bytes` of the string; true when all has been appended.
  mutating func advance(into output: inout OutputBuffer, bytes: Int) -> Bool {
    var budget = max(1, bytes)
    while budget > 0 && stage != .done {
      switch stage {
      case .compressing:
        budget -= compressPiece(&output)
      case .sendingCompressed:
        budget -= output.move(from: &compressed, upTo: budget)
        if compressed.isEmpty { stage = .done }
      case .sending:
        budget -= sendPiece(&output, upTo: budget)
      case .done:
        break
      }
    }
    return stage == .done
  }

  /// Lets go of everything, whether or not it was finished.
  mutating func drop() {
    compressed.discardAll()
    blob.release()
  }

  private mutating func compressPiece(_ output: inout OutputBuffer) -> Int {
    let piece = blob.bytes[taken..<min(blob.count, taken + LargeString.pieceBytes)]
    let out = unsafe compressed.reserve(LZF.literalBytes(piece.count))
    if let count = unsafe LZF.compress(piece, to: out, capacity: piece.count - 1) {
      compressed.commit(count)
    } else if taken == 0 {
      // What begins like noise is noise: pictures, or compressed already.
      return giveUpCompressing(spent: piece.count)
    } else {
      compressed.commit(unsafe LZF.writeLiteral(piece, to: out))
    }
    taken += piece.count
    guard compressed.pending <= LargeString.compressedBytesMax else { return giveUpCompressing(spent: piece.count) }
    guard taken == blob.count else { return piece.count }
    guard compressed.pending <= blob.count - 4 else { return giveUpCompressing(spent: piece.count) }
    let header = unsafe output.reserve(1 + 2 * RDBEncoding.lengthBytesMax)
    output.commit(
      unsafe RDBEncoding.writeCompressedHeader(compressed: compressed.pending, text: blob.count, to: header))
    stage = .sendingCompressed
    return piece.count
  }

  private mutating func giveUpCompressing(spent: Int) -> Int {
    compressed.discardAll()
    taken = 0
    stage = .sending
    return spent
  }

  private mutating func sendPiece(_ output: inout OutputBuffer, upTo bytes: Int) -> Int {
    if taken == 0 { output.putLength(UInt64(blob.count)) }
    let piece = blob.bytes[taken..<min(blob.count, taken + bytes)]
    output.append(piece)
    taken += piece.count
    if taken == blob.count { stage = .done }
    return max(1, piece.count)
  }
}
