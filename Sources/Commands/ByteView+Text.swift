// ByteView+Text.swift — words compared with text; not for the request path.
import Bytes

extension ByteView {
  /// Equality with the ASCII letters folded on both sides. Not called as the one for literals is: there a String
  /// would be made of every literal.
  package func equalsIgnoringCase(text other: String) -> Bool {
    count == other.utf8.count
      && zip(buffer, other.utf8).allSatisfy { CommandNames.lower($0) == CommandNames.lower($1) }
  }
}
