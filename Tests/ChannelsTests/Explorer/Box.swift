// Box.swift — an end of a queue where closures can reach it.

final class Box<Value: ~Copyable>: @unchecked Sendable {
  var value: Value
  init(_ value: consuming Value) { self.value = value }
}
