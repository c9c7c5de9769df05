// Server+Aside.swift — a script, or an EXEC with scripts in it, on the large stack.
//
//   execute ─▶ runAside ─▶ the large stack: executeScript or runTransaction ─▶ back
//
// The request's words are copied: whoever is left in the middle cannot count on the buffer that they came in.
import Bytes
import Commands
import Ring
import Stacks
import Wire

/// What runs on the large stack.
struct AsideJob {
  let client: UnsafeMutablePointer<Client>
  /// Nil: EXEC.
  let command: UnsafePointer<Command>?
}

extension UnsafeMutablePointer where Pointee == Server {
  /// Whether the client's EXEC is going to run scripts.
  func runsScripts(_ client: UnsafeMutablePointer<Client>) -> Bool {
    client.pointee.transaction?.pointee.flags.contains(.runsScript) == true
  }

  /// Runs a script, or EXEC if there is no command.
  @inline(never)
  func runAside(_ client: UnsafeMutablePointer<Client>, _ command: UnsafePointer<Command>?) {
    guard let door = pointee.scripts.door() else {
      pointee.execution.pointee.reply.error("ERR not enough memory for a script")
      pointee.isTransactionDue = false
      return pointee.endTransaction(client)
    }
    pointee.scripts.job = AsideJob(client: client, command: command)
    _ = door.begin(UnsafeMutableRawPointer(self)) { argument in
      guard let server = argument?.assumingMemoryBound(to: Server.self) else { return }
      server.runJob()
    }
    pointee.scripts.job = nil
  }

  /// On the large stack.
  private func runJob() {
    guard let job = pointee.scripts.job else { return }
    if let command = job.command { executeScript(job.client, command) } else { runTransaction(job.client) }
  }
}
