// StreamTests.swift — streams against a model: a sorted list of entries, and who has what pending.
import Bytes
import Testing

@testable import Store

/// Lends words as views.
private func withWords<Result>(_ words: [String], _ body: (UnsafeBufferPointer<ByteView>) -> Result) -> Result {
  let flat = Array(words.joined().utf8) + [0]
  return flat.withUnsafeBytes { memory in
    var start = 0
    let views = words.map { word in
      defer { start += word.utf8.count }
      return ByteView(UnsafeRawBufferPointer(rebasing: memory[start..<start + word.utf8.count]))
    }
    return views.withUnsafeBufferPointer(body)
  }
}

private func withView<Result>(_ text: String, _ body: (ByteView) -> Result) -> Result {
  withWords([text]) { body($0[0]) }
}

private func text(_ element: Element) -> String {
  element.withView { $0.text }
}

/// The words of an entry.
private func words(_ entry: StreamEntry) -> [String] {
  var result: [String] = []
  var fields = entry.fields
  while let (field, value) = fields.next() { result += [text(field), text(value)] }
  return result
}

private func entries(
  _ stream: StreamReference, _ first: StreamID, _ last: StreamID, isReversed: Bool
) -> [(StreamID, [String])] {
  var cursor = stream.cursor(from: first, through: last, isReversed: isReversed)
  var result: [(StreamID, [String])] = []
  while let entry = cursor.next() { result.append((entry.id, words(entry))) }
  return result
}

/// An index of any order of insertions and removals is the sorted list of what is left.
@Test(arguments: [UInt64(1), 2, 3]) func indexIsASortedList(seed: UInt64) {
  var random = Dice(seed: seed)
  var index = StreamIndex<Int>()
  var model: [StreamID: Int] = [:]
  for step in 0..<6_000 {
    let grows = step < 3_000
    let id = StreamID(UInt64.random(in: 0..<1_500, using: &random), 0)
    if Int.random(in: 0..<10, using: &random) < (grows ? 7 : 3) {
      let isNew = model[id] == nil
      #expect(index.insert(id, step) == isNew)
      if isNew { model[id] = step }
    } else {
      let place = index.find(id)
      #expect((place == nil) == (model[id] == nil))
      if let place {
        #expect(index[place].value == model[id])
        index.remove(place)
        model[id] = nil
      }
    }
    guard step % 500 == 0 else { continue }
    var found: [StreamID] = []
    var place = index.first
    while let here = place {
      found.append(index[here].id)
      place = index.next(here)
    }
    #expect(found == model.keys.sorted() && index.count == found.count)
    place = index.last
    var backwards: [StreamID] = []
    while let here = place {
      backwards.append(index[here].id)
      place = index.previous(here)
    }
    #expect(backwards == found.reversed())
    let probe = StreamID(UInt64.random(in: 0..<1_500, using: &random), 1)
    #expect(index.place(atLeast: probe).map { index[$0].id } == found.first { $0 >= probe })
    #expect(index.place(atMost: probe).map { index[$0].id } == found.last { $0 <= probe })
  }
}

/// Additions, deletions, trims and reads in both directions are those of a sorted list of entries.
@Test(arguments: [UInt64(4), 5, 6, 7]) func entriesAreASortedList(seed: UInt64) {
  var random = Dice(seed: seed)
  let stream = StreamReference.make()
  defer { stream.release() }
  var model: [(id: StreamID, words: [String])] = []
  var limits = StreamLimits()
  limits.blockEntries = Int.random(in: 1...20, using: &random)
  limits.blockBytes = [0, 200, 4096].randomElement(using: &random) ?? 0
  var last = StreamID.zero
  var deletedMax = StreamID.zero
  for step in 0..<3_000 {
    switch Int.random(in: 0..<20, using: &random) {
    case 0..<12:
      last = StreamID(last.milliseconds + UInt64.random(in: 0...2, using: &random), last.sequence + 1)
      let names = Bool.random(using: &random) ? ["a", "b"] : (0..<Int.random(in: 1...4, using: &random)).map { "f\($0)" }
      let long = String(repeating: "v", count: step % 150)
      let content = names.flatMap { [$0, Bool.random(using: &random) ? "\(step)" : long] }
      withWords(content) { stream.append(last, $0, limits) }
      model.append((last, content))
    case 12..<16:
      let id = model.randomElement(using: &random)?.id ?? StreamID(1, 1)
      let isThere = model.contains { $0.id == id }
      #expect(stream.delete(id) == isThere)
      #expect(stream.delete(id) == false)
      model.removeAll { $0.id == id }
      if isThere { deletedMax = max(deletedMax, id) }
    case 16:
      let left = Int.random(in: 0...(model.count + 2), using: &random)
      #expect(stream.trim(StreamTrim(.count(left))) == max(0, model.count - left))
      model.removeFirst(max(0, model.count - left))
    case 17:
      let bound = model.randomElement(using: &random)?.id ?? .zero
      let removed = stream.trim(StreamTrim(.before(bound)))
      #expect(removed == model.count { $0.id < bound })
      model.removeAll { $0.id < bound }
    case 18:
      // What an approximate trim takes is for it to say, but never too much and always the first.
      let left = Int.random(in: 0...(model.count + 2), using: &random)
      let removed = stream.trim(StreamTrim(.count(left), isApproximate: true, entriesMax: 30))
      #expect(removed <= max(0, model.count - left) && removed <= 30)
      model.removeFirst(removed)
    default:
      let bounds = [model.randomElement(using: &random)?.id ?? .zero, StreamID(UInt64(step), 0)].sorted()
      let expected = model.filter { $0.id >= bounds[0] && $0.id <= bounds[1] }
      let forwards = entries(stream, bounds[0], bounds[1], isReversed: false)
      #expect(forwards.map(\.0) == expected.map(\.id) && forwards.map(\.1) == expected.map(\.words))
      let backwards = entries(stream, bounds[0], bounds[1], isReversed: true)
      #expect(backwards.map(\.0) == expected.map(\.id).reversed())
    }
    #expect(stream.count == model.count && stream.firstID == model.first?.id ?? .zero)
    #expect(stream.lastID == last && stream.deletedIDMax == deletedMax)
    if step % 100 == 0 { stream.checkInvariants() }
  }
  let all = entries(stream, .zero, .greatest, isReversed: false)
  #expect(all.map(\.1) == model.map(\.words))
}

/// What is pending belongs to one consumer at a time, and goes when it, its group or the entry's owner goes.
@Test(arguments: [UInt64(8), 9]) func pendingEntriesHaveOneOwner(seed: UInt64) throws {
  var random = Dice(seed: seed)
  let stream = StreamReference.make()
  defer { stream.release() }
  let group = try #require(withView("group") { stream.makeGroup($0, lastID: .zero, entriesRead: nil) })
  #expect(withView("group") { stream.makeGroup($0, lastID: .zero, entriesRead: nil) } == nil)
  var model: [StreamID: String] = [:]
  for step in 0..<4_000 {
    let name = "consumer\(Int.random(in: 0..<5, using: &random))"
    let id = StreamID(UInt64.random(in: 0..<400, using: &random), 0)
    switch Int.random(in: 0..<20, using: &random) {
    case 0..<11:
      let consumer = withView(name) { group.findConsumer($0) ?? stream.makeConsumer($0, in: group, now: 1) }
      stream.assign(id, to: try #require(consumer), in: group, delivered: Int64(step), deliveries: 2)
      model[id] = name
    case 11..<19:
      #expect(stream.acknowledge(id, in: group) == (model.removeValue(forKey: id) != nil))
    default:
      guard let consumer = withView(name, { group.findConsumer($0) }) else { break }
      #expect(consumer.pendingCount == model.values.count { $0 == name })
      stream.remove(consumer, of: group)
      model = model.filter { $0.value != name }
    }
    #expect(group.pendingCount == model.count)
    if step % 200 == 0 {
      stream.checkInvariants()
      let copy = stream.copied()
      copy.checkInvariants()
      #expect(copy.groups[0].pendingCount == model.count && copy.memoryBytes > 0)
      copy.release()
    }
  }
  for (id, name) in model { #expect(group.pending(id).map { $0.consumer.name.text } == name) }
}

/// A pinned stream stays as it was; the key gets a copy for its writer.
@Test func pinnedStreamsDoNotChange() throws {
  var keyspace = Keyspace()
  let location = withView("key") { keyspace.insertStream($0, KeyHash($0)) }
  withWords(["a", "1"]) { words in
    keyspace.changeStream(location) { $0.append(StreamID(1, 1), words, StreamLimits()) }
    let pinned = location.entry.stream
    pinned?.pin()
    keyspace.changeStream(location) { $0.append(StreamID(2, 1), words, StreamLimits()) }
    #expect(pinned?.count == 1)
    #expect(location.entry.stream?.count == 2)
    pinned?.release()
  }
  keyspace.checkInvariants()
}

/// Bytes of a block that were changed anywhere are either refused or a block that can be walked.
@Test func damagedBlocksAreRefusedOrSound() throws {
  var random = Dice(seed: 10)
  let stream = StreamReference.make()
  defer { stream.release() }
  for number in 1...12 {
    withWords(number % 3 == 0 ? ["x", "y", "z", "1"] : ["a", "\(number)"]) {
      stream.append(StreamID(UInt64(number), 0), $0, StreamLimits())
    }
  }
  _ = stream.delete(StreamID(5, 0))
  let (id, bytes) = try #require(stream.block(atLeast: .zero))
  let sound = Array(bytes.buffer)
  // Numbers of seven bits become others: that a listpack's lengths agree is found out before.
  var numbers: [Int] = []
  var next = Listpack(bytes).first
  while let place = next {
    if sound[place] < 0x80 { numbers.append(place) }
    next = Listpack(bytes).next(after: place)
  }
  for _ in 0..<20_000 {
    var damaged = sound
    let place = try #require(numbers.randomElement(using: &random))
    damaged[place] = UInt8.random(in: 0..<0x80, using: &random)
    damaged.withUnsafeBytes { memory in
      guard StreamBlock.isSound(ByteView(memory)) else { return }
      let other = StreamReference.make()
      defer { other.release() }
      guard other.loadBlock(id, ByteView(memory)) else { return }
      _ = entries(other, .zero, .greatest, isReversed: false)
      _ = entries(other, .zero, .greatest, isReversed: true)
    }
  }
  let copy = StreamReference.make()
  defer { copy.release() }
  #expect(sound.withUnsafeBytes { copy.loadBlock(id, ByteView($0)) })
  #expect(copy.loadFigures(length: 11, last: StreamID(12, 0), added: 12, deleted: StreamID(5, 0)))
  copy.checkInvariants()
  #expect(!copy.loadFigures(length: 12, last: StreamID(12, 0), added: 12, deleted: nil))
}
