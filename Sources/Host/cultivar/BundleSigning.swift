import ArgumentParser
import Bundle
import BundleMaking
import FoundationEssentials
import HostSystem
import Signing
import Trust

extension SigningOptions {
  /// Signs a bundle's manifest, and adds the signatures to the existing ones.
  ///
  /// - Parameter certificates: The signer's certificate chain; `nil` to sign with keys of a root.
  func sign(
    manifest: [UInt8], besides old: Envelope, certificates: CertificateFile? = nil
  ) async throws -> Envelope {
    var envelope = old
    let input = SigningInput(.bundleManifest, message: manifest)
    for name in sign {
      let signer = try await Signer(SigningKey(name), passphrase: passphrase.source)
      let own =
        if let certificates { try await signer.envelope(over: input, with: certificates) } else {
          try await signer.envelope(over: input)
        }
      envelope = try envelope.adding(own)
    }
    return envelope
  }

  /// Returns the signatures for a new bundle's manifest; `nil` if no key is given.
  func signatures(over manifest: [UInt8]) async throws -> BundleSignatures? {
    sign.isEmpty ? nil : BundleSignatures(envelope: try await sign(manifest: manifest, besides: Envelope()).bytes)
  }
}

extension BundleFile {
  /// Returns the signatures in the bundle.
  func envelope() throws -> Envelope {
    do throws(TrustFailure) {
      return signatures.envelope.isEmpty ? try Envelope() : try Envelope(bytes: signatures.envelope[...])
    } catch {
      throw SigningFailure.file("\(place)", error)
    }
  }
}

extension BundleCommand {
  /// `cultivar bundle sign`
  struct Sign: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "sign", abstract: "Add signatures to a bundle.",
      discussion: """
        If the key is on another machine:
          cultivar bundle statement BUNDLE --output STATEMENT
          cultivar keys sign STATEMENT --sign KEY
          cultivar bundle attach BUNDLE STATEMENT.signatures
        """)

    @Argument(help: "The bundle.")
    var bundle: String

    @OptionGroup var signing: SigningOptions

    @Option(
      help: ArgumentHelp(
        "Root of trust to put into the bundle, for devices that have the previous root. May be repeated, in order.",
        valueName: "root"))
    var root: [String] = []

    @Option(
      help: ArgumentHelp(
        "PEM file with the signer's certificate and those of its issuers, to sign with a key that is not in a root.",
        valueName: "file"))
    var certificates: String?

    func validate() throws {
      if signing.sign.isEmpty { throw ValidationError("give the key with --sign") }
    }

    func run() async throws {
      try await CommandErrors.shown {
        let file = try BundleFile(URL(fileURLWithPath: bundle))
        let chain = try certificates.map { try CertificateFile($0) }
        let envelope = try await signing.sign(
          manifest: file.head.manifest, besides: try file.envelope(), certificates: chain)
        let roots = try root.map { try TrustFile.root($0).file }
        try file.replace(
          signatures: BundleSignatures(roots: roots.isEmpty ? file.signatures.roots : roots, envelope: envelope.bytes))
      }
    }
  }

  /// `cultivar bundle statement`
  struct Statement: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "statement",
      abstract: "Write the statement of a bundle: the two lines of text that key holders sign.")

    @Argument(help: "The bundle.")
    var bundle: String

    @Option(help: ArgumentHelp("File to write. Default: standard output.", valueName: "file"))
    var output: String?

    func run() async throws {
      try await CommandErrors.shown {
        let manifest = try BundleFile(URL(fileURLWithPath: bundle)).head.manifest
        let statement = SigningInput(.bundleManifest, message: manifest).bytes
        guard let output else { return print(String(decoding: statement, as: UTF8.self), terminator: "") }
        try NewFile.write(statement, to: output)
      }
    }
  }

  /// `cultivar bundle attach`
  struct Attach: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "attach", abstract: "Add signatures from another machine to a bundle.",
      discussion: "With --key, each file has only a signature, as OpenSSL or a token writes it.")

    @Argument(help: "The bundle.")
    var bundle: String

    @Argument(help: ArgumentHelp("Signature files of `cultivar keys sign`.", valueName: "signatures"))
    var files: [String]

    @Option(help: ArgumentHelp("Public key of the signature, if the file has only the signature.", valueName: "file"))
    var key: String?

    func run() async throws {
      try await CommandErrors.shown {
        let file = try BundleFile(URL(fileURLWithPath: bundle))
        var envelope = try file.envelope()
        for path in files {
          guard let key else {
            envelope = try envelope.adding(try TrustFile.signatures(path))
            continue
          }
          let publicKey = try TrustFile.publicKey(key)
          let signature = try TrustFile.signature(path, of: publicKey)
          guard publicKey.accepts(signature, over: SigningInput(.bundleManifest, message: file.head.manifest)) else {
            throw SigningFailure.file(path, .wrongSignature(publicKey.id))
          }
          envelope = try envelope.adding(Envelope(signatures: [.init(key: publicKey.id, signature: signature)]))
        }
        try file.replace(signatures: BundleSignatures(roots: file.signatures.roots, envelope: envelope.bytes))
      }
    }
  }
}

/// The options for the root of trust that verifies a bundle's signatures.
struct TrustOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Root of trust to check signatures with. Newer roots in the bundle also count.", valueName: "root"))
  var trust: String?

  /// Checks that a device with the root accepts the bundle's signatures.
  ///
  /// - Returns: The signers, for the user; `nil` if no root is given.
  func judge(_ bundle: BundleFile) throws -> String? {
    guard let trust else { return nil }
    let first = try TrustFile.root(trust).root
    let envelope = try bundle.envelope()
    do throws(TrustFailure) {
      let time = Time(secondsSince1970: Int64(Date().timeIntervalSince1970))
      // The roots in a bundle count only if they form a chain from the trusted root.
      var chain: [SignedTrustRoot] = []
      for bytes in bundle.signatures.roots { chain.append(try SignedTrustRoot(file: bytes)) }
      let root = try first.followed(by: chain)
      let verified = try root.verify(envelope, over: bundle.head.manifest, purpose: .bundleManifest, at: time)
      return (verified.keys.map(\.short) + verified.certificates).joined(separator: ", ")
    } catch {
      throw SigningFailure.file("\(bundle.place)", error)
    }
  }
}
