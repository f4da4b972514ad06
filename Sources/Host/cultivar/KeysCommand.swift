import ArgumentParser
import FoundationEssentials
import HostSystem
import Signing
import Trust

/// `cultivar keys`: manages signing keys, and the roots of trust of devices.
struct KeysCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keys", abstract: "Make and use signing keys, and roots of trust for devices.",
    discussion: """
      Begin with:
        cultivar keys generate release
        cultivar keys root product.root --key release.pub

      Only OpenSSL reads private keys. For a key on a token, give pkcs11:… instead of a file.
      """,
    subcommands: [
      Generate.self, Show.self, Root.self, Rotate.self, Statement.self, Sign.self, Attach.self, Verify.self,
    ])

  /// `cultivar keys generate`: generates a key pair.
  struct Generate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "generate", abstract: "Make a private key and its public key.",
      discussion: "Example: `cultivar keys generate release` makes release.key (encrypted) and release.pub.")

    @Argument(
      help: ArgumentHelp(
        "Name or path of the key. `.key` is appended, unless it ends in .key or .pem.", valueName: "name"))
    var name: String

    @Option(help: "Kind of key: ed25519, or ecdsa-p256 if the key must also work with tokens.")
    var algorithm = PublicKey.Algorithm.ed25519

    @OptionGroup var passphrase: PassphraseOptions

    @Flag(
      help: "Do not encrypt the key, for a machine that signs unattended. Anybody with a copy of the file can sign.")
    var noPassphrase = false

    func validate() throws {
      if noPassphrase, passphrase.isGiven {
        throw ValidationError("--no-passphrase and a passphrase cannot be combined")
      }
    }

    func run() async throws {
      try await CommandErrors.shown {
        let generation = KeyGeneration(algorithm, named: name)
        let secret = noPassphrase ? nil : try passphrase.source.secret(for: generation.keyFile, isNew: true)
        let key = try await generation.run(passphrase: secret)
        let form = noPassphrase ? "not encrypted" : "encrypted"
        print("\(generation.keyFile)  private, \(form): keep it secret, and keep a copy in another place")
        print("\(generation.publicFile)  \(key.algorithm.rawValue) \(key.id)")
      }
    }
  }

  /// `cultivar keys show`: shows the content of key files and root files.
  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "show", abstract: "Show the contents of key files and root files.")

    @Argument(help: ArgumentHelp("Public keys, private keys, root files, or keys on tokens.", valueName: "file"))
    var files: [String]

    @OptionGroup var passphrase: PassphraseOptions

    @Flag(help: "Write JSON to standard output.")
    var json = false

    func run() async throws {
      try await CommandErrors.shown {
        var descriptions: [TrustDescription] = []
        for file in files { descriptions.append(try await TrustDescription(of: file, passphrase: passphrase.source)) }
        if json { return try ReadableJSON.print(descriptions) }
        print(descriptions.map(\.text).joined(separator: "\n"))
      }
    }
  }
}

/// The options for the source of a passphrase.
struct PassphraseOptions: ParsableArguments {
  @Option(help: ArgumentHelp("File with the passphrase or PIN in its only line.", valueName: "file"))
  var passphraseFile: String?

  @Option(help: ArgumentHelp("Environment variable with the passphrase or PIN.", valueName: "name"))
  var passphraseEnv: String?

  func validate() throws {
    if passphraseFile != nil, passphraseEnv != nil {
      throw ValidationError("--passphrase-file and --passphrase-env cannot be combined")
    }
  }

  var isGiven: Bool { passphraseFile != nil || passphraseEnv != nil }

  /// The source of the passphrase. The default is a prompt, if the key needs a passphrase.
  var source: PassphraseSource {
    passphraseFile.map { .file($0) } ?? passphraseEnv.map { .variable($0) } ?? .terminal
  }
}

extension PublicKey.Algorithm: ExpressibleByArgument {}
