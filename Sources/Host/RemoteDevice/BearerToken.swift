import Crypto
import Hashing
import Hexadecimal
import HostSystem

/// A token of the management API: the prefix `token-` and 32 random bytes as text.
///
/// The prefix distinguishes a token from its hash. The device stores the hash, and the user keeps the token in a file.
public struct BearerToken: Sendable, Equatable {
  /// The token, as requests contain it.
  public let text: String

  /// Generates a random token.
  public init() {
    text = "token-" + SymmetricKey(size: .bits256).withUnsafeBytes(\.hexadecimal)
  }

  /// Parses a token; `nil` unless it is one word of printable ASCII.
  public init?(_ text: String) {
    guard !text.isEmpty, text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else { return nil }
    self.text = text
  }

  /// Reads a file with a token in its only line.
  ///
  /// - Throws: `FileFailure`, ``RemoteFailure/noToken(file:)``.
  public init(file: String) throws {
    let words = String(decoding: try FolderTree.readFile(file), as: UTF8.self).split(whereSeparator: \.isWhitespace)
    guard words.count == 1, let token = BearerToken(String(words[0])) else { throw RemoteFailure.noToken(file: file) }
    self = token
  }

  /// SHA-256 of the token in hexadecimal, as the device stores it.
  public var hash: String { Hashing.Digest(of: text).text }

  /// Writes the token to a new file that only its owner can read.
  ///
  /// - Throws: `FileFailure`.
  public func write(to file: String) throws { try PrivateFile.create(file, "\(text)\n") }
}
