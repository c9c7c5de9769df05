// Expectations.swift — what tests say about an exploration.
import Glibc
import Testing

/// A sanitizer takes ten times as long and sees in the thousandth schedule what it saw in the first.
private let isSanitized = getenv("MARTLET_SANITIZED") != nil

/// All schedules within the bounds were tried and nothing is wrong in any.
func expectNothing(
  in name: String, _ bounds: Explorer.Bounds, sourceLocation: SourceLocation = #_sourceLocation,
  _ make: (Explorer) -> Explorer.Scenario
) {
  var bounds = bounds
  if isSanitized { bounds.preemptions = min(bounds.preemptions, 1) }
  let outcome = Explorer.explore(bounds, make)
  print("explored \(name): \(outcome)")
  #expect(outcome.failure == nil && outcome.isComplete, "\(name): \(outcome)", sourceLocation: sourceLocation)
}

/// Some schedule goes wrong, and in this way.
func expectSomething(
  _ beginning: String, _ bounds: Explorer.Bounds = .init(), sourceLocation: SourceLocation = #_sourceLocation,
  _ make: (Explorer) -> Explorer.Scenario
) {
  let outcome = Explorer.explore(bounds, make)
  #expect(outcome.failure?.hasPrefix(beginning) == true, "\(outcome)", sourceLocation: sourceLocation)
}
