import ArgumentParser
import FoundationEssentials
import HostSystem
import Signing
import Trust

extension KeysCommand {
  /// `cultivar keys statement`: writes the statement to sign elsewhere.
  struct Statement: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "statement",
      abstract: "Write the statement of a root: the two lines of text that key holders sign.",
      discussion: """
        To sign it on another machine with an Ed25519 key:
          openssl pkeyutl -sign -rawin -inkey KEY -in STATEMENT -out SIGNATURE
        With an ECDSA key:
          openssl dgst -sha256 -sign KEY -out SIGNATURE STATEMENT
        With Cultivar:
          cultivar keys sign STATEMENT --sign KEY
        """)

    @Argument(help: ArgumentHelp("The root file.", valueName: "root"))
    var root: String

    @Option(help: ArgumentHelp("File to write. Default: standard output.", valueName: "file"))
    var output: String?

    func run() async throws {
      try await CommandErrors.shown {
        let statement = try TrustFile.root(root).input.bytes
        guard let output else { return print(String(decoding: statement, as: UTF8.self), terminator: "") }
        try NewFile.write(statement, to: output)
      }
    }
  }

  /// `cultivar keys sign`: signs a root file, or a statement from elsewhere.
  struct Sign: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "sign", abstract: "Sign a root file, or a statement from another machine.",
      discussion: """
        Adds the signatures to a root file. Writes the signatures of a statement to a file beside it, for `cultivar \
        keys attach` or `cultivar bundle attach`.
        """)

    @Argument(help: ArgumentHelp("A root file or a statement.", valueName: "file"))
    var file: String

    @Option(
      help: ArgumentHelp(
        "PEM file with the signer's certificate and those of its issuers, to sign a statement. Not for roots.",
        valueName: "file"))
    var certificates: String?

    @Option(
      help: ArgumentHelp("The previous root, if a signing key is only in that root.", valueName: "root"))
    var previous: String?

    @OptionGroup var signing: SigningOptions

    @Option(
      help: ArgumentHelp("File for the signatures of a statement. Default: FILE.signatures.", valueName: "file"))
    var output: String?

    func validate() throws {
      if signing.sign.isEmpty { throw ValidationError("give the key with --sign") }
    }

    func run() async throws {
      try await CommandErrors.shown {
        if try FolderTree.readFile(file).starts(with: SignedTrustRoot.fileMagic) {
          guard certificates == nil else { throw SigningFailure.certificatesForRoot }
          let root = try TrustFile.root(file)
          let signed = try await signing.sign(root, besides: previous.map { try TrustFile.root($0).root })
          return try FolderTree.replaceFile(file, with: signed.file)
        }
        let statement = try TrustFile.statement(file)
        let chain = try certificates.map { try CertificateFile($0) }
        var envelope = try Envelope()
        for name in signing.sign {
          let signer = try await Signer(SigningKey(name), passphrase: signing.passphrase.source)
          let own =
            if let chain { try await signer.envelope(over: statement, with: chain) } else {
              try await signer.envelope(over: statement)
            }
          envelope = try envelope.adding(own)
        }
        let path = output ?? "\(file).signatures"
        try NewFile.write(envelope.file, to: path)
        print("\(path)  for “\(statement.purpose.rawValue)”")
      }
    }
  }

  /// `cultivar keys attach`: adds signatures from elsewhere to a root file.
  struct Attach: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "attach", abstract: "Add signatures from another machine to a root file.",
      discussion: "Each signature is checked before the file changes.")

    @Argument(help: ArgumentHelp("The root file.", valueName: "root"))
    var root: String

    @Argument(
      help: ArgumentHelp(
        "Signature files from `cultivar keys sign`; with --key, from OpenSSL or a token.", valueName: "signatures"))
    var files: [String]

    @Option(help: ArgumentHelp("Public key of the signature, if the file has only the signature.", valueName: "file"))
    var key: String?

    @Option(
      help: ArgumentHelp("The previous root, if a signing key is only in that root.", valueName: "root"))
    var previous: String?

    func run() async throws {
      try await CommandErrors.shown {
        var signed = try TrustFile.root(root)
        let known = try signed.root.keys + (previous.map { try TrustFile.root($0).root.keys } ?? [])
        for file in files {
          let envelope = try envelope(file)
          guard envelope.signers.isEmpty else { throw SigningFailure.certificatesForRoot }
          for entry in envelope.signatures {
            guard let key = known.first(where: { $0.id == entry.key }) else {
              throw SigningFailure.file(
                file, .tooFewSignatures(rootVersion: signed.root.version, needed: 1, signed: [], unknown: [entry.key]))
            }
            guard key.accepts(entry.signature, over: signed.input) else {
              throw SigningFailure.file(file, .wrongSignature(entry.key))
            }
          }
          signed.envelope = try signed.envelope.adding(Envelope(signatures: envelope.signatures))
        }
        try FolderTree.replaceFile(root, with: signed.file)
      }
    }

    private func envelope(_ file: String) throws -> Envelope {
      guard let key else { return try TrustFile.signatures(file) }
      let publicKey = try TrustFile.publicKey(key)
      let signature = try TrustFile.signature(file, of: publicKey)
      return try Envelope(signatures: [.init(key: publicKey.id, signature: signature)])
    }
  }

  /// `cultivar keys verify`: checks that devices accept a chain of roots.
  struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "verify", abstract: "Check that a device with the first root accepts the roots after it.")

    @Argument(
      help: ArgumentHelp("The root that a device has, then the roots that follow it, in order.", valueName: "root"))
    var roots: [String]

    func validate() throws {
      if roots.count < 2 { throw ValidationError("give the root that a device has, and at least one root after it") }
    }

    func run() async throws {
      try await CommandErrors.shown {
        var current = try TrustFile.root(roots[0]).root
        for path in roots.dropFirst() {
          let next = try TrustFile.root(path)
          do { current = try current.followed(by: next) } catch let error as TrustFailure {
            throw SigningFailure.file(path, error)
          }
        }
        print("a device that has \(roots[0]) accepts version \(current.version)")
      }
    }
  }
}
