import FoundationEssentials
import HostSystem
import Trust

/// Somebody who signs: a private key that OpenSSL can use, with its public half known.
public struct Signer: Sendable {
  /// Where the private key is.
  public let key: SigningKey
  /// Its public half.
  public let publicKey: PublicKey
  private let secret: Secret?

  /// Finds out which key it is; a passphrase is asked for only where the key has one.
  ///
  /// - Throws: ``SigningFailure``, `FileFailure`, `CommandFailure`.
  public init(_ key: SigningKey, passphrase: PassphraseSource) async throws {
    self.key = key
    secret = try key.isProtected() ? passphrase.secret(for: key.name) : nil
    publicKey = try await key.publicKey(secret)
  }

  /// Signs a statement. The signature is checked before anybody sees it.
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

  /// Signs a statement in the name of the key.
  ///
  /// - Throws: as ``signature(over:)``.
  public func envelope(over input: SigningInput) async throws -> Envelope {
    let signature = try await signature(over: input)
    return try Envelope(signatures: [Envelope.KeySignature(key: publicKey.id, signature: signature)])
  }

  /// Signs a statement with a certificate of the key.
  ///
  /// - Throws: as ``signature(over:)``, and ``SigningFailure/certificateOfAnotherKey(_:key:)``.
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
