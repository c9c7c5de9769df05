// Socket+Refusal.swift — the last word to somebody who is not let in.
import Bytes
import CURing
import Glibc

extension Socket {
  /// Tries once to send `text`, without waiting: for a connection that is about to be closed. What does not
  /// fit into the kernel's buffer is lost.
  public static func sendOnce(_ descriptor: Int32, _ text: ByteView) {
    _ = unsafe send(descriptor, text.buffer.baseAddress, text.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
  }
}
