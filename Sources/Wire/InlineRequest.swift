// InlineRequest.swift — a request typed by hand: words, quotes, escapes.
//
// A quoted word is shorter than its spelling, so it is decoded where it lies:
//
//   set  "a\x41\n"            becomes           set  aA⏎
//         └ read ahead, write behind ┘
import Bytes

public enum InlineRequest {
  /// Splits one line (without its end) into words. Inside double quotes \n \r \t \b \a \xHH and escaped
  /// quotes and backslashes count; inside single quotes only \'. A closing quote must end its word.
  public static func split(_ line: ByteView, into words: inout ArgumentVector) throws(ProtocolError) {
    let bytes = unsafe UnsafeMutablePointer(mutating: line.buffer.baseAddress?.assumingMemoryBound(to: UInt8.self))
    guard let bytes = unsafe bytes else { return }
    var read = 0
    while true {
      while unsafe read < line.count && isSpace(bytes[read]) { read += 1 }
      if read == line.count { return }
      let start = read
      var write = read
      var quote: UInt8 = 0
      word: while true {
        if read == line.count {
          if quote != 0 { throw .unbalancedQuotes }
          break word
        }
        let byte = unsafe bytes[read]
        if byte == 0 { throw .inlineZeroByte }
        if quote == 0 {
          if isSpace(byte) { break word }
          if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
            quote = byte
            read += 1
            continue
          }
        } else if byte == quote {
          if unsafe read + 1 < line.count && !isSpace(bytes[read + 1]) { throw .unbalancedQuotes }
          read += 1
          break word
        } else if byte == UInt8(ascii: "\\") && read + 1 < line.count {
          if quote == UInt8(ascii: "'") {
            if unsafe bytes[read + 1] == quote {
              unsafe bytes[write] = quote
              write += 1
              read += 2
              continue
            }
          } else {
            let (decoded, length) = unsafe escape(bytes + read, available: line.count - read)
            unsafe bytes[write] = decoded
            write += 1
            read += length
            continue
          }
        }
        unsafe bytes[write] = byte
        write += 1
        read += 1
      }
      words.add(offset: start, length: write - start)
    }
  }

  /// The byte that an escape stands for, and how many bytes spell it.
  private static func escape(_ at: UnsafePointer<UInt8>, available: Int) -> (UInt8, Int) {
    let letter = unsafe at[1]
    switch letter {
    case UInt8(ascii: "n"): return (0x0A, 2)
    case UInt8(ascii: "r"): return (0x0D, 2)
    case UInt8(ascii: "t"): return (0x09, 2)
    case UInt8(ascii: "b"): return (0x08, 2)
    case UInt8(ascii: "a"): return (0x07, 2)
    case UInt8(ascii: "x") where available >= 4:
      if let high = unsafe hexadecimal(at[2]), let low = unsafe hexadecimal(at[3]) { return (high << 4 | low, 4) }
      return (letter, 2)
    default: return (letter, 2)
    }
  }

  private static func hexadecimal(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (byte >= 0x09 && byte <= 0x0D) }
}
