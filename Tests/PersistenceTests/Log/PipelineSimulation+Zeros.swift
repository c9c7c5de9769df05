// PipelineSimulation+Zeros.swift — somebody else writes zeros ahead of the records, and cuts them off again.
//
//   file   │ records │ what may be written meanwhile │ filling ░░░░│
//                                                    └ offsetLimit
//
// The zeros are in the cache first; only a sync of the log itself may make the pipeline count on them.
@testable import Persistence

extension PipelineSimulation {
  func zeros() {
    guard let file = pipeline.file, Int(file.descriptor) == files.count - 1, pipeline.health == .healthy,
      basePending == 0, !isSwitching
    else { return }
    if filling != nil { return endFilling() }
    let log = files[files.count - 1]
    guard log.zeroed > 0, pipeline.isIdle, dice.below(3) == 0 else { return beginFilling(log) }
    count(.zerosRemoved)
    files[files.count - 1].file.truncate(to: log.end)
    files[files.count - 1].zeroed = 0
    pipeline.zerosRemoved()
  }

  private func beginFilling(_ log: LogFile) {
    guard log.zeroed - log.end < 8_000 else { return }
    let from = max(log.zeroed, Int(pipeline.submittedOffset) + dice.below(6_000))
    filling = from..<(from + 1 + dice.below(20_000))
    pipeline.offsetLimit = Int64(from)
  }

  func endFilling() {
    guard let range = filling else { return }
    count(.zeros)
    filling = nil
    pipeline.offsetLimit = .max
    let zeros = [UInt8](repeating: 0, count: range.count)
    let last = files.count - 1
    unsafe zeros.withUnsafeBytes { unsafe files[last].file.write($0, at: range.lowerBound) }
    files[last].zeroed = range.upperBound
    files[last].hadZeros = true
    if plant == .syncsZerosApart && dice.below(4) == 0 { files[last].file.failToSync(&dice) }
    pipeline.zerosWritten(to: Int64(range.upperBound))
  }
}
