// RDBDatum.swift — what a value of many elements consists of, one thing at a time.
//
//   other(key, set)    count 3   string "a"   string "b"   string "c"   end
//   other(key, hash)   packed(listpack)   end
//
// Views in data are good until the reader's next `settle` or `leave`, like those in items.
import Bytes

package enum RDBDatum: BitwiseCopyable {
  /// So many elements follow: what the snapshot says, believed by nobody.
  case count(UInt64)
  case string(ByteView)
  /// A packed value whose lengths agree with each other.
  case packed(PackedForm, ByteView)
  case number(UInt64)
  case bytes(ByteView)
  case score(Double)
}

package enum RDBPart: BitwiseCopyable {
  case datum(RDBDatum)
  /// The value is complete.
  case end
}

extension RDBType {
  /// Values of the type can be held.
  var isLoadable: Bool {
    switch self {
    case .set, .setIntset, .setListpack, .list, .listZiplist, .listQuicklist, .listQuicklist2, .hash, .hashZipmap,
      .hashZiplist, .hashListpack, .hashExpiryOfCandidate, .hashListpackExpiryOfCandidate, .hashExpiry,
      .hashListpackExpiry, .hashValkey, .sortedSetText, .sortedSet, .sortedSetZiplist, .sortedSetListpack,
      .stream1, .stream2, .stream3:
      true
    default: false
    }
  }
}
