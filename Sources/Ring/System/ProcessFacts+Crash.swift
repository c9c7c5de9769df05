// ProcessFacts+Crash.swift: dying in a chosen way, to see what supervisors and clients make of it.
import Glibc

extension ProcessFacts {
  /// A segmentation fault, as an invalid access would raise it.
  public static func raiseSegmentationFault() { _ = raise(SIGSEGV) }

  /// An abort, as a failed check would raise it.
  public static func raiseAbort() { _ = raise(SIGABRT) }
}
