import Foundation
import Project
import Signing
import TestFixtures
import Testing
import Trust

@testable import ImageBuild

@Suite("Signing releases during a build")
struct ReleaseSignerTests {
  private static let manifest = Array("a manifest".utf8)

  /// Makes a key, and checks that a signer accepts it from a given place and makes valid signatures.
  private func check(
    passphrase: String?, _ place: (_ keyFile: String) throws -> (SigningKeyPlace, [String: String])
  ) async throws {
    try await withTemporaryFolder { folder in
      let generation = KeyGeneration(.ed25519, named: "\(folder.path)/release")
      let key: PublicKey
      if let passphrase {
        try folder.writing("\(passphrase)\n", to: "passphrase")
        key = try await generation.run(
          passphrase: try PassphraseSource.file("\(folder.path)/passphrase").secret(for: "release"))
      } else {
        key = try await generation.run(passphrase: nil)
      }
      let (place, environment) = try place("\(folder.path)/release.key")

      let signer = try #require(try await ReleaseSigner([place], environment: environment))
      let signatures = try #require(try await signer.signatures(over: Self.manifest))

      let envelope = try Envelope(bytes: signatures.envelope[...])
      let root = try TrustRoot(keys: [key], threshold: 1)
      _ = try root.verify(
        envelope, over: SigningInput(.bundleManifest, message: Self.manifest), at: Time(secondsSince1970: 0))
      #expect(signer.keyIDs.count == 1)
      #expect(signer.isBelieved(by: root))
    }
  }

  @Test("A key that is missing in the devices' root of trust is noticed before the build")
  func strangers() async throws {
    try await withTemporaryFolder { folder in
      _ = try await KeyGeneration(.ed25519, named: "\(folder.path)/release").run(passphrase: nil)
      let other = try await KeyGeneration(.ed25519, named: "\(folder.path)/other").run(passphrase: nil)
      let place = SigningKeyPlace.file(folder.appending(path: "release.key"))
      let signer = try #require(try await ReleaseSigner([place], environment: [:]))
      #expect(signer.isBelieved(by: try TrustRoot(keys: [other], threshold: 1)) == false)
    }
  }

  @Test("A key in a file signs")
  func file() async throws {
    try await check(passphrase: nil) { (.file(URL(fileURLWithPath: $0)), [:]) }
  }

  @Test("The passphrase of a key comes from the environment")
  func passphrase() async throws {
    setenv(ReleaseSigner.passphraseVariable, "correct horse", 1)
    defer { unsetenv(ReleaseSigner.passphraseVariable) }
    try await check(passphrase: "correct horse") {
      (.file(URL(fileURLWithPath: $0)), [ReleaseSigner.passphraseVariable: "correct horse"])
    }
  }

  @Test("A key in an environment variable signs, and leaves no file behind")
  func variable() async throws {
    try await check(passphrase: nil) {
      (.variable("RELEASE_KEY"), ["RELEASE_KEY": try String(contentsOfFile: $0, encoding: .utf8)])
    }
  }

  @Test("A missing variable is named, and without keys there is no signer")
  func missing() async throws {
    let failure = await #expect(throws: SigningFailure.self) {
      try await ReleaseSigner([.variable("RELEASE_KEY")], environment: [:])
    }
    #expect(failure?.problem == "the environment variable RELEASE_KEY is not set")
    #expect(try await ReleaseSigner([], environment: [:]) == nil)
  }
}
