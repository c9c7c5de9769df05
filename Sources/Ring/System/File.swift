// File.swift: files by plain system calls, for start-up, configuration and other rare moments.
//
// What the log writes on the request path goes through the ring instead. Descriptors are plain
// numbers and close-on-exec; whoever opens one closes it.
import Bytes
import CURing
import Glibc

/// Names and descriptors of files.
public enum File {
  /// What a file is opened for.
  public enum Access: Sendable {
    case read
    /// Writing at explicit offsets; created if absent.
    case write
    /// Writing at explicit offsets; an error if absent.
    case update
    /// Writing at the end; created if absent.
    case append
    /// Writing a new file; an error if the name exists.
    case createNew
    /// Writing, emptied first; created if absent.
    case truncate

    var flags: Int32 {
      switch self {
      case .read: O_RDONLY
      case .write: O_WRONLY | O_CREAT
      case .update: O_WRONLY
      case .append: O_WRONLY | O_CREAT | O_APPEND
      case .createNew: O_WRONLY | O_CREAT | O_EXCL
      case .truncate: O_WRONLY | O_CREAT | O_TRUNC
      }
    }
  }

  /// A new descriptor; `permissions` are those of a file that is created, before the umask.
  public static func open(
    _ path: String, for access: Access, permissions: UInt32 = 0o644
  ) throws(Errno) -> Int32 {
    try checked { unsafe curing_openat(AT_FDCWD, path, access.flags | O_CLOEXEC, permissions) }
  }

  /// A descriptor of an existing file that is written past the page cache, in whole blocks of 4096 bytes.
  ///
  /// Only on ext4 and XFS: FUSE, for one, forgets RWF_DSYNC when such a write is asynchronous, and says it is durable.
  public static func openDirect(_ path: String) throws(Errno) -> Int32 {
    let descriptor = try checked { unsafe curing_open_direct(path) }
    guard durableDirectly.contains(curing_file_system(descriptor)) else {
      try? close(descriptor)
      throw Errno(EOPNOTSUPP)
    }
    return descriptor
  }

  /// Magic numbers of file systems whose direct writes keep RWF_DSYNC: ext4, XFS.
  private static let durableDirectly: [UInt64] = [0xEF53, 0x5846_5342]

  /// Closes a descriptor; an error may be the last word about data that was written.
  public static func close(_ descriptor: Int32) throws(Errno) {
    // An interrupted close has closed: trying again could close somebody else's descriptor.
    guard Glibc.close(descriptor) == 0 || errno == EINTR else { throw .last }
  }

  /// All bytes up to the end, from the current position: also for standard input and /proc.
  public static func readAll(_ descriptor: Int32) throws(Errno) -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = try checked { unsafe Glibc.read(descriptor, &chunk, chunk.count) }
      guard count > 0 else { return bytes }
      bytes.append(contentsOf: chunk[..<count])
    }
  }

  /// All bytes of the file at the path.
  public static func readAll(_ path: String) throws(Errno) -> [UInt8] {
    let descriptor = try open(path, for: .read)
    defer { _ = Glibc.close(descriptor) }
    return try readAll(descriptor)
  }

  /// Reads at most `buffer.count` bytes at `offset`; 0 at the end of the file.
  public static func read(
    _ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer, offset: Int64
  ) throws(Errno) -> Int {
    try checked { unsafe pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset)) }
  }

  /// Writes all bytes at the current position, or at the end if the file was opened for that.
  public static func write(_ descriptor: Int32, _ bytes: ByteView) throws(Errno) {
    var rest = bytes
    while !rest.isEmpty {
      let count = try checked { unsafe Glibc.write(descriptor, rest.buffer.baseAddress, rest.count) }
      rest = rest[count..<rest.count]
    }
  }

  /// Writes all bytes at `offset`.
  public static func write(_ descriptor: Int32, _ bytes: ByteView, offset: Int64) throws(Errno) {
    var rest = bytes
    var offset = offset
    while !rest.isEmpty {
      let count = try checked { unsafe pwrite(descriptor, rest.buffer.baseAddress, rest.count, off_t(offset)) }
      rest = rest[count..<rest.count]
      offset += Int64(count)
    }
  }

  /// Data and what is needed to find it.
  /// Bytes written by one call, or an error as a negative number.
  static func writeSome(_ descriptor: Int32, _ memory: UnsafeRawPointer, count: Int, offset: Int64) -> Int32 {
    while true {
      let written = unsafe curing_pwrite(descriptor, memory, min(count, 0x7FFF_F000), offset, 0)
      if written >= 0 { return Int32(written) }
      if errno != EINTR { return -errno }
    }
  }

  public static func syncData(_ descriptor: Int32) throws(Errno) { _ = try checked { fdatasync(descriptor) } }

  /// Has the kernel write these bytes to the disk, and waits. They are not durable then (sync_file_range(2): the disk's
  /// cache and the metadata are not), but the sync that makes them so is quick, and an error is told to it.
  public static func writeBack(_ descriptor: Int32, from: Int64, bytes: Int64) throws(Errno) {
    _ = try checked { curing_write_back(descriptor, from, bytes) }
  }

  /// Data and all of the inode.
  public static func sync(_ descriptor: Int32) throws(Errno) { _ = try checked { fsync(descriptor) } }

  /// Cuts the file, or extends it by zeros, to this many bytes.
  public static func truncate(_ descriptor: Int32, to bytes: Int64) throws(Errno) {
    _ = try checked { ftruncate(descriptor, off_t(bytes)) }
  }

  /// Puts new contents behind a name so that a crash leaves either the old file or the new one,
  /// whole: temporary file beside it, sync, rename, sync of the directory.
  public static func replace(_ path: String, with bytes: ByteView, permissions: UInt32 = 0o644) throws(Errno) {
    let temporary = "\(path).tmp-\(getpid())-\(Clock.monotonicNanoseconds())"
    let descriptor = try open(temporary, for: .createNew, permissions: permissions)
    do throws(Errno) {
      do throws(Errno) {
        try write(descriptor, bytes)
        try sync(descriptor)
      } catch {
        _ = Glibc.close(descriptor)
        throw error
      }
      try close(descriptor)
      try rename(temporary, to: path)
    } catch {
      _ = unsafe unlink(temporary)
      throw error
    }
    try syncDirectory(directory(of: path))
  }
}
