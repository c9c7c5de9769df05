// ErrorLedger.swift — which errors were answered how often: INFO errorstats.
//
// An error is counted under its first word ("ERR", "WRONGTYPE"). Scripts and modules can invent
// words, so the ledger is bounded: when it is full it says so and counts no new ones.
import Bytes

struct ErrorLedger {
  private(set) var total: UInt64 = 0
  private(set) var counts: [(name: String, count: UInt64)] = []
  private(set) var isFull = false

  private static let namesMax = 128

  /// Counts an error reply by its first bytes, `-` included.
  mutating func count(_ reply: InlineArray<32, UInt8>) {
    guard reply[0] == UInt8(ascii: "-") else { return }
    total += 1
    var name = ""
    for i in 1..<32 {
      let byte = reply[i]
      if byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\r") || byte == 0 { break }
      name.unicodeScalars.append(Unicode.Scalar(byte))
    }
    if let index = counts.firstIndex(where: { $0.name == name }) {
      counts[index].count += 1
    } else if counts.count < Self.namesMax {
      counts.append((name, 1))
    } else {
      isFull = true
    }
  }

  mutating func reset() {
    total = 0
    counts = []
    isFull = false
  }
}
