import Crypto

/// Hashes of passwords as in `/etc/shadow` (`crypt(5)`).
enum PasswordHash {
  private static let rounds = 5000
  /// Maximum length of a password in bytes, because each round takes time in proportion to it.
  static let limit = 128
  private static let alphabet = Array("./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

  /// True for the hash of a password: `$`, a method, and more of the characters of such hashes. Excludes texts that would
  /// add fields or lines to `/etc/shadow`.
  static func isValid(_ text: String) -> Bool {
    let parts = text.split(separator: "$", omittingEmptySubsequences: false)
    guard text.utf8.count <= 384, parts.count >= 4, parts[0].isEmpty,
      ["1", "5", "6", "7", "y", "gy", "2a", "2b", "2y"].contains(parts[1]), parts[parts.count - 1].utf8.count >= 16
    else { return false }
    return text.utf8.allSatisfy { alphabet.contains($0) || "$=,".utf8.contains($0) }
  }

  /// Returns a random salt.
  ///
  /// - Parameter random: Random bytes, at least 16.
  static func salt(from random: [UInt8]) -> String {
    String(decoding: random.prefix(16).map { alphabet[Int($0 & 63)] }, as: UTF8.self)
  }

  /// Hashes a password by the method `$6$` with 5000 rounds (Ulrich Drepper, “Unix crypt using SHA-256 and SHA-512”).
  ///
  /// - Parameters:
  ///   - password: The password, at most ``limit`` bytes; further ones are ignored.
  ///   - salt: At most 16 characters of the alphabet `./0-9A-Za-z`.
  static func sha512(_ password: String, salt: String) -> String {
    let key = Array(password.utf8.prefix(limit))
    let salt = Array(salt.utf8.prefix(16))
    func digest(_ parts: [[UInt8]]) -> [UInt8] {
      var hash = SHA512()
      for part in parts { hash.update(data: part) }
      return Array(hash.finalize())
    }
    func repeated(_ block: [UInt8], to length: Int) -> [UInt8] { (0..<length).map { block[$0 % block.count] } }

    let other = digest([key, salt, key])
    var mixed: [[UInt8]] = [key, salt, repeated(other, to: key.count)]
    var bits = key.count
    while bits > 0 {
      mixed.append(bits & 1 == 1 ? other : key)
      bits >>= 1
    }
    var result = digest(mixed)
    let keyPart = repeated(digest(Array(repeating: key, count: key.count)), to: key.count)
    let saltPart = repeated(digest(Array(repeating: salt, count: 16 + Int(result[0]))), to: salt.count)
    for round in 0..<rounds {
      var parts = [round % 2 == 1 ? keyPart : result]
      if round % 3 != 0 { parts.append(saltPart) }
      if round % 7 != 0 { parts.append(keyPart) }
      parts.append(round % 2 == 1 ? result : keyPart)
      result = digest(parts)
    }
    return "$6$\(String(decoding: salt, as: UTF8.self))$\(encoded(result))"
  }

  /// Encodes a digest in the order and alphabet of `crypt(3)`.
  private static func encoded(_ digest: [UInt8]) -> String {
    var text: [UInt8] = []
    func add(_ first: UInt8, _ second: UInt8, _ third: UInt8, _ count: Int) {
      var value = UInt32(first) << 16 | UInt32(second) << 8 | UInt32(third)
      for _ in 0..<count {
        text.append(alphabet[Int(value & 63)])
        value >>= 6
      }
    }
    var (first, second, third) = (0, 21, 42)
    for _ in 0..<21 {
      add(digest[first], digest[second], digest[third], 4)
      (first, second, third) = (second + 1, third + 1, first + 1)
    }
    add(0, 0, digest[63], 2)
    return String(decoding: text, as: UTF8.self)
  }
}
