// ListReference+Edit.swift: changing a large list.
//
// A node takes elements up to list-max-listpack-size; an element that is larger than a node may be stands alone in a
// plain one. An insertion into the middle of a full node splits it in two. Nodes that become empty go.
import Bytes

/// How large a node of a list may be.
struct ListNodeLimit: BitwiseCopyable {
  let bytesMax: Int
  let countMax: Int
  let packedBytes: Int

  /// Whatever the number of elements, a node is no larger.
  private static var safeBytes: Int { 8192 }

  init(_ limits: EncodingLimits) {
    let size = limits.listListpackSize
    packedBytes = limits.listPackedBytes
    if size >= 0 {
      bytesMax = ListNodeLimit.safeBytes
      countMax = max(1, size)
    } else {
      // -1 to -5: 4, 8, 16, 32, 64 KiB.
      bytesMax = 4096 << (min(5, -max(size, -5)) - 1)
      countMax = .max
    }
  }

  init(half limit: ListNodeLimit) {
    bytesMax = limit.bytesMax / 2
    countMax = limit.countMax == .max ? .max : limit.countMax / 2
    packedBytes = limit.packedBytes
  }

  func allows(bytes: Int, count: Int) -> Bool { bytes <= bytesMax && count <= countMax }

  /// The same for a node among others: with its header it fills a class of the allocator, of which all limits are
  /// one. A node of 8,192 bytes would take 10,240.
  func allowsNode(bytes: Int, count: Int) -> Bool {
    bytes <= bytesMax - BlobReference.headerBytes && count <= countMax
  }

  /// The element has a node for itself.
  func isHuge(_ element: ByteView) -> Bool { element.count > bytesMax - 64 || element.count >= packedBytes }
}

extension ListRoot {
  /// The node of element `index`, and the element's index in it. `index` may be `count`: behind the last of the last.
  func place(_ index: Int) -> (node: Int, index: Int) {
    if index * 2 <= count {
      var left = index
      var node = 0
      while node < nodeCount - 1 && left >= self[node].count {
        left -= self[node].count
        node += 1
      }
      return (node, left)
    }
    var before = count
    var node = nodeCount
    while node > 0 {
      node -= 1
      before -= self[node].count
      if index >= before { break }
    }
    return (max(0, node), index - before)
  }

  private static func node(of element: ByteView, _ limit: ListNodeLimit) -> ListNode {
    if limit.isHuge(element) { return ListNode(bits: BlobReference.copy(of: element).bits, listpackCount: 0) }
    let packed = Element(packing: element)
    let blob = Listpack.append(packed, to: Listpack.make(spare: Listpack.packedBytes(packed)))
    return ListNode(bits: blob.bits, listpackCount: 1)
  }

  private func fits(_ element: ByteView, in index: Int, _ limit: ListNodeLimit) -> Bool {
    guard index >= 0 && index < nodeCount else { return false }
    let node = self[index]
    guard !node.isPlain && !limit.isHuge(element) else { return false }
    let bytes = node.blob.count + Listpack.packedBytes(Element(packing: element))
    return limit.allowsNode(bytes: bytes, count: node.count + 1)
  }

  /// Puts an element before the one at `index`, or at the end if that is `count`.
  mutating func insert(_ element: ByteView, at index: Int, _ limit: ListNodeLimit) {
    guard nodeCount > 0 else { return insertNode(ListRoot.node(of: element, limit), at: 0) }
    let (node, inner) = place(index)
    if fits(element, in: node, limit) { return add(element, node, inner) }
    if inner == 0 {
      if fits(element, in: node - 1, limit) { return add(element, node - 1, self[node - 1].count) }
      return insertNode(ListRoot.node(of: element, limit), at: node)
    }
    if inner == self[node].count {
      if fits(element, in: node + 1, limit) { return add(element, node + 1, 0) }
      return insertNode(ListRoot.node(of: element, limit), at: node + 1)
    }
    split(node, at: inner)
    if fits(element, in: node, limit) { return add(element, node, inner) }
    insertNode(ListRoot.node(of: element, limit), at: node + 1)
  }

  private mutating func add(_ element: ByteView, _ node: Int, _ inner: Int) {
    let count = self[node].count
    changeNode(node, count: count + 1) { blob in
      let list = Listpack(blob)
      let place = inner == count ? list.end : list.place(inner) ?? list.end
      return Listpack.insert(Element(packing: element), at: place, in: blob)
    }
  }

  /// Makes two nodes of one: the second begins with the element `inner`, which is neither the first nor beyond the last.
  private mutating func split(_ node: Int, at inner: Int) {
    let count = self[node].count
    let old = self[node].blob
    guard let place = Listpack(old).place(inner) else { return }
    let tail = Listpack.make(tailOf: old, from: place, count: count - inner)
    changeNode(node, count: inner) { Listpack.remove(at: place, count: count - inner, from: $0) }
    insertNode(ListNode(bits: tail.bits, listpackCount: count - inner), at: node + 1)
  }

  /// Puts another element in the place of the one at `index`.
  mutating func replace(at index: Int, with element: ByteView, _ limit: ListNodeLimit) {
    let (node, inner) = place(index)
    if !self[node].isPlain, !limit.isHuge(element), let place = Listpack(self[node].blob).place(inner) {
      let packed = Element(packing: element)
      let list = Listpack(self[node].blob)
      let bytes = list.byteCount - list.entryBytes(at: place) + Listpack.packedBytes(packed)
      if limit.allowsNode(bytes: bytes, count: self[node].count) {
        return changeNode(node, count: self[node].count) { Listpack.replace(at: place, with: packed, in: $0) }
      }
    }
    remove(at: index, count: 1)
    insert(element, at: index, limit)
  }

  /// Takes `count` elements out, beginning with the one at `index`; there are so many.
  mutating func remove(at index: Int, count: Int) {
    var (node, inner) = place(index)
    var left = count
    while left > 0 {
      let here = min(left, self[node].count - inner)
      if here == self[node].count {
        removeNode(at: node)
      } else {
        let rest = self[node].count - here
        changeNode(node, count: rest) { blob in
          guard let place = Listpack(blob).place(inner) else { return blob }
          return Listpack.remove(at: place, count: here, from: blob)
        }
        node += 1
      }
      inner = 0
      left -= here
    }
  }
}

extension ListRoot {
  /// Takes the elements at these indices out, which ascend.
  mutating func remove(at indices: [Int]) {
    var end = indices.count
    var base = count
    var node = nodeCount
    // From the back, so that the nodes before stay where they are.
    while end > 0 {
      node -= 1
      let size = self[node].count
      base -= size
      var begin = end
      while begin > 0 && indices[begin - 1] >= base { begin -= 1 }
      let gone = indices[begin..<end]
      end = begin
      guard !gone.isEmpty else { continue }
      if gone.count == size {
        removeNode(at: node)
      } else {
        changeNode(node, count: size - gone.count) { Listpack.remove(at: gone, base: base, from: $0) }
      }
    }
  }
}

extension Listpack {
  /// A listpack of the last `count` elements of another, which begin at `place`.
  static func make(tailOf blob: BlobReference, from place: Int, count: Int) -> BlobReference {
    let bytes = blob.count - 1 - place
    let result = make(spare: bytes)
    return result.appendingPacked(blob, from: place, bytes: bytes, count: count)
  }
}
