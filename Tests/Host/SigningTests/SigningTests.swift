import Foundation
import HostSystem
import TestFixtures
import Testing
import Trust

@testable import Signing

@Suite("Signing with keys in files")
struct SigningTests {
  private static let input = SigningInput(.bundleManifest, message: Array("a manifest".utf8))

  private static func mode(_ path: String) throws -> Int {
    try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int ?? 0
  }

  @Test(
    "A key is encrypted, readable only by its owner, and signs for its public key",
    arguments: PublicKey.Algorithm.allCases)
  func generate(algorithm: PublicKey.Algorithm) async throws {
    try await withTemporaryFolder { folder in
      try folder.writing("correct horse\n", to: "passphrase")
      let source = PassphraseSource.file("\(folder.path)/passphrase")
      let generation = KeyGeneration(algorithm, named: "\(folder.path)/release")
      let key = try await generation.run(passphrase: source.secret(for: "release"))
      #expect(key.algorithm == algorithm)
      #expect(try Self.mode(generation.keyFile) == 0o600)
      #expect(try Array(key.pem.utf8) == FolderTree.readFile("\(folder.path)/release.pub"))
      #expect(try FolderTree.names(in: folder.path) == ["passphrase", "release.key", "release.pub"])
      // OpenSSL shows the encryption: scrypt with N, r and p, then AES.
      let structure = try Judge("openssl").run(["asn1parse", "-in", generation.keyFile]).output
      for part in ["PBES2", ":scrypt", ":4000", "aes-256-cbc"] { #expect(structure.contains(part)) }

      let signer = try await Signer(SigningKey(generation.keyFile), passphrase: source)
      #expect(signer.publicKey == key)
      let signature = try await signer.signature(over: Self.input)
      #expect(key.accepts(signature, over: Self.input))
      let envelope = try await signer.envelope(over: Self.input)
      let root = try TrustRoot(keys: [key], threshold: 1)
      _ = try root.verify(envelope, over: Self.input, at: Time(secondsSince1970: 0))
    }
  }

  @Test("OpenSSL accepts the signatures", arguments: PublicKey.Algorithm.allCases)
  func judged(algorithm: PublicKey.Algorithm) async throws {
    try await withTemporaryFolder { folder in
      let generation = KeyGeneration(algorithm, named: "\(folder.path)/release.pem")
      #expect(generation.keyFile.hasSuffix("/release.pem") && generation.publicFile.hasSuffix("/release.pub"))
      _ = try await generation.run(passphrase: nil)
      #expect(try Self.mode(generation.keyFile) == 0o600)
      let signer = try await Signer(SigningKey(generation.keyFile), passphrase: .terminal)
      var signature = try await signer.signature(over: Self.input).bytes
      if algorithm == .ecdsaP256 { signature = Self.der(r: signature.prefix(32), s: signature.suffix(32)) }
      try folder.writing(signature, to: "signature")
      try folder.writing(Self.input.bytes, to: "statement")
      let openssl = try Judge("openssl")
      let options = ["-pubin", "-inkey", "release.pub", "-rawin", "-in", "statement", "-sigfile", "signature"]
      let digest = algorithm == .ecdsaP256 ? ["-digest", "sha256"] : []
      #expect(try openssl.run(["pkeyutl", "-verify"] + options + digest, in: folder).status == 0)
      try folder.writing("another\n", to: "statement")
      #expect(try openssl.run(["pkeyutl", "-verify"] + options + digest, in: folder).status != 0)
    }
  }

  /// Encodes an ECDSA signature for OpenSSL.
  private static func der(r: some Collection<UInt8>, s: some Collection<UInt8>) -> [UInt8] {
    func integer(_ bytes: some Collection<UInt8>) -> [UInt8] {
      var digits = Array(bytes.drop { $0 == 0 })
      if digits.first.map({ $0 >= 0x80 }) ?? true { digits.insert(0, at: 0) }
      return [2, UInt8(digits.count)] + digits
    }
    let numbers = integer(r) + integer(s)
    return [0x30, UInt8(numbers.count)] + numbers
  }

  @Test("A key is never overwritten, and a failed generation leaves no files")
  func neverOverwritten() async throws {
    try await withTemporaryFolder { folder in
      let generation = KeyGeneration(.ed25519, named: "\(folder.path)/k")
      try folder.writing("mine", to: "k.pub")
      await #expect(throws: SigningFailure.exists(generation.publicFile)) {
        _ = try await generation.run(passphrase: nil)
      }
      #expect(try FolderTree.names(in: folder.path) == ["k.pub"])
      #expect(throws: SigningFailure.exists(generation.publicFile)) {
        try NewFile.write([1], to: generation.publicFile)
      }
      #expect(try FolderTree.readFile(generation.publicFile) == Array("mine".utf8))
      #expect(try FolderTree.names(in: folder.path) == ["k.pub"])
      let nowhere = KeyGeneration(.ed25519, named: "\(folder.path)/no/k")
      await #expect(throws: FileFailure.self) { _ = try await nowhere.run(passphrase: nil) }
    }
  }

  @Test("A wrong passphrase, a missing key, and a key that cannot sign are distinguished")
  func failures() async throws {
    try await withTemporaryFolder { folder in
      let path = "\(folder.path)/k.key"
      _ = try await KeyGeneration(.ed25519, named: path).run(passphrase: Secret(Array("correct horse".utf8)))
      try folder.writing("wrong horse", to: "wrong")
      await #expect(throws: SigningFailure.wrongPassphrase(path)) {
        _ = try await Signer(SigningKey(path), passphrase: .file("\(folder.path)/wrong"))
      }
      await #expect(throws: SigningFailure.noVariable("CULTIVAR_NO_SUCH_VARIABLE")) {
        _ = try await Signer(SigningKey(path), passphrase: .variable("CULTIVAR_NO_SUCH_VARIABLE"))
      }
      await #expect(throws: FileFailure.self) {
        _ = try await Signer(SigningKey("\(folder.path)/none.key"), passphrase: .terminal)
      }
      try Judge("openssl").run(["genpkey", "-algorithm", "ED448", "-out", "\(folder.path)/other.key"])
      await #expect {
        _ = try await Signer(SigningKey("\(folder.path)/other.key"), passphrase: .terminal)
      } throws: { error in
        guard case SigningFailure.unsuitableKey = error else { return false }
        return true
      }
    }
  }

  @Test("Passphrases are one line, have a minimum length for a new key, and are never shown")
  func passphrases() async throws {
    try await withTemporaryFolder { folder in
      let source = PassphraseSource.file("\(folder.path)/p")
      for (text, isRefused) in [
        ("", true), ("\n", true), ("two\nlines", true), (String(repeating: "x", count: 1001), true), ("fine\n", false),
        ("fine\r\n", false), ("fine", false),
      ] {
        try folder.writing(text, to: "p")
        #expect(((try? source.secret(for: "k")) == nil) == isRefused, "\(text)")
      }
      #expect(try source.secret(for: "k").line == Array("fine\n".utf8))
      #expect(throws: SigningFailure.self) { _ = try source.secret(for: "k", isNew: true) }
      let secret = try source.secret(for: "k")
      var dumped = ""
      dump(secret, to: &dumped)
      #expect(!"\(secret) \(String(reflecting: secret)) \(dumped)".contains("fine"))
    }
  }

  @Test("A signature with a certificate is accepted below its authority, and only with the key's certificate")
  func certificates() async throws {
    try await withTemporaryFolder { folder in
      let openssl = try Judge("openssl")
      func run(_ arguments: [String]) throws {
        let verdict = try openssl.run(arguments, in: folder)
        #expect(verdict.status == 0, "\(arguments): \(verdict.errors)")
      }
      for name in ["ca", "leaf"] {
        _ = try await KeyGeneration(.ecdsaP256, named: "\(folder.path)/\(name)").run(passphrase: nil)
      }
      try run(["req", "-x509", "-new", "-key", "ca.key", "-subj", "/CN=CA", "-days", "2", "-out", "ca.pem"])
      try folder.writing("extendedKeyUsage=codeSigning\n", to: "leaf.cnf")
      try run(["req", "-new", "-key", "leaf.key", "-subj", "/CN=leaf", "-out", "leaf.csr"])
      try run([
        "x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "1", "-extfile", "leaf.cnf",
        "-out", "leaf.pem",
      ])
      let leaf = try String(contentsOf: folder.appending(path: "leaf.pem"), encoding: .utf8)
      let authority = try String(contentsOf: folder.appending(path: "ca.pem"), encoding: .utf8)
      try folder.writing(leaf + authority, to: "chain.pem")
      let chain = try CertificateFile("\(folder.path)/chain.pem")
      #expect(chain.intermediates.isEmpty, "the authority's own certificate is known to the root")

      let signer = try await Signer(SigningKey("\(folder.path)/leaf.key"), passphrase: .terminal)
      let envelope = try await signer.envelope(over: Self.input, with: chain)
      let other = try TrustFile.publicKey("\(folder.path)/ca.pub")
      let root = try TrustRoot(
        keys: [other], threshold: 1, authorities: CertificateFile.authorities(in: "\(folder.path)/ca.pem"))
      let now = Time(secondsSince1970: Int64(Date().timeIntervalSince1970))
      #expect(try root.verify(envelope, over: Self.input, at: now).certificates == ["“CN=leaf”"])

      let stranger = try await Signer(SigningKey("\(folder.path)/ca.key"), passphrase: .terminal)
      await #expect(throws: SigningFailure.certificateOfAnotherKey(chain.path, key: "\(folder.path)/ca.key")) {
        _ = try await stranger.envelope(over: Self.input, with: chain)
      }
      for path in ["leaf.pem", "leaf.key", "leaf.csr"] {
        #expect(throws: SigningFailure.self) { _ = try CertificateFile.authorities(in: "\(folder.path)/\(path)") }
      }
    }
  }

  @Test("A PIN in the URI of a key is refused, and the library is extracted from it")
  func uris() throws {
    for uri in ["pkcs11:object=k?pin-value=1234", "pkcs11:object=k;pin-value=1234", "pkcs11:object=k?a=b&pin-value=1"] {
      #expect(throws: SigningFailure.self) { _ = try SigningKey(uri) }
    }
    let key = try SigningKey("pkcs11:token=a%20b;object=k?module-path=%2Flib%2Fx.so")
    #expect(key.name == "pkcs11:token=a%20b;object=k")
  }
}
