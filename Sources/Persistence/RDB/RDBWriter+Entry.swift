// RDBWriter+Entry.swift — one key as bytes.
//
//   FC expiry (8)  │  F8 idle seconds, or F9 frequency  │  type  key  value
//
// One reservation for all of it, then plain stores: nothing is allocated for a key.
import Bytes
import CAllocator
import Store

extension RDBWriter {
  /// Everything that stands before key and value: expiry, use and type at their longest.
  private static var prefixBytesMax: Int { 9 + 1 + RDBEncoding.lengthBytesMax + 1 }

  /// An entry whose value is one string of `wholeBytesMax` bytes at most.
  static func append(_ entry: Entry, as form: EntryForm, to output: inout OutputBuffer, _ options: Options) {
    let key = entry.key
    let value = form.packed?.bytes ?? (entry.isInteger ? ByteView.empty : entry.bytes)
    let room = prefixBytesMax + RDBEncoding.stringBytesMax(key.count)
      + RDBEncoding.stringBytesMax(max(value.count, Decimal.digitsMax))
    let out = unsafe output.reserve(room)
    var end = unsafe writeUpToKey(entry, key, form.type, to: out, options)
    if entry.isInteger {
      unsafe end += RDBEncoding.writeInteger(entry.integer, to: out + end)
    } else {
      unsafe end += RDBEncoding.writeString(value, to: out + end, compresses: options.compresses)
    }
    output.commit(end)
  }

  /// All of an entry but its value.
  static func appendUpToValue(_ entry: Entry, as form: EntryForm, to output: inout OutputBuffer, _ options: Options) {
    let key = entry.key
    let out = unsafe output.reserve(prefixBytesMax + RDBEncoding.stringBytesMax(key.count))
    output.commit(unsafe writeUpToKey(entry, key, form.type, to: out, options))
  }

  private static func writeUpToKey(
    _ entry: Entry, _ key: ByteView, _ type: RDBType, to out: UnsafeMutablePointer<UInt8>, _ options: Options
  ) -> Int {
    var end = 0
    if let expiry = entry.expiry {
      unsafe out[0] = RDBOpcode.expiryMilliseconds
      unsafe UnsafeMutableRawPointer(out).storeBytes(of: expiry.littleEndian, toByteOffset: 1, as: Int64.self)
      end = 9
    }
    switch options.use {
    case .none:
      break
    case .idle(let clock):
      unsafe out[end] = RDBOpcode.idle
      unsafe end += 1 + RDBEncoding.writeLength(UInt64(max(0, clock.idleSeconds(entry))), to: out + end + 1)
    case .frequency(let clock):
      unsafe out[end] = RDBOpcode.frequency
      unsafe out[end + 1] = UInt8(truncatingIfNeeded: clock.frequency(entry))
      end += 2
    }
    unsafe out[end] = type.byte
    end += 1
    // A key of many kilobytes is copied, not compressed: that takes too long for one entry.
    let compresses = options.compresses && key.count <= wholeBytesMax
    return unsafe end + RDBEncoding.writeString(key, to: out + end, compresses: compresses)
  }
}
