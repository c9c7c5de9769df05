// Store.swift: the data, with no idea of network, disk or time.
//
//   Keyspace            one database: keys, their values and their expiries
//     └─ Table          linear hashing: grows and shrinks by one bucket at a time
//          └─ Bucket    one cache line: seven entries, their tags, perhaps a child
//               └─ Entry        one allocation: header, expiry, key and a small value
//                    └─ Blob    the bytes of a larger string, on their own
//   Sweep               a place in the order in which everything long visits a table
//   Graveyard           what was detached at once and is freed in slices
//   EpochWalk           all entries as they were at one instant, seen in slices
//
// A `Location` says where an entry stands. It is good until the next call that changes
// the keyspace, apart from calls that take it `inout` and bring it up to date.
// `now` is always a parameter, in milliseconds of the Unix epoch.

/// A point in time, or a span of it, in milliseconds; points count from 1970.
public typealias Milliseconds = Int64
