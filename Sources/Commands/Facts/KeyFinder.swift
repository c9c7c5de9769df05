// KeyFinder.swift — finds the keys of a request from its command's specifications.
//
// Every number on the way is foreign: it is read in full, compared with the words there
// are, and a request whose numbers lie has no keys rather than some.
import Bytes
import Wire

/// A key of a request: the word and what is done with it.
package struct KeyReference {
  package let position: Int
  package let flags: KeyFlags
}

/// Finds keys, or their flags, that depend on more than positions. Nil: the request makes no sense.
package typealias KeyFinder = @Sendable (Arguments) -> [KeyReference]?
