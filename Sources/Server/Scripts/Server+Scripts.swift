// Server+Scripts.swift — EVAL and its like, from their words to their answer.
//
//   EVAL text numkeys k… a…  ─▶ the script, compiled or known ─▶ run, atomic ─▶ one unit in the log, one hold
//
// They have no bodies: a body would have hold of the execution, which the script's commands need. The executor runs
// them itself, as it does EXEC, and EXEC runs them among its own.
import Bytes
import Commands
import Persistence
import Ring
import Scripting
import Store
import Wire

extension UnsafeMutablePointer where Pointee == Server {
  /// Runs a command that was admitted and runs a script, from beginning to end.
  func executeScript(_ client: UnsafeMutablePointer<Client>, _ command: UnsafePointer<Command>) {
    let execution = pointee.execution
    let words = execution.pointee.arguments
    var before = pointee.beforeCommand(command, client)
    let position = client.pointee.output.appended
    client.pointee.asideFrom = position
    let (waited, isCounted) = runScript(client, command)
    execution.pointee.arguments = words
    execution.pointee.commandIndex = command.pointee.index
    pointee.running = words
    if !before.isSilent { pointee.holdTransaction(client, from: position, until: waited.sequence, wrote: waited.wrote) }
    if isCounted {
      // Its command has counted the error; that this one failed is counted all the same.
      before.errorCount = before.output.pointee.errorCount
      pointee.commandStatistics[command.pointee.index].failures += 1
    }
    pointee.account(for: command, client, before)
    client.pointee.session.flags.advanceReplySkip()
  }

  /// Runs the script that the request names, and answers. What the answer waits for; whether its error is counted.
  func runScript(
    _ client: UnsafeMutablePointer<Client>, _ command: UnsafePointer<Command>
  ) -> (waited: (sequence: UInt64, wrote: Bool), isCounted: Bool) {
    let execution = pointee.execution
    let words = execution.pointee.arguments
    let reply = execution.pointee.reply
    guard let (digest, script, keyCount) = pointee.chooseScript(command), let run = pointee.scripts.machine.run(of: script) else {
      return ((0, false), false)
    }
    let isReadOnly = command.pointee.flags.contains(.readonly)
    if let refusal = pointee.refusal(of: script, isReadOnly: isReadOnly) {
      reply.error(refusal)
      return ((0, false), false)
    }
    let wasAtomic = execution.pointee.isAtomic
    let database = client.pointee.session.database
    execution.pointee.isAtomic = true
    let opensUnit = execution.pointee.effects.isRecording && pointee.appendLog.unit == nil
    if opensUnit { pointee.appendLog.unit = LogUnit() }
    pointee.scripts.run = ScriptRun(isReadOnly: isReadOnly || script.flags.contains(.noWrites))
    let keys = UnsafeBufferPointer(rebasing: words.buffer[3..<3 + keyCount])
    let arguments = UnsafeBufferPointer(rebasing: words.buffer[(3 + keyCount)...])
    let result = run(digest, keys: keys, arguments: arguments, isRESP3: reply.isRESP3, stackBytes: Scripts.stackBytesForLua)
    var waited: (sequence: UInt64, wrote: Bool) = pointee.scripts.run?.waited ?? (0, false)
    pointee.scripts.run = nil
    pointee.scripts.forgetAnswers()
    if opensUnit { pointee.endLogUnit() }
    if waited.wrote { waited.sequence = max(waited.sequence, pointee.appendLog.pipeline.appendedSequence) }
    // SELECT of a script is the script's own.
    client.pointee.session.database = database
    execution.pointee.isAtomic = wasAtomic
    execution.pointee.arguments = words
    execution.pointee.reply = reply
    execution.pointee.largeWords = nil
    execution.pointee.commandIndex = command.pointee.index
    execution.pointee.effects.begin()
    pointee.running = words
    if result.isError { reply.error(result.reply) } else { reply.output.pointee.append(result.reply) }
    return (waited, result.isCounted)
  }

}

extension Server {
  /// The script that a request names, and how many keys follow; nil if there is none, which is answered.
  fileprivate mutating func chooseScript(
    _ command: UnsafePointer<Command>
  ) -> (digest: ScriptDigest, script: CompiledScript, keyCount: Int)? {
    let words = execution.pointee.arguments
    let reply = execution.pointee.reply
    guard let given = words[2].int64 else {
      reply.error("ERR value is not an integer or out of range")
      return nil
    }
    guard given <= Int64(words.count - 3) else {
      reply.error("ERR Number of keys can't be greater than number of args")
      return nil
    }
    guard given >= 0 else {
      reply.error("ERR Number of keys can't be negative")
      return nil
    }
    guard table.facts[command.pointee.index].name.hasPrefix("evalsha") else {
      let digest = ScriptDigest(of: words[1])
      do throws(ScriptRefusal) {
        return (digest, try scripts.machine.compile(words[1], digest, isLoaded: false), Int(given))
      } catch {
        answer(error)
        return nil
      }
    }
    guard let digest = ScriptDigest(digits: words[1]), let script = scripts.machine.find(digest) else {
      reply.error("NOSCRIPT No matching script. Please use EVAL.")
      return nil
    }
    return (digest, script, Int(given))
  }

  mutating func answer(_ refusal: ScriptRefusal) {
    execution.pointee.reply.beginError()
    execution.pointee.reply.part(text: refusal.text)
    execution.pointee.reply.end()
  }

  /// Why a script that says what it may do must not run now.
  fileprivate func refusal(of script: CompiledScript, isReadOnly: Bool) -> ByteView? {
    guard !script.flags.contains(.isPlain), !script.flags.contains(.noWrites) else { return nil }
    if isReadOnly { return ByteView("ERR Can not execute a script with write flag using *_ro command.") }
    return nil
  }
}

extension CommandFlags {
  /// The flags of a command for whoever asks whether it writes: of a script it is not known before.
  var writing: CommandFlags {
    contains(.runsScript) && !contains(.readonly) ? union([.write, .mayReplicate]) : self
  }
}

extension Server {
  /// A script has run as one of the commands of EXEC.
  mutating func account(
    forScript command: UnsafePointer<Command>, _ client: UnsafeMutablePointer<Client>, _ before: BeforeCommand,
    _ outcome: (waited: (sequence: UInt64, wrote: Bool), isCounted: Bool), _ waited: inout (sequence: UInt64, wrote: Bool)
  ) {
    waited.sequence = max(waited.sequence, outcome.waited.sequence)
    waited.wrote = waited.wrote || outcome.waited.wrote
    var before = before
    if outcome.isCounted {
      before.errorCount = before.output.pointee.errorCount
      commandStatistics[command.pointee.index].failures += 1
    }
    account(for: command, client, before)
  }
}
