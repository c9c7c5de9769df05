// LZF.swift — compressed strings: bounds checked before memory is taken.
//
//   000nnnnn                    n + 1 bytes follow as they are
//   LLLooooo  [L = 7: more L]  oooooooo    L + 2 bytes again, from o + 1 bytes back
//
// A stream of such pieces has no header, so two of them one after the other are the stream of both
// texts: that is how a string of half a gigabyte is compressed in slices. Three bytes make at most 264.
import Bytes
import CLZF
import CAllocator

enum LZF {
  /// Strings up to this many bytes are not worth trying.
  static var plainBytesMax: Int { 20 }

  /// Compresses `bytes` to `out`, which has room for `capacity` bytes; the bytes written, or nil if they do not fit.
  static func compress(_ bytes: ByteView, to out: UnsafeMutablePointer<UInt8>, capacity: Int) -> Int? {
    guard capacity > 0, let count = UInt32(exactly: bytes.count), let room = UInt32(exactly: capacity) else {
      return nil
    }
    let written = unsafe lzf_compress(bytes.start, count, out, room)
    return written == 0 ? nil : Int(written)
  }

  /// Writes `bytes` as they are, as a part of a compressed stream; `out` has room for `literalBytes`.
  static func writeLiteral(_ bytes: ByteView, to out: UnsafeMutablePointer<UInt8>) -> Int {
    var written = 0
    var taken = 0
    while taken < bytes.count {
      let run = min(32, bytes.count - taken)
      unsafe out[written] = UInt8(run - 1)
      unsafe memcpy(out + written + 1, bytes.start + taken, run)
      written += run + 1
      taken += run
    }
    return written
  }

  /// Bytes that `writeLiteral` makes of `count`.
  static func literalBytes(_ count: Int) -> Int { count + (count + 31) / 32 }

  /// Whether `count` bytes of compressed text can become as many as they claim to.
  static func canExpand(_ count: Int, to claimed: UInt64) -> Bool {
    claimed > 0 && claimed / 264 <= UInt64(count) / 3 + 1
  }

  /// The length of the text that `bytes` unpack to, or nil if they are no compressed stream. Reads no text and
  /// takes no memory: what a claimed length is compared with before memory is taken.
  static func textCount(_ bytes: ByteView) -> Int? {
    var position = 0
    var produced = 0
    while position < bytes.count {
      let control = Int(bytes[position])
      position += 1
      if control < 32 {
        position += control + 1
        produced += control + 1
        guard position <= bytes.count else { return nil }
        continue
      }
      var length = control >> 5
      if length == 7 {
        guard position < bytes.count else { return nil }
        length += Int(bytes[position])
        position += 1
      }
      guard position < bytes.count else { return nil }
      let distance = (control & 0x1F) << 8 + Int(bytes[position]) + 1
      position += 1
      guard distance <= produced else { return nil }
      produced += length + 2
    }
    return produced
  }

  /// Whether memory may be taken for `textCount` bytes of text: a large claim must be true, a small one
  /// fails soon enough when it is unpacked.
  static func isPlausible(_ bytes: ByteView, _ textCount: Int) -> Bool {
    textCount <= 64 << 10 || LZF.textCount(bytes) == textCount
  }

  /// Unpacks `bytes` to exactly `count` bytes at `out`; false if they are no such text.
  static func expand(_ bytes: ByteView, to out: UnsafeMutableRawPointer, count: Int) -> Bool {
    guard let size = UInt32(exactly: bytes.count), let room = UInt32(exactly: count) else { return false }
    return unsafe lzf_decompress(bytes.start, size, out, room) == room
  }
}
