import Bundle
import FoundationEssentials
import HostSystem
import Project
import Signing
import Trust

/// Signs the releases of a project while they are built.
final class ReleaseSigner: Sendable {
  /// Name of the environment variable with the passphrase or PIN of the keys.
  static let passphraseVariable = "CULTIVAR_SIGNING_PASSPHRASE"

  private let signers: [Signer]
  /// Folders with keys that came from environment variables, because OpenSSL reads only files. Only the user can read
  /// them.
  private let scratch: [ScratchFolder]

  /// Finds the keys and reads their public halves, so that an unusable key fails the build at the start. Asks for a
  /// passphrase once.
  ///
  /// - Parameters:
  ///   - places: Places of the private keys.
  /// - Returns: `nil` if `places` is empty.
  /// - Throws: `SigningFailure`, `CommandFailure`, `FileFailure`.
  init?(_ places: [SigningKeyPlace], environment: [String: String]) async throws {
    guard !places.isEmpty else { return nil }
    let passphrase: PassphraseSource =
      environment[Self.passphraseVariable] == nil ? .terminal : .variable(Self.passphraseVariable)
    var signers: [Signer] = []
    var scratch: [ScratchFolder] = []
    do {
      for place in places {
        switch place {
        case .file(let file): signers.append(try await Signer(SigningKey(file.path), passphrase: passphrase))
        case .token(let uri): signers.append(try await Signer(SigningKey(uri), passphrase: passphrase))
        case .variable(let name):
          guard let text = environment[name], !text.isEmpty else { throw SigningFailure.noVariable(name) }
          let folder = try ScratchFolder()
          scratch.append(folder)
          let file = "\(folder.path)/key"
          try FolderTree.writeFile(file, with: Array((text + "\n").utf8))
          signers.append(try await Signer(SigningKey(file), passphrase: passphrase))
        }
      }
    } catch {
      for folder in scratch { folder.remove() }
      throw error
    }
    (self.signers, self.scratch) = (signers, scratch)
  }

  deinit { for folder in scratch { folder.remove() } }

  /// Ids of the public keys.
  var keyIDs: [String] { signers.map { "\($0.publicKey.id)" } }

  /// True if devices with a root of trust may accept the signatures: one of the keys is in the root, or the root has
  /// authorities, which may have certified one.
  func isBelieved(by root: TrustRoot) -> Bool {
    !root.authorities.isEmpty || signers.contains { root.key($0.publicKey.id) != nil }
  }

  /// Signs the manifest of a bundle.
  ///
  /// - Throws: `SigningFailure`, `CommandFailure`, `FileFailure`.
  @Sendable func signatures(over manifest: [UInt8]) async throws -> BundleSignatures? {
    let input = SigningInput(.bundleManifest, message: manifest)
    var envelope = try Envelope()
    for signer in signers { envelope = try envelope.adding(try await signer.envelope(over: input)) }
    return BundleSignatures(envelope: envelope.bytes)
  }
}
