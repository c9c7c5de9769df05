import Testing

@testable import Bytes

/// A slot's old life is never found again, addresses stay, and freed slots are used before new pages.
@Suite struct SlabTests {
  @Test func generationsTellLivesApart() {
    var slab = Slab<UInt64>()
    let first = slab.insert(1)
    #expect(slab.find(first.slot, generation: first.generation)?.pointee == 1)
    slab.remove(first.slot)
    #expect(slab.find(first.slot, generation: first.generation) == nil)
    let second = slab.insert(2)
    #expect(second.slot == first.slot && second.generation != first.generation)
    #expect(slab.find(second.slot, generation: first.generation) == nil)
    #expect(slab.find(99_999, generation: 1) == nil)
  }

  @Test func addressesStayWhileItGrows() {
    var slab = Slab<UInt64>()
    var addresses: [UInt32: UnsafeMutablePointer<UInt64>] = [:]
    for value in 0..<100_000 {
      let (slot, _) = slab.insert(UInt64(value))
      addresses[slot] = slab[slot]
    }
    #expect(slab.count == 100_000)
    for (slot, address) in addresses { #expect(slab[slot] == address) }
  }
}
