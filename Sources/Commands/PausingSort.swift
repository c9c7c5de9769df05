// PausingSort.swift — a merge sort that asks after each comparison whether it may go on.
//
//   runs of 16 by insertion ─▶ merged two by two into the other half of the memory ─▶ back ─▶ …
//
// The standard library's sort moves half of the elements at once before it merges them, which takes milliseconds where
// they are a million. Stable, n·log n comparisons, room for the elements twice.

enum PausingSort {
  private static let runCount = 16

  /// Sorts `elements`. Whatever their order is then if `mayGoOn` says false: the result is not wanted any more.
  static func sort<Value: BitwiseCopyable>(
    _ elements: inout [Value], _ execution: inout Execution, _ precedes: (Value, Value) -> Bool
  ) {
    let count = elements.count
    guard count > 1 else { return }
    elements.withUnsafeMutableBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return }
      for low in stride(from: 0, to: count, by: runCount) {
        guard insert(start + low, min(runCount, count - low), &execution, precedes) else { return }
      }
      guard count > runCount else { return }
      let other = UnsafeMutablePointer<Value>.allocate(capacity: count)
      defer { other.deallocate() }
      var (source, target) = (start, other)
      var width = runCount
      while width < count {
        for low in stride(from: 0, to: count, by: 2 * width) {
          let middle = min(low + width, count)
          let high = min(low + 2 * width, count)
          guard merge(source, low, middle, high, target, &execution, precedes) else { return }
        }
        swap(&source, &target)
        width *= 2
      }
      guard source == other else { return }
      for low in stride(from: 0, to: count, by: 64) {
        guard execution.mayGoOn(after: 8) else { return }
        (start + low).update(from: other + low, count: min(64, count - low))
      }
    }
  }

  @inline(__always)
  private static func insert<Value: BitwiseCopyable>(
    _ start: UnsafeMutablePointer<Value>, _ count: Int, _ execution: inout Execution,
    _ precedes: (Value, Value) -> Bool
  ) -> Bool {
    for index in 1..<max(1, count) {
      guard execution.mayGoOn(after: 4) else { return false }
      let value = start[index]
      var place = index
      while place > 0 && precedes(value, start[place - 1]) {
        start[place] = start[place - 1]
        place -= 1
      }
      start[place] = value
    }
    return true
  }

  @inline(__always)
  private static func merge<Value: BitwiseCopyable>(
    _ source: UnsafeMutablePointer<Value>, _ low: Int, _ middle: Int, _ high: Int,
    _ target: UnsafeMutablePointer<Value>, _ execution: inout Execution, _ precedes: (Value, Value) -> Bool
  ) -> Bool {
    var (left, right) = (low, middle)
    for place in low..<high {
      guard execution.mayGoOn() else { return false }
      let takesRight = left == middle || right < high && precedes(source[right], source[left])
      (target + place).initialize(to: source[takesRight ? right : left])
      if takesRight { right += 1 } else { left += 1 }
    }
    return true
  }
}
