// ReplayWindow.swift — the part of a log file that is in memory while it is replayed.
//
//   file    ░░░░░░░░░░░░│▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓│────────────
//                    offset         offset + count
//
// It grows to the largest record, or transaction, and no further; records are parsed where they lie.
import Bytes
import Ring

struct ReplayWindow: ~Copyable {
  let descriptor: Int32
  private var memory: UnsafeMutableRawPointer
  private var capacity: Int
  /// Where the first byte stands in the file, where it stands in memory, and how many there are.
  private(set) var offset: Int64
  private var start = 0
  private(set) var count = 0
  private(set) var isAtEnd = false

  private static let readBytes = 4 << 20

  init(descriptor: Int32, offset: Int64 = 0) {
    self.descriptor = descriptor
    self.offset = offset
    capacity = Self.readBytes
    memory = .allocate(byteCount: Self.readBytes, alignment: 16)
  }

  deinit { memory.deallocate() }

  var bytes: ByteView { ByteView(start: UnsafeRawPointer(memory + start), count: count) }

  /// Forgets what has been replayed.
  mutating func drop(_ bytes: Int) {
    precondition(bytes >= 0 && bytes <= count, "more replayed than read")
    start += bytes
    count -= bytes
    offset += Int64(bytes)
  }

  /// Reads on. False at the end of the file.
  mutating func fill() throws(Errno) -> Bool {
    if start > 0 {
      memory.copyMemory(from: memory + start, byteCount: count)
      start = 0
    }
    if capacity - count < Self.readBytes / 2 {
      let grown = UnsafeMutableRawPointer.allocate(byteCount: capacity * 2, alignment: 16)
      grown.copyMemory(from: memory, byteCount: count)
      memory.deallocate()
      memory = grown
      capacity *= 2
    }
    let room = UnsafeMutableRawBufferPointer(start: memory + count, count: capacity - count)
    let got = try File.read(descriptor, into: room, offset: offset + Int64(count))
    count += got
    isAtEnd = got == 0
    return got > 0
  }
}
