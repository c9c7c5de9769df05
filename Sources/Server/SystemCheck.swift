// SystemCheck.swift — `--check-system`: what the machine allows, before anybody depends on it.
import Ring

package enum SystemCheck {
  /// Prints a list; 0 if nothing stands in the way of serving well, 1 otherwise.
  package static func run() -> Int32 {
    var findings: [(ok: Bool, text: String)] = []
    do throws(RingError) {
      let engine = try Engine.choose(.io_uring)
      findings.append((true, "I/O engine: io_uring, \(engine.reason)"))
    } catch {
      if case .unavailable(_, let reason) = error { findings.append((false, "I/O engine: epoll only, \(reason)")) }
    }
    let files = ProcessFacts.fileLimit
    findings.append((files >= 10_032, "open files: \(files) allowed, 10032 wanted for 10000 clients"))
    if let backlog = Machine.listenBacklogMax {
      findings.append((backlog >= 511, "net.core.somaxconn: \(backlog), 511 wanted"))
    }
    findings.append((true, "processors: \(Machine.cores), memory: \(Machine.memoryBytes >> 20) MiB"))
    if let limit = Machine.memoryLimitBytes { findings.append((true, "memory limit of the group: \(limit >> 20) MiB")) }
    for finding in findings { try? File.appendText("[\(finding.ok ? "ok" : "--")] \(finding.text)\n", to: "") }
    return findings.allSatisfy(\.ok) ? 0 : 1
  }
}
