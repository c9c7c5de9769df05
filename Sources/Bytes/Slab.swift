// Slab.swift — many small records with stable addresses, found by slot and generation.
//
//   pages ─▶ ┌ page 0: 256 cells ┐ ┌ page 1 ┐ …      cell: generation │ next free, or "taken" │ element
//
// A page is never moved or given back, so a pointer to an element stays good for as long
// as its slot is taken. The generation counts the slot's lives: whoever holds an old one
// (a completion that was under way when the slot was freed) finds nothing.
import CAllocator

@safe public struct Slab<Element: BitwiseCopyable>: ~Copyable {
  @usableFromInline struct Cell {
    @usableFromInline var generation: UInt32
    /// The free slot behind this one, or `taken`.
    @usableFromInline var nextFree: UInt32
    @usableFromInline var element: Element

    @inlinable var isTaken: Bool { nextFree == Self.taken }
    @usableFromInline static var taken: UInt32 { .max - 1 }
  }

  @usableFromInline var pages: UnsafeMutablePointer<UnsafeMutablePointer<Cell>>
  @usableFromInline var pageCount = 0
  private var pageCapacity: Int
  private var firstFree: UInt32 = noSlot
  /// Elements alive.
  public private(set) var count = 0

  @usableFromInline static var cellsPerPage: Int { 256 }
  private static var noSlot: UInt32 { .max }
  /// Generations are compared in 24 bits: that is what a token carries.
  private static var generationMask: UInt32 { 0xFF_FFFF }

  public init() {
    pageCapacity = 64
    unsafe pages = .allocate(capacity: 64)
  }

  deinit {
    for i in 0..<pageCount { unsafe pages[i].deallocate() }
    unsafe pages.deallocate()
  }

  /// Takes a free slot for `element`. Returns the slot and the generation of this life.
  public mutating func insert(_ element: Element) -> (slot: UInt32, generation: UInt32) {
    if firstFree == Self.noSlot { addPage() }
    let slot = firstFree
    let cell = unsafe self.cell(slot)
    firstFree = unsafe cell.pointee.nextFree
    unsafe cell.pointee.nextFree = Cell.taken
    unsafe cell.pointee.element = element
    count += 1
    return unsafe (slot, cell.pointee.generation)
  }

  /// Ends the life of a slot: its generation moves on.
  public mutating func remove(_ slot: UInt32) {
    let cell = unsafe self.cell(slot)
    unsafe precondition(cell.pointee.isTaken, "slot freed twice")
    unsafe cell.pointee.generation = (cell.pointee.generation &+ 1) & Self.generationMask
    unsafe cell.pointee.nextFree = firstFree
    firstFree = slot
    count -= 1
  }

  /// The element of a taken slot.
  @inlinable public subscript(slot: UInt32) -> UnsafeMutablePointer<Element> {
    let cell = unsafe self.cell(slot)
    unsafe precondition(cell.pointee.isTaken, "no element in this slot")
    return unsafe element(of: cell)
  }

  /// The element if the slot still lives the life `generation`, else nil.
  @inlinable public func find(_ slot: UInt32, generation: UInt32) -> UnsafeMutablePointer<Element>? {
    guard Int(slot) < pageCount * Self.cellsPerPage else { return nil }
    let cell = unsafe self.cell(slot)
    guard unsafe cell.pointee.isTaken && cell.pointee.generation == generation else { return nil }
    return unsafe element(of: cell)
  }

  public func generation(of slot: UInt32) -> UInt32 { unsafe cell(slot).pointee.generation }

  /// Slots that exist; for walking all of them together with `isTaken`.
  public var slotCount: UInt32 { UInt32(pageCount * Self.cellsPerPage) }
  public func isTaken(_ slot: UInt32) -> Bool { unsafe cell(slot).pointee.isTaken }

  @inlinable func cell(_ slot: UInt32) -> UnsafeMutablePointer<Cell> {
    let index = Int(slot)
    precondition(index < pageCount * Self.cellsPerPage, "no such slot")
    return unsafe pages[index / Self.cellsPerPage] + index % Self.cellsPerPage
  }

  @inlinable func element(of cell: UnsafeMutablePointer<Cell>) -> UnsafeMutablePointer<Element> {
    let offset = MemoryLayout<Cell>.offset(of: \.element) ?? 0
    return unsafe (UnsafeMutableRawPointer(cell) + offset).assumingMemoryBound(to: Element.self)
  }

  private mutating func addPage() {
    if pageCount == pageCapacity {
      let grown = UnsafeMutablePointer<UnsafeMutablePointer<Cell>>.allocate(capacity: pageCapacity * 2)
      unsafe grown.update(from: pages, count: pageCount)
      unsafe pages.deallocate()
      unsafe pages = grown
      pageCapacity *= 2
    }
    let page = UnsafeMutablePointer<Cell>.allocate(capacity: Self.cellsPerPage)
    unsafe memset(page, 0, Self.cellsPerPage * MemoryLayout<Cell>.stride)
    let base = UInt32(pageCount * Self.cellsPerPage)
    for i in 0..<Self.cellsPerPage {
      let last = i == Self.cellsPerPage - 1
      unsafe page[i].nextFree = last ? firstFree : base + UInt32(i) + 1
      // Generation 0 is never given out: a zeroed token matches nothing.
      unsafe page[i].generation = 1
    }
    firstFree = base
    unsafe pages[pageCount] = page
    pageCount += 1
  }
}
