// ReplyScanner.swift: counts replies as they stream by, without keeping a byte of them.
//
// A reply may begin in one receive and end in another, at any byte. The state between two chunks is
// four numbers: bytes of a bulk value still to skip, values still missing in the current reply, and
// the line that is being read. Nesting needs no stack: an aggregate of n adds n to what is missing.

/// What a chunk brought.
struct ReplyCount: Equatable {
  var replies = 0
  var errors = 0
  /// Null replies: keys that were not there.
  var misses = 0
}

struct ReplyScanner {
  /// Bytes of a bulk value, its line end included, that are still to come.
  private var skip = 0
  /// Values still missing before the current reply is whole; 0 between replies.
  private var missing = 0
  private var inLine = false
  private var kind: UInt8 = 0
  private var number = 0
  private var isNegative = false
  /// A push is not the answer to anything.
  private var isPush = false
  /// The text of the first error reply, as far as its first chunk had it.
  private(set) var firstError: String?
  /// Something that no server of this protocol sends.
  private(set) var isBroken = false

  /// Takes the next bytes of the stream.
  mutating func scan(_ bytes: UnsafeRawBufferPointer) -> ReplyCount {
    var count = ReplyCount()
    var i = 0
    let end = bytes.count
    while i < end {
      if skip > 0 {
        let step = min(skip, end - i)
        skip -= step
        i += step
        if skip == 0 { finishValue(&count) }
        continue
      }
      if !inLine { begin(bytes[i], rest: UnsafeRawBufferPointer(rebasing: bytes[i...]), &count) }
      i = inNumber ? readNumber(bytes, from: i + (inLine ? 0 : 1)) : skipLine(bytes, from: i)
      inLine = !lineEnded
      if lineEnded { finishLine(&count) }
    }
    return count
  }

  private var lineEnded = false
  private var inNumber = false

  private mutating func begin(_ byte: UInt8, rest: UnsafeRawBufferPointer, _ count: inout ReplyCount) {
    kind = byte
    number = 0
    isNegative = false
    if missing == 0 {
      missing = 1
      isPush = byte == UInt8(ascii: ">")
    }
    switch byte {
    case UInt8(ascii: "$"), UInt8(ascii: "*"), UInt8(ascii: "%"), UInt8(ascii: "~"), UInt8(ascii: ">"),
      UInt8(ascii: "|"), UInt8(ascii: "="), UInt8(ascii: "!"):
      inNumber = true
    case UInt8(ascii: "+"), UInt8(ascii: ":"), UInt8(ascii: ","), UInt8(ascii: "#"), UInt8(ascii: "("):
      inNumber = false
    case UInt8(ascii: "_"):
      inNumber = false
      count.misses += 1
    case UInt8(ascii: "-"):
      inNumber = false
      count.errors += 1
      if firstError == nil {
        firstError = String(decoding: rest.dropFirst().prefix { $0 != UInt8(ascii: "\r") }, as: UTF8.self)
      }
    default:
      inNumber = false
      isBroken = true
    }
  }

  private mutating func readNumber(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
    var i = start
    lineEnded = false
    while i < bytes.count {
      let byte = bytes[i]
      i += 1
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        number = number &* 10 &+ Int(byte &- UInt8(ascii: "0"))
      case UInt8(ascii: "-"): isNegative = true
      case UInt8(ascii: "\n"):
        lineEnded = true
        return i
      default: break
      }
    }
    return i
  }

  private mutating func skipLine(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
    lineEnded = false
    var i = start
    while i < bytes.count {
      i += 1
      if bytes[i - 1] == UInt8(ascii: "\n") {
        lineEnded = true
        return i
      }
    }
    return i
  }

  private mutating func finishLine(_ count: inout ReplyCount) {
    guard inNumber else { return finishValue(&count) }
    if isNegative {
      count.misses += 1
      return finishValue(&count)
    }
    switch kind {
    case UInt8(ascii: "$"), UInt8(ascii: "="): skip = number &+ 2
    case UInt8(ascii: "!"):
      count.errors += 1
      skip = number &+ 2
    case UInt8(ascii: "%"):
      missing &+= number &* 2
      finishValue(&count)
    case UInt8(ascii: "|"): missing &+= number &* 2  // an attribute precedes a value and is none
    default:
      missing &+= number
      finishValue(&count)
    }
  }

  private mutating func finishValue(_ count: inout ReplyCount) {
    missing -= 1
    if missing == 0 && !isPush { count.replies += 1 }
  }
}
