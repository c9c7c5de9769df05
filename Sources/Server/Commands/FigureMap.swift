// FigureMap.swift — a reply of names and numbers whose length is checked when it is done.
import Bytes
import Commands
import Store
import Wire

struct FigureMap {
  private let reply: Reply
  private var left: Int

  init(_ reply: Reply, pairs: Int) {
    self.reply = reply
    left = pairs
    reply.map(pairs)
  }

  /// A header that promised another number would leave the client waiting for ever.
  func finish() { precondition(left == 0, "a map's header does not say how long it is") }

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
    left -= 1
    reply.bulk(text: name)
  }
}
