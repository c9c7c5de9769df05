// ListView.swift: reading a list, whichever form it has.
import Bytes

/// A list as it is now. Good until the list changes.
public struct ListView: BitwiseCopyable {
  enum Form: BitwiseCopyable {
    case listpack(Listpack)
    case nodes(ListReference)
  }

  let form: Form

  /// The list at an entry, which holds one.
  public init(_ entry: Entry) {
    precondition(entry.type == .list, "the entry holds no list")
    switch entry.encoding {
    case .listpack: form = .listpack(Listpack(BlobReference(bits: entry.payload)))
    default: form = .nodes(ListReference(bits: entry.payload))
    }
  }

  /// Elements.
  public var count: Int {
    switch form {
    case .listpack(let list): list.count
    case .nodes(let nodes): nodes.count
    }
  }

  /// The element `index`, counted from the end if negative; nil if there is none.
  public func element(_ index: Int) -> Element? {
    let count = count
    guard index >= -count && index < count else { return nil }
    var cursor = cursor(from: index < 0 ? index + count : index)
    return cursor.next()
  }

  /// Elements one after the other, from either end.
  public struct Cursor: BitwiseCopyable {
    private let form: Form
    private let isBackward: Bool
    private var node: Int
    private var list: Listpack?
    /// A plain node's element.
    private var plain: ByteView?
    private var place: Int?

    init(_ form: Form, from index: Int, isBackward: Bool) {
      self.form = form
      self.isBackward = isBackward
      node = 0
      switch form {
      case .listpack(let list):
        self.list = list
        place = list.place(index)
      case .nodes(let nodes):
        guard nodes.nodeCount > 0, index >= 0 && index < nodes.count else { return }
        let (node, inner) = unsafe nodes.root.pointee.place(index)
        self.node = node
        open(nodes.node(node))
        if let list { place = list.place(inner) }
      }
    }

    private mutating func open(_ node: ListNode) {
      list = node.isPlain ? nil : Listpack(node.blob)
      plain = node.isPlain ? node.blob.bytes : nil
      place = nil
    }

    /// The next element in the cursor's direction, or nil after the last.
    public mutating func next() -> Element? {
      while true {
        if let list, let here = place {
          place = isBackward ? list.previous(before: here) : list.next(after: here)
          return list.element(at: here)
        }
        if let bytes = plain {
          plain = nil
          return .bytes(bytes)
        }
        guard case .nodes(let nodes) = form else { return nil }
        node += isBackward ? -1 : 1
        guard node >= 0 && node < nodes.nodeCount else {
          node = isBackward ? -1 : nodes.nodeCount
          return nil
        }
        open(nodes.node(node))
        if let list { place = isBackward ? list.last : list.first }
      }
    }
  }

  /// The elements from `index` on, which may be none.
  public func cursor(from index: Int = 0, isBackward: Bool = false) -> Cursor {
    Cursor(form, from: index, isBackward: isBackward)
  }

  // MARK: nodes

  /// Nodes of the list, as snapshots write them; a listpack is one.
  public var nodeCount: Int {
    switch form {
    case .listpack: 1
    case .nodes(let nodes): nodes.nodeCount
    }
  }

  /// The bytes of node `index`, and whether they are one element as it is instead of a listpack.
  public func node(_ index: Int) -> (bytes: ByteView, isPlain: Bool) {
    switch form {
    case .listpack(let list): return (unsafe ByteView(start: list.start, count: list.byteCount), false)
    case .nodes(let nodes):
      let node = nodes.node(index)
      return (node.blob.bytes, node.isPlain)
    }
  }
}
