import FoundationEssentials
import HostSystem
import Signing
import Trust

/// What `cultivar keys show` says of a file.
struct TrustDescription: Encodable {
  /// A key, and for one of a root whether it has signed that.
  struct Key: Encodable {
    var id: String
    var algorithm: String
    var hasSigned: Bool?
  }

  /// A root.
  struct Root: Encodable {
    var version: UInt32
    var expires: String?
    var threshold: Int
    var rotationThreshold: Int
    var keys: [Key]
    var certificateThreshold: Int
    var authorities: [String]
    /// Keys that have signed and are not the root's own, as those of the version before.
    var otherSigners: [String]
  }

  /// The file, as it was named.
  var file: String
  /// `public key`, `private key` or `root`.
  var kind: String
  var key: Key?
  var root: Root?

  /// Finds out what a file is.
  ///
  /// - Throws: `SigningFailure`, `FileFailure`, `CommandFailure`.
  init(of file: String, passphrase: PassphraseSource) async throws {
    self.file = file
    let isToken = file.hasPrefix("pkcs11:")
    // No more than tells what it is: a private key is for OpenSSL only.
    let beginning = isToken ? [] : try Self.beginning(of: file)
    if beginning.starts(with: SignedTrustRoot.fileMagic) {
      kind = "root"
      root = try Self.root(TrustFile.root(file))
    } else if isToken || beginning.contains("PRIVATE KEY-----".utf8) {
      kind = "private key"
      key = Self.key(try await Signer(SigningKey(file), passphrase: passphrase).publicKey)
    } else {
      kind = "public key"
      key = Self.key(try TrustFile.publicKey(file))
    }
  }

  private static func beginning(of path: String) throws -> [UInt8] {
    try OpenFile(path).read(atMost: 38)
  }

  private static func key(_ key: PublicKey) -> Key { Key(id: "\(key.id)", algorithm: key.algorithm.rawValue) }

  private static func root(_ signed: SignedTrustRoot) -> Root {
    let root = signed.root
    let keys = root.keys.map { key in
      Key(
        id: "\(key.id)", algorithm: key.algorithm.rawValue,
        hasSigned: signed.envelope.signatures.contains {
          $0.key == key.id && key.accepts($0.signature, over: signed.input)
        })
    }
    return Root(
      version: root.version, expires: root.expires.map { "\($0)" }, threshold: root.threshold,
      rotationThreshold: root.rotationThreshold, keys: keys, certificateThreshold: root.certificateThreshold,
      authorities: root.authorityNames,
      otherSigners: signed.envelope.signatures.filter { root.key($0.key) == nil }.map { "\($0.key)" })
  }

  /// Lines for people.
  var text: String {
    guard let root else { return "\(file)\n  \(kind) \(key?.algorithm ?? "")\n  \(key?.id ?? "")" }
    var lines = [
      file, "  root, version \(root.version), \(root.expires.map { "until \($0)" } ?? "without expiry")",
      "  of its \(root.keys.count) keys, \(root.threshold) sign a message and \(root.rotationThreshold) the next root",
    ]
    lines += root.keys.map { key in
      "    \(key.id)  \(key.algorithm)\(key.hasSigned == true ? "  has signed this root" : "")"
    }
    if !root.authorities.isEmpty {
      lines.append("  or \(root.certificateThreshold) with certificates sign a message, below")
      lines += root.authorities.map { "    \($0)" }
    }
    if !root.otherSigners.isEmpty {
      lines.append("  signed by others, too")
      lines += root.otherSigners.map { "    \($0)" }
    }
    return lines.joined(separator: "\n")
  }
}
