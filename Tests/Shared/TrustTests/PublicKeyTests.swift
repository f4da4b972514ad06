import Foundation
import TestFixtures
import Testing
import Trust

@Suite("Public keys and signatures")
struct PublicKeyTests {
  @Test(
    "A key of OpenSSL is read, written to the same file, and named by its hash",
    arguments: PublicKey.Algorithm.allCases)
  func openSSLKey(algorithm: PublicKey.Algorithm) async throws {
    try await withTemporaryFolder { folder in
      let openssl = try Judge("openssl")
      try openssl.makeKey(algorithm, named: "k", in: folder)
      let pem = try Array(Data(contentsOf: folder.appending(path: "k.pub")))
      let key = try PublicKey(pem: pem)
      #expect(key.algorithm == algorithm)
      #expect(Array(key.pem.utf8) == pem)
      #expect(try PublicKey(der: key.der) == key)
      try openssl.run(["pkey", "-pubin", "-in", "k.pub", "-outform", "DER", "-out", "k.der"], in: folder)
      let hash = try openssl.run(["dgst", "-sha256", "-r", "k.der"], in: folder).output
      #expect(hash.hasPrefix("\(key.id) "))
    }
  }

  @Test(
    "A signature of OpenSSL is accepted, but not over another message or for another purpose",
    arguments: PublicKey.Algorithm.allCases)
  func openSSLSignature(algorithm: PublicKey.Algorithm) async throws {
    try await withTemporaryFolder { folder in
      let openssl = try Judge("openssl")
      try openssl.makeKey(algorithm, named: "k", in: folder)
      let key = try PublicKey(pem: Data(contentsOf: folder.appending(path: "k.pub")))
      let input = SigningInput(.bundleManifest, message: Array("a manifest".utf8))
      try folder.writing(input.bytes, to: "statement")
      let digest = algorithm == .ecdsaP256 ? ["-digest", "sha256"] : []
      let run = try openssl.run(
        ["pkeyutl", "-sign", "-rawin", "-inkey", "k.key", "-in", "statement", "-out", "s.sig"] + digest, in: folder)
      #expect(run.status == 0, "\(run.errors)")
      let signature = try Signature(
        written: Data(contentsOf: folder.appending(path: "s.sig")), algorithm: algorithm)
      #expect(key.accepts(signature, over: input))
      #expect(!key.accepts(signature, over: SigningInput(.bundleManifest, message: Array("another".utf8))))
      #expect(!key.accepts(signature, over: SigningInput(.trustRoot, message: Array("a manifest".utf8))))
    }
  }

  @Test("Keys of other kinds, points off the curve, extra bytes and certificates are refused")
  func refusals() async throws {
    try await withTemporaryFolder { folder in
      let openssl = try Judge("openssl")
      for (name, options) in [
        ("rsa", ["-algorithm", "RSA"]), ("p384", ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"]),
        ("x25519", ["-algorithm", "X25519"]), ("ed448", ["-algorithm", "ED448"]),
        ("k256", ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"]),
      ] {
        try openssl.run(["genpkey"] + options + ["-out", "\(name).key"], in: folder)
        try openssl.run(["pkey", "-in", "\(name).key", "-pubout", "-out", "\(name).pub"], in: folder)
        let pem = try Data(contentsOf: folder.appending(path: "\(name).pub"))
        let failure = #expect(throws: TrustFailure.self) { _ = try PublicKey(pem: pem) }
        guard case .notAKey? = failure else { Issue.record("\(name): \(String(describing: failure))"); continue }
      }
      let pem = try Data(contentsOf: folder.appending(path: "rsa.key"))
      #expect(throws: TrustFailure.notAKey("it is PEM, and says “PRIVATE KEY” instead of “PUBLIC KEY”")) {
        _ = try PublicKey(pem: pem)
      }
    }
    let key = try Holder.make(.ecdsaP256).publicKey
    var bent = key.der
    bent[90] ^= 1
    #expect(throws: TrustFailure.notAKey("its point is not on the curve P-256")) { _ = try PublicKey(der: bent) }
    #expect(throws: TrustFailure.self) { _ = try PublicKey(der: key.der + [0]) }
    for count in 0..<91 {
      #expect(throws: TrustFailure.self) { _ = try PublicKey(der: key.der.prefix(count)) }
    }
    #expect(throws: TrustFailure.self) { _ = try PublicKey(pem: [UInt8](repeating: 0x2d, count: 1 << 20)) }
    #expect(throws: TrustFailure.self) { _ = try PublicKey(pem: Array((key.pem + key.pem).utf8)) }
  }

  @Test("Only a valid DER signature is accepted, and becomes 64 bytes")
  func signatures() throws {
    #expect(throws: TrustFailure.self) { _ = try Signature([1, 2, 3]) }
    #expect(throws: TrustFailure.self) { _ = try Signature(ecdsaDER: [0x30, 3, 2, 1, 1]) }
    #expect(throws: TrustFailure.self) { _ = try Signature(ecdsaDER: [UInt8](repeating: 0x30, count: 100)) }
    #expect(try Signature(ecdsaDER: [0x30, 6, 2, 1, 1, 2, 1, 2]).bytes[31] == 1)
    #expect(throws: TrustFailure.self) { _ = try Signature(written: [0x30, 6, 2, 1, 1, 2, 1, 2], algorithm: .ed25519) }
  }

  @Test("A statement is two lines of text, and is read back only in exactly this form")
  func statement() throws {
    let input = SigningInput(.trustRoot, message: [])
    let text = "cultivar trust root 1\ne3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
    #expect(String(decoding: input.bytes, as: UTF8.self) == text)
    #expect(try SigningInput(statement: input.bytes) == input)
    for changed in [text.uppercased(), text.dropLast().description, text + "\n", "x" + text, ""] {
      #expect(throws: TrustFailure.self) { _ = try SigningInput(statement: Array(changed.utf8)) }
    }
    for (index, byte) in input.bytes.enumerated() {
      var changed = input.bytes
      changed[index] = byte ^ 0x20
      #expect((try? SigningInput(statement: changed)) != input)
    }
  }

  @Test(
    "A time is shown as its date",
    arguments: [
      (0, "1970-01-01 00:00:00 UTC"), (951_782_399, "2000-02-28 23:59:59 UTC"),
      (951_782_400, "2000-02-29 00:00:00 UTC"),
      (4_107_542_400, "2100-03-01 00:00:00 UTC"), (-1, "1969-12-31 23:59:59 UTC"),
      (.max, "9223372036854775807 s since 1970"),
    ] as [(Int64, String)])
  func moment(seconds: Int64, text: String) {
    #expect(Time(secondsSince1970: seconds).description == text)
    let (early, late) = (Time(secondsSince1970: 5), Time(secondsSince1970: 9))
    #expect(Time.present(clock: early, buildTime: late) == late)
  }
}

extension Judge {
  /// Makes `NAME.key` and `NAME.pub` with OpenSSL.
  func makeKey(_ algorithm: PublicKey.Algorithm, named name: String, in folder: URL) throws {
    let options =
      algorithm == .ed25519
      ? ["-algorithm", "ED25519"] : ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
    #expect(try run(["genpkey"] + options + ["-out", "\(name).key"], in: folder).status == 0)
    #expect(try run(["pkey", "-in", "\(name).key", "-pubout", "-out", "\(name).pub"], in: folder).status == 0)
  }
}
