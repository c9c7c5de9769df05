// SnapshotFile.swift — a snapshot on disk while it is loaded, a piece at a time.
import Bytes
import Persistence
import Ring
import Store

struct SnapshotFile: ~Copyable {
  let descriptor: Int32
  let name: String
  private var loader: SnapshotLoader
  private let chunk: UnsafeMutableRawBufferPointer
  private(set) var offset: Int64 = 0

  enum Outcome: Equatable {
    case more
    /// The snapshot ends at this offset; records may follow.
    case done(end: Int64)
    case failed(String)
  }

  private static let chunkBytes = 1 << 20

  init(descriptor: Int32, name: String, loader: consuming SnapshotLoader) {
    self.descriptor = descriptor
    self.name = name
    self.loader = loader
    chunk = .allocate(byteCount: Self.chunkBytes, alignment: 4096)
  }

  deinit { chunk.deallocate() }

  var figures: SnapshotLoader.Figures { loader.figures }

  /// Loads the next piece.
  mutating func step() -> Outcome {
    do throws(Errno) {
      let count = try File.read(descriptor, into: chunk, offset: offset)
      do throws(RDBFailure) {
        guard count > 0 else {
          try loader.finish()
          return .done(end: offset)
        }
        let taken = try loader.feed(ByteView(start: UnsafeRawPointer(chunk.baseAddress!), count: count))
        offset += Int64(taken)
        return loader.isComplete ? .done(end: offset) : .more
      } catch {
        return .failed(error.text)
      }
    } catch {
      return .failed(error.text)
    }
  }

  /// Whether the file begins as a snapshot does.
  static func isSnapshot(_ descriptor: Int32) throws(Errno) -> Bool {
    var head = InlineArray<6, UInt8>(repeating: 0)
    var failure: Errno?
    let count = withUnsafeMutableBytes(of: &head) { raw in
      do throws(Errno) { return try File.read(descriptor, into: raw, offset: 0) } catch {
        failure = error
        return 0
      }
    }
    if let failure { throw failure }
    let isRedis = count >= 5 && head[0] == UInt8(ascii: "R") && head[1] == UInt8(ascii: "E") && head[2] == UInt8(ascii: "D")
    let isValkey = count >= 6 && head[0] == UInt8(ascii: "V") && head[1] == UInt8(ascii: "A") && head[2] == UInt8(ascii: "L")
    return isRedis || isValkey
  }
}
