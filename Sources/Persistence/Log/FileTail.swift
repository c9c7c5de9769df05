// FileTail.swift — what a file has in its last block, which is written again with the bytes that come behind it.
//
//   file   … │ block │ block │ bytes……│
//                            └─ tail ─┘ end
import Bytes
import CAllocator

@safe struct FileTail: ~Copyable {
  /// The block's bytes up to `end`.
  private let memory: UnsafeMutablePointer<UInt8>
  /// The file's length, as far as it is known what stands before it; -1 if it is not.
  var end: Int64 = -1

  init() {
    unsafe memory = .allocate(capacity: LogBatch.blockBytes)
    unsafe memory.initialize(repeating: 0, count: LogBatch.blockBytes)
  }

  deinit { unsafe memory.deallocate() }

  var bytes: UnsafePointer<UInt8> { unsafe UnsafePointer(memory) }

  /// The file now ends at `end` with these bytes.
  mutating func append(_ view: ByteView, end newEnd: Int64) {
    let blockStart = newEnd & ~Int64(LogBatch.blockBytes - 1)
    let start = newEnd - Int64(view.count)
    if start <= blockStart {
      let count = Int(newEnd - blockStart)
      if count > 0 { unsafe memory.update(from: view[(view.count - count)..<view.count].bytesStart, count: count) }
      end = newEnd
    } else if start == end {
      unsafe (memory + Int(start - blockStart)).update(from: view.bytesStart, count: view.count)
      end = newEnd
    } else {
      end = -1
    }
  }
}

extension ByteView {
  fileprivate var bytesStart: UnsafePointer<UInt8> { unsafe start.assumingMemoryBound(to: UInt8.self) }
}
