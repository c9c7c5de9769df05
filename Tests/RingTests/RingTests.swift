import Testing
import Bytes
import CURing
import Glibc
@testable import Ring

@Test func probeTells() throws {
  var options = RingOptions()
  options.registeredFilesMax = 1024
  let start = Clock.monotonicNanoseconds()
  let found = try UringCapabilities.probe(options)
  print("tier \(found.tier): \(found.text) in \((Clock.monotonicNanoseconds() - start) / 1000) us")
  var old = RingOptions()
  old.allowsMultishot = false
  old.allowsDeferredTaskRun = false
  old.allowsPostedWakes = false
  let poor = try UringCapabilities.probe(old)
  print("tier \(poor.tier): \(poor.text)")
}
