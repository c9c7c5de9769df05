// Server+Events.swift — what a command leaves to be told, once it has run.
import Bytes
import Commands
import Store

extension Server {
  /// The command has run: its events are told, and they and its messages wait for what it wrote or saw.
  @inline(never) mutating func settleEvents() {
    settleEvents(until: execution.pointee.effects.isRecording ? dependence : 0)
  }

  /// The same for a transaction, whose events have been told one command after the other.
  @inline(never) mutating func settleEvents(until sequence: UInt64) {
    tellEvents()
    execution.pointee.events.isOpen = false
    if !pubsub.told.isEmpty { holdTold(until: sequence) }
  }

  /// Tells the events that have been noted.
  mutating func tellEvents() {
  }
}
