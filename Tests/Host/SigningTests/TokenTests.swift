import Foundation
import HostSystem
import TestFixtures
import Testing
import Trust

@testable import Signing

/// Tests with a software token, whose files are in a folder of the test.
@Suite(
  "Signing with a key on a token",
  .enabled(if: SoftToken.isPossible, "softhsm2, opensc and libengine-pkcs11-openssl are needed"))
struct TokenTests {
  private static let input = SigningInput(.bundleManifest, message: Array("a manifest".utf8))

  private func withToken(_ work: (URL, Judge) async throws -> Void) async throws {
    try await withTemporaryFolder { folder in
      let tokens = folder.appending(path: "tokens")
      try FileManager.default.createDirectory(at: tokens, withIntermediateDirectories: true)
      try folder.writing("directories.tokendir = \(tokens.path)\nobjectstore.backend = file\n", to: "softhsm2.conf")
      let environment = Self.environment(folder)
      let utility = try Judge("softhsm2-util")
      #expect(
        try utility.run(
          ["--init-token", "--free", "--label", "test", "--pin", "1234abcd", "--so-pin", "12345678"],
          environment: environment
        ).status == 0)
      let tool = try Judge("pkcs11-tool")
      let verdict = try tool.run(
        [
          "--module", SoftToken.library, "--token-label", "test", "--login", "--pin", "1234abcd", "--keypairgen",
          "--key-type",
          "EC:prime256v1", "--label", "release", "--id", "01",
        ], environment: environment)
      #expect(verdict.status == 0, "\(verdict.errors)")
      try folder.writing("1234abcd\n", to: "pin")
      try await work(folder, tool)
    }
  }

  private static func environment(_ folder: URL) -> [String: String] {
    ["SOFTHSM2_CONF": "\(folder.path)/softhsm2.conf"]
  }

  private static func key(_ object: String = "release", in folder: URL) throws -> SigningKey {
    var key = try SigningKey("pkcs11:token=test;object=\(object)?module-path=\(SoftToken.library)")
    key.environment = environment(folder)
    return key
  }

  @Test("The token's signatures are accepted with its public key")
  func sign() async throws {
    try await withToken { folder, tool in
      let signer = try await Signer(Self.key(in: folder), passphrase: .file("\(folder.path)/pin"))
      #expect(signer.publicKey.algorithm == .ecdsaP256)
      let verdict = try tool.run(
        [
          "--module", SoftToken.library, "--token-label", "test", "--read-object", "--type", "pubkey", "--label",
          "release",
          "--output-file", "\(folder.path)/public.der",
        ], environment: Self.environment(folder))
      #expect(verdict.status == 0, "\(verdict.errors)")
      #expect(try signer.publicKey == PublicKey(der: FolderTree.readFile("\(folder.path)/public.der")))
      let root = try TrustRoot(keys: [signer.publicKey], threshold: 1)
      let envelope = try await signer.envelope(over: Self.input)
      _ = try root.verify(envelope, over: Self.input, at: Time(secondsSince1970: 0))
    }
  }

  @Test("A wrong PIN and a missing key are distinguished")
  func failures() async throws {
    try await withToken { folder, _ in
      try folder.writing("4321", to: "wrong")
      let key = try Self.key(in: folder)
      await #expect(throws: SigningFailure.wrongPassphrase(key.name)) {
        _ = try await Signer(key, passphrase: .file("\(folder.path)/wrong"))
      }
      let missing = try Self.key("none", in: folder)
      await #expect(throws: SigningFailure.noSuchKey(missing.name)) {
        _ = try await Signer(missing, passphrase: .file("\(folder.path)/pin"))
      }
    }
  }
}

/// The programs for a software token.
enum SoftToken {
  static let library = "/usr/lib/softhsm/libsofthsm2.so"

  static var isPossible: Bool {
    Judge.isInstalled("softhsm2-util") && Judge.isInstalled("pkcs11-tool")
      && FileManager.default.fileExists(atPath: library)
      && (try? Judge("openssl").run(["engine", "-t", "pkcs11"]).status) == 0
  }
}
