// Collections+Scan.swift — SSCAN, HSCAN and ZSCAN.
//
// A packed collection is told as a whole. A large one is swept as SCAN sweeps the keys: an element that is there
// from the first call to the last is told at least once.
import Bytes
import Store
import Wire

/// The words behind the cursor.
struct ScanOptions {
  var glob: Glob?
  var count = 10
  /// NOVALUES or NOSCORES: names alone.
  var namesOnly = false
}

extension Execution {
  /// Reads cursor and options of a scan over the collection at word 1; `body` tells the elements. It gets the place to
  /// begin at and says where to go on, 0 if that was all, and how many words it told.
  mutating func scan(
    _ type: ValueType, namesOnlyWord: StaticString?,
    _ body: (_ execution: inout Execution, Entry, ScanOptions, inout Sweep) -> Int
  ) {
    guard let cursor = arguments[2].uint64 else { return reply.error("ERR invalid cursor") }
    switch read(arguments[1], as: type) {
    case .refused: return
    case .absent:
      reply.array(2)
      reply.bulk("0")
      reply.array(0)
    case .found(let location):
      pin(location, word: 1)
      guard let options = scanOptions(from: 3, namesOnlyWord) else { return }
      reply.array(2)
      let cursorGap = reply.open()
      let arrayGap = reply.open()
      var sweep = Sweep(cursor: cursor)
      let told = body(&self, location.entry, options, &sweep)
      reply.output.pointee.fill(cursorGap, bulk: sweep.cursor)
      reply.closeArray(arrayGap, count: told)
    }
  }

  private func scanOptions(from start: Int, _ namesOnlyWord: StaticString?) -> ScanOptions? {
    var options = ScanOptions()
    var index = start
    while index < arguments.count {
      let word = arguments[index]
      let hasNext = index + 1 < arguments.count
      if word.equalsIgnoringCase("count") && hasNext {
        guard let count = integer(index + 1) else { return nil }
        guard count >= 1 else {
          refuseSyntax()
          return nil
        }
        options.count = Int(count)
        index += 2
      } else if word.equalsIgnoringCase("match") && hasNext {
        let glob = Glob(arguments[index + 1])
        options.glob = glob.isEverything ? nil : glob
        index += 2
      } else if let namesOnlyWord, word.equalsIgnoringCase(namesOnlyWord) {
        options.namesOnly = true
        index += 1
      } else if word.equalsIgnoringCase("novalues") {
        reply.error("ERR NOVALUES option can only be used in HSCAN")
        return nil
      } else if word.equalsIgnoringCase("noscores") {
        reply.error("ERR NOSCORES option can only be used in ZSCAN")
        return nil
      } else {
        refuseSyntax()
        return nil
      }
    }
    return options
  }
}

extension ScanOptions {
  /// Buckets that one call may visit for each element that it was asked for.
  private static let bucketsPerElement = 10

  /// Whether an element of this name is to be told.
  func includes(_ name: ByteView) -> Bool { glob?.matches(name) ?? true }

  /// Sweeps a large collection as far as one call goes; `tell` answers how many words it wrote for an element.
  func sweep(
    _ execution: inout Execution, _ collection: CollectionReference, _ sweep: inout Sweep, _ tell: (Entry) -> Int
  ) -> Int {
    var told = 0
    var visited = 0
    let bucketsMax = min(count, Int.max / ScanOptions.bucketsPerElement) * ScanOptions.bucketsPerElement
    for _ in 0..<bucketsMax {
      guard visited < count, execution.mayGoOn(after: 4), var bucket = collection.visit(&sweep) else { break }
      while let location = bucket.next() {
        visited += 1
        if includes(location.entry.key) { told += tell(location.entry) }
      }
    }
    return told
  }
}

extension Sweep {
  /// Nothing is left: the whole collection was told.
  mutating func end() { self = Sweep() }
}
