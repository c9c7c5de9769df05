// Environment.swift — what the process was given: variables, patterns of file names, a terminal to leave.
import CURing
import Glibc

package enum Environment {
  /// All variables, in no order.
  package static var variables: [(name: String, value: String)] {
    var found: [(name: String, value: String)] = []
    var next = unsafe environ
    while let entry = unsafe next.pointee {
      let text = unsafe String(cString: entry)
      if let equals = text.firstIndex(of: "=") {
        found.append((String(text[..<equals]), String(text[text.index(after: equals)...])))
      }
      unsafe next += 1
    }
    return found
  }

  package static func variable(_ name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    return unsafe String(cString: value)
  }

  /// Leaves the terminal: the caller goes on in a new process, its streams at /dev/null. Before any thread is made.
  package static func daemonize() throws(Errno) { _ = try checked { curing_daemonize() } }
}

extension File {
  /// Names that match a pattern in the form of glob(7), sorted. None at all is no error.
  package static func names(matching pattern: String) -> [String] {
    var result = unsafe glob_t()
    defer { unsafe globfree(&result) }
    guard unsafe glob(pattern, 0, nil, &result) == 0 else { return [] }
    return unsafe (0..<Int(result.gl_pathc)).compactMap { index in
      unsafe result.gl_pathv[index].map { unsafe String(cString: $0) }
    }
  }
}
