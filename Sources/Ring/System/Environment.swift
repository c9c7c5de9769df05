// Environment.swift — what the process was given: variables, patterns of file names, a terminal to leave.
import CURing
import Glibc

public enum Environment {
  /// All variables, in no order.
  public static var variables: [(name: String, value: String)] {
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

  public static func variable(_ name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    return unsafe String(cString: value)
  }

  /// Leaves the terminal: the caller goes on in a new process, its streams at /dev/null. Before any thread is made.
  public static func daemonize() throws(Errno) { _ = try checked { curing_daemonize() } }
}

extension File {
  /// Names that match a pattern in the form of glob(7), sorted. None at all is no error.
  public static func names(matching pattern: String) -> [String] {
    var result = unsafe glob_t()
    defer { unsafe globfree(&result) }
    guard unsafe glob(pattern, 0, nil, &result) == 0 else { return [] }
    return unsafe (0..<Int(result.gl_pathc)).compactMap { index in
      unsafe result.gl_pathv[index].map { unsafe String(cString: $0) }
    }
  }
}

extension ProcessFacts {
  /// Ends the process without running anything else.
  public static func exit(_ code: Int32) -> Never { Glibc.exit(code) }

  /// Writes to standard error.
  public static func complain(_ text: String) {
    let bytes = Array(text.utf8)
    _ = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}

extension Machine {
  /// Connections that the kernel lets wait on one listener; nil when it does not say.
  public static var listenBacklogMax: Int? {
    guard let text = try? File.readAll("/proc/sys/net/core/somaxconn") else { return nil }
    return Int(String(decoding: text.prefix { $0 >= UInt8(ascii: "0") }, as: UTF8.self))
  }
}
