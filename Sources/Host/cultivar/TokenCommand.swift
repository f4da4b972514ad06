import ArgumentParser
import RemoteDevice

/// `cultivar token`: manages tokens of the management API.
struct TokenCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "token", abstract: "Make tokens for the management API of devices.",
    subcommands: [New.self])

  /// `cultivar token new`: makes a token.
  struct New: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "new", abstract: "Make a token, and print its hash, which devices need.",
      discussion: """
        Anybody with the file can manage the devices. The hash is not a secret. Put it into the project, as \
        `management: { tokenHash: HASH }`, or onto a device with `cultivar flash --set management-token-hash=HASH`.
        """)

    @Argument(help: ArgumentHelp("File to write the token to.", valueName: "file"))
    var file = "management.token"

    func run() async throws {
      try await CommandErrors.shown {
        let token = BearerToken()
        try token.write(to: file)
        print(token.hash)
      }
    }
  }
}
