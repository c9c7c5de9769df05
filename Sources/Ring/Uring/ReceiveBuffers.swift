// ReceiveBuffers.swift: the memory that the kernel receives into, and the list of what is free.
//
//   one mapping:  ┌──────────┬──────────┬─────┬──────────┬───────────────────────────────┐
//                 │ buffer 0 │ buffer 1 │ ... │ buffer n │ list: address, length, number │
//                 └──────────┴──────────┴─────┴──────────┴───────────────────────────────┘
//                                                           ▲ tail (in the first entry's spare bytes)
//
// We append free buffers to the list and publish its tail once per turn; the kernel takes them from
// the front. A connection that is idle costs no buffer: the kernel picks one when bytes have arrived.
import Bytes
import CURing
import Glibc

@safe struct ReceiveBuffers: ~Copyable {
  private let memory: UnsafeMutableRawPointer
  private let memoryBytes: Int
  private let list: UnsafeMutablePointer<io_uring_buf>
  /// One byte per buffer: 1 while a completion has it. A buffer that came back twice would be filled by
  /// two connections at once, so this is checked in release as well.
  private let isLent: UnsafeMutablePointer<UInt8>
  private let count: Int
  private let bufferBytes: Int
  private var tail: UInt16 = 0
  private var published: UInt16 = 0
  private(set) var lent = 0

  /// Maps the memory, nil when there is none; `count` must be a power of two up to 32768. Register
  /// `listAddress` with the ring, then call `fill`.
  init?(count: Int, bufferBytes: Int) {
    let listBytes = count * MemoryLayout<io_uring_buf>.stride
    memoryBytes = (count * bufferBytes + 4095) / 4096 * 4096 + listBytes
    let protection = PROT_READ | PROT_WRITE
    let mapped = unsafe mmap(nil, memoryBytes, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let mapped = unsafe mapped, unsafe mapped != MAP_FAILED else { return nil }
    // A forked child must not keep these pages alive or have them copied.
    _ = unsafe madvise(mapped, memoryBytes, MADV_DONTFORK)
    unsafe memory = mapped
    unsafe list = (mapped + (memoryBytes - listBytes)).bindMemory(to: io_uring_buf.self, capacity: count)
    unsafe isLent = .allocate(capacity: count)
    unsafe isLent.initialize(repeating: 1, count: count)
    self.count = count
    self.bufferBytes = bufferBytes
    lent = count
  }

  deinit {
    unsafe munmap(memory, memoryBytes)
    unsafe isLent.deallocate()
  }

  var listAddress: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(list) }
  var available: Int { count - lent }

  /// Puts all buffers on the list.
  mutating func fill() {
    for number in 0..<count { giveBack(number) }
    publish()
  }

  /// A completion brought this buffer.
  @inline(__always)
  mutating func lend(_ number: Int) {
    precondition(number < count, "the kernel named a buffer that does not exist")
    unsafe isLent[number] = 1
    lent &+= 1
  }

  @inline(__always)
  mutating func giveBack(_ number: Int) {
    precondition(unsafe number < count && isLent[number] == 1, "a buffer came back that was not out")
    unsafe isLent[number] = 0
    lent &-= 1
    // Field by field: the first entry's spare bytes are the list's tail.
    let entry = unsafe list + (Int(tail) & (count - 1))
    unsafe entry.pointee.addr = UInt64(UInt(bitPattern: memory + number &* bufferBytes))
    unsafe entry.pointee.len = UInt32(truncatingIfNeeded: bufferBytes)
    unsafe entry.pointee.bid = UInt16(truncatingIfNeeded: number)
    tail &+= 1
  }

  @inline(__always)
  mutating func publish() {
    guard tail != published else { return }
    let tailInList = unsafe listAddress + 14
    unsafe curing_store_release_16(tailInList.assumingMemoryBound(to: UInt16.self), tail)
    published = tail
  }

  @inline(__always)
  func bytes(_ number: Int, count bytes: Int) -> ByteView {
    precondition(number < count && bytes >= 0 && bytes <= bufferBytes, "no such bytes")
    return unsafe ByteView(start: memory + number &* bufferBytes, count: bytes)
  }
}
