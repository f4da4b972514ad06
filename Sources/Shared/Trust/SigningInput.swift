import Crypto

/// What a signature is given for. A signature for one purpose is worth nothing for another.
public enum Purpose: String, Hashable, Sendable, CaseIterable {
  /// The manifest of an update bundle.
  case bundleManifest = "cultivar bundle manifest 1"
  /// The record of a trust root.
  case trustRoot = "cultivar trust root 1"
}

/// What is signed: never a message itself, but a statement that names the purpose and the SHA-256 of the message.
///
/// Two lines of ASCII, each ended by one line feed: the purpose, and 64 lower-case hexadecimal digits. So whoever signs elsewhere
/// needs this small file only and can read what it is for, and bytes made for one purpose are never the statement of another.
public struct SigningInput: Hashable, Sendable {
  /// What the signature is for.
  public let purpose: Purpose
  /// SHA-256 of the message, 32 bytes.
  public let messageHash: [UInt8]

  /// The statement over a message.
  public init(_ purpose: Purpose, message: some Sequence<UInt8>) {
    self.purpose = purpose
    messageHash = Array(SHA256.hash(data: Array(message)))
  }

  /// Reads a statement from a file.
  ///
  /// - Throws: ``TrustFailure/malformed(_:)`` unless the bytes are exactly those of ``bytes``.
  public init(statement: some Collection<UInt8>) throws(TrustFailure) {
    let longest = Purpose.allCases.map(\.rawValue.utf8.count).max() ?? 0
    guard statement.count <= longest + 66 else { throw .malformed("a statement to sign is two short lines of text") }
    let text = Array(statement)
    for purpose in Purpose.allCases {
      let line = Array((purpose.rawValue + "\n").utf8)
      guard text.starts(with: line), text.count == line.count + 65, text.last == 0x0a,
        let hash = Hexadecimal.bytes(text[line.count..<text.count - 1])
      else { continue }
      self.purpose = purpose
      messageHash = hash
      return
    }
    throw .malformed("a statement to sign names its purpose in the first line and a SHA-256 in the second")
  }

  /// The bytes that are signed.
  public var bytes: [UInt8] { Array("\(purpose.rawValue)\n\(Hexadecimal.text(messageHash))\n".utf8) }
}
