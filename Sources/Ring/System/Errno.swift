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

extension Errno {
  public static var again: Errno { Errno(EAGAIN) }
  public static var noSpace: Errno { Errno(ENOSPC) }
  public static var inputOutput: Errno { Errno(EIO) }
  public static var interrupted: Errno { Errno(EINTR) }
  public static var cancelled: Errno { Errno(ECANCELED) }
  public static var noBufferSpace: Errno { Errno(ENOBUFS) }

  /// The address is not one of this machine's.
  public var isAddressUnavailable: Bool { code == EADDRNOTAVAIL }
  /// Somebody else has the address and the port.
  public var isAddressInUse: Bool { code == EADDRINUSE }
  /// This kernel does not speak the address's family.
  public var isFamilyUnavailable: Bool { code == EAFNOSUPPORT || code == EPROTONOSUPPORT }
  /// No more descriptors, in the process or in the machine: it will be the same a moment later.
  public var isOutOfDescriptors: Bool { code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM }
  /// The connection that was to be accepted is gone already: others wait behind it.
  public var isTransientForAccept: Bool {
    [ECONNABORTED, EAGAIN, EINTR, ECANCELED, ENETDOWN, EPROTO, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, EOPNOTSUPP,
      ENETUNREACH].contains(code)
  }
}
