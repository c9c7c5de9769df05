// ListReference.swift: a large list.
//
//   entry's payload ──▶ ┌────────┬───────┬───────┬──────┬──────────┐
//                       │ owners │ count │ bytes │ head │ capacity │
//                       │ nodes ─┼─▶    free   │ node │ node │ … │ node │   free
//                       └────────┘             ▲ head
//
//   node:  blob (8)  elements (8)         a listpack, or the bytes of one huge element: then it counts as one and is plain
//
// Nodes are pointers in one array with room at both ends, so pushing and popping moves nothing and finding the node
// of an index reads sixteen bytes per eight kilobytes of list. A copy shares the nodes' bytes until one of the two
// changes them: that is what makes a list that a walk reads cheap to write to.
import Bytes
import CAllocator

struct ListNode: BitwiseCopyable {
  var bits: UInt64
  /// Elements; 0 for a plain node, which is one.
  var listpackCount: Int

  var blob: BlobReference { BlobReference(bits: bits) }
  var isPlain: Bool { listpackCount == 0 }
  var count: Int { max(1, listpackCount) }
}

@safe struct ListRoot: ~Copyable {
  var owners = 1
  /// Elements of all nodes.
  var count = 0
  /// Bytes of all nodes' blobs.
  var bytes = 0
  private var nodes: UnsafeMutablePointer<ListNode>?
  private var head = 0
  private var capacity = 0
  private(set) var nodeCount = 0

  init() { unsafe nodes = nil }

  deinit {
    for index in 0..<nodeCount { self[index].blob.release() }
    unsafe nodes?.deallocate()
  }

  /// Node `index`, below `nodeCount`.
  subscript(index: Int) -> ListNode {
    get {
      precondition(index >= 0 && index < nodeCount, "no such node")
      return unsafe nodes.unsafelyUnwrapped[head + index]
    }
    set {
      precondition(index >= 0 && index < nodeCount, "no such node")
      let old = unsafe nodes.unsafelyUnwrapped[head + index]
      unsafe nodes.unsafelyUnwrapped[head + index] = newValue
      count += newValue.count - old.count
    }
  }

  var memoryBytes: Int { bytes + capacity * MemoryLayout<ListNode>.stride }

  /// Puts a node, whose blob's ownership goes over, before node `index`.
  mutating func insertNode(_ node: ListNode, at index: Int) {
    precondition(index >= 0 && index <= nodeCount, "no such place")
    if index == 0 {
      if head == 0 { regrow() }
      head -= 1
    } else {
      if head + nodeCount == capacity { regrow() }
      let start = unsafe nodes.unsafelyUnwrapped + (head + index)
      unsafe memmove(start + 1, start, (nodeCount - index) * MemoryLayout<ListNode>.stride)
    }
    unsafe nodes.unsafelyUnwrapped[head + index] = node
    nodeCount += 1
    count += node.count
    bytes += node.blob.memoryBytes
  }

  /// Takes node `index` out and lets go of its bytes.
  mutating func removeNode(at index: Int) {
    let node = self[index]
    count -= node.count
    bytes -= node.blob.memoryBytes
    node.blob.release()
    nodeCount -= 1
    if index == 0 {
      head += 1
    } else {
      let start = unsafe nodes.unsafelyUnwrapped + (head + index)
      unsafe memmove(start, start + 1, (nodeCount - index) * MemoryLayout<ListNode>.stride)
    }
  }

  /// Twice the room, the nodes in the middle.
  private mutating func regrow() {
    let room = max(8, nodeCount * 2)
    let grown = UnsafeMutablePointer<ListNode>.allocate(capacity: room)
    let place = (room - nodeCount) / 2
    if let nodes = unsafe nodes {
      unsafe memcpy(grown + place, nodes + head, nodeCount * MemoryLayout<ListNode>.stride)
      unsafe nodes.deallocate()
    }
    unsafe nodes = grown
    head = place
    capacity = room
  }

  /// Changes the blob of node `index`: `body` takes its ownership and returns that of its result; the node then
  /// has `count` elements.
  mutating func changeNode(_ index: Int, count newCount: Int, _ body: (BlobReference) -> BlobReference) {
    let old = self[index]
    bytes -= old.blob.memoryBytes
    let blob = body(old.blob)
    bytes += blob.memoryBytes
    self[index] = ListNode(bits: blob.bits, listpackCount: newCount)
  }
}

/// A counted pointer to a large list. Copying it counts nothing: `pin` and `release` do.
@safe public struct ListReference: BitwiseCopyable, Equatable {
  let root: UnsafeMutablePointer<ListRoot>

  init(bits: UInt64) { unsafe root = UnsafeMutablePointer(bitPattern: UInt(bits)).unsafelyUnwrapped }

  private init(_ root: UnsafeMutablePointer<ListRoot>) { unsafe self.root = root }

  /// As an entry's payload.
  var bits: UInt64 { unsafe UInt64(UInt(bitPattern: root)) }

  /// An empty one, owned once.
  static func make() -> ListReference {
    let root = UnsafeMutablePointer<ListRoot>.allocate(capacity: 1)
    unsafe root.initialize(to: ListRoot())
    return unsafe ListReference(root)
  }

  /// Elements.
  var count: Int { unsafe root.pointee.count }
  var nodeCount: Int { unsafe root.pointee.nodeCount }
  func node(_ index: Int) -> ListNode { unsafe root.pointee[index] }

  var memoryBytes: Int { unsafe SizeClass.round(MemoryLayout<ListRoot>.size) + root.pointee.memoryBytes }

  var isPinned: Bool { unsafe root.pointee.owners > 1 }

  /// Makes the caller one more owner. Only on the thread that owns the store.
  func pin() { unsafe root.pointee.owners += 1 }

  /// Lets go; the last owner frees.
  func release() {
    let remaining = unsafe root.pointee.owners - 1
    precondition(remaining >= 0, "a list was released more often than owned")
    unsafe root.pointee.owners = remaining
    guard remaining == 0 else { return }
    unsafe root.deinitialize(count: 1)
    unsafe root.deallocate()
  }

  /// The same elements in a list of its own, which shares the bytes of the nodes.
  func copied() -> ListReference {
    let copy = ListReference.make()
    for index in 0..<nodeCount {
      let node = node(index)
      let shared = ListNode(bits: node.blob.shared().bits, listpackCount: node.listpackCount)
      unsafe copy.root.pointee.insertNode(shared, at: index)
    }
    return copy
  }

  /// Frees about `effort` nodes of a list with one owner; how many it freed, 0 when none is left.
  func freeSome(_ effort: Int) -> Int {
    let freed = min(effort, nodeCount)
    for _ in 0..<freed { unsafe root.pointee.removeNode(at: root.pointee.nodeCount - 1) }
    return freed
  }

  public static func == (a: ListReference, b: ListReference) -> Bool { unsafe a.root == b.root }
}
