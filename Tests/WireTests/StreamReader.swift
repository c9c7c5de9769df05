// StreamReader.swift — a stream of packets against the request parser, as a connection would feed it.
//
//   packets ─▶ [ kept: unfinished bytes ] ─▶ parser ─▶ requests │ error
//                        └ a large word ─▶ memory of its own ─▶ supply
//
// The parser's tests and its fuzz target read alike: both compile this file.
import Bytes
import Wire

/// What a stream came to.
struct Reading: Equatable {
  var requests: [[[UInt8]]] = []
  var error: ProtocolError?
}

/// Feeds `stream` in pieces of the lengths that `cut` gives for the offsets at which they begin, as a connection would.
/// - Parameter takesLarge: large words get memory of their own.
func read(
  _ stream: ArraySlice<UInt8>, limits: RequestParser.Limits = .init(), takesLarge: Bool = true, cut: (Int) -> Int
) -> Reading {
  var reading = Reading()
  var parser = RequestParser()
  var words = ArgumentVector()
  var kept: [UInt8] = []
  var large: (memory: UnsafeMutableRawBufferPointer, filled: Int)?
  var memories: [UnsafeMutableRawBufferPointer] = []
  defer {
    words.release()
    memories.forEach { $0.deallocate() }
  }

  func execute(_ base: UnsafeRawPointer) {
    words.seal(0..<words.count, base: base)
    reading.requests.append((0..<words.count).map { Array(words.views[$0].buffer) })
    words.removeAll()
  }

  var position = stream.startIndex
  while position < stream.endIndex {
    let end = min(stream.endIndex, position + max(1, cut(position - stream.startIndex)))
    var piece = stream[position..<end]
    position = end
    if var filling = large {
      let part = min(piece.count, filling.memory.count - filling.filled)
      for byte in piece.prefix(part) {
        filling.memory[filling.filled] = byte
        filling.filled += 1
      }
      piece = piece.dropFirst(part)
      large = filling
      guard filling.filled == filling.memory.count else { continue }
      large = nil
      guard filling.memory[filling.filled - 2] == UInt8(ascii: "\r"), filling.memory[filling.filled - 1] == UInt8(ascii: "\n")
      else {
        reading.error = .bulkEnd
        return reading
      }
      parser.supply(UnsafeRawPointer(filling.memory.baseAddress!), words: &words)
      if let end = parser.completed() {
        kept.withUnsafeBytes { execute($0.baseAddress!) }
        kept.removeFirst(end)
      }
    }
    kept += piece
    var used = 0
    // A copy of exactly this size: one byte too far is a report of AddressSanitizer.
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: kept.count, alignment: 1)
    bytes.copyBytes(from: kept)
    defer { bytes.deallocate() }
    var wantsMore = false
    while used < bytes.count && !wantsMore {
      let rest = ByteView(UnsafeRawBufferPointer(rebasing: bytes[used...]))
      do throws(ProtocolError) {
        switch try parser.next(in: rest, limits: limits, words: &words) {
        case .request(let end):
          precondition(end > 0 && end <= rest.count, "a request ends outside its bytes")
          execute(rest.start)
          used += end
        case .nothing(let end):
          precondition(end > 0 && end <= rest.count, "nothing ends outside its bytes")
          used += end
        case .more:
          wantsMore = true
        case .large(let start, let available, let length):
          precondition(start + available == rest.count && available < length + 2, "a large word that is here already")
          guard takesLarge else {
            wantsMore = true
            break
          }
          let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: length + 2, alignment: 1)
          memories.append(memory)
          memory.copyBytes(from: UnsafeRawBufferPointer(rebasing: bytes[(used + start)...]))
          large = (memory, available)
          kept = Array(bytes[used..<(used + start)])
          used = -1
          wantsMore = true
        }
      } catch {
        reading.error = error
        return reading
      }
      if used < 0 { break }
    }
    if used >= 0 { kept = Array(bytes[used...]) }
  }
  return reading
}
