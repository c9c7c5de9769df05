// Errno.swift: why the kernel said no.
//
// The number and the kernel's own sentence for it; nothing is translated, so what a user reads in
// our log is what he finds in the manual.
import Glibc

/// An error number of the kernel, as a typed error.
package struct Errno: Error, Equatable, Sendable, BitwiseCopyable {
  package let code: Int32

  @inlinable package init(_ code: Int32) { self.code = code }

  /// What the last failed call of this thread left behind.
  package static var last: Errno { Errno(errno) }

  /// The kernel's sentence: "No such file or directory".
  package var text: String {
    guard let sentence = unsafe strerror(code) else { return "error \(code)" }
    return unsafe String(cString: sentence)
  }
}

extension Errno: CustomStringConvertible {
  package var description: String { "\(text) (errno \(code))" }
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

extension Errno {
  package static var again: Errno { Errno(EAGAIN) }
  package static var interrupted: Errno { Errno(EINTR) }
  package static var cancelled: Errno { Errno(ECANCELED) }
  package static var noBufferSpace: Errno { Errno(ENOBUFS) }

  /// The address is not one of this machine's.
  package var isAddressUnavailable: Bool { code == EADDRNOTAVAIL }
  /// This kernel does not speak the address's family.
  package var isFamilyUnavailable: Bool { code == EAFNOSUPPORT || code == EPROTONOSUPPORT }
  /// No more descriptors, in the process or in the machine: it will be the same a moment later.
  package var isOutOfDescriptors: Bool { code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM }
  /// The connection that was to be accepted is gone already: others wait behind it.
  package var isTransientForAccept: Bool {
    [ECONNABORTED, EAGAIN, EINTR, ECANCELED, ENETDOWN, EPROTO, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, EOPNOTSUPP,
      ENETUNREACH].contains(code)
  }
}
