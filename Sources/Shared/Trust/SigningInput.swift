import Hashing

/// The purpose of a signature. A signature for one purpose is not valid for another.
public enum Purpose: String, Hashable, Sendable, CaseIterable {
  /// The manifest of an update bundle.
  case bundleManifest = "cultivar bundle manifest 1"
  /// The record of a trust root.
  case trustRoot = "cultivar trust root 1"
}

/// The bytes that are signed: not the message itself, but a statement with the purpose and the SHA-256 of the message.
///
/// The statement consists of two lines of ASCII, each with a line feed at its end: the purpose, and 64 lower-case
/// hexadecimal digits. Offline signers need only this small file and can read its purpose. A statement for one purpose
/// is never valid for another.
public struct SigningInput: Hashable, Sendable {
  /// The purpose of the signature.
  public let purpose: Purpose
  /// SHA-256 of the message.
  public let messageHash: Digest

  /// Makes the statement for a message.
  public init(_ purpose: Purpose, message: some Sequence<UInt8>) {
    self.purpose = purpose
    messageHash = Digest(of: message)
  }

  /// Parses a statement.
  ///
  /// - Throws: ``TrustFailure/malformed(_:)`` unless the text has exactly the form of ``bytes``.
  public init(statement: some Collection<UInt8>) throws(TrustFailure) {
    let longest = Purpose.allCases.map(\.rawValue.utf8.count).max() ?? 0
    guard statement.count <= longest + 66 else { throw .malformed("a statement to sign must be two lines of text") }
    let text = Array(statement)
    for purpose in Purpose.allCases {
      let line = Array((purpose.rawValue + "\n").utf8)
      guard text.starts(with: line), text.count == line.count + 65, text.last == 0x0a,
        let hash = Digest(hexadecimal: String(decoding: text[line.count..<text.count - 1], as: UTF8.self)),
        text[line.count..<text.count - 1].elementsEqual(hash.text.utf8)
      else { continue }
      self.purpose = purpose
      messageHash = hash
      return
    }
    throw .malformed("a statement to sign must have its purpose in the first line and a SHA-256 in the second")
  }

  /// The bytes to sign.
  public var bytes: [UInt8] { Array("\(purpose.rawValue)\n\(messageHash)\n".utf8) }
}
