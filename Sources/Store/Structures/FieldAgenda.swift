// FieldAgenda.swift: which hashes have fields that end, and which of them to look at next.
//
//   keyspace ──▶ agenda ──▶ ┌───────────────────────────────────┬───────────────────────────────┐
//                           │ a sorted set: key ─ when to look  │ the hash under way: its sweep │
//                           └───────────────────────────────────┴───────────────────────────────┘
//
// A hash is listed while it has a field with an expiry. It is looked at no later than the first of
// them ends, unless it could not be changed then, so hashes that are not due cost nothing however many there are.
// Databases without such hashes have one null pointer here.
import Bytes

@safe struct FieldAgenda: ~Copyable {
  private struct Root {
    let hashes = CollectionReference.make()
    /// The hash under way, how far it was swept, and the first end among the fields that go on.
    var swept: KeyHash?
    var sweep = Sweep()
    var earliest = Milliseconds.max
  }

  private var root: UnsafeMutablePointer<Root>?

  init() { unsafe root = nil }

  deinit {
    guard let root = unsafe root else { return }
    unsafe root.pointee.hashes.release()
    unsafe root.deallocate()
  }

  /// Hashes listed.
  var count: Int { unsafe root?.pointee.hashes.count ?? 0 }

  var memoryBytes: Int {
    guard let root = unsafe root else { return 0 }
    return unsafe root.pointee.hashes.memoryBytes + SizeClass.round(MemoryLayout<Root>.size)
  }

  // MARK: the list

  /// The key to look at first, and when.
  var first: (key: ByteView, due: Milliseconds)? {
    guard let root = unsafe root else { return nil }
    var hashes = unsafe root.pointee.hashes.root.pointee.ranks.cursor(at: 0)
    return hashes.next().map { ($0.key, Milliseconds(clamping: $0.score)) }
  }

  /// When the hash under `key` is to be looked at, or nil if it is not listed.
  func due(_ key: ByteView, _ hash: KeyHash) -> Milliseconds? {
    guard let root = unsafe root, let entry = unsafe root.pointee.hashes.find(key, hash) else { return nil }
    return Milliseconds(clamping: entry.score)
  }

  /// A field of the hash under `key` ends at `instant`.
  mutating func note(_ key: ByteView, _ hash: KeyHash, endsAt instant: Milliseconds) {
    let root = unsafe make()
    if unsafe root.pointee.swept == hash { unsafe root.pointee.earliest = min(root.pointee.earliest, instant) }
    if let due = due(key, hash), due <= instant { return }
    schedule(key, hash, at: instant)
  }

  /// The hash under `key` is to be looked at then, and not before.
  mutating func schedule(_ key: ByteView, _ hash: KeyHash, at instant: Milliseconds) {
    let hashes = unsafe make().pointee.hashes.root
    let score = Double(instant)
    guard let place = unsafe hashes.pointee.elements.find(key, hash) else {
      return unsafe hashes.pointee.add(key, hash, score)
    }
    unsafe hashes.pointee.ranks.remove(place.entry)
    unsafe hashes.pointee.elements.setInteger(place, Int64(bitPattern: score.bitPattern))
    unsafe hashes.pointee.ranks.insert(place.entry)
  }

  /// No field of the hash under `key` ends any more, or it is gone.
  mutating func remove(_ key: ByteView, _ hash: KeyHash) {
    guard let root = unsafe root, let place = unsafe root.pointee.hashes.root.pointee.elements.find(key, hash) else {
      return
    }
    if unsafe root.pointee.swept == hash { unsafe root.pointee.swept = nil }
    unsafe root.pointee.hashes.root.pointee.ranks.remove(place.entry)
    unsafe root.pointee.hashes.root.pointee.elements.remove(place)
  }

  private mutating func make() -> UnsafeMutablePointer<Root> {
    if let root = unsafe root { return unsafe root }
    let made = UnsafeMutablePointer<Root>.allocate(capacity: 1)
    unsafe made.initialize(to: Root())
    unsafe root = made
    return unsafe made
  }

  /// Forgets everything; the memory goes to the graveyard.
  mutating func empty(into graveyard: inout Graveyard) {
    guard let root = unsafe root else { return }
    graveyard.bury(Entry.holding(unsafe root.pointee.hashes))
    unsafe root.deallocate()
    unsafe self.root = nil
  }

  // MARK: the hash under way

  /// How far the hash under way was swept; from the beginning if it was another one.
  mutating func resume(_ hash: KeyHash) -> (sweep: Sweep, earliest: Milliseconds) {
    let root = unsafe make()
    guard unsafe root.pointee.swept == hash else { return (Sweep(), .max) }
    return unsafe (root.pointee.sweep, root.pointee.earliest)
  }

  /// Keeps how far the hash was swept. At the end it is looked at again when the first of the fields that go on ends.
  mutating func pause(_ key: ByteView, _ hash: KeyHash, _ sweep: Sweep, earliest: Milliseconds) {
    let root = unsafe make()
    unsafe root.pointee.swept = sweep.isDone ? nil : hash
    unsafe root.pointee.sweep = sweep
    unsafe root.pointee.earliest = earliest
    if sweep.isDone { schedule(key, hash, at: earliest) }
  }
}

extension Milliseconds {
  /// The nearest there is.
  fileprivate init(clamping score: Double) { self = Milliseconds(exactly: score) ?? (score < 0 ? .min : .max) }
}

extension Entry {
  /// A sorted set that stands nowhere, under no key.
  fileprivate static func holding(_ collection: CollectionReference) -> Entry {
    let shape = EntryShape(
      kind: kind(.sortedSet, .skiplist), flags: Flag.payload, keyCount: 0, inlineCount: 0)
    let entry = allocate(shape, key: .empty, stamp: 0)
    entry.payload = collection.bits
    return entry
  }
}
