// DialogueModel.swift — strings and keys as a dictionary, and what each command answers.
//
// Nothing here is shared with the server: replies are put together from the commands' descriptions.

/// The keys of one client, by database.
struct DialogueModel {
  struct Value {
    var bytes: [UInt8]
    /// Unix seconds far in the future; nil: it stays.
    var expiry: Int?
  }

  private var databases: [Int: [[UInt8]: Value]] = [:]
  var database = 0
  var isRESP3 = false

  subscript(key: [UInt8]) -> Value? {
    get { databases[database]?[key] }
    set { databases[database, default: [:]][key] = newValue }
  }

  // MARK: replies

  var ok: [UInt8] { Array("+OK\r\n".utf8) }
  var null: [UInt8] { Array((isRESP3 ? "_\r\n" : "$-1\r\n").utf8) }
  func integer(_ value: Int64) -> [UInt8] { Array(":\(value)\r\n".utf8) }
  func error(_ text: String) -> [UInt8] { Array("-\(text)\r\n".utf8) }

  func bulk(_ bytes: [UInt8]?) -> [UInt8] {
    guard let bytes else { return null }
    return Array("$\(bytes.count)\r\n".utf8) + bytes + Array("\r\n".utf8)
  }

  // MARK: commands

  mutating func set(_ key: [UInt8], _ bytes: [UInt8]) -> [UInt8] {
    self[key] = Value(bytes: bytes)
    return ok
  }

  mutating func append(_ key: [UInt8], _ bytes: [UInt8]) -> [UInt8] {
    self[key, default: []].bytes += bytes
    return integer(Int64(self[key, default: []].bytes.count))
  }

  mutating func setRange(_ key: [UInt8], _ offset: Int, _ bytes: [UInt8]) -> [UInt8] {
    if offset < 0 { return error("ERR offset is out of range") }
    guard !bytes.isEmpty else { return integer(Int64(self[key]?.bytes.count ?? 0)) }
    var value = self[key, default: []]
    let missing = offset + bytes.count - value.bytes.count
    if missing > 0 { value.bytes += [UInt8](repeating: 0, count: missing) }
    value.bytes.replaceSubrange(offset..<offset + bytes.count, with: bytes)
    self[key] = value
    return integer(Int64(value.bytes.count))
  }

  func getRange(_ key: [UInt8], _ first: Int, _ last: Int) -> [UInt8] {
    let bytes = self[key]?.bytes ?? []
    if first < 0 && last < 0 && first > last { return bulk([]) }
    let start = first < 0 ? max(0, bytes.count + first) : first
    let end = min(bytes.count - 1, last < 0 ? max(0, bytes.count + last) : last)
    return bulk(bytes.isEmpty || start > end ? [] : Array(bytes[start...end]))
  }

  mutating func add(_ key: [UInt8], _ amount: Int64) -> [UInt8] {
    let text = String(decoding: self[key]?.bytes ?? Array("0".utf8), as: UTF8.self)
    guard let old = Int64(text), String(old) == text else { return error("ERR value is not an integer or out of range") }
    let (sum, overflow) = old.addingReportingOverflow(amount)
    if overflow { return error("ERR increment or decrement would overflow") }
    self[key, default: []].bytes = Array(String(sum).utf8)
    return integer(sum)
  }

  mutating func remove(_ keys: [[UInt8]]) -> [UInt8] {
    var removed: Int64 = 0
    for key in keys where self[key] != nil {
      self[key] = nil
      removed += 1
    }
    return integer(removed)
  }

  mutating func expire(_ key: [UInt8], at seconds: Int) -> [UInt8] {
    guard self[key] != nil else { return integer(0) }
    self[key]?.expiry = seconds
    return integer(1)
  }

  func expireTime(_ key: [UInt8]) -> [UInt8] {
    guard let value = self[key] else { return integer(-2) }
    return integer(Int64(value.expiry ?? -1))
  }

  mutating func persist(_ key: [UInt8]) -> [UInt8] {
    guard self[key]?.expiry != nil else { return integer(0) }
    self[key]?.expiry = nil
    return integer(1)
  }

  private subscript(key: [UInt8], default bytes: [UInt8]) -> Value {
    get { self[key] ?? Value(bytes: bytes) }
    set { self[key] = newValue }
  }
}
