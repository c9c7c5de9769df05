// System.swift — what the server asks of the operating system around it.

/// Process and system. Each field is described by its line in the table below.
package struct SystemSettings: Sendable, Equatable {
  package var outOfMemoryAdjustment = OutOfMemoryAdjustment.no
  /// For a primary, a replica and a background child.
  package var outOfMemoryScores: [Int] = []
  package var disablesHugePages = true
  package var ignoredWarnings = ""
  package var exitsOnPanic = false
}

/// How the scores count.
package enum OutOfMemoryAdjustment: String, CaseIterable, Sendable { case no, yes, relative, absolute }

extension Directive {
  static let system: [Directive] = [
    .choice(
      "oom-score-adj", \.system.outOfMemoryAdjustment, default: .no,
      "Tells the kernel how willingly to end this process when memory runs out."
    ).accepted(),
    .list(
      "oom-score-adj-values", accepts: "three numbers from -2000 to 2000",
      reset: { $0.system.outOfMemoryScores = [0, 200, 800] },
      store: { settings, words throws(Refusal) in
        guard words.count == 3 else { throw Refusal("wrong number of arguments") }
        let scores = words.compactMap { Int($0) }.filter { (-2000...2000).contains($0) }
        guard scores.count == 3 else {
          throw Refusal("Invalid oom-score-adj-values, elements must be between -2000 and 2000.")
        }
        settings.system.outOfMemoryScores = scores
      },
      show: { $0.system.outOfMemoryScores.map(String.init).joined(separator: " ") },
      "Scores for a primary, a replica and a background child."
    ).accepted(),
    .flag(
      "disable-thp", \.system.disablesHugePages, default: true, changes: .atStart,
      "Turns off huge pages for this process, which matter to servers that fork."
    ).accepted(),
    .text(
      "ignore-warnings", \.system.ignoredWarnings, accepts: "names of warnings",
      "Warnings of the system check that do not stop the start."
    ).accepted(),
    .flag(
      "use-exit-on-panic", \.system.exitsOnPanic, default: false, changes: .atStart,
      "Exits instead of aborting after a fatal error; for tests."
    ).hidden().accepted(),
  ]
}
