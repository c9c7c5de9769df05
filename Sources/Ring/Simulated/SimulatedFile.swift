// SimulatedFile.swift: a file as sectors, of which a crash keeps what was synced and any part of the rest.
//
//   now       ┌────┬────┬────┬────┬──
//             │ A  │ B' │ C' │ D  │         what reads see
//             └────┴────┴────┴────┘
//   on disk   ┌────┬────┬────┐
//             │ A  │ B  │ C  │              what a sync has put there
//             └────┴────┴────┘
//   dirty          B'   C'   D              each of these may or may not survive a crash
//
// After a failed sync the dirty sectors count as clean, as in Linux: a later sync succeeds and writes nothing.

/// One file and its sectors.
public final class SimulatedFile {
  /// What a disk writes whole or not at all.
  public static let sectorBytes = 512

  public let name: String
  /// What reads see.
  public private(set) var contents: [UInt8] = []
  /// What is on the disk for certain.
  public private(set) var durable: [UInt8] = []
  private var dirtySectors: Set<Int> = []

  init(name: String) { self.name = name }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
    guard bytes.count > 0 else { return }
    let end = offset + bytes.count
    if end > contents.count { contents.append(contentsOf: repeatElement(0, count: end - contents.count)) }
    for i in 0..<bytes.count { contents[offset + i] = unsafe bytes[i] }
    dirtySectors.formUnion(offset / SimulatedFile.sectorBytes...(end - 1) / SimulatedFile.sectorBytes)
  }

  func sync() {
    save(dirtySectors)
    // The length is the inode's, and goes with any sync.
    if contents.count > durable.count {
      durable.append(contentsOf: repeatElement(0, count: contents.count - durable.count))
    }
    dirtySectors.removeAll()
  }

  /// The data may be anywhere; the kernel forgets that it has not written it.
  func failSync() { dirtySectors.removeAll() }

  /// What a crash leaves: each unsynced sector or not, and a length between the old and the new one.
  func crash(_ random: inout SeededRandom) {
    save(Set(dirtySectors.sorted().filter { _ in random.happens(500) }))
    contents = durable
    dirtySectors.removeAll()
  }

  private func save(_ sectors: Set<Int>) {
    for sector in sectors {
      let start = sector * SimulatedFile.sectorBytes
      let end = min(start + SimulatedFile.sectorBytes, contents.count)
      if end > durable.count { durable.append(contentsOf: repeatElement(0, count: end - durable.count)) }
      for i in start..<end { durable[i] = contents[i] }
    }
  }
}

extension SimulatedWorld {
  /// An empty file, open for writing.
  public func makeFile(_ name: String) -> Int32 { add(.file(SimulatedFile(name: name))) }

  /// The file behind a descriptor. Keep it: after a crash the descriptor is gone.
  public func file(_ descriptor: Int32) -> SimulatedFile? {
    guard case .file(let file) = resources[descriptor] else { return nil }
    return file
  }

  /// The machine stops: files keep what they keep, connections are gone, descriptors too.
  public func crash() {
    for descriptor in openDescriptors {
      if case .file(let file) = resources[descriptor] { file.crash(&random) }
    }
    for peer in peers { peer.isReset = true }
    resources.removeAll()
  }
}
