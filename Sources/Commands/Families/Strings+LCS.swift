// Strings+LCS.swift — the longest common subsequence of two strings.
//
//            ""  m  y  t  e  x  t        table[i][j]: length for the first i bytes of a and j of b.
//        ""   0  0  0  0  0  0  0        Filled row by row; walked back from the last corner,
//        t    0  0  0  1  1  1  1        going up or left where the length stays, diagonally
//        e    0  0  0  1  2  2  2        where the bytes are equal.
//        x    0  0  0  1  2  3  3
//
// The table has a cell of four bytes for every pair, so its size is checked against the largest string
// that a client may send. The length alone needs the latest row only.
import Bytes
import CAllocator
import Store
import Wire

extension Strings {
  private struct LCSOptions {
    var wantsLength = false
    var wantsRanges = false
    var wantsRangeLengths = false
    var rangeLengthMin: Int64 = 0
  }

  static func longestCommonSubsequence(_ execution: inout Execution) {
    let first = execution.read(execution.arguments[1])
    // Expiring the second key would move the first.
    let second = execution.read(execution.arguments[2])
    let again = first == nil ? nil : execution.locate(execution.arguments[1], KeyHash(execution.arguments[1]))
    guard again?.entry.isString ?? true, second?.entry.isString ?? true else {
      return execution.reply.error("ERR The specified keys must contain string values")
    }
    guard let options = options(&execution) else { return }
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 2 * Encoding.inlineBytesMax + 2 * Decimal.digitsMax) { scratch in
      guard var room = scratch.baseAddress else { return }
      let a = execution.pinnedBytes(word: 1, &room)
      let b = execution.pinnedBytes(word: 2, &room)
      compare(a, b, options, &execution)
    }
  }

  /// Answers the error and nil.
  private static func options(_ execution: inout Execution) -> LCSOptions? {
    var options = LCSOptions()
    var index = 3
    while index < execution.arguments.count {
      let word = execution.arguments[index]
      if word.equalsIgnoringCase("idx") {
        options.wantsRanges = true
      } else if word.equalsIgnoringCase("len") {
        options.wantsLength = true
      } else if word.equalsIgnoringCase("withmatchlen") {
        options.wantsRangeLengths = true
      } else if word.equalsIgnoringCase("minmatchlen") && index + 1 < execution.arguments.count {
        guard let given = execution.integer(index + 1) else { return nil }
        options.rangeLengthMin = max(0, given)
        index += 1
      } else {
        execution.refuseSyntax()
        return nil
      }
      index += 1
    }
    guard !(options.wantsRanges && options.wantsLength) else {
      execution.reply.error("ERR If you want both the length and indexes, please just use IDX.")
      return nil
    }
    return options
  }

  private static func compare(_ a: ByteView, _ b: ByteView, _ options: LCSOptions, _ execution: inout Execution) {
    let reply = execution.reply
    let bytesMax = Int(UInt32.max) - 1
    guard a.count < bytesMax && b.count < bytesMax else { return reply.error("ERR String too long for LCS") }
    let (bytes, overflow) = ((a.count + 1) * (b.count + 1)).multipliedReportingOverflow(by: 4)
    guard !overflow && Int64(bytes) <= execution.rules.bulkBytesMax else {
      return reply.error("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len")
    }
    guard var table = LCSTable(a, b, keepsRows: !options.wantsLength, { execution.mayGoOn(after: $0) }) else {
      return reply.error("ERR Insufficient memory, failed allocating transient memory for LCS")
    }
    guard !execution.pauses.isAbandoned else { return }
    if options.wantsLength { return reply.integer(Int(table.length)) }
    if !options.wantsRanges { return reply.bulk(table.takeSubsequence()) }
    reply.map(2)
    reply.bulk("matches")
    let gap = reply.open()
    let ranges = table.forEachRange(lengthMin: options.rangeLengthMin) { start, other, count in
      reply.array(options.wantsRangeLengths ? 3 : 2)
      for from in [start, other] {
        reply.array(2)
        reply.integer(from)
        reply.integer(from + count - 1)
      }
      if options.wantsRangeLengths { reply.integer(count) }
    }
    reply.closeArray(gap, count: ranges)
    reply.bulk("len")
    reply.integer(Int(table.length))
  }
}

/// The lengths of the common subsequences of all pairs of beginnings; owns its memory.
struct LCSTable: ~Copyable {
  private let a: ByteView
  private let b: ByteView
  private let cells: UnsafeMutablePointer<UInt32>
  /// Of the whole strings.
  private(set) var length: UInt32 = 0

  /// Nil if there is no memory for it. Without `keepsRows` only `length` may be asked.
  init?(_ a: ByteView, _ b: ByteView, keepsRows: Bool, _ mayGoOn: (Int) -> Bool) {
    let width = b.count + 1
    let rows = keepsRows ? a.count + 1 : 2
    guard let memory = calloc(rows * width, MemoryLayout<UInt32>.stride) else { return nil }
    self.a = a
    self.b = b
    cells = memory.bindMemory(to: UInt32.self, capacity: rows * width)
    for i in 0..<a.count {
      let row = cells + (keepsRows ? i + 1 : (i + 1) & 1) * width
      let above = cells + (keepsRows ? i : i & 1) * width
      let byte = a[i]
      var begin = 0
      repeat {
        let end = min(b.count, begin + LCSTable.stretchCells)
        for j in begin..<end {
          row[j + 1] = byte == b[j] ? above[j] + 1 : max(above[j + 1], row[j])
        }
        // Half a nanosecond for a cell at best, and two at worst.
        guard mayGoOn(1 + (end - begin) / 32) else { return }
        begin = end
      } while begin < b.count
    }
    length = cells[(keepsRows ? a.count : a.count & 1) * width + b.count]
  }

  deinit { free(cells) }

  private static var stretchCells: Int { 2_048 }

  private func cell(_ i: Int, _ j: Int) -> UInt32 { cells[i * (b.count + 1) + j] }

  /// The subsequence itself, written over the table, which is used up by it: it fits into the last row, and
  /// the walk back has left that row when it finds the first byte.
  mutating func takeSubsequence() -> ByteView {
    let out = UnsafeMutableRawPointer(cells)
    var found = Int(length)
    var i = a.count
    var j = b.count
    let end = (a.count + 1) * (b.count + 1) * MemoryLayout<UInt32>.stride
    while i > 0 && j > 0 && found > 0 {
      if a[i - 1] == b[j - 1] {
        found -= 1
        out.storeBytes(of: a[i - 1], toByteOffset: end - Int(length) + found, as: UInt8.self)
        i -= 1
        j -= 1
      } else if cell(i - 1, j) > cell(i, j - 1) {
        i -= 1
      } else {
        j -= 1
      }
    }
    return ByteView(start: out + (end - Int(length)), count: Int(length))
  }

  /// Calls `body` with every run of bytes that is equal in both, the last first: where it begins in a and in
  /// b, and its length. Returns how many there were.
  func forEachRange(lengthMin: Int64, _ body: (_ a: Int, _ b: Int, _ count: Int) -> Void) -> Int {
    var count = 0
    var ranges = 0
    var i = a.count
    var j = b.count
    while i > 0 && j > 0 {
      let isEqual = a[i - 1] == b[j - 1]
      if isEqual {
        count += 1
        i -= 1
        j -= 1
      }
      // A run ends where the bytes differ, and at the beginning of either string.
      if count > 0 && (!isEqual || i == 0 || j == 0) {
        if Int64(count) >= lengthMin {
          body(i, j, count)
          ranges += 1
        }
        count = 0
      }
      guard !isEqual else { continue }
      if cell(i - 1, j) > cell(i, j - 1) { i -= 1 } else { j -= 1 }
    }
    return ranges
  }
}
