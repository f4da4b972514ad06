extension TrustRoot {
  /// Returns the next root if it may replace this one. Its version must be higher by one, and enough keys of this root
  /// and of the next one must have signed it (The Update Framework, section 5.3.4 and following).
  ///
  /// Expiry is not checked here: a device with an expired root can still update to the next one. The resulting root's
  /// own expiry is checked when it verifies something else.
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

  /// Follows a chain of roots. Bundles contain such chains for devices with different versions.
  ///
  /// Roots before this one are skipped. The root of the same version must equal this one, and each later root must
  /// follow the one before it.
  ///
  /// - Parameter chain: Roots with ascending versions. If it is empty, the result is this root.
  /// - Throws: ``TrustFailure``; ``TrustFailure/rollback(from:to:)`` if the last root is older than this one, or the
  ///   versions do not ascend.
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
