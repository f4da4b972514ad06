import Bundle
import Foundation
import HostSystem
import Project
import Signing
import Trust

/// The keys by which a project signs its releases as they are built.
struct ReleaseSigner: Sendable {
  /// Environment variable with the passphrase or PIN of the keys.
  static let passphraseVariable = "CULTIVAR_SIGNING_PASSPHRASE"

  private let signers: [(place: SigningKeyPlace, id: KeyID)]
  private let environment: [String: String]

  /// Finds the keys and reads their public halves, so that a key that cannot be used is known before anything is built.
  ///
  /// - Parameters:
  ///   - places: Places of the private keys.
  ///   - environment: Environment of the build.
  /// - Returns: `nil` where there are no keys.
  /// - Throws: `SigningFailure`, `CommandFailure`, `FileFailure`.
  init?(_ places: [SigningKeyPlace], environment: [String: String]) async throws {
    guard !places.isEmpty else { return nil }
    self.environment = environment
    var signers: [(place: SigningKeyPlace, id: KeyID)] = []
    for place in places {
      signers.append((place, try await Self.withSigner(place, environment) { $0.publicKey.id }))
    }
    self.signers = signers
  }

  /// Ids of the public keys.
  var keyIDs: [String] { signers.map { $0.id.bytes.map { String($0, radix: 16) }.joined(separator: ".") } }

  /// Signs the manifest of a bundle.
  ///
  /// - Throws: `SigningFailure`, `CommandFailure`, `FileFailure`.
  @Sendable func signatures(over manifest: [UInt8]) async throws -> BundleSignatures? {
    let input = SigningInput(.bundleManifest, message: manifest)
    var envelope = try Envelope()
    for (place, _) in signers {
      envelope = try envelope.adding(
        try await Self.withSigner(place, environment) { try await $0.envelope(over: input) })
    }
    return BundleSignatures(envelope: envelope.bytes)
  }

  private static func withSigner<Result: Sendable>(
    _ place: SigningKeyPlace, _ environment: [String: String], _ body: (Signer) async throws -> Result
  ) async throws -> Result {
    let passphrase: PassphraseSource =
      environment[passphraseVariable] == nil ? .terminal : .variable(passphraseVariable)
    switch place {
    case .file(let file): return try await body(try await Signer(SigningKey(file.path), passphrase: passphrase))
    case .token(let uri): return try await body(try await Signer(SigningKey(uri), passphrase: passphrase))
    case .variable(let name):
      guard let text = environment[name], !text.isEmpty else { throw SigningFailure.noVariable(name) }
      // OpenSSL reads files: this one is the user's alone, and is gone when it has been read.
      let scratch = try ScratchFolder()
      defer { scratch.remove() }
      let file = "\(scratch.path)/key"
      try FolderTree.writeFile(file, with: Array((text + "\n").utf8))
      return try await body(try await Signer(SigningKey(file), passphrase: passphrase))
    }
  }
}
