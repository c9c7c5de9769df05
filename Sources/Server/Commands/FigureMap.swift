// FigureMap.swift — a reply of names and numbers that counts itself.
import Bytes
import Commands
import Store
import Wire

struct FigureMap {
  private let reply: Reply
  private let gap: OutputBuffer.Gap
  private var pairs = 0

  init(_ reply: Reply) {
    self.reply = reply
    gap = reply.open()
  }

  /// Writes the header in front of what was added.
  func finish() { reply.closeMap(gap, pairs: pairs) }

  mutating func add(_ name: String, _ value: UInt64) { add(name, signed: Int64(clamping: value)) }

  mutating func add(_ name: String, signed value: Int64) {
    begin(name)
    reply.integer(value)
  }

  mutating func add(_ name: String, fraction value: Double) {
    begin(name)
    var digits = value.isFinite ? "\(value)" : "0"
    if digits.hasSuffix(".0") { digits.removeLast(2) }
    digits.withUTF8 { reply.double(digits: ByteView(UnsafeRawBufferPointer($0))) }
  }

  /// `<name>.ratio` and `<name>.bytes`.
  mutating func addRatio(_ name: String, _ part: UInt64, _ whole: UInt64) {
    add(name + ".ratio", fraction: Fixed.ratio(part, whole))
    add(name + ".bytes", signed: Int64(clamping: part) - Int64(clamping: whole))
  }

  /// `db.<index>` with the overhead of its tables.
  mutating func add(database index: Int, _ databases: UnsafeMutablePointer<Keyspace>) {
    begin("db.\(index)")
    reply.map(2)
    reply.bulk("overhead.hashtable.main")
    reply.integer(max(0, databases[index].memoryBytes - databases[index].valueBytes))
    reply.bulk("overhead.hashtable.expires")
    // An expiry stands in the entry of its key.
    reply.integer(0)
  }

  private mutating func begin(_ name: String) {
    pairs += 1
    reply.bulk(text: name)
  }
}
