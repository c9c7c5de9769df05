// Sort.swift — SORT and SORT_RO.
//
//   SORT key [BY pattern] [LIMIT offset count] [GET pattern …] [ASC|DESC] [ALPHA] [STORE target]
//
//   pattern:   weight:*          the string at the key with the element in the place of the star
//              object:*->field   a field of the hash there
//              #                 the element itself (GET)
//              nosort            no star: the elements stay in their order (BY)
//
// Nothing is copied: elements and weights are looked at where they are, since a command that reads moves no entry.
import Bytes
import Store
import Wire

public enum Sort {
  public static var definitions: [CommandDefinition] {
    [
      CommandDefinition(
        "sort", arity: -2, [.write, .denyOOM, .unbounded], [.set, .sortedSet, .list, .dangerous],
        keys: [
          .key(1, [.readOnly, .access]), KeySpecification(.unknown, .unknown, [.readOnly, .access]),
          KeySpecification(.unknown, .unknown, [.overwrite, .update]),
        ],
        findKeys: keysOfSort, group: .generic, since: "1.0.0",
        "The elements of a list, set or sorted set in another order, told or kept.",
        complexity: "O(N+M*log(M)), N being the number of elements and M the number of elements told",
        arguments: "key [BY by-pattern~pattern:pattern] [LIMIT limit{offset:integer count:integer}] [GET "
          + "get-pattern~pattern:pattern]... [order(ASC|DESC)] [sorting=ALPHA] [STORE destination:key#2]",
        run: sort),
      CommandDefinition(
        "sort_ro", arity: -2, [.readonly, .unbounded], [.set, .sortedSet, .list, .dangerous],
        keys: [.key(1, [.readOnly, .access]), KeySpecification(.unknown, .unknown, [.readOnly, .access])],
        findKeys: keysOfReading, group: .generic, since: "7.0.0",
        "The elements of a list, set or sorted set in another order.",
        complexity: "O(N+M*log(M)), N being the number of elements and M the number of elements told",
        arguments: "key [BY by-pattern~pattern:pattern] [LIMIT limit{offset:integer count:integer}] [GET "
          + "get-pattern~pattern:pattern]... [order(ASC|DESC)] [sorting=ALPHA]",
        run: sortReadOnly),
    ]
  }

  /// The key, and what STORE names.
  private static let keysOfSort: KeyFinder = { arguments in
    guard arguments.count > 1 else { return nil }
    var keys = [KeyReference(position: 1, flags: [.readOnly, .access])]
    var index = 2
    while index < arguments.count {
      if arguments[index].equalsIgnoringCase("limit") {
        index += 3
      } else if arguments[index].equalsIgnoringCase("by") || arguments[index].equalsIgnoringCase("get") {
        index += 2
      } else if arguments[index].equalsIgnoringCase("store") && index + 1 < arguments.count {
        keys = [keys[0], KeyReference(position: index + 1, flags: [.overwrite, .update])]
        index += 2
      } else {
        index += 1
      }
    }
    return keys
  }

  private static let keysOfReading: KeyFinder = { arguments in
    arguments.count > 1 ? [KeyReference(position: 1, flags: [.readOnly, .access])] : nil
  }

  // MARK: words

  private struct Request {
    var isDescending = false
    var isAlphabetic = false
    var offset: Int64 = 0
    /// Negative: all.
    var limit: Int64 = -1
    var by: SortPattern?
    /// BY a pattern without a star.
    var keepsOrder = false
    var gets: [SortPattern] = []
    /// The word that names the target.
    var target: Int?
  }

  static func sort(_ execution: inout Execution) { sort(&execution, mayStore: true) }
  static func sortReadOnly(_ execution: inout Execution) { sort(&execution, mayStore: false) }

  /// Answers the error and nil.
  private static func request(_ execution: inout Execution, mayStore: Bool) -> Request? {
    var request = Request()
    var index = 2
    while index < execution.arguments.count {
      let word = execution.arguments[index]
      let left = execution.arguments.count - index - 1
      if word.equalsIgnoringCase("asc") {
        request.isDescending = false
      } else if word.equalsIgnoringCase("desc") {
        request.isDescending = true
      } else if word.equalsIgnoringCase("alpha") {
        request.isAlphabetic = true
      } else if word.equalsIgnoringCase("limit") && left >= 2 {
        guard let offset = execution.integer(index + 1), let limit = execution.integer(index + 2) else { return nil }
        (request.offset, request.limit) = (offset, limit)
        index += 2
      } else if mayStore && word.equalsIgnoringCase("store") && left >= 1 {
        request.target = index + 1
        index += 1
      } else if word.equalsIgnoringCase("by") && left >= 1 {
        let pattern = SortPattern(execution.arguments[index + 1])
        request.by = pattern.star == nil ? nil : pattern
        request.keepsOrder = request.keepsOrder || pattern.star == nil
        index += 1
      } else if word.equalsIgnoringCase("get") && left >= 1 {
        request.gets.append(SortPattern(execution.arguments[index + 1]))
        index += 1
      } else {
        execution.refuseSyntax()
        return nil
      }
      index += 1
    }
    return request
  }

  // MARK: sorting

  private struct Candidate {
    let element: Element
    var score = 0.0
    /// What it is compared by with ALPHA; nil: there is none.
    var text: Element?
  }

  private static func sort(_ execution: inout Execution, mayStore: Bool) {
    execution.hasMetEndedField = false
    guard var request = request(&execution, mayStore: mayStore) else { return }
    var candidates: [Candidate] = []
    let location = execution.read(execution.arguments[1])
    execution.pin(location, word: 1)
    if let location {
      let entry = location.entry
      guard entry.type == .list || entry.type == .set || entry.type == .sortedSet else {
        return execution.refuseType()
      }
      // A set has no order to keep, and what is stored must be the same everywhere.
      if request.keepsOrder && entry.type == .set && request.target != nil {
        request.keepsOrder = false
        request.isAlphabetic = true
        request.by = nil
      }
      candidates = elements(entry, request, &execution)
    }
    let range = limited(candidates.count, request)
    var texts = TextStore()
    if !request.keepsOrder {
      guard weigh(&candidates, request, &texts, &execution) else {
        return execution.reply.error("ERR One or more scores can't be converted into double")
      }
      PausingSort.sort(&candidates, &execution) { precedes($0, $1, request) }
    }
    guard !execution.pauses.isAbandoned else { return }
    if let target = request.target {
      store(candidates[range], request, execution.arguments[target], &execution)
    } else {
      tell(candidates[range], request, &execution)
    }
  }

  /// The elements in their own order, which DESC turns round if it is kept and there is one.
  private static func elements(_ entry: Entry, _ request: Request, _ execution: inout Execution) -> [Candidate] {
    var candidates: [Candidate] = []
    var items = entry.items()
    let isReversed = request.keepsOrder && request.isDescending && entry.type != .set
    candidates.reserveCapacity(items.count)
    while let item = items.next(), execution.mayGoOn() { candidates.append(Candidate(element: item.name)) }
    if isReversed { candidates.reverse() }
    return candidates
  }

  private static func limited(_ count: Int, _ request: Request) -> Range<Int> {
    let begin = min(max(0, request.offset), Int64(count))
    let length = request.limit < 0 ? Int64(count) - begin : min(request.limit, Int64(count) - begin)
    return Int(begin)..<Int(begin + length)
  }

  /// Finds what each element is compared by. False if a weight is no number.
  private static func weigh(
    _ candidates: inout [Candidate], _ request: Request, _ texts: inout TextStore, _ execution: inout Execution
  ) -> Bool {
    for index in candidates.indices {
      guard execution.mayGoOn(after: request.by == nil ? 1 : 4) else { return true }
      let element = candidates[index].element
      let weight = request.by == nil ? element : request.by?.value(element, &execution)
      if request.isAlphabetic {
        // The bytes of other keys may be gone before the last comparison.
        candidates[index].text = request.by == nil ? weight : weight.map { texts.keep($0) }
      } else if let weight {
        guard let score = number(weight) else { return false }
        candidates[index].score = score
      }
    }
    return true
  }

  private static func number(_ element: Element) -> Double? {
    switch element {
    case .integer(let value): Double(value)
    case .bytes(let bytes): bytes.isEmpty ? 0 : bytes.double
    }
  }

  private static func precedes(_ one: Candidate, _ other: Candidate, _ request: Request) -> Bool {
    let order: Int
    if request.isAlphabetic {
      switch (one.text, other.text) {
      case (nil, nil): order = 0
      case (nil, _): order = -1
      case (_, nil): order = 1
      case (let a?, let b?): order = compare(a, b)
      }
    } else if one.score != other.score {
      order = one.score < other.score ? -1 : 1
    } else {
      order = compare(one.element, other.element)
    }
    return request.isDescending ? order > 0 : order < 0
  }

  private static func compare(_ one: Element, _ other: Element) -> Int {
    one.withView { a in other.withView { b in a == b ? 0 : a.precedes(b) ? -1 : 1 } }
  }

  // MARK: results

  private static func tell(_ sorted: ArraySlice<Candidate>, _ request: Request, _ execution: inout Execution) {
    execution.reply.array(sorted.count * max(1, request.gets.count))
    for candidate in sorted {
      guard execution.mayGoOn(after: 1 + 4 * request.gets.count) else { return }
      guard !request.gets.isEmpty else {
        execution.reply.bulk(candidate.element)
        continue
      }
      for get in request.gets {
        if let value = get.value(candidate.element, &execution) {
          execution.reply.bulk(value)
        } else {
          execution.reply.null()
        }
      }
    }
  }

  /// Keeps the result as a list; what is not there becomes an empty element.
  private static func store(
    _ sorted: ArraySlice<Candidate>, _ request: Request, _ target: ByteView, _ execution: inout Execution
  ) {
    var scratch = Keyspace()
    let place = scratch.insertList(target, KeyHash(target))
    let limits = execution.rules.encodings
    var count = 0
    func append(_ element: Element) {
      element.withView {
        scratch.growList(place, bytes: $0.count, count: 1, limits)
        scratch.insertElement(place, $0, at: count, limits)
      }
      count += 1
    }
    for candidate in sorted {
      guard execution.mayGoOn(after: 2 + 4 * request.gets.count) else { return execution.discard(&scratch, target) }
      if request.gets.isEmpty { append(candidate.element) }
      for get in request.gets { append(get.value(candidate.element, &execution) ?? .bytes(.empty)) }
    }
    execution.storeResult(target, from: &scratch, count: count, .list, "sortstore")
    // Replayed, the patterns would find the fields that had ended, and what others have changed meanwhile.
    let mayDiffer = execution.pauses.hasPaused && (request.by != nil || !request.gets.isEmpty)
    if (execution.hasMetEndedField || mayDiffer) && !execution.effects.isReplaced { execution.recordResult(target) }
  }
}

/// A pattern of BY or GET.
/// Copies of texts, which stay where they are.
private struct TextStore: ~Copyable {
  private var blocks: [BlobReference] = []
  private static let blockBytes = 16 << 10

  deinit { for block in blocks { block.release() } }

  mutating func keep(_ element: Element) -> Element {
    guard case .bytes(let bytes) = element else { return element }
    var block = blocks.last
    if block.map({ $0.capacity - $0.count < bytes.count }) ?? true {
      let fresh = BlobReference.allocate(capacity: max(TextStore.blockBytes, bytes.count))
      blocks.append(fresh)
      block = fresh
    }
    guard let block else { return element }
    let place = block.start + block.count
    bytes.copy(to: place)
    block.setCount(block.count + bytes.count)
    return .bytes(ByteView(start: place, count: bytes.count))
  }
}

private struct SortPattern {
  let text: ByteView
  /// Where the star stands.
  let star: Int?
  /// The field behind "->".
  let field: ByteView?
  /// Where the key's part ends.
  let end: Int

  init(_ text: ByteView) {
    self.text = text
    star = (0..<text.count).first { text[$0] == UInt8(ascii: "*") }
    var arrow: Int?
    if let star {
      arrow = (star + 1..<max(star + 1, text.count - 1)).first {
        text[$0] == UInt8(ascii: "-") && text[$0 + 1] == UInt8(ascii: ">")
      }
    }
    if let arrow, arrow + 2 < text.count {
      field = text[arrow + 2..<text.count]
      end = arrow
    } else {
      field = nil
      end = text.count
    }
  }

  /// What the pattern means for an element, or nil if it means nothing that is there.
  func value(_ element: Element, _ execution: inout Execution) -> Element? {
    if text == ByteView("#") { return element }
    guard let star else { return nil }
    var key: [UInt8] = []
    key.append(contentsOf: text[0..<star].buffer)
    element.withView { key.append(contentsOf: $0.buffer) }
    key.append(contentsOf: text[star + 1..<end].buffer)
    return key.withUnsafeBytes { read(ByteView($0), &execution) }
  }

  private func read(_ key: ByteView, _ execution: inout Execution) -> Element? {
    execution.effects.touches(key, database: Int(execution.session.pointee.database))
    guard let location = execution.read(key) else { return nil }
    let entry = location.entry
    if let field { return entry.type == .hash ? execution.fieldForSort(location, field) : nil }
    guard entry.isString else { return nil }
    return entry.isInteger ? .integer(entry.integer) : .bytes(entry.bytes)
  }
}
