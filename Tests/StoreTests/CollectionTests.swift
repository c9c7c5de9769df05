// CollectionTests.swift: sets, hashes, lists and sorted sets against simple models.
//
// Every test draws its changes from a seed and compares with Swift's own collections, in the packed form, in the large
// one and across the conversion; afterwards every invariant holds and nothing has leaked.
import Bytes
import Testing
@testable import Store

private struct Bench: ~Copyable {
  var keyspace = Keyspace()
  var limits = EncodingLimits()
  let key = ByteView("key")
  var hash: KeyHash { KeyHash(key) }
  var location: Location { keyspace.find(key, hash)! }
  var entry: Entry { location.entry }

  init() { seeded }
}

private func names(_ dice: inout Dice, _ range: Int) -> [UInt8] {
  switch dice.below(10) {
  case 0...4: Array(String(dice.below(range) - range / 2).utf8)
  case 5...8: Array("member:\(dice.below(range))".utf8)
  default: Array(String(Int64.max - Int64(dice.below(4))).utf8)
  }
}

private func text(_ element: Element) -> [UInt8] { element.withView { $0.array } }

@Test(arguments: UInt64(1)...8) func setsAreSets(seed: UInt64) {
  let leaked = bytesLeaked {
    var dice = Dice(seed: seed)
    var bench = Bench()
    let location = bench.keyspace.insertSet(bench.key, bench.hash, for: ByteView("1"), count: 1, bench.limits)
    var model: Set<[UInt8]> = []
    let range = seed % 2 == 0 ? 60 : 900
    for _ in 0..<2_000 {
      let member = names(&dice, range)
      let isRemoval = dice.below(3) == 0
      let isChanged = member.viewed {
        isRemoval ? bench.keyspace.removeMember(location, $0) : bench.keyspace.addMember(location, $0, bench.limits)
      }
      #expect(isChanged == (isRemoval ? model.remove(member) != nil : model.insert(member).inserted))
    }
    let set = SetView(bench.entry)
    var found: Set<[UInt8]> = []
    var members = set.cursor()
    while let member = members.next() { found.insert(text(member)) }
    #expect(found == model && set.count == model.count)
    for member in model { #expect(member.viewed { set.contains($0) }) }
    #expect(bench.entry.encoding == (range == 60 ? .listpack : .hashtable) || model.count > 128)
    bench.keyspace.checkInvariants()
  }
  #expect(leaked == 0)
}

@Test(arguments: UInt64(1)...8) func hashesAreMaps(seed: UInt64) {
  let leaked = bytesLeaked {
    var dice = Dice(seed: seed)
    var bench = Bench()
    let location = bench.keyspace.insertHash(bench.key, bench.hash, bench.limits)
    var model: [[UInt8]: [UInt8]] = [:]
    for _ in 0..<3_000 {
      let field = names(&dice, seed % 2 == 0 ? 60 : 3_000)
      if dice.below(3) == 0 {
        let isGone = field.viewed { bench.keyspace.removeField(location, $0) }
        #expect(isGone == (model.removeValue(forKey: field) != nil))
      } else {
        let value = seed > 4 && dice.below(100) == 0 ? dice.bytes(2_000) : names(&dice, 1_000)
        let isNew = field.viewed { f in
          value.viewed { bench.keyspace.setField(location, f, $0, bench.limits) }
        }
        #expect(isNew == (model.updateValue(value, forKey: field) == nil))
      }
    }
    let view = HashView(bench.entry)
    var found: [[UInt8]: [UInt8]] = [:]
    var fields = view.cursor()
    while let item = fields.next() { found[text(item.name)] = text(item.value) }
    #expect(found == model && view.count == model.count)
    for (field, value) in model { #expect(field.viewed { view.value($0).map(text) } == value) }
    bench.keyspace.checkInvariants()
  }
  #expect(leaked == 0)
}

/// Pushes, pops, insertions, replacements and removals anywhere, with nodes of different sizes; from both directions.
/// Seeds from 8 on have elements in nodes of their own that are as short as 6 bytes.
@Test(arguments: [(1, -2), (2, -1), (3, 3), (4, 1), (5, -5), (6, 0), (7, 100), (8, -2), (9, 4)])
func listsAreArrays(seed: Int, size: Int) {
  let leaked = bytesLeaked {
    var dice = Dice(seed: UInt64(seed))
    var bench = Bench()
    bench.limits.listListpackSize = size
    if seed >= 8 { bench.limits.listPackedBytes = 6 }
    let location = bench.keyspace.insertList(bench.key, bench.hash)
    var model: [[UInt8]] = []
    for step in 0..<1_500 {
      let element = dice.below(20) == 0 ? dice.bytes(dice.below(9_000)) : names(&dice, 1_000)
      switch dice.below(10) {
      case 0...5:
        let index = [0, model.count, dice.below(model.count + 1)][dice.below(3)]
        element.viewed {
          bench.keyspace.growList(location, bytes: $0.count, count: 1, bench.limits)
          bench.keyspace.insertElement(location, $0, at: index, bench.limits)
        }
        model.insert(element, at: index)
      case 6...7 where !model.isEmpty:
        let index = dice.below(model.count)
        element.viewed {
          bench.keyspace.growList(location, bytes: $0.count, count: 1, bench.limits)
          bench.keyspace.replaceElement(location, at: index, with: $0, bench.limits)
        }
        model[index] = element
      case 8 where !model.isEmpty:
        let index = dice.below(model.count)
        let count = 1 + dice.below(min(5, model.count - index))
        bench.keyspace.removeElements(location, at: index, count: count)
        model.removeSubrange(index..<index + count)
        bench.keyspace.shrinkList(location, bench.limits)
      case 9 where step % 100 != 9 && !model.isEmpty:
        let indices = model.indices.filter { _ in dice.below(20) == 0 }
        bench.keyspace.removeElements(location, at: indices)
        for index in indices.reversed() { model.remove(at: index) }
        bench.keyspace.shrinkList(location, bench.limits)
      case 9 where step % 100 == 9:
        let kept = model.count / 3
        bench.keyspace.removeElements(location, at: 0, count: model.count - kept)
        model.removeFirst(model.count - kept)
        bench.keyspace.shrinkList(location, bench.limits)
      default: break
      }
    }
    let list = ListView(bench.entry)
    #expect(list.count == model.count)
    var found: [[UInt8]] = []
    var forward = list.cursor()
    while let element = forward.next() { found.append(text(element)) }
    #expect(found == model)
    found = []
    var backward = list.cursor(from: model.count - 1, isBackward: true)
    while let element = backward.next() { found.append(text(element)) }
    #expect(found == model.reversed())
    for index in stride(from: 0, to: model.count, by: 7) { #expect(list.element(index).map(text) == model[index]) }
    bench.keyspace.checkInvariants()
  }
  #expect(leaked == 0)
}

/// Scores rise, fall and go; ranks, ranges and order are those of a sorted array, small and large.
@Test(arguments: UInt64(1)...8) func sortedSetsAreSorted(seed: UInt64) {
  let leaked = bytesLeaked {
    var dice = Dice(seed: seed)
    var bench = Bench()
    let range = seed % 2 == 0 ? 60 : 4_000
    let location = bench.keyspace.insertSortedSet(bench.key, bench.hash, memberBytes: 1, bench.limits)
    var model: [[UInt8]: Double] = [:]
    for step in 0..<6_000 {
      let member = names(&dice, range)
      if dice.below(step < 4_000 ? 4 : 2) == 0 {
        let isGone = member.viewed { bench.keyspace.removeScored(location, $0) }
        #expect(isGone == (model.removeValue(forKey: member) != nil))
      } else {
        let score = seed > 4 ? Double(dice.below(10)) : Double(dice.below(1_000)) / 8
        let change = member.viewed { bench.keyspace.setScore(location, $0, score, bench.limits) }
        let old = model.updateValue(score, forKey: member)
        #expect(change == (old == nil ? .added : old == score ? .same : .changed))
      }
      if step % 1_000 == 0 { bench.keyspace.checkInvariants() }
    }
    var order = model.sorted { $0.value != $1.value ? $0.value < $1.value : $0.key.lexicographicallyPrecedes($1.key) }
    check(order, SortedSetView(bench.entry))
    bench.keyspace.checkInvariants()
    // Ranges go, down to nothing.
    while !order.isEmpty {
      let first = dice.below(order.count)
      let ranks = first..<first + 1 + dice.below(order.count - first)
      bench.keyspace.removeRanks(location, ranks)
      order.removeSubrange(ranks)
      bench.keyspace.checkInvariants()
    }
    #expect(SortedSetView(bench.entry).count == 0)
  }
  #expect(leaked == 0)
}

private func check(_ order: [(key: [UInt8], value: Double)], _ set: SortedSetView) {
  #expect(set.count == order.count)
  var members = set.cursor()
  var reversed = set.cursor(from: order.count - 1, isBackward: true)
  for index in order.indices {
    let item = members.next()
    #expect(item.map { text($0.name) } == order[index].key && item?.score == order[index].value)
    let other = reversed.next()
    #expect(other.map { text($0.name) } == order[order.count - 1 - index].key)
    if index % 5 == 0 { #expect(order[index].key.viewed { set.rank($0)?.rank } == index) }
  }
  #expect(members.next() == nil && reversed.next() == nil)
  for bound in [-1.0, 0, 3, 7.5, 50, 1e9] {
    #expect(set.count { score, _ in score < bound } == order.filter { $0.value < bound }.count)
  }
}

/// A value that somebody has pinned stays as it was; the key's goes its own way. Both are freed, the one that is large
/// in steps.
@Test func pinnedValuesStayAsTheyWere() {
  let leaked = bytesLeaked {
    var bench = Bench()
    var graveyard = Graveyard()
    var location = bench.keyspace.insertSortedSet(bench.key, bench.hash, memberBytes: 1, bench.limits)
    for number in 0..<1_000 {
      Array("m\(number)".utf8).viewed { _ = bench.keyspace.setScore(location, $0, Double(number % 7), bench.limits) }
    }
    let pin = PinnedValue(pinning: location.entry)
    var before = location.entry.items()
    for number in 0..<500 { Array("m\(number)".utf8).viewed { _ = bench.keyspace.removeScored(location, $0) } }
    #expect(SortedSetView(location.entry).count == 500)
    var count = 0
    while before.next() != nil { count += 1 }
    #expect(count == 1_000)
    pin.release()
    bench.keyspace.checkInvariants()
    bench.keyspace.remove(location, into: &graveyard)
    let pending = graveyard.pendingCount
    #expect(pending == 1)
    var steps = 0
    while graveyard.pendingCount > 0 {
      let freed = graveyard.free(upTo: 10)
      #expect(freed < 100)
      steps += 1
    }
    #expect(steps > 10)
    // One that is still pinned waits until it is not.
    location = bench.keyspace.insertList(bench.key, bench.hash)
    bench.keyspace.growList(location, bytes: 1 << 20, count: 1, bench.limits)
    for _ in 0..<100 { dots.viewed { bench.keyspace.insertElement(location, $0, at: 0, bench.limits) } }
    let other = PinnedValue(pinning: location.entry)
    bench.keyspace.remove(location, into: &graveyard)
    let (freed, isEmpty) = (graveyard.free(upTo: 1_000), graveyard.isEmpty)
    #expect(freed == 0 && !isEmpty)
    other.release()
    while graveyard.free(upTo: 1_000) > 0 {}
    let isDone = graveyard.isEmpty
    #expect(isDone)
  }
  #expect(leaked == 0)
}

private let dots = [UInt8](repeating: 46, count: 5_000)

/// A copy shares nothing that a change of either shows.
@Test func copiesAreTheirOwn() {
  let leaked = bytesLeaked {
    var bench = Bench()
    bench.limits.listListpackSize = 4
    let location = bench.keyspace.insertList(bench.key, bench.hash)
    bench.keyspace.growList(location, bytes: 9_000, count: 100, bench.limits)
    for _ in 0..<100 { bench.keyspace.insertElement(location, ByteView("x"), at: 0, bench.limits) }
    let other = ByteView("other")
    let copy = LooseEntry(copying: location.entry)
    bench.keyspace.put(copy, other, KeyHash(other))
    bench.keyspace.replaceElement(bench.location, at: 50, with: ByteView("changed"), bench.limits)
    let twin = bench.keyspace.find(other, KeyHash(other))!
    #expect(ListView(twin.entry).element(50).map(text) == Array("x".utf8))
    #expect(ListView(bench.entry).element(50).map(text) == Array("changed".utf8))
    bench.keyspace.checkInvariants()
  }
  #expect(leaked == 0)
}

/// Scores read back as what they were, in the form that clients know.
@Test func scoresAsText() {
  let known: [(Double, String)] = [
    (0, "0"), (3, "3"), (-17, "-17"), (0.1, "0.1"), (1.5e300, "1.5e+300"), (1e21, "1e+21"), (1e-7, "1e-7"),
    (123456789012345678, "123456789012345680"), (1e18, "1000000000000000000"), (1e19, "1e+19"), (0.0001, "0.0001"), (.infinity, "inf"), (-.infinity, "-inf"),
    (-0.0, "-0"), (1e17, "100000000000000000"), (2.5, "2.5"),
  ]
  for (score, expected) in known { #expect(ScoreText.with(score) { $0.text } == expected) }
  var dice = Dice(seed: 5)
  for _ in 0..<20_000 {
    let score = Double(bitPattern: dice.next())
    guard !score.isNaN else { continue }
    #expect(ScoreText.with(score) { $0.double } == score)
  }
  for bad in ["", " 1", "1 ", "nan", "1e400", "1e-400", "abc", "1x", "--1"] {
    #expect(Array(bad.utf8).viewed { $0.double } == nil, "\(bad)")
  }
}
