// PipelineSimulation+Checks.swift — what the pipeline claims, against what the disk has.
//
//   after every step   the watermark: never back, never over what a power cut could take; dirty keys
//   at a power cut     [ seal | batch ][ seal | batch ][ torn … ]   read as a start reads them: all that was
//                      promised is there, in order, and no seal vouches for what never was durable
import Bytes
import Glibc

@testable import Persistence

extension PipelineSimulation {
  // MARK: after every step

  func check() {
    let synced = pipeline.syncedSequence
    expect(synced >= checkedSequence, "the watermark went back from \(checkedSequence) to \(synced)")
    expect(synced <= pipeline.writtenSequence, "\(synced) is on disk, but only \(pipeline.writtenSequence) is written")
    if isPoisoned {
      expect(synced == checkedSequence, "a poisoned file proved batch \(synced)")
      if case .poisoned = pipeline.health {} else { fail("poisoned, but the pipeline says \(pipeline.health)") }
    }
    if synced > checkedSequence {
      for sequence in (checkedSequence + 1)...synced { checkDurable(sequence) }
      checkedSequence = synced
      promisedSequence = synced
    }
    expect(pipeline.isFlying == (write != nil || sync != nil), "isFlying is wrong")
    checkKey(UInt64(dice.below(8)))
  }

  private func checkDurable(_ sequence: UInt64) {
    guard sequence > baseDurable, let batch = batches[sequence] else { return }
    guard let bytes = batch.bytes, batch.descriptor >= 0 else {
      return fail("batch \(sequence) was acknowledged and never written")
    }
    let isDurable = files[batch.descriptor].file.isDurable(bytes, at: batch.offset)
    expect(isDurable, "batch \(sequence) was acknowledged and is not on disk")
  }

  private func checkKey(_ key: UInt64) {
    let said = pipeline.dirtySequence(of: KeyIdentity(hash: key, database: 0))
    func compare(_ wanted: UInt64?, _ why: String) {
      expect(said == wanted, "key \(key), \(why): \(String(describing: said)), not \(String(describing: wanted))")
    }
    // Dirty is what the kernel has not taken, or not forced to disk though it was asked to in the same breath.
    let inMemory = keyBatches[key]?.last { $0 >= headSequence }
    guard basePending == 0 else {
      // What a base is to cover is dirty until it is there.
      let isCovered = keyBatches[key]?.contains { $0 >= baseFirst && $0 <= basePending } == true
      return compare(inMemory ?? (isCovered ? basePending : nil), "with a base under way")
    }
    compare(inMemory, "in memory")
    // Every answer waits for the disk: then every reader must.
    guard keepsPolicy && pipeline.policy == .always else { return }
    compare(keyBatches[key]?.last { $0 > pipeline.syncedSequence }, "not on disk")
  }

  func checkEverything() {
    for key in UInt64(0)..<8 { checkKey(key) }
    var unsynced = 0
    for (sequence, batch) in batches where sequence > pipeline.syncedSequence {
      unsynced += batch.bytes?.count ?? LogSeal.byteCount + batch.content.count
    }
    expect(pipeline.unsyncedBytes == UInt64(unsynced), "\(unsynced) bytes unsynced, not \(pipeline.unsyncedBytes)")
  }

  // MARK: a power cut

  /// What a start would make of what the disk has if the power went now.
  func cutPower() {
    count(.powerCut)
    checkEverything()
    var recovered = baseDurable
    for descriptor in firstFile..<files.count {
      let image = files[descriptor].file.powerCut(&dice)
      let isWhole = unsafe image.withUnsafeBytes { read(unsafe $0, descriptor, &recovered) }
      expect(isWhole || descriptor == files.count - 1, "file \(descriptor) was left, and is not whole")
      guard isWhole else { break }
    }
    expect(recovered >= promisedSequence, "batch \(promisedSequence) was promised, a power cut leaves \(recovered)")
  }

  /// Reads batches up to the end, or to the first that is not as it was written; false then.
  private func read(_ image: UnsafeRawBufferPointer, _ descriptor: Int, _ recovered: inout UInt64) -> Bool {
    guard let start = image.baseAddress else { return true }
    let view = unsafe ByteView(start: start, count: image.count)
    var position = files[descriptor].begin
    var number = files[descriptor].beginSeal
    while position < view.count {
      let rest = view[position..<view.count]
      guard let seal = LogSeal(rest), seal.count <= UInt64(rest.count - LogSeal.byteCount) else { break }
      let end = LogSeal.byteCount + Int(seal.count)
      guard Checksum(of: rest[LogSeal.byteCount..<end]).value == seal.checksum else { break }
      recovered += 1
      let bytes = batches[recovered]?.bytes ?? []
      let isSame = unsafe bytes.withUnsafeBytes { unsafe areSame($0, rest[0..<end].raw) }
      expect(isSame, "batch \(recovered) is not what stands at \(position) of file \(descriptor)")
      number = seal.number
      position += end
    }
    guard position < view.count else { return true }
    return judgeTail(view, position, number + 1, descriptor)
  }

  /// Something from `position` on is not as it was written: then nothing behind it may say that it was on disk.
  /// True if that is no more than zeros that were to be there.
  private func judgeTail(_ view: ByteView, _ position: Int, _ bad: UInt64, _ descriptor: Int) -> Bool {
    let zeros = [UInt8](repeating: 0, count: view.count - position)
    let isEmpty = unsafe zeros.withUnsafeBytes { unsafe areSame($0, view[position..<view.count].raw) }
    count(isEmpty ? .zeroTail : .tornTail)
    if isEmpty && files[descriptor].hadZeros { return true }
    var place = position + 1
    while place < view.count, let found = unsafe memchr(view.start + place, 0x23, view.count - place) {
      let next = unsafe view.start.distance(to: UnsafeRawPointer(found))
      place = next + 1
      guard let seal = LogSeal(view[next..<view.count]) else { continue }
      count(.survivorBehindTear)
      let isVouching = seal.number > bad && seal.durable >= bad
      expect(!isVouching, "seal \(seal.number) at \(next) says that \(seal.durable) is on disk, and \(bad) is torn")
    }
    return false
  }
}

extension ByteView {
  fileprivate var raw: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(buffer) }
}
