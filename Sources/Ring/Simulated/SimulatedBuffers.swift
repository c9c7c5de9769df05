// SimulatedBuffers.swift: receive buffers that notice who touches them when they should not.
//
// A free buffer is full of poison. It is poisoned as soon as it is given back, so whoever still reads
// from it reads nonsense, and when it is taken again the poison is checked, so whoever wrote to it is found.
import Bytes
import Glibc

struct SimulatedBuffers: ~Copyable {
  static let poison: UInt8 = 0xDB

  private var pool: BufferPool
  let count: Int
  private var isOut: [Bool]
  /// What a free buffer looks like.
  private let poisoned: [UInt8]

  init(count: Int, bufferBytes: Int) {
    pool = BufferPool(count: count, bufferBytes: bufferBytes)
    self.count = count
    isOut = [Bool](repeating: false, count: count)
    poisoned = [UInt8](repeating: SimulatedBuffers.poison, count: bufferBytes)
    for number in 0..<count { poison(number) }
  }

  var available: Int { pool.available }
  var bufferBytes: Int { pool.bufferBytes }

  /// A filled buffer, or nil when there is none.
  mutating func take(_ bytes: [UInt8], _ world: SimulatedWorld) -> Int? {
    guard let number = pool.take() else { return nil }
    let memory = unsafe pool.memory(of: number)
    if unsafe memcmp(memory, poisoned, bufferBytes) != 0 {
      world.violation("buffer \(number) was written to after it was recycled")
    }
    unsafe memory.copyMemory(from: bytes, byteCount: bytes.count)
    isOut[number] = true
    return number
  }

  mutating func giveBack(_ number: Int, _ world: SimulatedWorld) {
    guard number < count, isOut[number] else {
      return world.violation("buffer \(number) was recycled twice, or never lent")
    }
    isOut[number] = false
    poison(number)
    pool.giveBack(number)
  }

  func bytes(_ number: Int, count bytes: Int, _ world: SimulatedWorld) -> ByteView {
    if number >= count || !isOut[number] { world.violation("buffer \(number) was read after it was recycled") }
    return pool.bytes(min(number, count - 1), count: bytes)
  }

  private func poison(_ number: Int) {
    unsafe pool.memory(of: number).initializeMemory(
      as: UInt8.self, repeating: SimulatedBuffers.poison, count: bufferBytes)
  }
}
