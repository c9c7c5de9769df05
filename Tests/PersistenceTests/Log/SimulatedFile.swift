// SimulatedFile.swift — a file whose pages are in the cache before they are on disk.
//
//   cache    ████████████████░░░░    what reads see
//   dirty        └ 4096 ┘└ 4096 ┘    pages that a sync brings over, or an error forgets
//   durable  ████▒█                  what a power cut leaves: of a dirty page any of its sectors, 512 bytes each
//
// As in Linux, a write-back that fails leaves its pages clean: the error is told to one sync, and the next one
// succeeds and proves nothing. A later write to such a page makes all of it dirty again.
import Glibc

/// Compares in one call: a full batch has eight million bytes.
func areSame(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
  guard left.count == right.count, let first = left.baseAddress, let second = right.baseAddress else {
    return left.count == right.count
  }
  return unsafe memcmp(first, second, left.count) == 0
}

extension Dice {
  /// A stream that has nothing to do with those of other seeds: the plain ones of neighbours are shifts of each other.
  init(independent seed: UInt64) {
    var first = Dice(seed: seed)
    self.init(seed: first.next())
  }
}

struct SimulatedFile {
  static let pageBytes = 4_096
  static let sectorBytes = 512

  private(set) var cache: [UInt8]
  private(set) var durable: [UInt8]
  /// Numbers of pages, those written last at the end.
  private var dirty: [Int] = []
  /// A write-back in the background has failed and no sync has been told.
  private var hasError = false

  /// A file that holds `count` bytes already.
  init(count: Int) {
    cache = [UInt8](repeating: 0, count: count)
    durable = cache
  }

  var isDirty: Bool { !dirty.isEmpty }

  /// Whether bytes before `offset` are in the cache only. A page that begins before it may be dirty through what is behind.
  func isDirty(before offset: Int) -> Bool {
    let count = min(offset, durable.count)
    return durable.count < offset || cache.prefix(count) != durable.prefix(count)
  }

  mutating func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
    guard !bytes.isEmpty else { return }
    let end = offset + bytes.count
    if cache.count < end { cache += [UInt8](repeating: 0, count: end - cache.count) }
    unsafe cache.withUnsafeMutableBytes { cache in
      unsafe UnsafeMutableRawBufferPointer(rebasing: cache[offset...]).copyMemory(from: bytes)
    }
    let pages = offset / SimulatedFile.pageBytes...(end - 1) / SimulatedFile.pageBytes
    dirty.removeAll { pages.contains($0) }
    dirty += pages
  }

  /// Copies a stretch of the cache to the disk, or to what is there after a power cut.
  private static func copy(_ cache: [UInt8], _ start: Int, _ count: Int, to image: inout [UInt8]) {
    let end = min(start + count, cache.count)
    guard start < end else { return }
    if image.count < end { image += [UInt8](repeating: 0, count: end - image.count) }
    unsafe cache.withUnsafeBytes { source in
      unsafe image.withUnsafeMutableBytes { target in
        unsafe UnsafeMutableRawBufferPointer(rebasing: target[start..<end]).copyMemory(
          from: UnsafeRawBufferPointer(rebasing: source[start..<end]))
      }
    }
  }

  private mutating func bringOver(_ page: Int) {
    SimulatedFile.copy(cache, page * SimulatedFile.pageBytes, SimulatedFile.pageBytes, to: &durable)
  }

  /// A page gets there whole, not at all, or with any of its sectors.
  private func tear(_ page: Int, _ dice: inout Dice, into image: inout [UInt8]) {
    let start = page * SimulatedFile.pageBytes
    switch dice.below(3) {
    case 0: break
    case 1: SimulatedFile.copy(cache, start, SimulatedFile.pageBytes, to: &image)
    default:
      let sectors = dice.below(256)
      for sector in 0..<8 where sectors >> sector & 1 == 1 {
        SimulatedFile.copy(cache, start + sector * SimulatedFile.sectorBytes, SimulatedFile.sectorBytes, to: &image)
      }
    }
  }

  /// Everything gets to disk that no error has forgotten. False if there was an error since the last sync.
  mutating func sync() -> Bool {
    for page in dirty { bringOver(page) }
    dirty.removeAll(keepingCapacity: true)
    defer { hasError = false }
    return !hasError
  }

  /// The pages of a stretch get to disk, and no others. False as for `sync`: an error anywhere in the file is told.
  mutating func sync(_ bytes: Range<Int>) -> Bool {
    let pages = bytes.lowerBound / SimulatedFile.pageBytes...max(bytes.lowerBound, bytes.upperBound - 1) / SimulatedFile.pageBytes
    for page in dirty where pages.contains(page) { bringOver(page) }
    dirty.removeAll { pages.contains($0) }
    defer { hasError = false }
    return !hasError
  }

  /// Cuts the file.
  mutating func truncate(to count: Int) {
    cache.removeLast(cache.count - count)
    if durable.count > count { durable.removeLast(durable.count - count) }
    dirty.removeAll { $0 * SimulatedFile.pageBytes >= count }
  }

  /// A sync that fails: what has not reached the disk never will.
  mutating func failToSync(_ dice: inout Dice) {
    var image = durable
    for page in dirty { tear(page, &dice, into: &image) }
    durable = image
    dirty.removeAll(keepingCapacity: true)
    hasError = false
  }

  /// The kernel writes a page back by itself.
  mutating func writeBack(_ dice: inout Dice) {
    guard !dirty.isEmpty else { return }
    let page = dirty.remove(at: dice.below(dirty.count))
    bringOver(page)
  }

  /// It tries to, and fails: the page counts as clean, and the next sync will say so, once.
  mutating func failToWriteBack(_ dice: inout Dice) {
    guard !dirty.isEmpty else { return }
    dirty.remove(at: dice.below(dirty.count))
    hasError = true
  }

  /// What is there after a power cut now.
  func powerCut(_ dice: inout Dice) -> [UInt8] {
    var image = durable
    for page in dirty { tear(page, &dice, into: &image) }
    // The length may be there before the bytes.
    if image.count < cache.count && dice.below(3) == 0 {
      image += [UInt8](repeating: 0, count: cache.count - image.count)
    }
    return image
  }

  /// Whether no power cut can take the bytes away.
  func isDurable(_ bytes: [UInt8], at offset: Int) -> Bool {
    guard durable.count >= offset + bytes.count else { return false }
    return unsafe durable.withUnsafeBytes { durable in
      unsafe bytes.withUnsafeBytes { bytes in
        unsafe areSame(UnsafeRawBufferPointer(rebasing: durable[offset..<(offset + bytes.count)]), bytes)
      }
    }
  }
}
