// Template.swift: a request that was encoded once and has holes for digits.
//
//   *2\r\n$3\r\nGET\r\n$16\r\nkey:000000000000\r\n
//                             └── a hole: 12 digits, rewritten for each request
//
// All requests from one template have the same length, so a batch is laid out once and only the
// digits change. Keys are named as redis-benchmark names them.

/// One encoded request and where its random digits go.
struct Template: Sendable {
  let bytes: [UInt8]
  /// Offsets of the first of `digitsCount` digits each.
  let holes: [Int]

  static let digitsCount = 12
  static let keysMax: UInt64 = 1_000_000_000_000
  static let keyPlace = "__key__"
  static let digitsPlace = "__rand_int__"
  static let valuePlace = "__value__"

  /// Encodes the words; places inside them are replaced.
  init(words: [String], valueBytes: Int) {
    let zeros = String(repeating: "0", count: Template.digitsCount)
    var bytes = Array("*\(words.count)\r\n".utf8)
    var holes: [Int] = []
    for word in words {
      var argument: [UInt8] = []
      var holesHere: [Int] = []
      var rest = word[...]
      while !rest.isEmpty {
        if rest.hasPrefix(Template.keyPlace) {
          argument += Array("key:".utf8)
          holesHere.append(argument.count)
          argument += Array(zeros.utf8)
          rest = rest.dropFirst(Template.keyPlace.count)
        } else if rest.hasPrefix(Template.digitsPlace) {
          holesHere.append(argument.count)
          argument += Array(zeros.utf8)
          rest = rest.dropFirst(Template.digitsPlace.count)
        } else if rest.hasPrefix(Template.valuePlace) {
          argument += [UInt8](repeating: UInt8(ascii: "x"), count: valueBytes)
          rest = rest.dropFirst(Template.valuePlace.count)
        } else {
          argument += Array(String(rest.removeFirst()).utf8)
        }
      }
      bytes += Array("$\(argument.count)\r\n".utf8)
      holes += holesHere.map { bytes.count + $0 }
      bytes += argument
      bytes += Array("\r\n".utf8)
    }
    self.bytes = bytes
    self.holes = holes
  }
}

/// The templates of a run and how often each is due.
struct Workload: Sendable {
  let templates: [Template]
  /// Weights summed up to and including each template.
  private let sums: [UInt64]
  let keys: UInt64
  /// Digits that can differ from zero: the others are never rewritten.
  let digits: Int

  init(_ options: Options) {
    if options.command.isEmpty {
      templates = options.mix.parts.map { Template(words: $0.kind.words, valueBytes: options.valueBytes) }
      var sum: UInt64 = 0
      sums = options.mix.parts.map { part in
        sum += part.weight
        return sum
      }
    } else {
      templates = [Template(words: options.command, valueBytes: options.valueBytes)]
      sums = [1]
    }
    keys = options.keys
    digits = String(options.keys - 1).utf8.count
  }

  var requestBytesMax: Int { templates.map(\.bytes.count).max() ?? 0 }

  /// Which template is next.
  @inline(__always) func choose(_ random: inout Random) -> Int {
    guard templates.count > 1 else { return 0 }
    let draw = random.below(sums[sums.count - 1])
    return sums.firstIndex { draw < $0 } ?? 0
  }

  /// Fresh digits in every hole of a request that stands at `start`.
  @inline(__always) func fill(_ template: Int, at start: UnsafeMutablePointer<UInt8>, _ random: inout Random) {
    for hole in templates[template].holes {
      var number = random.below(keys)
      let last = start + hole + Template.digitsCount - 1
      for place in 0..<digits {
        let (quotient, digit) = number.quotientAndRemainder(dividingBy: 10)
        (last - place).pointee = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: digit)
        number = quotient
      }
    }
  }
}
