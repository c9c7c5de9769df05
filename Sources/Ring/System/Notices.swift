// Notices.swift: one-way datagrams to the service manager and to the system's log.
//
// Both are a unix socket and a line of text; neither is worth a library. Failure is silent: a server
// that cannot tell anybody that it is ready is still ready.
import CURing
import Glibc

/// Datagrams to those who watch over this process.
public enum Notices {
  /// Tells the service manager about us ("READY=1", "STOPPING=1", "STATUS=…"), if it asked to be told.
  @discardableResult
  public static func serviceManager(_ message: String) -> Bool {
    guard let variable = unsafe getenv("NOTIFY_SOCKET") else { return false }
    return unsafe send(message, to: String(cString: variable))
  }

  /// Severities of syslog(3).
  public enum Severity: Int32, Sendable { case warning = 4, notice = 5, information = 6, debug = 7 }

  /// One line to the system's log, under `identity`. Facilities are those of syslog.h: user is 1, local0 is 16.
  @discardableResult
  public static func systemLog(
    _ message: String, _ severity: Severity, identity: String, facility: Int32
  ) -> Bool {
    send("<\(facility * 8 + severity.rawValue)>\(identity)[\(getpid())]: \(message)", to: "/dev/log")
  }

  private static func send(_ message: String, to path: String) -> Bool {
    // A leading @ names a socket without a file: the kernel writes it as a zero byte.
    var name = Array(path.utf8)
    guard let first = name.first else { return false }
    if first == UInt8(ascii: "@") { name[0] = 0 }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let room = MemoryLayout.size(ofValue: address.sun_path)
    guard name.count < room else { return false }
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: name) }
    let length = socklen_t(MemoryLayout<sockaddr_un>.size - room + name.count)

    let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { _ = close(descriptor) }
    let bytes = Array(message.utf8)
    return unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe sendto(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL), $0, length) == bytes.count
      }
    }
  }
}
