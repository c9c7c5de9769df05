// LogUnit.swift — records that stand for one change: at replay all of them count, or none.
//
//   *1 $5 MULTI │ *3 $3 SET … │ *2 $4 INCR … │ *1 $4 EXEC        two records or more
//                 *3 $3 SET …                                      one needs no help: MULTI is taken out again
//
// A unit lies in one batch, so its seal vouches for all of it. The number of records is known only at the end, and
// MULTI has to stand before the first: it is written with it, and moved out from under it if it stays alone.
import Bytes

public struct LogUnit {
  /// Where MULTI stands in the batch; nil before the first record.
  private var start: Int?
  /// Records since.
  public private(set) var records = 0

  public init() {}

  static var opening: StaticString { "*1\r\n$5\r\nMULTI\r\n" }
  static var closing: StaticString { "*1\r\n$4\r\nEXEC\r\n" }

  /// So many records are about to be appended. A SELECT that they need stands before the first.
  public mutating func add(_ count: Int, to batch: inout LogBatch) {
    guard count > 0 else { return }
    if start == nil {
      start = batch.count
      batch.append(ByteView(Self.opening))
    }
    records += count
  }

  /// Another database was selected between the records, which is a record as well.
  public mutating func addSelection() { if start != nil { records += 1 } }

  /// What it has so far goes on in another batch, and the first is as it was before.
  public mutating func move(from batch: inout LogBatch, to other: inout LogBatch) {
    guard let first = start else { return }
    start = other.count
    let bytes = batch.bytes
    other.append(bytes[first..<bytes.count])
    batch.takeBack(bytes.count - first)
  }

  /// Nothing more belongs to it.
  public mutating func end(in batch: inout LogBatch) {
    guard let start else { return }
    if records > 1 {
      batch.append(ByteView(Self.closing))
    } else {
      batch.remove(at: start, count: Self.opening.utf8CodeUnitCount)
    }
  }
}

extension LogBatch {
  /// Takes bytes out that were appended; what stands behind them moves.
  mutating func remove(at offset: Int, count removed: Int) {
    precondition(offset >= 0 && removed >= 0 && offset + removed <= count, "bytes that are not in the batch")
    unsafe (start + offset).update(from: start + offset + removed, count: count - offset - removed)
    takeBack(removed)
  }
}
