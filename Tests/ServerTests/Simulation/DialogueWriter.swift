// DialogueWriter.swift — makes up one client's requests and has the model answer them.
//
// Requests come as arrays and as lines, in any case, with and without quotes, with empty ones in
// between, answered and silent; values from nothing to longer than any buffer.
import Ring

struct DialogueWriter {
  var random: SeededRandom
  private let client: String
  private let scale: DialogueScale
  private var model = DialogueModel()
  private var part = Dialogue()
  /// CLIENT REPLY OFF, and SKIP's one request.
  private var isSilent = false
  private var skipsNext = false

  init(client: String, random: SeededRandom, scale: DialogueScale) {
    self.client = client
    self.random = random
    self.scale = scale
  }

  mutating func write() -> Dialogue {
    part.portion = 1 + random.below(60) * random.below(60)
    if random.happens(150) { part.portion = 1 << 20 }
    say(["CLIENT", "SETNAME", client], model.ok)
    for _ in 0..<random.below(scale.requestsMax) { speak() }
    end()
    // Nobody has all day for a long text byte by byte.
    part.portion = max(part.portion, part.said.count / 300)
    return part
  }

  /// A part that ends with the death of somebody else, who may have gone, or not have come yet.
  mutating func writeKilling(_ victim: Dialogue, named name: String) -> Dialogue {
    part.portion = 1 + random.below(40)
    for _ in 0..<random.below(scale.requestsMax) { speak() }
    if isSilent { speakAgain() }
    // What was said last may have been CLIENT REPLY SKIP: the answer that counts must not be the one it swallows.
    if skipsNext { part.said += encoded([bytes("PING")]) }
    skipsNext = false
    part.said += encoded(["CLIENT", "KILL", "NAME", name].map { Array($0.utf8) })
    part.lastReplies = [model.integer(0), model.integer(1)]
    return part
  }

  // MARK: what is said

  private mutating func speak() {
    let key = key()
    switch random.below(40) {
    case 0..<7:
      let value = value()
      say([bytes("SET"), key, value], model.set(key, value))
    case 7..<14: say([bytes("get"), key], model.bulk(model[key]?.bytes))
    case 14..<17:
      let value = value(among: 12)
      say([bytes("APPEND"), key, value], model.append(key, value))
    case 17..<20: count(bytes("\(client):n\(random.below(3))"))
    case 20..<22:
      let first = position()
      let last = position()
      let name = random.happens(500) ? "GETRANGE" : "substr"
      say([bytes(name), key, bytes("\(first)"), bytes("\(last)")], model.getRange(key, first, last))
    case 22:
      let offset = random.happens(50) ? -1 : random.below(900)
      let value = value(among: 20)
      say([bytes("SETRANGE"), key, bytes("\(offset)"), value], model.setRange(key, offset, value))
    case 23: say([bytes("STRLEN"), key], model.integer(Int64(model[key]?.bytes.count ?? 0)))
    case 24:
      let others = [key, self.key()]
      say([bytes("DEL")] + others, model.remove(others))
    case 25: say([bytes("EXISTS"), key, key], model.integer(model[key] == nil ? 0 : 2))
    case 26: several(key)
    case 27: exchange(key)
    case 28..<30: expiry(key)
    case 30: say([bytes("TYPE"), key], bytes(model[key] == nil ? "+none\r\n" : "+string\r\n"))
    case 31:
      let word = value()
      say([bytes("ECHO"), word], model.bulk(word))
    case 32: say([bytes("ping")], bytes("+PONG\r\n"))
    case 33:
      model.database = random.below(16)
      say(["SELECT", "\(model.database)"], model.ok)
    case 34: silence()
    case 35: nothing()
    case 36 where scale.meddles: pause()
    default: mistake(key)
    }
  }

  private mutating func count(_ key: [UInt8]) {
    switch random.below(4) {
    case 0: say([bytes("INCR"), key], model.add(key, 1))
    case 1: say([bytes("decr"), key], model.add(key, -1))
    case 2: say([bytes("INCRBY"), key, bytes("9223372036854775807")], model.add(key, .max))
    default:
      let value = random.happens(100) ? bytes("many") : bytes("\(random.below(1000))")
      say([bytes("SET"), key, value], model.set(key, value))
    }
  }

  private mutating func several(_ key: [UInt8]) {
    let other = bytes("\(client):m")
    guard random.happens(500) else {
      let values = [key, other, key].map { model.bulk(model[$0]?.bytes) }
      return say([bytes("MGET"), key, other, key], bytes("*3\r\n") + values.flatMap { $0 })
    }
    let value = value(among: 20)
    _ = model.set(key, value)
    say([bytes("MSET"), key, value, other, bytes("m")], model.set(other, bytes("m")))
  }

  private mutating func exchange(_ key: [UInt8]) {
    let old = model.bulk(model[key]?.bytes)
    if random.happens(400) {
      model[key] = nil
      return say([bytes("GETDEL"), key], old)
    }
    let value = value(among: 20)
    guard random.happens(500) else {
      let isNew = model[key] == nil
      if isNew { _ = model.set(key, value) }
      return say([bytes("SETNX"), key, value], model.integer(isNew ? 1 : 0))
    }
    _ = model.set(key, value)
    say([bytes("GETSET"), key, value], old)
  }

  private mutating func expiry(_ key: [UInt8]) {
    switch random.below(3) {
    case 0:
      let seconds = 9_000_000_000 + random.below(1000)
      say([bytes("EXPIREAT"), key, bytes("\(seconds)")], model.expire(key, at: seconds))
    case 1: say([bytes("EXPIRETIME"), key], model.expireTime(key))
    default: say([bytes("PERSIST"), key], model.persist(key))
    }
  }

  /// Answers that are not given, HELLO among them: its answer holds what no model can know.
  private mutating func silence() {
    switch random.below(4) {
    case 0: if isSilent { speakAgain() } else { turnSilent() }
    case 1:
      skip()
      say(["HELLO", "3"], [])
      model.isRESP3 = true
    case 2:
      skip()
      say(["HELLO", "2"], [])
      model.isRESP3 = false
    default: skip()
    }
  }

  private mutating func skip() {
    // The request itself is answered by nothing, and ends the effect of a SKIP before it.
    part.said += encoded(["CLIENT", "REPLY", "SKIP"].map { bytes($0) })
    skipsNext = true
  }

  private mutating func turnSilent() {
    part.said += encoded(["CLIENT", "REPLY", "OFF"].map { bytes($0) })
    isSilent = true
  }

  private mutating func speakAgain() {
    part.said += encoded(["CLIENT", "REPLY", "ON"].map { bytes($0) })
    part.heard += model.ok
    isSilent = false
    skipsNext = false
  }

  /// Requests that are none.
  private mutating func nothing() { part.said += bytes(random.happens(500) ? "\r\n" : "*0\r\n") }

  /// Everybody waits for some milliseconds of the simulated clock, or until somebody lifts it.
  private mutating func pause() {
    if random.happens(300) { return say(["CLIENT", "UNPAUSE"], model.ok) }
    say(["CLIENT", "PAUSE", "\(random.below(30))", random.happens(500) ? "WRITE" : "ALL"], model.ok)
  }

  private mutating func mistake(_ key: [UInt8]) {
    switch random.below(5) {
    case 0: say(["nosuch", "a", "b"], model.error("ERR unknown command 'nosuch', with args beginning with: 'a' 'b' "))
    case 1: say(["GET"], model.error("ERR wrong number of arguments for 'get' command"))
    case 2: say([bytes("SET"), key, bytes("v"), bytes("QX")], model.error("ERR syntax error"))
    case 3: say(["CLIENT", "NOSUCH"], model.error("ERR unknown subcommand 'NOSUCH'. Try CLIENT HELP."))
    default: say([bytes("EXPIRE"), key, bytes("soon")], model.error("ERR value is not an integer or out of range"))
    }
  }

  // MARK: the end

  private mutating func end() {
    if random.happens(500) && isSilent { speakAgain() }
    switch random.below(10) {
    case 0, 1:
      say(["QUIT"], model.ok)
      part.ending = .server
    case 2:
      // A request that is never finished.
      part.said += bytes("*2\r\n$3\r\nGET\r\n$50\r\nhal")
    case 3: unreadable()
    case 4:
      say(["CLIENT", "KILL", "NAME", client, "SKIPME", "no"], model.integer(1))
      part.ending = .server
    case 5 where scale.leavesEarly: part.ending = .close
    case 6 where scale.leavesEarly: part.ending = .reset
    default: break
    }
    if part.ending == .server && scale.speaksAfterTheEnd && random.happens(500) {
      part.said += encoded([bytes("SET"), key(), [UInt8](repeating: 120, count: random.below(3000))])
    }
  }

  private mutating func unreadable() {
    let (said, text) =
      [
        ("*1\r\n$zz\r\n", "invalid bulk length"), ("*9999999999\r\n", "invalid multibulk length"),
        ("*1\r\nfoo\r\n", "expected '$', got 'f'"), ("get \"open\r\n", "unbalanced quotes in request"),
      ][random.below(4)]
    part.said += bytes(said)
    if !isSilent && !skipsNext { part.heard += model.error("ERR Protocol error: \(text)") }
    part.ending = .server
  }

  // MARK: words

  private mutating func key() -> [UInt8] { bytes("\(client):k\(random.below(6))") }

  private mutating func position() -> Int { random.happens(300) ? -random.below(40) : random.below(700) }

  /// Mostly short. `among`: one in so many may be as long as it gets.
  private mutating func value(among rarity: Int = 6) -> [UInt8] {
    var count = random.happens(700) ? random.below(50) : random.below(600)
    if scale.longest > 600 && random.below(rarity) == 0 { count = random.below(scale.longest) }
    let first = UInt8(truncatingIfNeeded: random.next())
    return (0..<count).map { first &+ UInt8(truncatingIfNeeded: $0 &* 7) }
  }

  private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

  private mutating func say(_ words: [String], _ reply: [UInt8]) { say(words.map { Array($0.utf8) }, reply) }

  private mutating func say(_ words: [[UInt8]], _ reply: [UInt8]) {
    part.said += encoded(words)
    if !isSilent && !skipsNext { part.heard += reply }
    skipsNext = false
  }

  /// As an array, or as a line where the words allow it.
  private mutating func encoded(_ words: [[UInt8]]) -> [UInt8] {
    let isPlain = words.allSatisfy { $0.count < 100 && !$0.isEmpty && $0.allSatisfy { $0 > 32 && $0 < 127 && $0 != 34 && $0 != 39 } }
    guard isPlain, words[0][0] != UInt8(ascii: "*"), random.happens(250) else {
      return bytes("*\(words.count)\r\n") + words.flatMap { bytes("$\($0.count)\r\n") + $0 + bytes("\r\n") }
    }
    var line: [UInt8] = random.happens(100) ? bytes("  ") : []
    for word in words {
      // A backslash means something in double quotes only.
      let quote = word.contains(92) || random.happens(800) ? "" : random.happens(500) ? "\"" : "'"
      line += bytes(quote) + word + bytes(quote) + bytes(random.happens(100) ? " \t" : " ")
    }
    return line + bytes(random.happens(500) ? "\r\n" : "\n")
  }
}
