import FoundationEssentials
import HostSystem
import Trust

/// A private key that OpenSSL can use, with its public key.
public struct Signer: Sendable {
  /// Location of the private key.
  public let key: SigningKey
  public let publicKey: PublicKey
  private let secret: Secret?

  /// Reads the public key. Asks for a passphrase only if the key needs one.
  ///
  /// - Throws: ``SigningFailure``, `FileFailure`, `CommandFailure`.
  public init(_ key: SigningKey, passphrase: PassphraseSource) async throws {
    self.key = key
    secret = try key.isProtected() ? passphrase.secret(for: key.name) : nil
    publicKey = try await key.publicKey(secret)
  }

  /// Signs a statement. The signature is verified before it is returned.
  ///
  /// - Throws: ``SigningFailure``, `FileFailure`, `CommandFailure`.
  public func signature(over input: SigningInput) async throws -> Signature {
    let scratch = try ScratchFolder()
    defer { scratch.remove() }
    let (statement, output) = ("\(scratch.path)/statement", "\(scratch.path)/signature")
    try FolderTree.writeFile(statement, with: input.bytes)
    try await key.sign(statement, to: output, as: publicKey.algorithm, secret)
    let written = try FolderTree.readFile(output)
    guard let signature = try? Signature(written: written, algorithm: publicKey.algorithm),
      publicKey.accepts(signature, over: input)
    else { throw SigningFailure.notASignature(key.name) }
    return signature
  }

  /// Signs a statement and identifies the signer by the key.
  ///
  /// - Throws: The errors of ``signature(over:)``.
  public func envelope(over input: SigningInput) async throws -> Envelope {
    let signature = try await signature(over: input)
    return try Envelope(signatures: [Envelope.KeySignature(key: publicKey.id, signature: signature)])
  }

  /// Signs a statement and identifies the signer by certificates.
  ///
  /// - Throws: The errors of ``signature(over:)``, and ``SigningFailure/certificateOfAnotherKey(_:key:)``.
  public func envelope(over input: SigningInput, with certificates: CertificateFile) async throws -> Envelope {
    guard certificates.key == publicKey else {
      throw SigningFailure.certificateOfAnotherKey(certificates.path, key: key.name)
    }
    let signature = try await signature(over: input)
    return try Envelope(signers: [
      Envelope.CertificateSigner(
        leaf: certificates.leaf, intermediates: certificates.intermediates, signature: signature)
    ])
  }
}
