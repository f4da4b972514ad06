/// The result of a successful verification of a message.
public struct Verified: Hashable, Sendable {
  /// Version of the root.
  public let rootVersion: UInt32
  /// The signed statement.
  public let input: SigningInput
  /// The keys that signed, sorted; empty if certificates met the threshold.
  public let keys: [KeyID]
  /// Subjects of the certificates that signed; empty if keys met the threshold.
  public let certificates: [String]
}

extension TrustRoot {
  /// Verifies the signatures over a message.
  ///
  /// - Parameters:
  ///   - envelope: The signatures.
  ///   - message: The complete message.
  ///   - purpose: The required purpose of the signatures.
  ///   - time: The later of the clock and the running image's build time (``Time``).
  /// - Returns: The signers.
  /// - Throws: ``TrustFailure`` if the root has expired, a known key's signature is wrong, or too few have signed.
  public func verify(
    _ envelope: Envelope, over message: some Sequence<UInt8>, purpose: Purpose, at time: Time
  ) throws(TrustFailure) -> Verified {
    try verify(envelope, over: SigningInput(purpose, message: message), at: time)
  }

  /// Verifies the signatures over a statement, for a message with a known hash.
  ///
  /// - Throws: ``TrustFailure``, as in ``verify(_:over:purpose:at:)``.
  public func verify(
    _ envelope: Envelope, over input: SigningInput, at time: Time
  ) throws(TrustFailure) -> Verified {
    if let expires, time >= expires { throw .rootExpired(version: version, expired: expires, at: time) }
    // Only keys may sign a root: external authorities, which issue certificates at will, must not choose the keys that
    // a device trusts.
    let isRoot = input.purpose == .trustRoot
    do {
      let keys = try signers(of: envelope, over: input, needed: isRoot ? rotationThreshold : threshold)
      return Verified(rootVersion: version, input: input, keys: keys, certificates: [])
    } catch .tooFewSignatures where !isRoot && !authorities.isEmpty && !envelope.signers.isEmpty {
      let names = try certificateSigners(of: envelope, over: input, at: time)
      return Verified(rootVersion: version, input: input, keys: [], certificates: names)
    }
  }

  /// Finds the keys of this root that signed a statement, each once.
  ///
  /// - Throws: ``TrustFailure/wrongSignature(_:)``, even if enough other keys have signed: only an attack or a broken
  ///   tool produces a wrong signature. ``TrustFailure/tooFewSignatures(rootVersion:needed:signed:unknown:)``.
  func signers(
    of envelope: Envelope, over input: SigningInput, needed: Int
  ) throws(TrustFailure) -> [KeyID] {
    var signed: Set<KeyID> = []
    var unknown: Set<KeyID> = []
    for entry in envelope.signatures {
      guard let key = key(entry.key) else {
        unknown.insert(entry.key)
        continue
      }
      guard key.accepts(entry.signature, over: input) else { throw .wrongSignature(entry.key) }
      signed.insert(entry.key)
    }
    guard signed.count >= needed else {
      throw .tooFewSignatures(
        rootVersion: version, needed: needed, signed: signed.sorted(), unknown: unknown.sorted())
    }
    return signed.sorted()
  }
}
