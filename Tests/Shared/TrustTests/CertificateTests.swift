import Foundation
import SwiftASN1
import TestFixtures
import Testing
import Trust
@_spi(FixedExpiryValidationTime) import X509

@Suite("Signatures with certificates")
struct CertificateTests {
  private static let now = Time(secondsSince1970: 1_500_000)
  private static let input = SigningInput(.bundleManifest, message: Array("a manifest".utf8))

  /// Makes the root of an authority, and verifies signatures below it.
  private static func verify(
    _ signers: [Envelope.CertificateSigner], below authorities: [Identity], needed: Int = 1, at time: Time = now
  ) throws -> Verified {
    let root = try TrustRoot(
      [.make()], authorities: authorities.map { try $0.der }, certificateThreshold: needed)
    return try root.verify(Envelope(signers: signers), over: input, at: time)
  }

  @Test("A signature below an authority is accepted, through up to four intermediates", arguments: 0...4)
  func accepted(count: Int) async throws {
    let authority = try Identity(.authority("authority"))
    var chain: [Identity] = []
    for index in 0..<count {
      chain.insert(try Identity(.authority("middle \(index)"), by: chain.first ?? authority), at: 0)
    }
    for algorithm in PublicKey.Algorithm.allCases {
      let signer = try Identity(.init(algorithm: algorithm), by: chain.first ?? authority)
      let verified = try Self.verify([signer.signs(Self.input, below: chain)], below: [authority])
      #expect(verified.certificates == ["“CN=signer”"] && verified.keys.isEmpty)
      #expect(await Self.library(accepts: signer, chain, authority))
    }
  }

  /// A fault of a certificate in a chain, and the expected message.
  struct Fault: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var signer = Identity.Wish()
    var middle = Identity.Wish.authority("middle")
    var authority = Identity.Wish.authority("authority")
    var subject = "“CN=signer”"
    var problem: CertificateProblem
    /// True if the verifier of swift-certificates refuses it too. That verifier does not check purposes and key usages.
    var isRefusedByLibrary = true
  }

  static let faults: [Fault] = [
    Fault(
      testDescription: "expired", signer: .init(until: 1_499_999),
      problem: .expired(Time(secondsSince1970: 1_499_999), at: now)),
    Fault(
      testDescription: "not yet valid", signer: .init(from: 1_500_001),
      problem: .notYetValid(Time(secondsSince1970: 1_500_001), at: now)),
    Fault(
      testDescription: "no purpose", signer: .init(purposes: []), problem: .purposeMissing, isRefusedByLibrary: false),
    Fault(
      testDescription: "another purpose", signer: .init(purposes: [.serverAuth, .any]), problem: .purposeMissing,
      isRefusedByLibrary: false),
    Fault(
      testDescription: "a key that may not sign", signer: .init(usage: KeyUsage(keyAgreement: true)),
      problem: .keyUsage,
      isRefusedByLibrary: false),
    Fault(
      testDescription: "a critical extension that nobody knows",
      signer: .init(extra: [Certificate.Extension(oid: [1, 3, 6, 1, 4, 1, 1], critical: true, value: [5, 0])]),
      problem: .unknownCriticalExtension("1.3.6.1.4.1.1")),
    Fault(
      testDescription: "the issuer is no authority", middle: .init(name: "middle"), subject: "“CN=middle”",
      problem: .notAnAuthority),
    Fault(
      testDescription: "the issuer does not say whether it is an authority",
      middle: .init(name: "middle", authority: nil),
      subject: "“CN=middle”", problem: .notAnAuthority),
    Fault(
      testDescription: "the issuer may not sign certificates",
      middle: .init(
        name: "middle", authority: .isCertificateAuthority(maxPathLength: nil),
        usage: KeyUsage(digitalSignature: true), purposes: []), subject: "“CN=middle”", problem: .keyUsage,
      isRefusedByLibrary: false),
    Fault(
      testDescription: "the issuer is for another purpose",
      middle: .init(
        name: "middle", authority: .isCertificateAuthority(maxPathLength: nil), usage: nil, purposes: [.serverAuth]),
      subject: "“CN=middle”", problem: .purposeMissing, isRefusedByLibrary: false),
    Fault(
      testDescription: "the issuer expired",
      middle: .init(
        name: "middle", authority: .isCertificateAuthority(maxPathLength: nil), usage: nil, purposes: [],
        until: 1_400_000),
      subject: "“CN=middle”", problem: .expired(Time(secondsSince1970: 1_400_000), at: now)),
    Fault(
      testDescription: "the authority allows no other below it", authority: .authority("authority", mostBelow: 0),
      subject: "“CN=authority”", problem: .pathTooLong),
  ]

  @Test("Each fault of a certificate is refused for its own reason", arguments: faults)
  func fault(fault: Fault) async throws {
    let authority = try Identity(fault.authority)
    let middle = try Identity(fault.middle, by: authority)
    let signer = try Identity(fault.signer, by: middle)
    #expect(throws: TrustFailure.certificate(subject: fault.subject, fault.problem)) {
      _ = try Self.verify([signer.signs(Self.input, below: [middle])], below: [authority])
    }
    #expect(await Self.library(accepts: signer, [middle], authority) != fault.isRefusedByLibrary)
  }

  @Test("A certificate of another authority does not count, and is named, even if the authorities have the same name")
  func otherAuthority() throws {
    let (authority, other) = (try Identity(.authority("authority")), try Identity(.authority("authority")))
    let signer = try Identity(.init(), by: other)
    #expect(throws: TrustFailure.tooFewCertificates(needed: 1, signed: [], unknown: ["“CN=signer”"])) {
      _ = try Self.verify([signer.signs(Self.input)], below: [authority])
    }
    _ = try Self.verify([signer.signs(Self.input)], below: [authority, other])
  }

  @Test("A chain in another order, with a gap, or longer than four is refused")
  func brokenChain() throws {
    let authority = try Identity(.authority("authority"))
    var chain = [try Identity(.authority("middle 0"), by: authority)]
    for index in 1..<5 { chain.insert(try Identity(.authority("middle \(index)"), by: chain[0]), at: 0) }
    let signer = try Identity(.init(), by: chain[1])
    for wrong in [[chain[2], chain[1], chain[3], chain[4]], [chain[1], chain[3], chain[4]]] {
      #expect {
        _ = try Self.verify([signer.signs(Self.input, below: wrong)], below: [authority])
      } throws: { error in
        guard case TrustFailure.certificate(_, .notIssuedByNext) = error else { return false }
        return true
      }
    }
    let deep = try Identity(.init(), by: chain[0])
    #expect(throws: TrustFailure.self) {
      _ = try Self.verify([deep.signs(Self.input, below: chain)], below: [authority])
    }
  }

  @Test("A signature by another key, over another message or for another purpose is refused")
  func wrongSignature() throws {
    let authority = try Identity(.authority("authority"))
    let signer = try Identity(.init(), by: authority)
    for signature in [
      try Holder.make(.ecdsaP256).signature(over: Self.input),
      try signer.holder.signature(over: SigningInput(.bundleManifest, message: [])),
      try signer.holder.signature(over: SigningInput(.trustRoot, message: Array("a manifest".utf8))),
    ] {
      var entry = try signer.signs(Self.input)
      entry.signature = signature
      #expect(throws: TrustFailure.certificate(subject: "“CN=signer”", .wrongSignature)) {
        _ = try Self.verify([entry], below: [authority])
      }
    }
  }

  @Test("Two certificates of one key are one signer; two keys are two")
  func threshold() throws {
    let authority = try Identity(.authority("authority"))
    let (first, second) = (try Identity(.init(name: "a"), by: authority), try Identity(.init(name: "b"), by: authority))
    #expect(throws: TrustFailure.tooFewCertificates(needed: 2, signed: ["“CN=a”"], unknown: [])) {
      _ = try Self.verify(
        [first.signs(Self.input), first.signs(Self.input)], below: [authority], needed: 2)
    }
    let verified = try Self.verify(
      [first.signs(Self.input), second.signs(Self.input)], below: [authority], needed: 2)
    #expect(verified.certificates == ["“CN=a”", "“CN=b”"])
  }

  @Test("Among enough valid signatures, an expired one does no harm, but a wrong one does")
  func besideOthers() throws {
    let authority = try Identity(.authority("authority"))
    let old = try Identity(.init(name: "old", until: 1_400_000), by: authority)
    let new = try Identity(.init(name: "new"), by: authority)
    let signers = try [old.signs(Self.input), new.signs(Self.input)]
    #expect(try Self.verify(signers, below: [authority]).certificates == ["“CN=new”"])
    let expired = CertificateProblem.expired(Time(secondsSince1970: 1_400_000), at: Self.now)
    #expect(throws: TrustFailure.certificate(subject: "“CN=old”", expired)) {
      _ = try Self.verify(signers, below: [authority], needed: 2)
    }
    var wrong = try Identity(.init(name: "wrong"), by: authority).signs(Self.input)
    wrong.signature = try new.holder.signature(over: Self.input)
    #expect(throws: TrustFailure.certificate(subject: "“CN=wrong”", .wrongSignature)) {
      _ = try Self.verify([signers[1], wrong], below: [authority])
    }
  }

  @Test("Certificates never sign a root, and do not count if the root has no authority")
  func neverRoots() throws {
    let holder = Holder.make()
    let authority = try Identity(.authority("authority"))
    let signer = try Identity(.init(), by: authority)
    let root = try TrustRoot([holder], authorities: [authority.der])
    let next = try TrustRoot(version: 2, [holder])
    let input = SigningInput(.trustRoot, message: next.bytes)
    let envelope = try Envelope(signers: [signer.signs(input)])
    #expect(throws: TrustFailure.tooFewSignatures(rootVersion: 1, needed: 1, signed: [], unknown: [])) {
      _ = try root.followed(by: SignedTrustRoot(next, envelope: envelope))
    }
    #expect(throws: TrustFailure.tooFewSignatures(rootVersion: 1, needed: 1, signed: [], unknown: [])) {
      _ = try root.verify(envelope, over: input, at: Self.now)
    }
    #expect(throws: TrustFailure.tooFewSignatures(rootVersion: 2, needed: 1, signed: [], unknown: [])) {
      _ = try next.verify(Envelope(signers: [signer.signs(Self.input)]), over: Self.input, at: Self.now)
    }
  }

  @Test(
    "Certificates issued by OpenSSL are accepted, also of an RSA authority; an RSA signer is refused")
  func openSSL() async throws {
    try await withTemporaryFolder { folder in
      let openssl = try Judge("openssl")
      func run(_ arguments: [String]) throws {
        let verdict = try openssl.run(arguments, in: folder)
        #expect(verdict.status == 0, "\(arguments): \(verdict.errors)")
      }
      try run(["genpkey", "-algorithm", "RSA", "-out", "ca.key"])
      try run([
        "req", "-x509", "-new", "-key", "ca.key", "-subj", "/O=Acme/CN=CA", "-days", "2", "-outform", "DER", "-out",
        "ca.der",
        "-addext", "keyUsage=critical,keyCertSign",
      ])
      try run(["x509", "-inform", "DER", "-in", "ca.der", "-out", "ca.pem"])
      try folder.writing("extendedKeyUsage=codeSigning\nkeyUsage=critical,digitalSignature\n", to: "leaf.cnf")
      try openssl.makeKey(.ed25519, named: "leaf", in: folder)
      try run(["genpkey", "-algorithm", "RSA", "-out", "rsa.key"])
      let authority = try Array(Data(contentsOf: folder.appending(path: "ca.der")))
      let root = try TrustRoot([.make()], authorities: [authority])
      for name in ["leaf", "rsa"] {
        try run(["req", "-new", "-key", "\(name).key", "-subj", "/O=Acme/CN=\(name)", "-out", "\(name).csr"])
        try run([
          "x509", "-req", "-in", "\(name).csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "1", "-extfile",
          "leaf.cnf",
          "-outform", "DER", "-out", "\(name).der",
        ])
      }
      try run(["verify", "-CAfile", "ca.pem", "leaf.der"])
      try folder.writing(Self.input.bytes, to: "statement")
      try run(["pkeyutl", "-sign", "-rawin", "-inkey", "leaf.key", "-in", "statement", "-out", "sig"])
      let signature = try Signature(Data(contentsOf: folder.appending(path: "sig")))
      let present = Time(secondsSince1970: Int64(Date().timeIntervalSince1970))
      func envelope(_ name: String) throws -> Envelope {
        let leaf = try Array(Data(contentsOf: folder.appending(path: "\(name).der")))
        return try Envelope(signers: [.init(leaf: leaf, intermediates: [], signature: signature)])
      }
      let verified = try root.verify(envelope("leaf"), over: Self.input, at: present)
      #expect(verified.certificates == ["“CN=leaf,O=Acme”"])
      #expect(throws: TrustFailure.certificate(subject: "“CN=rsa,O=Acme”", .unsupportedKey)) {
        _ = try root.verify(envelope("rsa"), over: Self.input, at: present)
      }
    }
  }

  /// Returns true if the verifier of swift-certificates accepts the same chain.
  private static func library(accepts signer: Identity, _ chain: [Identity], _ authority: Identity) async -> Bool {
    var verifier = Verifier(rootCertificates: CertificateStore([authority.certificate])) {
      RFC5280Policy(fixedExpiryValidationTime: Date(timeIntervalSince1970: 1_500_000))
      Purposes()
    }
    let store = CertificateStore(chain.map(\.certificate))
    guard case .validCertificate = await verifier.validate(leaf: signer.certificate, intermediates: store) else {
      return false
    }
    return true
  }

  /// Declares extended key usages as supported, as they may be critical.
  private struct Purposes: VerifierPolicy {
    let verifyingCriticalExtensions: [ASN1ObjectIdentifier] = [.X509ExtensionID.extendedKeyUsage]

    func chainMeetsPolicyRequirements(chain: UnverifiedCertificateChain) -> PolicyEvaluationResult { .meetsPolicy }
  }
}
