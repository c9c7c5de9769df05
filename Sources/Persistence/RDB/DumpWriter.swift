// DumpWriter.swift — a payload of DUMP, written some bytes at a time.
//
//   type ▸ value … ▸ version ▸ checksum of all before it
//
// Each piece is made aside and summed before it is appended, so that the sum of a large payload takes no step of its own.
import Bytes
import Store

/// One value on its way into a payload. A large one is pinned until the last piece has been written, or `drop`.
package struct DumpWriter: ~Copyable {
  private let form: EntryForm
  private var value: LargeValue?
  /// What is small leaves with the first piece.
  private let entry: Entry
  private let compresses: Bool
  private var sum = Checksum()
  private var hasBegun = false
  package private(set) var isDone = false

  package init(_ entry: Entry, compresses: Bool, pool: UnsafeMutablePointer<ChunkPool>) {
    form = EntryForm(entry, .standard)
    value = unsafe form.large(entry, compresses: compresses, pool: pool)
    self.entry = entry
    self.compresses = compresses
  }

  deinit { value?.drop() }

  /// Appends about `bytes` more to `output`; `piece` is empty before and afterwards.
  package mutating func advance(into output: inout OutputBuffer, through piece: inout OutputBuffer, bytes: Int) {
    if !hasBegun {
      hasBegun = true
      piece.putByte(form.type.byte)
      if value == nil { putSmall(&piece) }
    }
    let isWhole = value?.advance(into: &piece, bytes: bytes) ?? true
    if isWhole {
      let version = form.type.oldestVersion.number
      piece.putByte(UInt8(truncatingIfNeeded: version))
      piece.putByte(UInt8(truncatingIfNeeded: version >> 8))
    }
    _ = unsafe piece.stretches(upTo: piece.appended, capacity: .max) {
      let stretch = unsafe ByteView(start: $1, count: $2)
      sum.add(stretch)
      output.append(stretch)
    }
    piece.discardAll()
    guard isWhole else { return }
    output.putLittleEndian(sum.value)
    isDone = true
  }

  private func putSmall(_ piece: inout OutputBuffer) {
    if entry.isInteger {
      piece.putInteger(entry.integer)
    } else {
      piece.putElement(.bytes(form.packed?.bytes ?? entry.bytes), compresses: compresses)
    }
  }
}
