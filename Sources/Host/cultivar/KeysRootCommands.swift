import ArgumentParser
import FoundationEssentials
import HostSystem
import Signing
import Trust

extension KeysCommand {
  /// `cultivar keys root`: makes the first root.
  struct Root: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "root", abstract: "Make the first root of trust, for images.",
      discussion: """
        A device trusts the root in its image, signed or not. To prove that the key holders can use their keys, sign \
        the root with --sign.
        """)

    @Argument(help: ArgumentHelp("Root file to write.", valueName: "file"))
    var file: String

    @Option(
      help: ArgumentHelp("Public key, or a private key with that public key. May be repeated.", valueName: "file"))
    var key: [String]

    @OptionGroup var thresholds: ThresholdOptions

    @OptionGroup var signing: SigningOptions

    func run() async throws {
      try await CommandErrors.shown {
        let root = try TrustRoot(
          keys: try await signing.publicKeys(key), threshold: thresholds.threshold ?? 1,
          rotationThreshold: thresholds.rotationThreshold, expires: thresholds.expires?.time,
          authorities: thresholds.authorities(), certificateThreshold: thresholds.certificateThreshold)
        try thresholds.checkExpiry(of: root)
        let signed = try await signing.sign(SignedTrustRoot(root, envelope: Envelope()), besides: nil)
        try NewFile.write(signed.file, to: file)
        print("\(file)  version 1")
      }
    }
  }

  /// `cultivar keys rotate`: makes the next root.
  struct Rotate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "rotate", abstract: "Make the next version of a root, signed with keys of both versions.",
      discussion: """
        Example: cultivar keys rotate product.root --add new.pub --remove old.pub --sign old.key --sign new.key

        To add signatures later, use `cultivar keys sign`. For keys on other machines, use `cultivar keys statement` \
        and `cultivar keys attach`.
        """)

    @Argument(help: ArgumentHelp("The newest root file. It does not change.", valueName: "root"))
    var root: String

    @Option(
      help: ArgumentHelp(
        "Public key to add, or a private key with that public key. May be repeated.", valueName: "file"))
    var add: [String] = []

    @Option(help: ArgumentHelp("Public key to remove: its file or its id. May be repeated.", valueName: "key"))
    var remove: [String] = []

    @OptionGroup var thresholds: ThresholdOptions

    @Flag(help: "Remove the certificate authorities. To replace them, --ca is enough.")
    var noCa = false

    @Option(
      help: ArgumentHelp("Root file to write. Default: NAME-VERSION.root beside the old one.", valueName: "file"))
    var output: String?

    @OptionGroup var signing: SigningOptions

    func run() async throws {
      try await CommandErrors.shown {
        let old = try TrustFile.root(root)
        let next = try await next(after: old.root)
        try thresholds.checkExpiry(of: next)
        let signed = try await signing.sign(SignedTrustRoot(next, envelope: Envelope()), besides: old.root)
        let path = output ?? Self.path(of: next.version, after: root)
        try NewFile.write(signed.file, to: path)
        print("\(path)  version \(next.version)")
        do { _ = try old.root.followed(by: signed) } catch let error as TrustFailure {
          print("  devices do not accept it yet: \(error.problem)")
        }
      }
    }

    private func next(after old: TrustRoot) async throws -> TrustRoot {
      var keys = old.keys
      for name in remove {
        let id =
          name.wholeMatch(of: /[0-9a-f]{64}/) == nil ? "\(try await signing.publicKey(name).id)" : name
        guard keys.contains(where: { "\($0.id)" == id }) else {
          throw TrustFailure.invalidRoot("version \(old.version) has no key \(id) to remove")
        }
        keys.removeAll { "\($0.id)" == id }
      }
      keys += try await signing.publicKeys(add)
      let (version, isLast) = old.version.addingReportingOverflow(1)
      guard !isLast else { throw TrustFailure.invalidRoot("version \(old.version) is the highest possible version") }
      let threshold = thresholds.threshold ?? old.threshold
      let authorities = try thresholds.authorities()
      let keepsAuthorities = authorities.isEmpty && !noCa
      return try TrustRoot(
        version: version, keys: keys, threshold: threshold,
        rotationThreshold: thresholds.rotationThreshold ?? max(threshold, old.rotationThreshold),
        expires: thresholds.expires == nil ? old.expires : thresholds.expires?.time,
        authorities: keepsAuthorities ? old.authorities : authorities,
        certificateThreshold: thresholds.certificateThreshold
          ?? (keepsAuthorities && !old.authorities.isEmpty ? old.certificateThreshold : nil))
    }

    /// Returns the path of the next version: `product-2.root` after `product.root`, `product-3.root` after
    /// `product-2.root`.
    static func path(of version: UInt32, after path: String) -> String {
      var stem = path.hasSuffix(".root") ? String(path.dropLast(5)) : path
      if stem.hasSuffix("-\(version - 1)") { stem = String(stem.dropLast("-\(version - 1)".count)) }
      return "\(stem)-\(version).root"
    }
  }
}

/// The options for the requirements of a root.
struct ThresholdOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Number of keys that must sign a message. Default: as in the old root, or 1.", valueName: "number"))
  var threshold: Int?

  @Option(
    help: ArgumentHelp(
      "Number of keys that must sign the next root. Default: as in the old root, or as for a message.",
      valueName: "number"))
  var rotationThreshold: Int?

  @Option(
    help: ArgumentHelp(
      "Expiry: a day such as 2031-01-31, or never. An expired root verifies only the next root.", valueName: "date"))
  var expires: Expiry?

  @Option(
    help: ArgumentHelp(
      "PEM file with certificates of authorities, for signing with certificates. May be repeated.", valueName: "file"))
  var ca: [String] = []

  @Option(
    help: ArgumentHelp(
      "Number of certificates that must sign a message. Default: as in the old root, or 1.", valueName: "number"))
  var certificateThreshold: Int?

  /// Returns the given authorities' certificates in DER.
  func authorities() throws -> [[UInt8]] { try ca.flatMap(CertificateFile.authorities) }

  /// Refuses a new root that has already expired.
  func checkExpiry(of root: TrustRoot) throws {
    let now = Time(secondsSince1970: Int64(Date().timeIntervalSince1970))
    if let expires = root.expires, expires <= now {
      throw TrustFailure.invalidRoot("it would have expired at \(expires); give a later day, or never, with --expires")
    }
  }
}

/// A day in UTC, or never.
struct Expiry: ExpressibleByArgument {
  /// The beginning of the day; `nil` for never.
  var time: Time?

  init?(argument: String) {
    if argument == "never" { return }
    // The parser would take a day that does not exist, such as February 30, for another day.
    guard argument.wholeMatch(of: /[0-9]{4}-[0-9]{2}-[0-9]{2}/) != nil,
      let date = try? Date("\(argument)T00:00:00Z", strategy: .iso8601)
    else { return nil }
    let time = Time(secondsSince1970: Int64(date.timeIntervalSince1970))
    guard "\(time)".hasPrefix(argument) else { return nil }
    self.time = time
  }
}

/// The options for signing.
struct SigningOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Private key to sign with: a PEM file or pkcs11:…. May be repeated.", valueName: "key"))
  var sign: [String] = []

  @OptionGroup var passphrase: PassphraseOptions

  /// The public key in a file, or that of the private key in it.
  func publicKey(_ path: String) async throws -> PublicKey {
    guard try TrustFile.isPrivateKey(path) else { return try TrustFile.publicKey(path) }
    return try await Signer(SigningKey(path), passphrase: passphrase.source).publicKey
  }

  /// ``publicKey(_:)`` of each file.
  func publicKeys(_ paths: [String]) async throws -> [PublicKey] {
    var keys: [PublicKey] = []
    for path in paths { keys.append(try await publicKey(path)) }
    return keys
  }

  /// Signs a root with the given keys, and returns it with the signatures.
  ///
  /// - Parameter old: The previous root, whose keys may sign as well.
  func sign(_ root: SignedTrustRoot, besides old: TrustRoot?) async throws -> SignedTrustRoot {
    var result = root
    for name in sign {
      let signer = try await Signer(SigningKey(name), passphrase: passphrase.source)
      let id = signer.publicKey.id
      guard root.root.key(id) != nil || old?.key(id) != nil else {
        throw SigningFailure.unsuitableKey(name, reason: "its public key \(id.short) is not in the root")
      }
      result.envelope = try result.envelope.adding(await signer.envelope(over: root.input))
    }
    return result
  }
}
