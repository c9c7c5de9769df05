// File+Text.swift — lines for people: logs and standard output.
import CURing
import Glibc

extension File {
  /// Adds text at the end of a file, created if absent; an empty path is standard output.
  public static func appendText(_ text: String, to path: String) throws(Errno) {
    let descriptor = path.isEmpty ? STDOUT_FILENO : try open(path, for: .append)
    defer { if !path.isEmpty { _ = Glibc.close(descriptor) } }
    let bytes = Array(text.utf8)
    var written = 0
    while written < bytes.count {
      written += try checked {
        unsafe bytes.withUnsafeBytes { all in
          let rest = unsafe UnsafeRawBufferPointer(rebasing: all[written...])
          return unsafe Glibc.write(descriptor, rest.baseAddress, rest.count)
        }
      }
    }
  }

  /// Whether standard output is a terminal.
  public static var standardOutputIsTerminal: Bool { isatty(STDOUT_FILENO) == 1 }
}
