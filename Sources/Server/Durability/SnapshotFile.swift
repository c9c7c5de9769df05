// SnapshotFile.swift — a snapshot on disk while it is loaded.
import Bytes
import Ring

struct SnapshotFile: ~Copyable {
  let descriptor: Int32
  let name: String

  init(descriptor: Int32, name: String) {
    self.descriptor = descriptor
    self.name = name
  }

  /// Whether the file begins as a snapshot does.
  static func isSnapshot(_ descriptor: Int32) throws(Errno) -> Bool {
    var head = InlineArray<8, UInt8>(repeating: 0)
    var failure: Errno?
    let count = withUnsafeMutableBytes(of: &head) { raw in
      do throws(Errno) { return try File.read(descriptor, into: raw, offset: 0) } catch {
        failure = error
        return 0
      }
    }
    if let failure { throw failure }
    let isRedis = count >= 5 && head[0] == UInt8(ascii: "R") && head[1] == UInt8(ascii: "E") && head[2] == UInt8(ascii: "D")
    let isValkey = count >= 6 && head[0] == UInt8(ascii: "V") && head[1] == UInt8(ascii: "A") && head[2] == UInt8(ascii: "L")
    return isRedis || isValkey
  }
}
