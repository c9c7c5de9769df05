// DebugDigest.swift — DEBUG DIGEST and DIGEST-VALUE: equal data, equal hash, in Redis too.
//
//   value:   mix(type) mix(bytes) and, with an expiry, fold("!!expire!!")
//   key:     mix(key), then as for the value
//   all:     per database mix(index), then fold each key's digest: their order does not matter
//
// fold: digest ⊕= SHA1(data); mix: fold, then digest = SHA1(digest).
import Bytes
import Commands
import Store
import Wire

/// Twenty bytes that things are folded into.
struct DataDigest {
  private var bytes = [UInt8](repeating: 0, count: SHA1.bytes)
  /// Fields that ended before it are no part of the data.
  private let now: Milliseconds

  init(now: Milliseconds) { self.now = now }

  mutating func fold(_ data: UnsafeRawBufferPointer) {
    for (index, byte) in SHA1.hash(data).enumerated() { bytes[index] ^= byte }
  }

  mutating func mix(_ data: UnsafeRawBufferPointer) {
    fold(data)
    bytes = bytes.withUnsafeBytes { SHA1.hash($0) }
  }

  /// A number of four bytes, the highest first.
  mutating func mix(_ number: UInt32) { withUnsafeBytes(of: number.bigEndian) { mix($0) } }

  mutating func mix(_ entry: Entry) {
    // Redis numbers streams after modules.
    mix(entry.type == .stream ? 6 : UInt32(entry.type.rawValue))
    if let stream = entry.stream {
      mixStream(stream)
    } else if entry.isString {
      mixString(entry)
    } else {
      mixItems(entry)
    }
    if entry.hasExpiry { ByteView("!!expire!!").fold(into: &self) }
  }

  private mutating func mixString(_ entry: Entry) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Decimal.digitsMax) { scratch in
      guard let base = scratch.baseAddress else { return }
      mix(entry.bytes(scratch: base).buffer)
    }
  }

  /// Entries only: neither groups nor what the stream remembers.
  private mutating func mixStream(_ stream: StreamReference) {
    var cursor = stream.cursor(from: .zero, through: .greatest)
    while let entry = cursor.next() {
      Array("\(entry.id.milliseconds).\(entry.id.sequence)".utf8).withUnsafeBytes { mix($0) }
      var fields = entry.fields
      while let (field, value) = fields.next() {
        field.withView { mix($0.buffer) }
        value.withView { mix($0.buffer) }
      }
    }
  }

  /// Where the order of elements means nothing they are folded.
  private mutating func mixItems(_ entry: Entry) {
    var items = entry.items()
    while let item = items.next() {
      if let end = item.expiry, end < now { continue }
      switch entry.type {
      case .set: item.name.withView { fold($0.buffer) }
      case .hash:
        var one = DataDigest(now: now)
        item.name.withView { one.mix($0.buffer) }
        item.value.withView { one.mix($0.buffer) }
        fold(one)
      case .sortedSet:
        var one = DataDigest(now: now)
        item.name.withView { one.mix($0.buffer) }
        ScoreText.withDigits(item.score) { one.mix($0.buffer) }
        fold(one)
      default: item.name.withView { mix($0.buffer) }
      }
    }
  }

  mutating func fold(_ other: DataDigest) { other.bytes.withUnsafeBytes { fold($0) } }

  var hexadecimal: String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}

extension ByteView {
  fileprivate func fold(into digest: inout DataDigest) { digest.fold(buffer) }
}

extension DebugValues {
  static func digest(_ execution: inout Execution) {
    var all = DataDigest(now: execution.nowMilliseconds)
    for index in 0..<execution.databaseCount where !execution.databases[index].isEmpty {
      all.mix(UInt32(index))
      var sweep = Sweep()
      while let bucket = execution.databases[index].visit(&sweep) {
        var entries = bucket
        while let location = entries.next() {
          var one = DataDigest(now: execution.nowMilliseconds)
          one.mix(location.entry.key.buffer)
          one.mix(location.entry)
          all.fold(one)
        }
      }
    }
    execution.reply.simple(text: all.hexadecimal)
  }

  static func digestValues(_ execution: inout Execution) {
    let words = execution.arguments
    execution.reply.array(words.count - 2)
    for i in 2..<words.count {
      var digest = DataDigest(now: execution.nowMilliseconds)
      if let location = execution.locate(words[i], KeyHash(words[i])) { digest.mix(location.entry) }
      execution.reply.simple(text: digest.hexadecimal)
    }
  }
}
