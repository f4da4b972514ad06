import Testing
import Trust

@Suite("Trust roots")
struct TrustRootTests {
  private static let now = Time(secondsSince1970: 1_500_000)
  private static let message = Array("a manifest".utf8)
  private static let input = SigningInput(.bundleManifest, message: message)

  @Test("A message signed by enough keys is accepted, and the result lists the signers")
  func accepted() throws {
    let holders = [Holder.make(.ed25519), .make(.ecdsaP256), .make(.ed25519)]
    let root = try TrustRoot(holders, threshold: 2)
    let verified = try root.verify(
      Envelope(Self.input, by: [holders[0], holders[1]]), over: Self.message, purpose: .bundleManifest, at: Self.now)
    #expect(verified.keys == [try holders[0].publicKey.id, try holders[1].publicKey.id].sorted())
    #expect(verified.rootVersion == 1 && verified.input == Self.input && verified.certificates.isEmpty)
  }

  @Test("A key of another owner does not count, and is named")
  func unknownKey() throws {
    let (owner, other) = (Holder.make(), Holder.make())
    let root = try TrustRoot([owner])
    let unknown = [try other.publicKey.id]
    #expect(throws: TrustFailure.tooFewSignatures(rootVersion: 1, needed: 1, signed: [], unknown: unknown)) {
      _ = try root.verify(Envelope(Self.input, by: [other]), over: Self.input, at: Self.now)
    }
    _ = try root.verify(Envelope(Self.input, by: [other, owner]), over: Self.input, at: Self.now)
  }

  @Test("One signature too few, none at all, or the same key twice is not enough")
  func tooFew() throws {
    let holders = [Holder.make(.ecdsaP256), .make(), .make()]
    let root = try TrustRoot(holders, threshold: 2)
    let signed = [try holders[0].publicKey.id]
    let failure = TrustFailure.tooFewSignatures(rootVersion: 1, needed: 2, signed: signed, unknown: [])
    for signers in [[holders[0]], [holders[0], holders[0]]] {
      #expect(throws: failure) {
        _ = try root.verify(Envelope(Self.input, by: signers), over: Self.input, at: Self.now)
      }
    }
    #expect(throws: TrustFailure.tooFewSignatures(rootVersion: 1, needed: 2, signed: [], unknown: [])) {
      _ = try root.verify(Envelope(), over: Self.input, at: Self.now)
    }
  }

  @Test("A known key's signature over another message is an error, even among enough valid ones")
  func wrongSignature() throws {
    let holders = [Holder.make(), .make()]
    let root = try TrustRoot(holders, threshold: 1)
    for wrong in [SigningInput(.bundleManifest, message: []), SigningInput(.trustRoot, message: Self.message)] {
      let envelope = try Envelope(signatures: [holders[0].signs(Self.input), holders[1].signs(wrong)])
      #expect(throws: TrustFailure.wrongSignature(try holders[1].publicKey.id)) {
        _ = try root.verify(envelope, over: Self.input, at: Self.now)
      }
    }
  }

  @Test("An expired root verifies nothing from that second on, but can be followed by the next")
  func expired() throws {
    let holder = Holder.make()
    let root = try TrustRoot([holder], expires: Self.now)
    let envelope = try Envelope(Self.input, by: [holder])
    _ = try root.verify(envelope, over: Self.input, at: Time(secondsSince1970: 1_499_999))
    #expect(throws: TrustFailure.rootExpired(version: 1, expired: Self.now, at: Self.now)) {
      _ = try root.verify(envelope, over: Self.input, at: Self.now)
    }
    let next = try TrustRoot(version: 2, [holder])
    let current = try root.followed(by: SignedTrustRoot(next, by: [holder]))
    _ = try current.verify(envelope, over: Self.input, at: Self.now)
  }

  @Test("The next root needs signatures of the old keys and of its own keys")
  func rotation() throws {
    let (old, new) = ([Holder.make(), .make()], [Holder.make(.ecdsaP256), .make()])
    let root = try TrustRoot(old, threshold: 1, rotationThreshold: 2)
    let next = try TrustRoot(version: 2, new, threshold: 2)
    #expect(try root.followed(by: SignedTrustRoot(next, by: old + new)) == next)
    let ids = (old: try old.map { try $0.publicKey.id }.sorted(), new: try new.map { try $0.publicKey.id }.sorted())
    #expect(throws: TrustFailure.tooFewSignatures(rootVersion: 2, needed: 2, signed: [], unknown: ids.old)) {
      _ = try root.followed(by: SignedTrustRoot(next, by: old))
    }
    #expect(throws: TrustFailure.tooFewSignatures(rootVersion: 1, needed: 2, signed: [], unknown: ids.new)) {
      _ = try root.followed(by: SignedTrustRoot(next, by: new))
    }
    // One of the old keys is enough for a message, but not for a root.
    let one = [try old[0].publicKey.id]
    #expect(throws: TrustFailure.tooFewSignatures(rootVersion: 1, needed: 2, signed: one, unknown: ids.new)) {
      _ = try root.followed(by: SignedTrustRoot(next, by: [old[0]] + new))
    }
  }

  @Test("An older root, another root of the same version, and one that skips a version have separate errors")
  func order() throws {
    let holder = Holder.make()
    func signed(_ version: UInt32, expires: Time? = nil) throws -> SignedTrustRoot {
      try SignedTrustRoot(TrustRoot(version: version, [holder], expires: expires), by: [holder])
    }
    let root = try signed(3).root
    #expect(throws: TrustFailure.rollback(from: 3, to: 2)) { _ = try root.followed(by: signed(2)) }
    #expect(throws: TrustFailure.jump(from: 3, to: 5)) { _ = try root.followed(by: signed(5)) }
    #expect(throws: TrustFailure.jump(from: 3, to: .max)) { _ = try root.followed(by: signed(.max)) }
    #expect(throws: TrustFailure.fork(version: 3)) { _ = try root.followed(by: signed(3, expires: Self.now)) }

    #expect(try root.followed(by: []) == root)
    #expect(try root.followed(by: [signed(1), signed(2), signed(3), signed(4), signed(5)]).version == 5)
    #expect(throws: TrustFailure.rollback(from: 3, to: 2)) { _ = try root.followed(by: [signed(1), signed(2)]) }
    #expect(throws: TrustFailure.rollback(from: 5, to: 4)) { _ = try root.followed(by: [signed(5), signed(4)]) }
    #expect(throws: TrustFailure.jump(from: 4, to: 6)) { _ = try root.followed(by: [signed(4), signed(6)]) }
    #expect(throws: TrustFailure.fork(version: 3)) {
      _ = try root.followed(by: [signed(3, expires: Self.now), signed(4)])
    }
    let long = try (4...68).map { try signed($0) }
    #expect(throws: TrustFailure.tooManyRoots(65)) { _ = try root.followed(by: long) }
    #expect(try root.followed(by: Array(long.dropLast())).version == 67)
  }

  @Test("Each root in a chain is signed by its predecessor, whoever signed the last one")
  func brokenRow() throws {
    let holders = [Holder.make(), .make(), .make()]
    let root = try TrustRoot([holders[0]])
    let second = try SignedTrustRoot(TrustRoot(version: 2, [holders[1]]), by: [holders[0], holders[1]])
    let third = try SignedTrustRoot(TrustRoot(version: 3, [holders[2]]), by: [holders[1], holders[2]])
    #expect(try root.followed(by: [second, third]) == third.root)
    let forged = try SignedTrustRoot(third.root, by: [holders[0], holders[2]])
    #expect(throws: TrustFailure.self) { _ = try root.followed(by: [second, forged]) }
  }

  @Test("Unusable roots are refused")
  func invalid() throws {
    let holders = [Holder.make(), .make()]
    func refused(_ make: () throws -> TrustRoot) {
      let failure = #expect(throws: TrustFailure.self) { _ = try make() }
      guard case .invalidRoot? = failure else { Issue.record("\(String(describing: failure))"); return }
    }
    refused { try TrustRoot(version: 0, holders) }
    refused { try TrustRoot([]) }
    refused { try TrustRoot([holders[0], holders[0]]) }
    refused { try TrustRoot(holders, threshold: 0) }
    refused { try TrustRoot(holders, threshold: 3) }
    refused { try TrustRoot(holders, threshold: 300) }
    refused { try TrustRoot(holders, threshold: 2, rotationThreshold: 1) }
    refused { try TrustRoot(holders, rotationThreshold: 3) }
    refused { try TrustRoot((0..<33).map { _ in .make() }) }
    refused { try TrustRoot(holders, authorities: (0..<9).map { [$0] }) }
    refused { try TrustRoot(holders, authorities: [[1], [1]]) }
    refused { try TrustRoot(holders, authorities: [[UInt8](repeating: 0, count: 8193)]) }
    refused { try TrustRoot(holders, authorities: [[1]], certificateThreshold: 0) }
    refused { try TrustRoot(holders, certificateThreshold: 1) }
    #expect(try TrustRoot((0..<32).map { _ in .make() }, threshold: 32).keys.count == 32)
  }
}
