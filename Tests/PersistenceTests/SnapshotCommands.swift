// SnapshotCommands.swift — databases that real commands change, for the tests of the walk.
import Bytes
import Commands
import Store
import Wire

/// An execution over four databases, dice, and commands to throw with them.
final class CommandedDatabases {
  let databases = Databases(4)
  let graveyard = UnsafeMutablePointer<Graveyard>.allocate(capacity: 1)
  private let output = UnsafeMutablePointer<OutputBuffer>.allocate(capacity: 1)
  private let session = UnsafeMutablePointer<Session>.allocate(capacity: 1)
  private let execution = UnsafeMutablePointer<Execution>.allocate(capacity: 1)
  var dice: Dice
  let keyCount: Int
  private var nowMilliseconds: Milliseconds = 1_000_000

  init(seed: UInt64) {
    dice = Dice(seed: seed)
    keyCount = [5, 20, 60, 150][Int(seed % 4)]
    output.initialize(to: OutputBuffer(pool: databases.pool))
    session.initialize(to: Session(id: 1))
    graveyard.initialize(to: Graveyard())
    execution.initialize(
      to: Execution(
        reply: Reply(output: output, isRESP3: false), session: session, databases: databases.keyspaces,
        databaseCount: databases.count, graveyard: graveyard, pool: databases.pool, table: CommandedDatabases.table))
    execution.pointee.rules.encodings = CommandedDatabases.limits
  }

  deinit {
    output.pointee.discardAll()
    execution.deinitialize(count: 1)
    graveyard.deinitialize(count: 1)
    execution.deallocate()
    graveyard.deallocate()
    session.deallocate()
    output.deallocate()
  }

  /// Small, so that values of few elements are large ones.
  static var limits: EncodingLimits {
    var limits = EncodingLimits()
    limits.hashListpackEntries = 5
    limits.setIntsetEntries = 5
    limits.setListpackEntries = 5
    limits.sortedSetListpackEntries = 5
    limits.listListpackSize = 3
    return limits
  }

  nonisolated(unsafe) static let table = CommandTable(CommandTable.dataCommands)

  /// What every command that writes is thrown as: `k` is a key, `v` a value, `n` a small number, `l` an instant, `d` a
  /// database.
  static let forms = [
    "set k v", "set k v", "set k v px n", "set k v keepttl", "set k v get", "set k v ifeq v", "setnx k v",
    "setex k n v", "psetex k n v", "getset k v", "getdel k", "getex k px n", "getex k persist", "append k v",
    "setrange k n v", "incr k", "decr k", "incrby k n", "decrby k n", "incrbyfloat k n", "mset k v k v",
    "msetnx k v k v", "msetex 2 k v k v px n", "delifeq k v", "del k k", "unlink k", "expire k n", "pexpire k n",
    "expireat k l", "pexpireat k l", "persist k", "rename k k", "renamenx k k", "move k d", "copy k k replace",
    "copy k k db d replace", "swapdb d d",
    "lpush kl el el el", "rpush kl el el el", "lpushx kl el", "rpushx kl el", "lpop kl", "rpop kl co",
    "lmpop 2 kl kl left count co", "lmove kl kl left right", "rpoplpush kl kl", "lset kl 0 el", "linsert kl before el el",
    "lrem kl 0 el", "ltrim kl co -1",
    "sadd ks el el el el", "sadd ks el el el el", "srem ks el el", "smove ks ks el", "spop ks", "spop ks co",
    "sinterstore ks ks ks", "sunionstore ks ks ks", "sdiffstore ks ks ks",
    "hset kh el el el el", "hset kh el el el el", "hsetnx kh el el", "hmset kh el el", "hdel kh el el",
    "hgetdel kh fields 1 el", "hincrby kh count co", "hincrbyfloat kh count sc",
    "hexpire kh n fields 2 el el", "hpexpire kh n fields 2 el el", "hexpireat kh l nx fields 1 el",
    "hpexpireat kh l fields 2 el el", "hpersist kh fields 1 el", "hsetex kh px n fields 2 el el el el",
    "hsetex kh keepttl fields 1 el el", "hgetex kh px n fields 1 el", "hgetex kh persist fields 1 el",
    "zadd kz sc el sc el sc el", "zadd kz sc el sc el", "zincrby kz sc el", "zrem kz el", "zremrangebyrank kz 0 co",
    "zremrangebyscore kz sc sc", "zremrangebylex kz - (m2", "zpopmin kz", "zpopmax kz co", "zmpop 1 kz min",
    "zrangestore kz kz 0 -1", "zunionstore kz 2 kz ks", "zinterstore kz 2 kz kz", "zdiffstore kz 2 kz kz",
    "sort ks alpha store kl",
    "blpop kl 0", "brpop kl 0", "blmpop 0 1 kl left", "blmove kl kl left right 0", "brpoplpush kl kl 0", "bzpopmin kz 0",
    "bzpopmax kz 0", "bzmpop 0 1 kz min count co",
    "setbit k n 1", "bitfield k set u8 n 7", "bitop and k k k", "pfadd k el el", "pfmerge k k", "pfdebug todense k",
    "geoadd kz 1 2 el 3 4 el", "geosearchstore kz kz fromlonlat 1 2 byradius 1000 km",
    "georadius kz 1 2 1000 km store kz", "georadiusbymember kz el 1000 km store kz",
    "xadd kx * el el", "xadd kx * el el el el", "xadd kx maxlen 3 * el el", "xtrim kx maxlen co", "xdel kx 0-1",
    "xdelex kx delref ids 1 0-1", "xsetid kx 9000000000000000-1", "xgroup create kx g 0 mkstream", "xgroup setid kx g 0",
    "xgroup createconsumer kx g el", "xgroup delconsumer kx g el", "xgroup destroy kx g",
    "xreadgroup group g el count co streams kx >", "xack kx g 0-1", "xackdel kx g ids 1 0-1",
    "xclaim kx g el 0 0-1", "xautoclaim kx g el 0 0",
  ]
  /// What a world begins with.
  static let beginnings = [
    "set k v", "set k v", "rpush kl el el el el el el", "sadd ks el el el el el el", "hset kh el el el el el el el el",
    "zadd kz sc el sc el sc el sc el sc el sc el",
  ]
  /// Thrown now and then only.
  static let rareForms = ["flushdb", "flushdb", "flushall"]

  /// Runs a command; the words of `form` that are single letters are made up.
  func run(_ form: String) {
    session.pointee.database = dice.below(3) == 0 ? Int32(dice.below(databases.count)) : 0
    run(words: form.split(separator: " ").map { word(String($0)) })
  }

  private func run(words: [[UInt8]]) {
    let flat = words.flatMap(\.self) + [0]
    flat.withUnsafeBytes { memory in
      var start = 0
      var views: [ByteView] = []
      for word in words {
        views.append(ByteView(UnsafeRawBufferPointer(rebasing: memory[start..<start + word.count])))
        start += word.count
      }
      views.withUnsafeBufferPointer { call(Arguments(first: $0.baseAddress, count: words.count)) }
    }
    output.pointee.discardAll()
    _ = execution.pointee.events.takeAll()
  }

  private func call(_ arguments: Arguments) {
    nowMilliseconds += Milliseconds(dice.below(3))
    execution.pointee.arguments = arguments
    execution.pointee.reply = Reply(output: output, isRESP3: false)
    execution.pointee.setClock(microseconds: nowMilliseconds * 1_000)
    execution.pointee.effects.begin()
    guard case .command(let command) = execution.pointee.table.resolve(arguments) else {
      preconditionFailure("an unknown command")
    }
    execution.pointee.commandIndex = command.pointee.index
    precondition(command.pointee.accepts(words: arguments.count), "a form of the wrong length")
    command.pointee.body(&execution.pointee)
  }

  private func word(_ word: String) -> [UInt8] {
    switch word {
    case "k": key(["key", "key", "key", "list", "set", "hash", "sorted"][dice.below(7)])
    case "kl": key("list")
    case "ks": key("set")
    case "kh": key("hash")
    case "kz": key("sorted")
    case "kx": key("stream")
    case "el": element()
    case "co": Array(String(1 + dice.below(5)).utf8)
    case "sc": Array(["1", "2.5", "-3", "0.1", "17", "1e10", "-inf"][dice.below(7)].utf8)
    case "v": value()
    case "n": Array(String(1 + dice.below(400)).utf8)
    case "l": Array(String(nowMilliseconds + Milliseconds(dice.below(400)) - 50).utf8)
    case "d": Array(String(dice.below(databases.count)).utf8)
    default: Array(word.utf8)
    }
  }

  private func key(_ family: String) -> [UInt8] { Array("\(family):\(dice.below(keyCount))".utf8) }

  /// Of few, so that they meet.
  private func element() -> [UInt8] {
    switch dice.below(30) {
    case 0: [UInt8](repeating: UInt8(dice.below(256)), count: dice.below(9_000))
    case 1...14: Array(String(dice.below(40) - 20).utf8)
    default: Array("m\(dice.below(40))".utf8)
    }
  }

  /// Runs a command as it stands, at the beginning of time.
  func replay(_ words: [[UInt8]]) {
    nowMilliseconds = 0
    run(words: words)
  }

  private func value() -> [UInt8] {
    switch dice.below(40) {
    case 0: dice.below(4) == 0 ? dice.bytes(66_000) : [UInt8](repeating: 65, count: 60_000 + dice.below(100_000))
    case 1...5: [UInt8](repeating: UInt8(dice.below(256)), count: 900 + dice.below(2_000))
    case 6...20: Array(String(dice.below(1_000)).utf8)
    default: dice.bytes(dice.below(40))
    }
  }

  /// Between two commands: more of them, or what the server does by itself.
  func change() {
    switch dice.below(60) {
    case 0: run(CommandedDatabases.rareForms[dice.below(CommandedDatabases.rareForms.count)])
    case 1...6: expire()
    case 7...9: graveyard.pointee.free(upTo: dice.below(20))
    default: run(CommandedDatabases.forms[dice.below(CommandedDatabases.forms.count)])
    }
  }

  private func expire() {
    nowMilliseconds += Milliseconds(dice.below(30))
    _ = execution.pointee.expireSlice(database: dice.below(databases.count), now: nowMilliseconds, examinedMax: 20)
    _ = execution.pointee.expireFieldSlice(database: dice.below(databases.count), now: nowMilliseconds, examinedMax: 20)
  }

  /// All keys by database, empty databases left out.
  var contents: [Int: [Record]] {
    var all: [Int: [Record]] = [:]
    for index in 0..<databases.count where !databases.keyspaces[index].isEmpty {
      all[index] = databases.records(in: index)
    }
    return all
  }

  /// No value is pinned, and no entry is of another epoch.
  var isAtRest: Bool {
    for index in 0..<databases.count {
      if databases.keyspaces[index].needsLevelling { return false }
      databases.keyspaces[index].checkInvariants()
      var sweep = Sweep()
      while var entries = databases.keyspaces[index].visit(&sweep) {
        while let location = entries.next() {
          if location.entry.isPinned { return false }
        }
      }
    }
    return true
  }
}
