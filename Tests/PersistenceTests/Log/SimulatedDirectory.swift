// SimulatedDirectory.swift — files and names, as a power cut may leave them.
//
//   names   "log/manifest" ─▶ inode 3      volatile; durable once their directory is synced,
//                                          until then any part of the changes may survive
//   inode 3 [ bytes now | bytes on disk ]  the second become the first when the file is synced
//
// It carries file steps out one by one, and shows everything that a crash at this moment could leave.
import Bytes

struct SimulatedDirectory {
  struct Inode: Equatable {
    var bytes: [UInt8] = []
    var durable: [UInt8] = []
  }

  /// One change of names that no directory's sync has confirmed.
  enum Change: Equatable {
    case link(String, Int)
    case unlink(String)
    /// Both ends at once, whatever directories they are in.
    case rename(String, String, Int)

    func touches(_ directory: String) -> Bool {
      switch self {
      case .link(let path, _), .unlink(let path): SimulatedDirectory.parent(path) == directory
      case .rename(let old, let new, _):
        SimulatedDirectory.parent(old) == directory || SimulatedDirectory.parent(new) == directory
      }
    }

    func apply(to names: inout [String: Int]) {
      switch self {
      case .link(let path, let inode): names[path] = inode
      case .unlink(let path): names[path] = nil
      case .rename(let old, let new, let inode):
        names[old] = nil
        names[new] = inode
      }
    }
  }

  /// What was on disk when the power went.
  typealias Image = [String: [UInt8]]

  private(set) var inodes: [Inode] = []
  private(set) var names: [String: Int] = [:]
  private var durableNames: [String: Int] = [:]
  private(set) var pending: [Change] = []
  private var opened: Int?
  /// A planted fault: `write` leaves its bytes in the page cache.
  var writesStayVolatile = false

  init(_ image: Image = [:]) {
    for (path, bytes) in image {
      inodes.append(Inode(bytes: bytes, durable: bytes))
      names[path] = inodes.count - 1
    }
    durableNames = names
  }

  static func parent(_ path: String) -> String {
    path.split(separator: "/").dropLast().joined(separator: "/").isEmpty
      ? "." : path.split(separator: "/").dropLast().joined(separator: "/")
  }

  func bytes(_ path: String) -> [UInt8]? { names[path].map { inodes[$0].bytes } }

  /// Appends to a file; durable only if it is said so.
  mutating func append(_ bytes: [UInt8], to path: String, isSynced: Bool) {
    guard let inode = names[path] else { return }
    inodes[inode].bytes += bytes
    if isSynced { inodes[inode].durable = inodes[inode].bytes }
  }

  private mutating func change(_ change: Change) {
    change.apply(to: &names)
    pending.append(change)
  }

  /// Carries a step out. False if it cannot be: a name is missing, or taken.
  mutating func perform(_ step: FileStep) -> Bool {
    switch step {
    case .create(let path):
      guard names[path] == nil else { return false }
      inodes.append(Inode())
      opened = inodes.count - 1
      change(.link(path, inodes.count - 1))
    case .open(let path):
      guard let inode = names[path] else { return false }
      opened = inode
    case .syncOpened:
      guard let opened else { return false }
      inodes[opened].durable = inodes[opened].bytes
    case .write(let path, let bytes):
      if names[path] == nil {
        inodes.append(Inode())
        change(.link(path, inodes.count - 1))
      }
      guard let inode = names[path] else { return false }
      inodes[inode].bytes = bytes
      if !writesStayVolatile { inodes[inode].durable = bytes }
    case .rename(let old, let new):
      guard let inode = names[old] else { return false }
      change(.rename(old, new, inode))
    case .syncDirectory(let path):
      for change in pending where change.touches(path) { change.apply(to: &durableNames) }
      pending.removeAll { $0.touches(path) }
    case .remove(let path):
      if names[path] != nil { change(.unlink(path)) }
    case .makeDirectory, .truncate, .fill, .trim, .openDirect, .sync, .close: break
    }
    return true
  }

  // MARK: crashes

  /// All that may be there after a crash now: any part of the pending changes, and of each file either what was synced
  /// or what was written. Beyond five changes only beginnings are tried.
  func images() -> [Image] {
    var choices: [[Change]] = []
    if pending.count <= 5 {
      for mask in 0..<(1 << pending.count) {
        choices.append(pending.enumerated().filter { mask >> $0.offset & 1 == 1 }.map(\.element))
      }
    } else {
      for count in 0...pending.count { choices.append(Array(pending.prefix(count))) }
    }
    var images: [Image] = []
    var seen: Set<[String: Int]> = []
    for changes in choices {
      var names = durableNames
      for change in changes { change.apply(to: &names) }
      guard seen.insert(names).inserted else { continue }
      images.append(names.mapValues { inodes[$0].durable })
      guard names.values.contains(where: { inodes[$0].bytes != inodes[$0].durable }) else { continue }
      images.append(names.mapValues { inodes[$0].bytes })
    }
    return images
  }
}
