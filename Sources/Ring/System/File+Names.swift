// File+Names.swift: names, directories and what is behind them.
import CURing
import Glibc

extension File {
  /// What a name can lead to, as far as we tell it apart.
  public enum Kind: Sendable { case regular, directory, socket, other }

  /// What stat(2) says, as far as anybody asked.
  public struct Status: Sendable {
    public let kind: Kind
    public let bytes: Int64
    /// Permission bits only.
    public let permissions: UInt32
    /// Device and inode: the same file, whatever its name.
    public let device: UInt64
    public let inode: UInt64

    init(_ raw: stat) {
      kind =
        switch raw.st_mode & S_IFMT {
        case S_IFREG: .regular
        case S_IFDIR: .directory
        case S_IFSOCK: .socket
        default: .other
        }
      bytes = Int64(raw.st_size)
      permissions = raw.st_mode & 0o7777
      device = UInt64(raw.st_dev)
      inode = UInt64(raw.st_ino)
    }
  }

  /// Of what the name leads to, symbolic links followed.
  public static func status(_ path: String) throws(Errno) -> Status {
    var raw = stat()
    _ = try checked { unsafe stat(path, &raw) }
    return Status(raw)
  }

  /// Of what is behind a descriptor.
  public static func status(_ descriptor: Int32) throws(Errno) -> Status {
    var raw = stat()
    _ = try checked { unsafe fstat(descriptor, &raw) }
    return Status(raw)
  }

  /// True also for a name that we may not open.
  public static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

  /// For this process, as it is now.
  public static func isWritable(_ path: String) -> Bool { unsafe access(path, W_OK) == 0 }

  /// Replaces the new name if there is one. Not durable before `syncDirectory`.
  public static func rename(_ old: String, to new: String) throws(Errno) {
    _ = try checked { unsafe Glibc.rename(old, new) }
  }

  /// Removes a name; the file goes with its last name and descriptor.
  public static func remove(_ path: String) throws(Errno) { _ = try checked { unsafe unlink(path) } }

  /// Removes an empty directory.
  public static func removeDirectory(_ path: String) throws(Errno) { _ = try checked { unsafe rmdir(path) } }

  /// Makes one directory, not those above it.
  public static func makeDirectory(_ path: String, permissions: UInt32 = 0o755) throws(Errno) {
    _ = try checked { unsafe mkdir(path, permissions) }
  }

  /// Relative names start there from now on, for all threads.
  public static func changeDirectory(_ path: String) throws(Errno) { _ = try checked { unsafe chdir(path) } }

  /// Where relative names start.
  public static func currentDirectory() throws(Errno) -> String {
    guard let path = unsafe getcwd(nil, 0) else { throw .last }
    defer { unsafe free(path) }
    return unsafe String(cString: path)
  }

  /// The absolute name without links.
  public static func realPath(_ path: String) throws(Errno) -> String {
    guard let resolved = unsafe realpath(path, nil) else { throw .last }
    defer { unsafe free(resolved) }
    return unsafe String(cString: resolved)
  }

  /// Names in a directory, without "." and "..", in no order.
  public static func names(in path: String) throws(Errno) -> [String] {
    guard let directory = unsafe opendir(path) else { throw .last }
    defer { unsafe closedir(directory) }
    var names: [String] = []
    while let entry = unsafe readdir(directory) {
      let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names
  }

  /// Makes created, renamed and removed names of a directory durable.
  public static func syncDirectory(_ path: String) throws(Errno) {
    let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC
    let descriptor = try checked { unsafe curing_openat(AT_FDCWD, path, flags, 0) }
    defer { _ = Glibc.close(descriptor) }
    _ = try checked { fsync(descriptor) }
  }

  /// The part of a name before its last slash: "." if there is none.
  public static func directory(of path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
    return slash == path.utf8.startIndex ? "/" : String(path[..<slash])
  }

  /// Writes the process's number and a line end, as init scripts expect it.
  public static func writeProcessNumber(_ path: String) throws(Errno) {
    let descriptor = try open(path, for: .truncate)
    defer { _ = Glibc.close(descriptor) }
    let line = Array("\(getpid())\n".utf8)
    var written = 0
    while written < line.count {
      written += try checked { unsafe Glibc.write(descriptor, Array(line[written...]), line.count - written) }
    }
  }
}
