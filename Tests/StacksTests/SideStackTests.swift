// SideStackTests.swift — proves that a side stack keeps frames, registers and floating-point state over any number of
// switches, goes deep, ends early, and does not lend its memory to temporary allocations that are too large for it.
import Stacks
import Testing

/// What a body and its test share.
private struct Shared {
  var door: StackDoor?
  var work: (UnsafeMutablePointer<Shared>) -> Void = { _ in }
  var log: [Int] = []
  var result = 0.0

  func leave() { door?.leave() }
}

extension UnsafeMutablePointer where Pointee == Shared {
  /// Begins the work on a stack; whether it has ended already.
  fileprivate func begin(on door: StackDoor) -> Bool {
    pointee.door = door
    return door.begin(UnsafeMutableRawPointer(self)) { argument in
      guard let shared = argument?.assumingMemoryBound(to: Shared.self) else { return }
      shared.pointee.work(shared)
    }
  }
}

/// Lends shared memory and a stack.
private func withStack(_ body: (UnsafeMutablePointer<Shared>, borrowing SideStack) -> Void) {
  let shared = UnsafeMutablePointer<Shared>.allocate(capacity: 1)
  shared.initialize(to: Shared())
  defer {
    shared.deinitialize(count: 1)
    shared.deallocate()
  }
  guard let stack = SideStack() else {
    Issue.record("no memory for a stack")
    return
  }
  body(shared, stack)
}

/// Runs `work` on a stack to its end; `between` runs on the caller's stack after each leave.
private func run(
  _ work: @escaping (UnsafeMutablePointer<Shared>) -> Void,
  between: (UnsafeMutablePointer<Shared>) -> Void = { _ in }
) -> Shared {
  var result = Shared()
  withStack { shared, stack in
    shared.pointee.work = work
    var hasEnded = shared.begin(on: stack.door)
    while !hasEnded {
      between(shared)
      hasEnded = stack.door.goOn()
    }
    result = shared.pointee
  }
  return result
}

@inline(never) private func deep(_ level: Int, _ shared: UnsafeMutablePointer<Shared>) -> Int {
  guard level > 0 else {
    shared.pointee.leave()
    return 0
  }
  return deep(level - 1, shared) + level
}

@Suite struct SideStackTests {
  @Test func goesOnWhereItLeft() {
    let shared = run { shared in
      for number in 0..<1_000 {
        shared.pointee.log.append(number)
        shared.pointee.leave()
      }
    } between: { shared in
      shared.pointee.log.append(-1)
    }
    #expect(shared.log == (0..<1_000).flatMap { [$0, -1] })
  }

  @Test func endsWithoutLeaving() {
    #expect(run { $0.pointee.log.append(1) }.log == [1])
  }

  @Test func serves100000Bodies() {
    withStack { shared, stack in
      shared.pointee.work = { $0.pointee.result += 1 }
      for _ in 0..<100_000 where !shared.begin(on: stack.door) { Issue.record("it left") }
      #expect(shared.pointee.result == 100_000)
    }
  }

  @Test func leavesFromDeepWithin() {
    let shared = run { $0.pointee.result = Double(deep(500, $0)) }
    #expect(shared.result == 125_250)
  }

  @Test func keepsFloatingPointState() {
    // Values that live in registers across the switches, on both sides.
    let factor = 1.000_1
    var own = 1.0
    let shared = run { shared in
      var (a, b, c, d) = (1.0, 2.0, 3.0, 4.0)
      for _ in 0..<100 {
        a *= factor
        b *= factor
        c *= factor
        d *= factor
        shared.pointee.leave()
      }
      shared.pointee.result = a + b + c + d
    } between: { _ in
      own *= factor
    }
    var expected = 1.0
    for _ in 0..<100 { expected *= factor }
    #expect(abs(shared.result - 10 * expected) < 1e-9)
    #expect(abs(own - expected) < 1e-9)
  }

  @Test func interleavesManyStacks() {
    let count = 50
    let all = UnsafeMutablePointer<Shared>.allocate(capacity: count)
    for index in 0..<count { (all + index).initialize(to: Shared()) }
    defer {
      all.deinitialize(count: count)
      all.deallocate()
    }
    let stacks = UnsafeMutablePointer<SideStack?>.allocate(capacity: count)
    for index in 0..<count {
      all[index].work = { shared in
        for round in 0..<20 {
          shared.pointee.log.append(index * 100 + round)
          shared.pointee.leave()
        }
      }
      (stacks + index).initialize(to: SideStack())
    }
    defer {
      stacks.deinitialize(count: count)
      stacks.deallocate()
    }
    for index in 0..<count {
      guard let door = stacks[index]?.door else { continue }
      #expect(!(all + index).begin(on: door))
    }
    for round in 1...20 {
      for index in 0..<count {
        let hasEnded = all[index].door?.goOn()
        #expect(hasEnded == (round == 20))
      }
    }
    for index in 0..<count { #expect(all[index].log == (0..<20).map { index * 100 + $0 }) }
  }

  /// The standard library puts what it takes for small on the stack, and asks where the thread's stack ends.
  @Test func largeTemporariesAreElsewhere() {
    var addresses: [UnsafeRawPointer] = []
    withStack { shared, stack in
      shared.pointee.work = { _ in
        for bytes in [4 << 10, 64 << 10, 1 << 20, 64 << 20] {
          withUnsafeTemporaryAllocation(byteCount: bytes, alignment: 16) { room in
            room[0] = 1
            room[bytes - 1] = 1
            if let base = room.baseAddress { addresses.append(UnsafeRawPointer(base)) }
          }
        }
      }
      let hasEnded = shared.begin(on: stack.door)
      #expect(hasEnded && addresses.count == 4)
      for address in addresses.dropFirst() {
        let isOnStack = stack.holds(address)
        #expect(!isOnStack)
      }
    }
  }
}
