// Keyspace+Lists.swift: changing lists.
//
// A list is a listpack as long as it would fit one node, then a quicklist, which becomes a listpack again when it
// is one node of half that size. Who changes a list says what will come (`growList`) and that something went
// (`shrinkList`), as the forms change before and after and not in between.
import Bytes

extension Keyspace {
  /// Adds an empty list under a key for which `find` answered nil.
  public mutating func insertList(_ key: ByteView, _ hash: KeyHash, expiry: Milliseconds? = nil) -> Location {
    insert(key, hash, .list, .listpack, payload: Listpack.make().bits, expiry: expiry)
  }

  /// `count` elements of `bytes` together are about to be added.
  public mutating func growList(_ location: Location, bytes: Int, count: Int, _ limits: EncodingLimits) {
    guard case .listpack(let list) = ListView(location.entry).form else { return }
    let limit = ListNodeLimit(limits)
    let (sum, overflow) = list.byteCount.addingReportingOverflow(bytes)
    guard overflow || !limit.allows(bytes: sum, count: list.count + count) else { return }
    let nodes = ListReference.make()
    let blob = BlobReference(bits: location.entry.payload)
    if !list.isEmpty {
      blob.pin()
      unsafe nodes.root.pointee.insertNode(ListNode(bits: blob.bits, listpackCount: list.count), at: 0)
    }
    convert(location, to: .quicklist, payload: nodes.bits)
  }

  /// Elements have been removed.
  public mutating func shrinkList(_ location: Location, _ limits: EncodingLimits) {
    guard case .nodes(let nodes) = ListView(location.entry).form, nodes.nodeCount == 1 else { return }
    let node = nodes.node(0)
    let limit = ListNodeLimit(half: ListNodeLimit(limits))
    guard !node.isPlain, limit.allows(bytes: node.blob.count, count: node.count) else { return }
    node.blob.pin()
    convert(location, to: .listpack, payload: node.blob.bits)
  }

  /// Puts an element before the one at `index`, or at the end if that is the count. `element` must not lie inside
  /// the list, and `growList` knows of it.
  public mutating func insertElement(
    _ location: Location, _ element: ByteView, at index: Int, _ limits: EncodingLimits
  ) {
    guard case .listpack(let list) = ListView(location.entry).form else {
      return changeList(location) { $0.insert(element, at: index, ListNodeLimit(limits)) }
    }
    let place = list.place(index) ?? list.end
    changePacked(location) { Listpack.insert(Element(packing: element), at: place, in: $0) }
  }

  /// Puts another element in the place of the one at `index`, which is there.
  public mutating func replaceElement(
    _ location: Location, at index: Int, with element: ByteView, _ limits: EncodingLimits
  ) {
    guard case .listpack(let list) = ListView(location.entry).form else {
      return changeList(location) { $0.replace(at: index, with: element, ListNodeLimit(limits)) }
    }
    guard let place = list.place(index) else { return }
    changePacked(location) { Listpack.replace(at: place, with: Element(packing: element), in: $0) }
  }

  /// Takes `count` elements out, beginning with the one at `index`; there are so many.
  public mutating func removeElements(_ location: Location, at index: Int, count: Int) {
    guard count > 0 else { return }
    guard case .listpack(let list) = ListView(location.entry).form else {
      return changeList(location) { $0.remove(at: index, count: count) }
    }
    guard let place = list.place(index) else { return }
    changePacked(location) { Listpack.remove(at: place, count: count, from: $0) }
  }

  /// Takes the elements at these indices out, which ascend; every node is changed once.
  public mutating func removeElements(_ location: Location, at indices: [Int]) {
    guard !indices.isEmpty else { return }
    guard case .listpack = ListView(location.entry).form else {
      return changeList(location) { $0.remove(at: indices) }
    }
    changePacked(location) { Listpack.remove(at: indices[...], base: 0, from: $0) }
  }

  /// Changes the nodes of the list at `location`; pinned ones are left to who pinned them.
  private mutating func changeList(_ location: Location, _ body: (inout ListRoot) -> Void) {
    willChange(location)
    let entry = location.entry
    var list = ListReference(bits: entry.payload)
    let bytesBefore = list.memoryBytes
    if list.isPinned {
      let copy = list.copied()
      list.release()
      list = copy
      entry.payload = copy.bits
    }
    unsafe body(&list.root.pointee)
    valueBytes += list.memoryBytes - bytesBefore
  }
}
