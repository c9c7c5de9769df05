// Server+ScriptCalls.swift — redis.call: a command runs as it would for the script's client, and its answer is kept.
//
//   words ─▶ may a script call it? ─▶ body, answering into `answers` ─▶ record, waiters, account ─▶ the answer's bytes
//
// As in EXEC nothing waits and nobody else is served; records belong to the script's unit in the log.
import Bytes
import Commands
import Ring
import Store
import Wire

extension UnsafeMutablePointer where Pointee == Server {
  /// Runs a command of the script under way. The answer is good until the next; whether an error in it is counted.
  func callFromScript(_ words: Arguments, isRESP3: Bool) -> (answer: ByteView, isCounted: Bool) {
    let execution = pointee.execution
    let answers = pointee.scripts.answers
    answers.pointee.discardAll()
    let client = execution.pointee.client
    execution.pointee.reply = Reply(output: answers, isRESP3: isRESP3)
    guard let command = pointee.admitFromScript(words) else { return (pointee.scripts.answer(), false) }
    pointee.running = words
    execution.pointee.arguments = words
    execution.pointee.largeWords = nil
    execution.pointee.hint(.empty, KeyHash(bits: 0))
    execution.pointee.commandIndex = command.pointee.index
    execution.pointee.effects.begin()
    execution.pointee.waiting = nil
    let isRecording = execution.pointee.effects.isRecording
    if pointee.scripts.run?.isUnrecorded == true { execution.pointee.effects.isRecording = false }
    let record = Server.BeforeRecord(
      changes: execution.pointee.effects.changes, database: client.pointee.session.database)
    let mark = answers.pointee.mark
    let errors = answers.pointee.errorCount
    let began = Clock.ticks()
    command.pointee.body(&execution.pointee)
    if let waiting = execution.pointee.waiting {
      if waiting.answersElement { execution.pointee.reply.null() } else { execution.pointee.reply.nullArray() }
      execution.pointee.waiting = nil
    }
    if execution.pointee.effects.isRecording {
      let (sequence, wrote) = pointee.noteRecord(command, client, record)
      pointee.scripts.run?.waitsFor(sequence, wrote: wrote)
    }
    execution.pointee.effects.isRecording = isRecording
    if execution.pointee.effects.isWatched { pointee.noteChanges(command, record) }
    // What it left behind has been taken; a body keeps no hold on the script's words.
    execution.pointee.effects.begin()
    pointee.accountFromScript(command.pointee.index, ticks: Clock.ticks() &- began)
    guard answers.pointee.errorCount != errors else { return (pointee.scripts.answer(), false) }
    pointee.commandStatistics[command.pointee.index].failures += 1
    pointee.errors.count(answers.pointee.prefix(after: mark))
    return (pointee.scripts.answer(), true)
  }
}

extension ScriptRun {
  mutating func waitsFor(_ sequence: UInt64, wrote: Bool) {
    waited.sequence = max(waited.sequence, sequence)
    waited.wrote = waited.wrote || wrote
  }
}

extension Server {
  /// The command that a script calls; nil if it must not, which is answered.
  fileprivate mutating func admitFromScript(_ words: Arguments) -> UnsafePointer<Command>? {
    let reply = execution.pointee.reply
    guard case .command(let command) = table.resolve(words) else {
      reply.error("ERR Unknown Redis command called from script")
      return nil
    }
    guard command.pointee.accepts(words: words.count) else {
      reply.error("ERR Wrong number of args calling Redis command from script")
      return nil
    }
    let flags = command.pointee.flags
    guard !flags.contains(.noscript), !flags.contains(.protected) else {
      reply.error("ERR This Redis command is not allowed from script")
      return rejected(command)
    }
    guard flags.contains(.write) else { return command }
    guard scripts.run?.isReadOnly != true else {
      reply.error("ERR Write commands are not allowed from read-only scripts.")
      return rejected(command)
    }
    if isRestricted, let refusal = writeRefusal {
      reply.beginError()
      reply.part(text: refusal)
      reply.end()
      return rejected(command)
    }
    scripts.run?.hasWritten = true
    return command
  }

  private mutating func rejected(_ command: UnsafePointer<Command>) -> UnsafePointer<Command>? {
    commandStatistics[command.pointee.index].rejections += 1
    return nil
  }

  fileprivate mutating func accountFromScript(_ index: Int, ticks: UInt64) {
    statistics.commands += 1
    commandStatistics[index].count(ticks: ticks)
  }
}
