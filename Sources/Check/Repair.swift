// Repair.swift — cutting a torn tail off, with the file as it was kept beside it.
import Bytes
import Ring

enum Repair {
  /// Copies the file to a new name beside it, then cuts it to `bytes`. Returns the copy's path. Nothing is cut
  /// before the copy is on the disk.
  static func truncate(_ path: String, to bytes: UInt64) throws(Errno) -> String {
    let backup = try copy(path)
    let descriptor = try File.open(path, for: .write)
    do throws(Errno) {
      try File.truncate(descriptor, to: Int64(bytes))
      try File.sync(descriptor)
    } catch {
      try? File.close(descriptor)
      throw error
    }
    try File.close(descriptor)
    return backup
  }

  private static func copy(_ path: String) throws(Errno) -> String {
    var file = try WindowedFile(path)
    let permissions = try File.status(path).permissions
    let backup = freeName(for: path)
    let descriptor = try File.open(backup, for: .createNew, permissions: permissions)
    do throws(Errno) {
      repeat {
        try file.fill()
        try File.write(descriptor, file.window)
        file.drop(file.window.count)
      } while !file.isAtEnd
      try File.sync(descriptor)
    } catch {
      try? File.close(descriptor)
      try? File.remove(backup)
      throw error
    }
    try File.close(descriptor)
    try File.syncDirectory(File.directory(of: path))
    return backup
  }

  /// `<path>.backup`, or the first of `.backup-2`, … that nobody has.
  private static func freeName(for path: String) -> String {
    var name = "\(path).backup"
    var number = 2
    while File.exists(name) {
      name = "\(path).backup-\(number)"
      number += 1
    }
    return name
  }
}
