// FileStep.swift — what is to happen to names and files, one step after the other.
//
//   create new ─▶ sync ─▶ sync directory ─▶ write manifest ─▶ rename ─▶ sync directory
//
// Whoever decides about files (Persistence) writes down the steps, whoever may touch them (Ring)
// carries them out: in order, stopping at the first that fails. Written down, the order can be
// tested at every prefix, which is what a crash is.

/// One step. Paths are relative to the process's directory or absolute.
public enum FileStep: Equatable, Sendable {
  case makeDirectory(String)
  /// Opens a file that must not exist yet; its descriptor is the errand's result.
  case create(String)
  /// Opens a file that may exist, for writing at explicit offsets; its descriptor is the errand's result.
  case open(String)
  /// Opens a file that exists for writing whole blocks past the page cache; its descriptor is the errand's result.
  case openDirect(String)
  /// Makes what was opened by this errand durable.
  case syncOpened
  /// Replaces or makes a small file with these bytes, and makes them durable.
  case write(String, [UInt8])
  case rename(String, to: String)
  /// Makes the names in a directory durable.
  case syncDirectory(String)
  /// Removes a name; it may be gone already.
  case remove(String)
  case truncate(Int32, bytes: Int64)
  /// Writes zeros into a file that exists, through a descriptor of its own. The next sync of the file makes them
  /// durable; none happens here, since an error of the disk might be told to it and to nobody else.
  case fill(String, from: Int64, bytes: Int64)
  /// Cuts a file that exists, if it is longer.
  case trim(String, bytes: Int64)
  case sync(Int32)
  case close(Int32)
}
