import Testing

@testable import NameResolution

/// Tests with raw answers of a name server or of an impostor.
@Suite("Answers of name servers")
struct NameServerMessageTests {
  private let question = NameServerMessage("a.org", .ipv4, id: 0x1234)
  private static let name: [UInt8] = [1, 97, 3, 111, 114, 103, 0]

  /// Returns an answer whose records are all about the requested name, unless they have another name.
  private func answer(
    id: [UInt8] = [0x12, 0x34], flags: [UInt8] = [0x81, 0x80], asked: [UInt8] = Self.name + [0, 1, 0, 1],
    _ rows: [[UInt8]]
  ) -> NameServerMessage.Answer? {
    question?.answer(in: id + flags + [0, 1, 0, UInt8(rows.count), 0, 0, 0, 0] + asked + rows.joined())
  }

  private static let address: [UInt8] = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 1]

  @Test("An answer to the question is read, in upper or lower case")
  func right() {
    #expect(answer([Self.address]) == .addresses(["192.0.2.1"]))
    #expect(answer(asked: [1, 65, 3, 79, 82, 71, 0, 0, 1, 0, 1], [Self.address]) == .addresses(["192.0.2.1"]))
    #expect(answer([]) == .addresses([]))
    #expect(answer(flags: [0x81, 0x83], []) == .noSuchName)
    #expect(answer(flags: [0x81, 0x85], []) == .refused(5))
    #expect(answer(flags: [0x83, 0x80], []) == .truncated)
  }

  @Test("An answer to another question, or a question, is refused")
  func strangers() {
    #expect(answer(id: [0x12, 0x35], [Self.address]) == nil)
    #expect(answer(flags: [0x01, 0x00], [Self.address]) == nil)
    #expect(answer(asked: [1, 98, 3, 111, 114, 103, 0, 0, 1, 0, 1], [Self.address]) == nil)
    #expect(answer(asked: Self.name + [0, 28, 0, 1], [Self.address]) == nil)
  }

  @Test("Only addresses of the name and of its aliases count")
  func aliases() {
    let other: [UInt8] = [1, 98, 0, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 9]
    let alias: [UInt8] = [0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, 3, 1, 98, 0]
    #expect(answer([other]) == .addresses([]))
    #expect(answer([alias, other]) == .addresses(["192.0.2.9"]))
  }

  @Test("Circular names, lengths beyond the end, and truncated messages are refused")
  func damaged() {
    // A pointer to itself: the 12 bytes of the head and the 11 of the question precede it.
    #expect(answer([[0xc0, 23, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 1]]) == nil)
    #expect(answer([[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 5, 192, 0, 2, 1]]) == nil)
    #expect(answer([[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 3, 192, 0, 2]]) == nil)
    let whole: [UInt8] = [0x12, 0x34, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0] + Self.name + [0, 1, 0, 1] + Self.address
    for length in 0..<whole.count { #expect(question?.answer(in: Array(whole[..<length])) == nil) }
  }
}
