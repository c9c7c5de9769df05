// Options+Parse.swift: the command line, word by word.

/// Why the program cannot begin or go on; printed after the program's name, exit status 1.
struct Complaint: Error {
  let text: String
  init(_ text: String) { self.text = text }
}

/// What the command line asks for.
enum Invocation {
  case run(Options)
  case usage
  case version
}

extension Options {
  /// Reads the words after the program's name.
  static func parse(_ words: [String]) throws(Complaint) -> Invocation {
    var options = Options()
    var arguments = Arguments(words)
    while let word = arguments.next() {
      switch word {
      case "--help": return .usage
      case "--version": return .version
      case "--":
        options.command = arguments.rest()
        guard !options.command.isEmpty else { throw Complaint("no command after --") }
      default: try options.take(word, &arguments)
      }
    }
    try options.check()
    return .run(options)
  }

  private mutating func take(_ word: String, _ arguments: inout Arguments) throws(Complaint) {
    switch word {
    case "-h", "--host": host = try arguments.text(word)
    case "-p", "--port": port = UInt16(try arguments.number(word, 1...65535))
    case "-s", "--socket": unixPath = try arguments.text(word)
    case "-a", "--password": password = try arguments.text(word)
    case "--user": user = try arguments.text(word)
    case "--dbnum": database = Int(try arguments.number(word, 0...1_000_000))
    case "-3": protocolVersion = 3
    case "--pid": serverProcess = Int32(try arguments.number(word, 1...UInt64(Int32.max)))
    case "-c", "--clients": clients = Int(try arguments.number(word, 1...1_000_000))
    case "-P", "--pipeline": pipeline = Int(try arguments.number(word, 1...65536))
    case "--threads": threads = Int(try arguments.number(word, 1...1024))
    case "--mix", "-t": mix = try Mix(arguments.text(word))
    case "-r", "--keys": keys = try arguments.number(word, 1...Template.keysMax)
    case "-d", "--data": valueBytes = Int(try arguments.number(word, 0...(512 << 20)))
    case "--seed": seed = try arguments.number(word, 0...UInt64.max)
    case "--rate": rate = try arguments.decimal(word, 0.001...1e9)
    case "--warmup": warmupSeconds = try arguments.decimal(word, 0...86400)
    case "--seconds": seconds = try arguments.decimal(word, 0.001...(30 * 86400))
    case "-n", "--requests": requests = try arguments.number(word, 1...UInt64(Int64.max))
    case "--engine": engine = try arguments.choice(word)
    case "--json": output = .json
    case "--hgrm": output = .histogram
    default: throw Complaint("unknown option \(word); --help lists them")
    }
  }

  /// What no single option can see.
  private func check() throws(Complaint) {
    guard threads <= clients else { throw Complaint("more threads than clients") }
    guard user == nil || password != nil else { throw Complaint("--user needs a password (-a)") }
    let (bytes, overflow) = depth.multipliedReportingOverflow(by: valueBytes + 256)
    let (total, tooMuch) = bytes.multipliedReportingOverflow(by: clients)
    guard !overflow, !tooMuch, total <= 16 << 30 else {
      throw Complaint("clients x pipeline x value size would take more than 16 GiB")
    }
  }
}

/// The words that are left.
private struct Arguments {
  private var words: ArraySlice<String>
  init(_ words: [String]) { self.words = words[...] }

  mutating func next() -> String? { words.popFirst() }

  mutating func rest() -> [String] {
    defer { words = [] }
    return Array(words)
  }

  mutating func text(_ option: String) throws(Complaint) -> String {
    guard let word = words.popFirst() else { throw Complaint("\(option) needs a value") }
    return word
  }

  mutating func number(_ option: String, _ range: ClosedRange<UInt64>) throws(Complaint) -> UInt64 {
    let word = try text(option)
    guard let number = UInt64(word), range.contains(number) else {
      throw Complaint("\(option) \(word): not a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  mutating func decimal(_ option: String, _ range: ClosedRange<Double>) throws(Complaint) -> Double {
    let word = try text(option)
    guard let number = Double(word), range.contains(number) else {
      throw Complaint("\(option) \(word): not a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  mutating func choice<Choice: RawRepresentable & CaseIterable>(
    _ option: String
  ) throws(Complaint) -> Choice where Choice.RawValue == String {
    let word = try text(option)
    guard let choice = Choice(rawValue: word) else {
      let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
      throw Complaint("\(option) \(word): not one of \(known)")
    }
    return choice
  }
}
