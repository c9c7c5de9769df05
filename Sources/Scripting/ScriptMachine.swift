// ScriptMachine.swift — the Lua machine and the scripts that it has compiled.
//
//   EVAL text ─▶ digest ─▶ known? ─no─▶ header, compile, keep ─▶ run ─▶ an answer in RESP
//
// Scripts that came by EVAL are kept as long as they are among the last used; those that were loaded stay. A machine is
// opened with the first script and closed when all are flushed: so memory comes back.
import Bytes
import CLua

/// A script that can be run.
public struct CompiledScript: Sendable {
  /// Its number in the machine.
  let number: Int32
  public let flags: ScriptFlags
  public let text: [UInt8]
  /// Where errors are placed whose line is lost.
  let lastReturn: Int32
  /// It came by SCRIPT LOAD.
  var isLoaded: Bool
  var lastUse: UInt64
}

/// Why there is no script to run, in the words of an answer.
public struct ScriptRefusal: Error, Equatable {
  public let text: String
}

/// The answer of a script, good until the next runs.
public struct ScriptResult {
  /// RESP; the text alone if it is an error.
  public let reply: ByteView
  public let isError: Bool
  /// Of an error: the command that it comes from has counted it.
  public let isCounted: Bool
}

public struct ScriptMachine: ~Copyable {
  /// Scripts that came by EVAL and are kept.
  public static let evaluatedMax = 500

  private var machine: OpaquePointer?
  private let callbacks: martlet_lua_callbacks
  private let identity: Identity
  private let memoryMax: Int
  private var scripts: [ScriptDigest: CompiledScript] = [:]
  private var evaluatedCount = 0
  private var uses: UInt64 = 0
  /// Scripts that had to go for others.
  public private(set) var evicted: UInt64 = 0
  /// Bytes of the texts.
  private var textBytes = 0

  /// What scripts see of the server's versions.
  public struct Identity: Sendable {
    let redis: String
    let server: String
    let name: String

    public init(redis: String, name: String, server: String) {
      self.redis = redis
      self.name = name
      self.server = server
    }

    /// 0x00MMmmpp of a version in the form M.m.p.
    static func number(_ version: String) -> Int32 {
      version.split(separator: ".").prefix(3).reduce(0) { $0 << 8 | (Int32($1.prefix { $0.isNumber }) ?? 0) & 255 }
    }
  }

  /// - Parameter memoryMax: bytes that scripts may take altogether.
  public init(_ callbacks: martlet_lua_callbacks, _ identity: Identity, memoryMax: Int) {
    self.callbacks = callbacks
    self.identity = identity
    self.memoryMax = memoryMax
  }

  deinit {
    if let machine { martlet_lua_close(machine) }
  }

  // MARK: figures

  /// Bytes of the machine.
  public var memoryBytes: Int { machine.map { martlet_lua_memory($0) } ?? 0 }
  public var count: Int { scripts.count }
  /// Bytes that the scripts' records and texts take.
  public var scriptBytes: Int { textBytes + scripts.capacity * MemoryLayout<CompiledScript>.stride }

  // MARK: scripts

  public func contains(_ digest: ScriptDigest) -> Bool { scripts[digest] != nil }

  /// The text of a script; nil if it is not known.
  public func text(of digest: ScriptDigest) -> [UInt8]? { scripts[digest]?.text }

  /// The script of this name, which is used now; nil if it is not known.
  public mutating func find(_ digest: ScriptDigest) -> CompiledScript? {
    uses &+= 1
    scripts[digest]?.lastUse = uses
    return scripts[digest]
  }

  /// The script with this text. `isLoaded`: it stays.
  public mutating func compile(
    _ text: ByteView, _ digest: ScriptDigest, isLoaded: Bool
  ) throws(ScriptRefusal) -> CompiledScript {
    if let known = find(digest) {
      if isLoaded && !known.isLoaded {
        scripts[digest]?.isLoaded = true
        evaluatedCount -= 1
      }
      return known
    }
    let header: ScriptHeader
    do { header = try ScriptHeader(text) } catch { throw ScriptRefusal(text: error.text) }
    guard let machine = open() else { throw ScriptRefusal(text: "ERR not enough memory for a script") }
    let code = text[header.byteCount..<text.count]
    var failure = martlet_bytes()
    let number = martlet_lua_compile(machine, martlet_bytes(start: code.start, count: code.count), &failure)
    guard number >= 0 else {
      let reason = ByteView(start: failure.start, count: failure.count).text
      throw ScriptRefusal(text: "ERR Error compiling script (new function): \(reason)")
    }
    if !isLoaded { makeRoom(machine) }
    let script = CompiledScript(
      number: number, flags: header.flags, text: Array(text.buffer), lastReturn: Self.lastReturn(code), isLoaded: isLoaded,
      lastUse: uses)
    scripts[digest] = script
    if !isLoaded { evaluatedCount += 1 }
    textBytes += text.count
    return script
  }

  /// The oldest of those that came by EVAL goes, if there are too many.
  private mutating func makeRoom(_ machine: OpaquePointer) {
    guard evaluatedCount >= Self.evaluatedMax,
      let oldest = scripts.filter({ !$0.value.isLoaded }).min(by: { $0.value.lastUse < $1.value.lastUse })
    else { return }
    martlet_lua_forget(machine, oldest.value.number)
    scripts[oldest.key] = nil
    textBytes -= oldest.value.text.count
    evaluatedCount -= 1
    evicted += 1
  }

  /// SCRIPT FLUSH: no script is known any more.
  public mutating func flush() {
    scripts = [:]
    evaluatedCount = 0
    textBytes = 0
    if let machine { martlet_lua_close(machine) }
    machine = nil
  }

  /// The line that the last `return` stands on.
  static func lastReturn(_ code: ByteView) -> Int32 {
    let word = Array("return".utf8)
    var line: Int32 = 1
    var found: Int32 = 1
    var index = 0
    while index < code.count {
      if code[index] == UInt8(ascii: "\n") { line &+= 1 }
      if code[index] == word[0], index + word.count <= code.count, code[index..<index + word.count].buffer.elementsEqual(word) {
        found = line
        index += word.count
      } else {
        index += 1
      }
    }
    return found
  }

  private mutating func open() -> OpaquePointer? {
    if let machine { return machine }
    machine = identity.redis.withCString { redis in
      identity.name.withCString { name in
        identity.server.withCString { server in
          var shown = martlet_lua_identity(
            redis_version: redis, redis_version_number: Identity.number(identity.redis), server_name: name,
            server_version: server, server_version_number: Identity.number(identity.server))
          var callbacks = callbacks
          return martlet_lua_open(&callbacks, &shown, memoryMax)
        }
      }
    }
    return machine
  }

  // MARK: running

  /// What a run needs of the machine: it is called without the machine being held, since a script calls back.
  public struct Run: BitwiseCopyable {
    let machine: OpaquePointer
    let number: Int32
    let lastReturn: Int32
  }

  public func run(of script: CompiledScript) -> Run? {
    machine.map { Run(machine: $0, number: script.number, lastReturn: script.lastReturn) }
  }
}

extension ScriptMachine.Run {
  /// Runs the script to its end, on a stack with room for so many bytes. `keys` and `arguments` are the words behind the number of keys.
  public func callAsFunction(
    _ digest: ScriptDigest, keys: UnsafeBufferPointer<ByteView>, arguments: UnsafeBufferPointer<ByteView>, isRESP3: Bool,
    stackBytes: Int
  ) -> ScriptResult {
    var result = martlet_lua_result()
    digest.withDigits { name in
      // A view is laid out as the struct in C is: a pointer and a count.
      martlet_lua_run(
        machine, number, name, UnsafeRawPointer(keys.baseAddress)?.assumingMemoryBound(to: martlet_bytes.self), keys.count,
        UnsafeRawPointer(arguments.baseAddress)?.assumingMemoryBound(to: martlet_bytes.self), arguments.count,
        isRESP3 ? 3 : 2, lastReturn, stackBytes, &result)
    }
    return ScriptResult(
      reply: ByteView(start: result.reply.start, count: result.reply.count), isError: result.is_error != 0,
      isCounted: result.is_counted != 0)
  }
}
