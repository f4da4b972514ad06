extension TrustRoot {
  /// The next root, if it may replace this one: its version is one more, and as many keys of this root and of its own have signed it as
  /// each asks for (The Update Framework, section 5.3.4 and following).
  ///
  /// Neither root's expiry plays a part: whoever has an expired root gets out of that by the next one. What verifies
  /// something else with the result finds out whether that has expired.
  ///
  /// - Throws: ``TrustFailure``.
  public func followed(by next: SignedTrustRoot) throws(TrustFailure) -> TrustRoot {
    guard next.root.version != version else { throw .fork(version: version) }
    guard next.root.version > version else { throw .rollback(from: version, to: next.root.version) }
    guard next.root.version - version == 1 else { throw .jump(from: version, to: next.root.version) }
    _ = try signers(of: next.envelope, over: next.input, needed: rotationThreshold)
    _ = try next.root.signers(of: next.envelope, over: next.input, needed: next.root.rotationThreshold)
    return next.root
  }

  /// Walks a row of roots, as a bundle brings them for devices that have different versions.
  ///
  /// Those before this one are passed over, the one of this version has to be this one, and each further one has to follow the one before.
  ///
  /// - Parameter chain: Roots with ascending versions; where it is empty, the result is this root.
  /// - Throws: ``TrustFailure``: ``TrustFailure/rollback(from:to:)`` where the last one is older than this one, or versions fall.
  public func followed(by chain: [SignedTrustRoot]) throws(TrustFailure) -> TrustRoot {
    guard chain.count <= Self.mostSteps else { throw .tooManyRoots(chain.count) }
    for (step, next) in zip(chain, chain.dropFirst()) where next.root.version <= step.root.version {
      throw .rollback(from: step.root.version, to: next.root.version)
    }
    if let last = chain.last, last.root.version < version { throw .rollback(from: version, to: last.root.version) }
    var current = self
    for next in chain where next.root.version >= version {
      if next.root == self { continue }
      current = try current.followed(by: next)
    }
    return current
  }
}
