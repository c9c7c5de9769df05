// Keyspace+SortedSets.swift: changing sorted sets.
//
// A sorted set begins as a listpack and becomes a table with a tree when a member is too long or members are too
// many; it never goes back. It may become empty here; who empties it removes the key. No score is NaN.
import Bytes

extension Keyspace {
  /// Adds an empty sorted set in the form that suits a first member of `memberBytes` and about `count` members, under
  /// a key for which `find` answered nil.
  public mutating func insertSortedSet(
    _ key: ByteView, _ hash: KeyHash, memberBytes: Int, count: Int = 1, _ limits: EncodingLimits,
    expiry: Milliseconds? = nil
  ) -> Location {
    guard count <= limits.sortedSetListpackEntries && memberBytes <= limits.sortedSetListpackValueBytes else {
      return insert(key, hash, .sortedSet, .skiplist, payload: CollectionReference.make().bits, expiry: expiry)
    }
    return insert(key, hash, .sortedSet, .listpack, payload: Listpack.make(spare: 32).bits, expiry: expiry)
  }

  /// What `setScore` did.
  public enum ScoreChange: Sendable {
    case added, changed, same
  }

  /// Gives a member of the sorted set at `location` a score. `member` must not lie inside the set.
  @discardableResult
  public mutating func setScore(
    _ location: Location, _ member: ByteView, _ score: Double, _ limits: EncodingLimits
  ) -> ScoreChange {
    precondition(!score.isNaN, "a score is a number")
    switch SortedSetView(location.entry).form {
    case .listpack(let list):
      if let place = list.find(member, stride: 2), let old = list.next(after: place) {
        guard list.element(at: old).score != score else { return .same }
        changePacked(location) { Listpack.remove(at: place, count: 2, from: $0) }
        insertPacked(location, member, score)
        return .changed
      }
      let isLong = member.count > limits.sortedSetListpackValueBytes
      guard !isLong, list.count / 2 < limits.sortedSetListpackEntries,
        list.byteCount + member.count <= Listpack.safeBytesMax
      else {
        spreadSortedSet(location)
        return setScore(location, member, score, limits)
      }
      insertPacked(location, member, score)
      return .added
    case .tree(let tree):
      let hash = KeyHash(member)
      guard let entry = tree.find(member, hash) else {
        changeCollection(location) { $0.add(member, hash, score) }
        return .added
      }
      guard entry.score != score else { return .same }
      changeCollection(location) { root in
        guard let place = root.elements.find(member, hash) else { return }
        root.ranks.remove(place.entry)
        root.elements.setInteger(place, Int64(bitPattern: score.bitPattern))
        root.ranks.insert(place.entry)
      }
      return .changed
    }
  }

  /// Puts a member that is not there into a listpack, where its score and bytes say.
  private mutating func insertPacked(_ location: Location, _ member: ByteView, _ score: Double) {
    let list = Listpack(BlobReference(bits: location.entry.payload))
    var place = list.first
    while let here = place, let scorePlace = list.next(after: here) {
      let other = list.element(at: scorePlace).score
      if other > score { break }
      if other == score && list.element(at: here).withView({ member.precedes($0) }) { break }
      place = list.next(after: scorePlace)
    }
    let offset = place ?? list.end
    changePacked(location) { blob in
      // Packed, a zero has no sign, as in Redis.
      ScoreText.with(score == 0 ? 0 : score) { text in
        let packed = Listpack.insert(Element(packing: text), at: offset, in: blob)
        return Listpack.insert(Element(packing: member), at: offset, in: packed)
      }
    }
  }

  /// Takes a member out of the sorted set at `location`; false if it was not there.
  @discardableResult
  public mutating func removeScored(_ location: Location, _ member: ByteView) -> Bool {
    switch SortedSetView(location.entry).form {
    case .listpack(let list):
      guard let place = list.find(member, stride: 2) else { return false }
      changePacked(location) { Listpack.remove(at: place, count: 2, from: $0) }
    case .tree(let tree):
      let hash = KeyHash(member)
      guard tree.find(member, hash) != nil else { return false }
      changeCollection(location) { root in
        guard let place = root.elements.find(member, hash) else { return }
        root.ranks.remove(place.entry)
        root.elements.remove(place)
      }
    }
    return true
  }

  /// Takes the members of these ranks out, which are there.
  public mutating func removeRanks(_ location: Location, _ ranks: Range<Int>) {
    guard !ranks.isEmpty else { return }
    guard case .listpack(let list) = SortedSetView(location.entry).form else {
      return changeCollection(location) { root in
        for _ in ranks {
          var cursor = root.ranks.cursor(at: ranks.lowerBound)
          guard let entry = cursor.next() else { return }
          root.ranks.remove(entry)
          root.remove(entry.key, KeyHash(entry.key))
        }
      }
    }
    guard let place = list.place(ranks.lowerBound * 2) else { return }
    changePacked(location) { Listpack.remove(at: place, count: ranks.count * 2, from: $0) }
  }

  /// Gives a packed sorted set the form of a table with a tree.
  private mutating func spreadSortedSet(_ location: Location) {
    let tree = CollectionReference.make()
    var members = SortedSetView(location.entry).cursor()
    while let item = members.next() {
      item.name.withView { member in unsafe tree.root.pointee.add(member, KeyHash(member), item.score) }
    }
    convert(location, to: .skiplist, payload: tree.bits)
  }
}

extension CollectionRoot {
  /// Adds a member that is not there to a sorted set.
  mutating func add(_ member: ByteView, _ hash: KeyHash, _ score: Double) {
    let place = elements.insert(member, hash, integer: Int64(bitPattern: score.bitPattern))
    ranks.insert(place.entry)
  }
}
