// Machine.swift: what we run on.
import CURing
import Glibc

/// The kernel, the cores and the memory under this process.
public enum Machine {
  /// Cores that this process may use.
  public static var cores: Int {
    let allowed = Int(curing_cores())
    return max(1, allowed > 0 ? allowed : Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
  }

  /// Bytes of memory in the machine.
  public static var memoryBytes: UInt64 {
    UInt64(max(0, sysconf(Int32(_SC_PHYS_PAGES)))) &* UInt64(max(0, sysconf(Int32(_SC_PAGESIZE))))
  }

  /// The memory limit of our control group, either version; nil where there is none.
  public static var memoryLimitBytes: UInt64? {
    memoryLimitFiles.lazy.compactMap { path -> UInt64? in
      guard let bytes = try? File.readAll(path) else { return nil }
      return UInt64(String(decoding: bytes.prefix { $0 >= UInt8(ascii: "0") }, as: UTF8.self))
    }.first { $0 < memoryBytes }
  }

  /// Version 2 and version 1, each first where this process's group is mounted, then at the root of the mount.
  private static var memoryLimitFiles: [String] {
    var files = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]
    let groups = (try? File.readAll("/proc/self/cgroup")).map { String(decoding: $0, as: UTF8.self) } ?? ""
    for line in groups.split(separator: "\n") {
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3, fields[2] != "/" else { continue }
      if fields[1].isEmpty { files.insert("/sys/fs/cgroup\(fields[2])/memory.max", at: 0) }
      if fields[1].split(separator: ",").contains("memory") {
        files.insert("/sys/fs/cgroup/memory\(fields[2])/memory.limit_in_bytes", at: 0)
      }
    }
    return files
  }

  /// The kernel's release, "6.18.44", and the rest of uname(2).
  public struct Name: Sendable {
    public let system: String
    public let release: String
    public let architecture: String
  }

  /// What uname(2) says.
  public static var name: Name {
    var raw = utsname()
    _ = unsafe uname(&raw)
    return Name(system: text(raw.sysname), release: text(raw.release), architecture: text(raw.machine))
  }

  /// Major and minor number of the kernel; (0, 0) when it has a name that we cannot read.
  public static var kernelVersion: (major: Int, minor: Int) {
    let numbers = name.release.split { $0 < "0" || $0 > "9" }.prefix(2).map { Int($0) ?? 0 }
    return numbers.count == 2 ? (numbers[0], numbers[1]) : (0, 0)
  }

  private static func text<Characters: BitwiseCopyable>(_ characters: Characters) -> String {
    unsafe withUnsafeBytes(of: characters) { unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}
