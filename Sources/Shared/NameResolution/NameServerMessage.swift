import LinuxSystem

/// A question to a name server, and the parser of its answer (RFC 1035, section 4).
struct NameServerMessage {
  /// The type of the requested records.
  enum Kind: UInt16 {
    case ipv4 = 1
    case ipv6 = 28

    /// Bytes of an address.
    var length: Int { self == .ipv4 ? 4 : 16 }
  }

  /// A server's answer.
  enum Answer: Equatable {
    /// Numeric addresses; empty if the name has none of this kind.
    case addresses([String])
    /// The name does not exist.
    case noSuchName
    /// The answer does not fit into a UDP message and must be requested over TCP.
    case truncated
    /// The server refused to answer with this response code.
    case refused(UInt8)
  }

  /// The ID that the answer must repeat.
  let id: UInt16
  let bytes: [UInt8]
  private let name: [UInt8]
  private let kind: Kind

  private static let internet: UInt16 = 1
  private static let alias: UInt16 = 5
  private static let headLength = 12
  /// Maximum number of aliases to follow, and of compression pointers in a name.
  private static let mostSteps = 16

  /// Makes a question for the addresses of a name; `nil` if the name is not a valid host name.
  init?(_ name: String, _ kind: Kind, id: UInt16) {
    let labels = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard labels.allSatisfy({ (1...63).contains($0.count) }), name.utf8.count <= 253 else { return nil }
    var encoded: [UInt8] = []
    for label in labels { encoded += [UInt8(label.count)] + Array(label) }
    encoded.append(0)
    (self.id, self.kind, self.name) = (id, kind, Self.lowerCased(encoded))
    // One question, with recursion.
    bytes =
      Self.pair(id) + [1, 0, 0, 1, 0, 0, 0, 0, 0, 0] + encoded + Self.pair(kind.rawValue) + Self.pair(Self.internet)
  }

  /// Parses an answer; `nil` if it does not belong to this question.
  func answer(in message: [UInt8]) -> Answer? {
    var reader = Reader(message: message, place: 0)
    guard let id = reader.number(), id == self.id, let flags = reader.number(), flags & 0x8000 != 0,
      let questions = reader.number(), questions == 1, let count = reader.number()
    else { return nil }
    reader.place = Self.headLength
    guard let asked = reader.name(), Self.lowerCased(asked) == name, reader.number() == kind.rawValue,
      reader.number() == Self.internet
    else { return nil }
    switch flags & 15 {
    case 0: break
    case 3: return .noSuchName
    case let code: return .refused(UInt8(code))
    }
    if flags & 0x0200 != 0 { return .truncated }
    // An alias precedes the records of its target.
    var (owners, addresses): (Set<[UInt8]>, [String]) = ([name], [])
    for _ in 0..<count {
      guard let owner = reader.name(), let type = reader.number(), let family = reader.number(),
        reader.skip(4), let length = reader.number()
      else { return nil }
      let end = reader.place + Int(length)
      guard end <= message.count else { return nil }
      if family == Self.internet, owners.contains(Self.lowerCased(owner)) {
        if type == Self.alias, owners.count <= Self.mostSteps {
          guard let target = reader.name(), reader.place == end else { return nil }
          owners.insert(Self.lowerCased(target))
        } else if type == kind.rawValue {
          guard length == kind.length else { return nil }
          addresses.append(NumericAddress.text(Array(message[reader.place..<end])))
        }
      }
      reader.place = end
    }
    return .addresses(addresses)
  }

  private static func pair(_ number: UInt16) -> [UInt8] { [UInt8(number >> 8), UInt8(number & 255)] }

  private static func lowerCased(_ name: [UInt8]) -> [UInt8] {
    name.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }
  }

  /// Reads a message sequentially; returns `nil` beyond its end.
  private struct Reader {
    let message: [UInt8]
    var place: Int

    mutating func number() -> UInt16? {
      guard place + 2 <= message.count else { return nil }
      defer { place += 2 }
      return UInt16(message[place]) << 8 | UInt16(message[place + 1])
    }

    mutating func skip(_ count: Int) -> Bool {
      place += count
      return place <= message.count
    }

    /// Reads a name with the lengths of its labels, following compression pointers (section 4.1.4).
    mutating func name() -> [UInt8]? {
      var (name, cursor, jumps, after): ([UInt8], Int, Int, Int?) = ([], place, 0, nil)
      while cursor < message.count, name.count <= 255 {
        let length = Int(message[cursor])
        if length == 0 {
          place = after ?? cursor + 1
          return name + [0]
        }
        if length & 0xc0 == 0xc0 {
          guard cursor + 1 < message.count, jumps < NameServerMessage.mostSteps else { return nil }
          after = after ?? cursor + 2
          jumps += 1
          cursor = (length & 0x3f) << 8 | Int(message[cursor + 1])
        } else {
          guard length < 64, cursor + length < message.count else { return nil }
          name += message[cursor...cursor + length]
          cursor += length + 1
        }
      }
      return nil
    }
  }
}
