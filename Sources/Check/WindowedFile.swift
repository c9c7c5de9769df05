// WindowedFile.swift — a file of any size through a window that moves on.
//
//   file:   ░░░ dropped ░░░│ window │ …
//                        offset
//
// The window grows only as far as the file does: a length that a damaged file claims costs nothing.
import Bytes
import Ring

@safe struct WindowedFile: ~Copyable {
  /// Its length when it was opened, or less if it was cut since.
  private(set) var bytesTotal: UInt64
  private let descriptor: Int32
  private var memory: UnsafeMutableRawBufferPointer
  private var filled = 0
  /// Bytes of the file before the window.
  private(set) var offset: UInt64 = 0

  private static let windowBytes = 1 << 20

  init(_ path: String) throws(Errno) {
    let opened = try File.open(path, for: .read)
    let bytes: Int64
    do throws(Errno) {
      bytes = try File.status(opened).bytes
    } catch {
      try? File.close(opened)
      throw error
    }
    descriptor = opened
    bytesTotal = UInt64(bytes)
    unsafe memory = .allocate(byteCount: Self.windowBytes, alignment: 16)
  }

  deinit {
    unsafe memory.deallocate()
    try? File.close(descriptor)
  }

  var window: ByteView { unsafe ByteView(UnsafeRawBufferPointer(rebasing: memory[..<filled])) }
  /// The window reaches to the end of the file.
  var isAtEnd: Bool { offset + UInt64(filled) >= bytesTotal }

  /// Moves the window's beginning on by `count` bytes.
  mutating func drop(_ count: Int) {
    precondition(count >= 0 && count <= filled, "more dropped than there is")
    unsafe memory.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[count..<filled]))
    filled -= count
    offset += UInt64(count)
  }

  /// Adds what fits, and makes room for `wanted` bytes in all if the file has so many.
  mutating func fill(wanted: Int = 0) throws(Errno) {
    let reachable = Int(clamping: bytesTotal - min(bytesTotal, offset))
    let room = min(reachable, max(wanted, filled + Self.windowBytes / 2))
    if unsafe room > memory.count { grow(to: room) }
    while unsafe filled < min(memory.count, reachable) {
      let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[filled...])
      let count = unsafe try File.read(descriptor, into: rest, offset: Int64(offset) + Int64(filled))
      guard count > 0 else {
        bytesTotal = offset + UInt64(filled)
        return
      }
      filled += count
    }
  }

  private mutating func grow(to bytes: Int) {
    let grown = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes, alignment: 16)
    unsafe grown.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[..<filled]))
    unsafe memory.deallocate()
    unsafe memory = grown
  }
}
