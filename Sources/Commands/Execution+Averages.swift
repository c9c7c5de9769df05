// Execution+Averages.swift — what the sweeps for expired keys have learnt on their way.
import Store

extension Execution {
  /// Milliseconds that the keys of a database that have an expiry still live, on average; an estimate.
  public func averageTimeToLive(database index: Int) -> Milliseconds {
    databases[index].volatileCount == 0 ? 0 : expirySweeps[index].averageTimeToLive
  }
}
