// DecodedStrings.swift — memory for strings that do not stand in the file as they are.
//
//   block:  │ text │ text │ text │      free      │        larger texts have memory of their own
//
// A string that was compressed, or kept as a number, is unpacked here. The views stay good until `forget`.
import Bytes
import CAllocator

@safe struct DecodedStrings: ~Copyable {
  private let block: UnsafeMutableRawPointer
  private let blockBytes: Int
  private var used = 0
  private var larger: [UnsafeMutableRawPointer]

  /// `blockBytes` for strings that are many and short.
  init(blockBytes: Int) {
    self.blockBytes = blockBytes
    unsafe block = .allocate(byteCount: blockBytes, alignment: 16)
    unsafe larger = []
  }

  deinit {
    for index in unsafe larger.indices { unsafe free(larger[index]) }
    unsafe block.deallocate()
  }

  /// Ends all views.
  mutating func forget() {
    used = 0
    guard unsafe !larger.isEmpty else { return }
    for index in unsafe larger.indices { unsafe free(larger[index]) }
    unsafe larger.removeAll(keepingCapacity: true)
  }

  /// The bytes of `string`; nil if it is no compressed text of the length it claims.
  mutating func view(_ string: RDBString) -> ByteView? {
    switch string {
    case .bytes(let bytes):
      return bytes
    case .integer(let value):
      guard let memory = unsafe take(Decimal.digitsMax) else { return nil }
      let count = unsafe Decimal.write(value, to: memory.assumingMemoryBound(to: UInt8.self))
      return unsafe ByteView(start: memory, count: count)
    case .compressed(let bytes, let textCount):
      guard LZF.isPlausible(bytes, textCount) else { return nil }
      guard let memory = unsafe take(textCount) else { return nil }
      guard unsafe LZF.expand(bytes, to: memory, count: textCount) else { return nil }
      return unsafe ByteView(start: memory, count: textCount)
    }
  }

  private mutating func take(_ count: Int) -> UnsafeMutableRawPointer? {
    if count <= blockBytes - used {
      let start = unsafe block + used
      used += count
      return unsafe start
    }
    guard let memory = unsafe malloc(max(1, count)) else { return nil }
    unsafe larger.append(memory)
    return unsafe memory
  }
}
