// Errno.swift: why the kernel said no.
//
// The number and the kernel's own sentence for it; nothing is translated, so what a user reads in
// our log is what he finds in the manual.
import Glibc

/// An error number of the kernel, as a typed error.
public struct Errno: Error, Equatable, Sendable, BitwiseCopyable {
  public let code: Int32

  @inlinable public init(_ code: Int32) { self.code = code }

  /// What the last failed call of this thread left behind.
  public static var last: Errno { Errno(errno) }

  /// The kernel's sentence: "No such file or directory".
  public var text: String {
    guard let sentence = unsafe strerror(code) else { return "error \(code)" }
    return unsafe String(cString: sentence)
  }
}

extension Errno: CustomStringConvertible {
  public var description: String { "\(text) (errno \(code))" }
}

/// Calls until the call is not interrupted by a signal; a negative result becomes an error.
@inline(__always)
func checked<Result: SignedInteger>(_ call: () -> Result) throws(Errno) -> Result {
  while true {
    let result = call()
    if result >= 0 { return result }
    let code = errno
    guard code == EINTR else { throw Errno(code) }
  }
}
