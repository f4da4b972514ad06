/// That a root has accepted the signatures over a message, and whose they were.
public struct Verified: Hashable, Sendable {
  /// Version of the root.
  public let rootVersion: UInt32
  /// The statement that was signed.
  public let input: SigningInput
  /// The keys that signed, ascending; empty where certificates met the threshold.
  public let keys: [KeyID]
  /// Subjects of the certificates that signed; empty where keys met the threshold.
  public let certificates: [String]
}

extension TrustRoot {
  /// Checks the signatures over a message.
  ///
  /// - Parameters:
  ///   - envelope: The signatures.
  ///   - message: The message, whole.
  ///   - purpose: What they have to be for.
  ///   - time: The later of the clock and the build time of the image that runs (``Time``).
  /// - Returns: Who has signed.
  /// - Throws: ``TrustFailure``: where the root has expired, a known key's signature is wrong, or too few have signed.
  public func verify(
    _ envelope: Envelope, over message: some Sequence<UInt8>, purpose: Purpose, at time: Time
  ) throws(TrustFailure) -> Verified {
    try verify(envelope, over: SigningInput(purpose, message: message), at: time)
  }

  /// Checks the signatures over a statement, for a message whose hash is known already.
  ///
  /// - Throws: ``TrustFailure`` as ``verify(_:over:purpose:at:)``.
  public func verify(
    _ envelope: Envelope, over input: SigningInput, at time: Time
  ) throws(TrustFailure) -> Verified {
    if let expires, time >= expires { throw .rootExpired(version: version, expired: expires, at: time) }
    // A root is signed by keys alone: authorities of others, which issue certificates as they like, do not choose whom a device believes.
    let isRoot = input.purpose == .trustRoot
    do {
      let keys = try signers(of: envelope, over: input, needed: isRoot ? rotationThreshold : threshold)
      return Verified(rootVersion: version, input: input, keys: keys, certificates: [])
    } catch .tooFewSignatures where !isRoot && !authorities.isEmpty && !envelope.signers.isEmpty {
      let names = try certificateSigners(of: envelope, over: input, at: time)
      return Verified(rootVersion: version, input: input, keys: [], certificates: names)
    }
  }

  /// The keys of this root that have signed a statement, each once.
  ///
  /// - Throws: ``TrustFailure/wrongSignature(_:)``, also where there are enough others: nobody but an attacker or a broken tool writes
  ///   one. ``TrustFailure/tooFewSignatures(rootVersion:needed:signed:unknown:)``.
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
