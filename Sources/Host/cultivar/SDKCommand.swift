import ArgumentParser
import DebianArchive
import DeviceModel
import DiskImage
import FoundationEssentials
import HostSystem
import Sandbox
import SwiftSDK

/// `cultivar sdk`: manages and uses SDKs that compile Swift for another architecture.
struct SDKCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sdk", abstract: "Compile Swift programs for another architecture.",
    discussion: """
      If the toolchain's Static Linux SDK is installed (`swift sdk list`), it is used. Otherwise, `cultivar sdk \
      install` makes an SDK from Debian's packages: a compiler, which runs in a sandbox, and the libraries of the \
      architecture. The SDK is kept in the cache.
      """,
    subcommands: [Install.self, List.self, Build.self, Remove.self])

  /// `cultivar sdk install`: makes an SDK.
  struct Install: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "install", abstract: "Make a Swift SDK for an architecture, if there is none.",
      discussion: """
        If the toolchain's Static Linux SDK is installed, does nothing. Otherwise, fetches about 1.1 GB of Debian's \
        packages, checks the signature and the checksums, and unpacks the files that a build needs into the cache \
        (1.4 GB).
        """)

    @Argument(help: ArgumentHelp("Architecture: amd64 or arm64.", valueName: "architecture"))
    var architecture: Architecture

    @Flag(help: "Make a new SDK if Debian has newer packages than the existing one.")
    var update = false

    @OptionGroup var choice: SDKChoiceOptions

    @Flag(
      help: """
        Accept an expired index of Debian, for a frozen mirror. The signature is still checked, but a mirror that \
        holds back newer packages is not detected.
        """)
    var allowExpiredIndex = false

    @Flag(name: [.short, .long], help: "Print only problems.")
    var quiet = false

    func run() async throws {
      try await CommandErrors.shown {
        let environment = ProcessInfo.processInfo.environment
        let cache = try Cache.ofUser(environment)
        let present = try await choice.find(architecture, in: DebianSDKs(cache: cache))
        switch present {
        case .official(let name):
          say("the toolchain's Static Linux SDK is installed: \(name)")
          return
        case .debian(let sdk) where !update:
          say(summary(sdk, in: cache))
          return
        case .debian, nil: break
        }
        let progress = BuildProgress(style: BuildProgress.suitableStyle(quiet: quiet))
        await progress.expect(4)
        let mirror = Mirror.choose(
          project: (nil, nil), environment: environment, aptSources: Mirror.hostAptSources())
        do {
          let sdk = try await SDKInstallation(
            cache: cache, mirror: mirror, acceptsExpiredIndex: allowExpiredIndex, progress: progress
          ).install(architecture)
          try cache.synchronise()
          await progress.finish()
          say(summary(sdk, in: cache))
        } catch {
          await progress.finish()
          throw error
        }
      }
    }

    private func summary(_ sdk: DebianSDK, in cache: Cache) -> String {
      """
      \(DebianSDKs(cache: cache).folder(of: sdk).path)
        Swift \(sdk.version) of Debian \(sdk.suite) for \(sdk.architecture.title), \(ByteSize(bytes: sdk.size))
      """
    }

    private func say(_ text: String) {
      if !quiet { print(text) }
    }
  }

  /// `cultivar sdk list`: lists the installed SDKs.
  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list", abstract: "Show the installed Swift SDKs for other architectures.")

    @Flag(help: "Write JSON to standard output.")
    var json = false

    private struct Row: Encodable {
      var architecture: String
      var version: String
      var from: String
      var size: Int64
      var folder: String
    }

    func run() async throws {
      try await CommandErrors.shown {
        let sdks = DebianSDKs(cache: try Cache.ofUser(ProcessInfo.processInfo.environment))
        var rows: [Row] = []
        if let name = try await SDKChoiceOptions.official() {
          let folder = FileManager.default.homeDirectoryForCurrentUser.appending(
            path: ".swiftpm/swift-sdks/\(name).artifactbundle"
          ).path
          rows.append(
            Row(
              architecture: "all", version: name, from: "swift.org", size: FolderTree.size(of: folder), folder: folder))
        }
        rows += try sdks.all().map {
          Row(
            architecture: $0.architecture.rawValue, version: $0.version, from: "Debian \($0.suite)", size: $0.size,
            folder: sdks.folder(of: $0).path)
        }
        if json { return try ReadableJSON.print(rows) }
        guard !rows.isEmpty else { return print("there is no Swift SDK for another architecture") }
        let table = rows.map { [$0.architecture, $0.version, $0.from, "\(ByteSize(bytes: $0.size))", $0.folder] }
        print(TextTable.text([["architecture", "version", "from", "size", "folder"]] + table, right: [3]))
      }
    }
  }

  /// `cultivar sdk build`: compiles a package with an SDK.
  struct Build: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "build", abstract: "Run `swift build` for another architecture.",
      discussion: """
        Example: cultivar sdk build arm64 -- -c release --product hello

        Executables are linked statically. The toolchain's own package manager fetches the dependencies. An SDK made \
        from Debian's packages then runs in a sandbox without a network, with only the package's folder, the packages \
        that it names by path, and the scratch folder.
        """)

    @Argument(help: ArgumentHelp("Architecture: amd64 or arm64.", valueName: "architecture"))
    var architecture: Architecture

    @OptionGroup var choice: SDKChoiceOptions

    @Option(help: ArgumentHelp("Folder of the package. Default: the current folder.", valueName: "folder"))
    var packagePath: String?

    @Option(
      help: ArgumentHelp(
        "Scratch folder of the build. Default: .build/sdk-ARCHITECTURE in the package's folder.",
        valueName: "folder"))
    var scratchPath: String?

    @Argument(parsing: .postTerminator, help: "Options of `swift build`, after `--`.")
    var options: [String] = []

    func run() async throws {
      try await CommandErrors.shown(interrupted: "interrupted") {
        let sdks = DebianSDKs(cache: try Cache.ofUser(ProcessInfo.processInfo.environment))
        let folder = (packagePath.map { URL(fileURLWithPath: $0) } ?? .currentFolder).standardizedFileURL
        let scratch =
          (scratchPath.map { URL(fileURLWithPath: $0) } ?? folder.appending(path: ".build/sdk-\(architecture.rawValue)"))
          .standardizedFileURL
        var status: Int32 = 0
        switch try await choice.find(architecture, in: sdks) {
        case nil: throw SDKFailure.missing(architecture)
        case .official(let name):
          let places = ["--package-path", folder.path, "--scratch-path", scratch.path]
          status = try await TerminalProgram.run(
            "swift", ["build"] + SwiftSDK.options(official: name, for: architecture) + places + options)
        case .debian(let sdk):
          let build = try await SandboxedBuild(sdk: sdk, in: sdks, package: SwiftPackage(folder), scratch: scratch)
          try await sdks.withSandbox { sandbox in
            let session = try build.session(options, in: sandbox)
            status = try await TerminalProgram.run(
              session.program, session.arguments, environment: session.environment)
          }
        }
        if status != 0 { throw ExitCode(status) }
      }
    }
  }

  /// `cultivar sdk remove`: removes an SDK.
  struct Remove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "remove", abstract: "Remove the Swift SDK that `cultivar sdk install` made for an architecture.",
      discussion: "Keeps the toolchain's Static Linux SDK. To remove that one, use `swift sdk remove`.")

    @Argument(help: ArgumentHelp("Architecture: amd64 or arm64.", valueName: "architecture"))
    var architecture: Architecture

    func run() async throws {
      try await CommandErrors.shown {
        try DebianSDKs(cache: try Cache.ofUser(ProcessInfo.processInfo.environment)).remove(architecture)
      }
    }
  }
}

/// The options that select an SDK.
struct SDKChoiceOptions: ParsableArguments {
  @Flag(
    help: "Use the SDK made from Debian's packages even if the Static Linux SDK, with another C library, is installed.")
  var fromDebian = false

  /// Returns the installed SDK for an architecture; `nil` if there is none.
  ///
  /// - Throws: `SDKFailure` for the machine's own architecture; `CommandFailure`, `FileFailure`.
  func find(_ architecture: Architecture, in sdks: DebianSDKs) async throws -> SwiftSDK? {
    guard architecture != .host else { throw SDKFailure.own(architecture) }
    if !fromDebian, let name = try await Self.official() { return .official(name) }
    return try sdks.newest(for: architecture).map { .debian($0) }
  }

  /// Returns the name of the toolchain's Static Linux SDK; `nil` if it is not installed.
  static func official() async throws -> String? {
    guard HostProgram.swift.path != nil else { return nil }
    let list = try await HostCommand(.swift, ["sdk", "list"], to: "list the Swift SDKs").run()
    let version = try await HostCommand(.swift, ["--version"], to: "ask for the version of Swift").run()
    return SwiftSDK.official(among: list, toolchain: version)
  }
}

extension Architecture: ExpressibleByArgument {
  /// Parses an architecture by its name in Debian or in Linux.
  public init?(argument: String) {
    guard let found = Self.allCases.first(where: { [$0.rawValue, $0.machine].contains(argument) }) else { return nil }
    self = found
  }
}
