import TaggedFields
import Testing
import Trust
import X509

@Suite("Records of roots and signatures")
struct RecordTests {
  private static let now = Time(secondsSince1970: 1_500_000)
  private static let input = SigningInput(.bundleManifest, message: Array("a manifest".utf8))

  @Test("The bytes of a root are those in the documentation")
  func layout() throws {
    let key = try PublicKey(der: [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00] + (0..<32))
    let root = try TrustRoot(version: 7, keys: [key], threshold: 1, expires: Time(secondsSince1970: 0x0102_0304))
    #expect(
      root.bytes == [1, 0, 4, 0, 0, 0, 7, 0, 0, 0] + [2, 0, 1, 0, 0, 0, 1] + [3, 0, 1, 0, 0, 0, 1]
        + [4, 0, 8, 0, 0, 0, 4, 3, 2, 1, 0, 0, 0, 0] + [5, 0, 44, 0, 0, 0] + key.der)
    let file = SignedTrustRoot(root, envelope: try Envelope()).file
    #expect(file == Array("cultivar root 1\n".utf8) + [1, 0, 88, 0, 0, 0] + root.bytes + [2, 0, 0, 0, 0, 0])
  }

  @Test("Written records are read back")
  func roundTrip() throws {
    let holders = [Holder.make(), .make(.ecdsaP256)]
    let authority = try Identity(.authority("authority"))
    let root = try TrustRoot(
      version: 9, holders, threshold: 1, rotationThreshold: 2, expires: Self.now, authorities: [authority.der],
      certificateThreshold: 2)
    let signed = try SignedTrustRoot(root, by: holders)
    #expect(try SignedTrustRoot(file: signed.file) == signed)
    let signer = try Identity(.init(), by: authority)
    let envelope = try Envelope(
      signatures: holders.map { try $0.signs(Self.input) }, signers: [signer.signs(Self.input, below: [authority])])
    #expect(try Envelope(bytes: envelope.bytes[...]) == envelope)
    #expect(try Envelope(file: envelope.file) == envelope)
  }

  @Test("A change to any byte of a root file is refused or harmless, and nothing crashes")
  func changedRoot() throws {
    let holders = [Holder.make(), .make(.ecdsaP256)]
    let root = try TrustRoot(holders, threshold: 2)
    let authority = try Identity(.authority("authority"))
    let next = try SignedTrustRoot(
      TrustRoot(version: 2, holders, threshold: 2, expires: Self.now, authorities: [authority.der]), by: holders)
    #expect(try root.followed(by: next) == next.root)
    for index in next.file.indices {
      for change in [0x01, 0x80, 0xff] as [UInt8] {
        var file = next.file
        file[index] ^= change
        guard let changed = try? SignedTrustRoot(file: file), let followed = try? root.followed(by: changed) else {
          continue
        }
        Issue.record("byte \(index) changed by \(change), and the result is version \(followed.version)")
      }
    }
  }

  @Test("A change to any byte of an envelope is refused or harmless, and nothing crashes")
  func changedEnvelope() throws {
    let holders = [Holder.make(), .make(.ecdsaP256)]
    let authority = try Identity(.authority("authority"))
    let middle = try Identity(.authority("middle"), by: authority)
    let signer = try Identity(.init(), by: middle)
    let byKeys = try (TrustRoot(holders, threshold: 2), Envelope(Self.input, by: holders))
    let byCertificate = try (
      TrustRoot([.make()], authorities: [authority.der]), Envelope(signers: [signer.signs(Self.input, below: [middle])])
    )
    for (root, envelope) in [byKeys, byCertificate] {
      let verified = try root.verify(envelope, over: Self.input, at: Self.now)
      for index in envelope.bytes.indices {
        for change in [0x01, 0x80, 0xff] as [UInt8] {
          var bytes = envelope.bytes
          bytes[index] ^= change
          guard let changed = try? Envelope(bytes: bytes[...]),
            let result = try? root.verify(changed, over: Self.input, at: Self.now)
          else { continue }
          // A certificate does not sign its own last field. If the unused bits there are zero, swift-asn1 accepts any
          // number of them. All signed parts are unchanged.
          #expect(try result == verified && Self.signedParts(changed) == Self.signedParts(envelope), "byte \(index)")
        }
      }
    }
  }

  private static func signedParts(_ envelope: Envelope) throws -> [[UInt8]] {
    try envelope.signers.flatMap { [$0.leaf] + $0.intermediates }.map {
      try Array(Certificate(derEncoded: $0).tbsCertificateBytes)
    }
  }

  @Test("A file is refused if it is truncated at any length")
  func truncation() throws {
    let holders = [Holder.make(), .make(.ecdsaP256)]
    let file = try SignedTrustRoot(TrustRoot(holders, threshold: 2), by: holders).file
    for count in 0..<file.count {
      #expect(throws: TrustFailure.self) { _ = try SignedTrustRoot(file: file.prefix(count)) }
    }
    #expect(throws: TrustFailure.self) { _ = try SignedTrustRoot(file: file + [0]) }
    let authority = try Identity(.authority("authority"))
    let signer = try Identity(.init(), by: authority)
    let envelope = try Envelope(signers: [signer.signs(Self.input)])
    // An envelope that ends between two fields is complete, with fewer signatures. This one has only one signature.
    for count in Envelope.fileMagic.count + 1..<envelope.file.count {
      #expect(throws: TrustFailure.self) { _ = try Envelope(file: envelope.file.prefix(count)) }
    }
  }

  @Test("Counts and sizes are checked before they are used")
  func bounds() throws {
    let signature = try Holder.make().signs(Self.input)
    #expect(throws: TrustFailure.self) { _ = try Envelope(signatures: Array(repeating: signature, count: 33)) }
    var writer = FieldWriter()
    for _ in 0..<33 { writer.add(1, signature.key.bytes + signature.signature.bytes) }
    #expect(throws: TrustFailure.malformed("the signatures: number of signature: 33; allowed: 0 to 32")) {
      _ = try Envelope(bytes: writer.bytes[...])
    }
    let many = Envelope.CertificateSigner(
      leaf: [1], intermediates: Array(repeating: [1], count: 5), signature: signature.signature)
    #expect(throws: TrustFailure.self) { _ = try Envelope(signers: [many]) }
    let long = Envelope.CertificateSigner(
      leaf: [UInt8](repeating: 0, count: 8193), intermediates: [], signature: signature.signature)
    #expect(throws: TrustFailure.self) { _ = try Envelope(signers: [long]) }
    #expect(throws: TrustFailure.self) { _ = try Envelope(bytes: [UInt8](repeating: 0, count: 1 << 20)[...]) }
    #expect(throws: TrustFailure.self) { _ = try TrustRoot(bytes: [UInt8](repeating: 0, count: 1 << 20)[...]) }
  }

  @Test("For each key only the newer signature is kept, and those of other keys stay")
  func adding() throws {
    let holders = [Holder.make(), .make()]
    let first = try Envelope(SigningInput(.trustRoot, message: []), by: holders)
    let second = try Envelope(Self.input, by: [holders[0]])
    let both = try first.adding(second)
    #expect(both.signatures.count == 2)
    #expect(Set(both.signatures).isSuperset(of: second.signatures))
  }

  @Test("Random bytes in place of fields never crash the program")
  func randomBytes() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<20_000 {
      let count = Int.random(in: 0...120, using: &generator)
      var bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
      // Small lengths and tags, so that some inputs pass the first check.
      for index in stride(from: 1, to: bytes.count, by: 2) { bytes[index] &= 0x03 }
      _ = try? TrustRoot(bytes: bytes[...])
      _ = try? Envelope(bytes: bytes[...])
      _ = try? SignedTrustRoot(file: SignedTrustRoot.fileMagic + bytes)
      _ = try? PublicKey(der: bytes)
      _ = try? SigningInput(statement: bytes)
    }
  }

  @Test("Certificates with a few changed bytes never crash the program")
  func changedCertificates() throws {
    let authority = try Identity(.authority("authority"))
    let middle = try Identity(.authority("middle"), by: authority)
    let signer = try Identity(.init(), by: middle)
    let bytes = try Envelope(signers: [signer.signs(Self.input, below: [middle])]).bytes
    let certificates = try [authority.der, middle.der]
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<3000 {
      var changed = bytes
      for _ in 0..<Int.random(in: 1...6, using: &generator) {
        changed[Int.random(in: 12..<changed.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
      }
      guard let envelope = try? Envelope(bytes: changed[...]) else { continue }
      // Below authorities that are changed as well, so that more than the first signature is verified.
      let root = try TrustRoot(
        [.make()],
        authorities: certificates + envelope.signers.flatMap(\.intermediates).filter { !certificates.contains($0) })
      _ = try? root.verify(envelope, over: Self.input, at: Self.now)
    }
  }
}
