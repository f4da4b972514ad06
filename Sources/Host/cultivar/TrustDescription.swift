import FoundationEssentials
import HostSystem
import Signing
import Trust

/// The description of a file, as `cultivar keys show` prints it.
struct TrustDescription: Encodable {
  /// A key. For a key of a root, `hasSigned` is true if the key has signed the root.
  struct Key: Encodable {
    var id: String
    var algorithm: String
    var hasSigned: Bool?
  }

  struct Root: Encodable {
    var version: UInt32
    var expires: String?
    var threshold: Int
    var rotationThreshold: Int
    var keys: [Key]
    var certificateThreshold: Int
    var authorities: [String]
    /// Keys outside the root that have signed it, such as keys of the previous version.
    var otherSigners: [String]
  }

  /// The file's path as the user gave it.
  var file: String
  /// `public key`, `private key` or `root`.
  var kind: String
  var key: Key?
  var root: Root?

  /// Reads a file and detects its kind.
  ///
  /// - Throws: `SigningFailure`, `FileFailure`, `CommandFailure`.
  init(of file: String, passphrase: PassphraseSource) async throws {
    self.file = file
    let isToken = file.hasPrefix("pkcs11:")
    // Reads only enough to detect the kind, as only OpenSSL reads private keys.
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

  /// The description as text for users.
  var text: String {
    guard let root else { return "\(file)\n  \(kind) \(key?.algorithm ?? "")\n  \(key?.id ?? "")" }
    var lines = [
      file, "  root, version \(root.version), \(root.expires.map { "until \($0)" } ?? "without expiry")",
      "  \(root.keys.count) keys: \(root.threshold) must sign a message, \(root.rotationThreshold) the next root",
    ]
    lines += root.keys.map { key in
      "    \(key.id)  \(key.algorithm)\(key.hasSigned == true ? "  has signed this root" : "")"
    }
    if !root.authorities.isEmpty {
      lines.append("  or \(root.certificateThreshold) certificates of these authorities must sign a message")
      lines += root.authorities.map { "    \($0)" }
    }
    if !root.otherSigners.isEmpty {
      lines.append("  also signed by keys that are not in this root")
      lines += root.otherSigners.map { "    \($0)" }
    }
    return lines.joined(separator: "\n")
  }
}
