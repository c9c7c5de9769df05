// BufferPool.swift: receive buffers of an engine that fills them itself.
//
//   memory: ┌──────────┬──────────┬─────┬──────────┐     free: ┌───┬───┬───┐
//           │ buffer 0 │ buffer 1 │ ... │ buffer n │           │ 4 │ 0 │ 9 │ ◀── last in, first out
//           └──────────┴──────────┴─────┴──────────┘           └───┴───┴───┘
//
// Last in, first out: a buffer that was just given back is still in the cache.
import Bytes
import Glibc

@safe struct BufferPool: ~Copyable {
  private let memory: UnsafeMutableRawPointer
  private let free: UnsafeMutablePointer<Int32>
  /// One byte per buffer: a buffer that came back twice would be filled by two connections at once.
  private let isOut: UnsafeMutablePointer<Bool>
  private let count: Int
  let bufferBytes: Int
  private(set) var available: Int

  init(count: Int, bufferBytes: Int) {
    precondition(count > 0 && count <= 32768 && bufferBytes > 0, "1 to 32768 buffers")
    unsafe memory = .allocate(byteCount: count * bufferBytes, alignment: 4096)
    unsafe free = .allocate(capacity: count)
    unsafe isOut = .allocate(capacity: count)
    unsafe isOut.initialize(repeating: false, count: count)
    for i in 0..<count { unsafe (free + i).initialize(to: Int32(count - 1 - i)) }
    self.count = count
    self.bufferBytes = bufferBytes
    available = count
  }

  deinit {
    unsafe memory.deallocate()
    unsafe free.deallocate()
    unsafe isOut.deallocate()
  }

  /// A free buffer's number, or nil.
  @inline(__always)
  mutating func take() -> Int? {
    guard available > 0 else { return nil }
    available &-= 1
    let number = Int(unsafe free[available])
    unsafe isOut[number] = true
    return number
  }

  @inline(__always)
  mutating func giveBack(_ number: Int) {
    precondition(unsafe number < count && isOut[number], "a buffer came back that was not out")
    unsafe isOut[number] = false
    unsafe free[available] = Int32(truncatingIfNeeded: number)
    available &+= 1
  }

  @inline(__always)
  func memory(of number: Int) -> UnsafeMutableRawPointer { unsafe memory + number &* bufferBytes }

  @inline(__always)
  func bytes(_ number: Int, count bytes: Int) -> ByteView {
    precondition(number < count && bytes >= 0 && bytes <= bufferBytes, "no such bytes")
    return unsafe ByteView(start: memory + number &* bufferBytes, count: bytes)
  }
}
