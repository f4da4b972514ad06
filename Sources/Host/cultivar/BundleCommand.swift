import ArgumentParser
import Bundle
import BundleMaking
import FoundationEssentials
import HostSystem
import LinuxSystem

/// `cultivar bundle`: makes and examines update bundles.
struct BundleCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bundle", abstract: "Make, examine and take apart bundles: files that update a device.",
    discussion: "`cultivar build` writes the bundle of an image where its `formats` have `bundle`.",
    subcommands: [
      Make.self, Delta.self, Sign.self, Statement.self, Attach.self, Show.self, Verify.self, Extract.self,
      Difference.self,
    ])

  /// `cultivar bundle make`
  struct Make: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "make", abstract: "Make a bundle of image files that something else has made.")

    @Option(help: "What the bundle updates: a product's name.")
    var product: String

    @Option(help: "Device class that it is for; more than once for several.")
    var device: [String]

    @Option(name: .customLong("release"), help: "Version of the release.")
    var version: String

    @Option(help: "When it was made, in seconds since 1970; the same gives the same bytes.")
    var created: UInt64 = 0

    @Option(help: "Rises when older releases must not come back.")
    var securityEpoch: UInt64 = 0

    @Option(help: "The lowest version that it can update from.")
    var minimumVersion: String?

    @Option(help: "A text file with what people should know of the release.")
    var notes: String?

    @Option(help: "How hard whole images are compressed: 1, fast, to 22, small.")
    var level = 9

    @OptionGroup var signing: SigningOptions

    @Option(name: [.short, .long], help: "The bundle.")
    var output: String

    @Argument(help: "An image, as NAME=FILE, or NAME=FILE:OLDFILE for one that is made from an old one.")
    var images: [String]

    func validate() throws {
      guard (1...22).contains(level) else { throw ValidationError("--level is 1 to 22") }
      guard !device.isEmpty else { throw ValidationError("--device is missing") }
      _ = try inputs()
    }

    func run() async throws {
      try await CommandErrors.shown {
        let manifest = BundleManifest(
          product: product, devices: device, version: version, securityEpoch: securityEpoch,
          minimumVersion: minimumVersion, created: created,
          notes: try notes.map { String(decoding: try FolderTree.readFile($0), as: UTF8.self) })
        let file = URL(fileURLWithPath: output)
        try await BundleMaker(wholeLevel: level).make(manifest, of: inputs(), to: file) { manifest in
          try await signing.signatures(over: manifest)
        }
        print(BundleReport(try BundleFile(file)).text, terminator: "")
      }
    }

    private func inputs() throws -> [BundleMaker.Input] {
      try images.map { text in
        let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { throw ValidationError("'\(text)' is not NAME=FILE") }
        guard BundleImage.isName(parts[0]) else {
          throw ValidationError(
            "'\(parts[0])' is not an image's name: write 1 to 32 letters from a to z, digits and hyphens")
        }
        let files = parts[1].split(separator: ":", maxSplits: 1).map { URL(fileURLWithPath: String($0)) }
        return BundleMaker.Input(name: parts[0], file: files[0], base: files.count > 1 ? files[1] : nil)
      }
    }
  }

  /// `cultivar bundle delta`
  struct Delta: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "delta", abstract: "Make a bundle that updates only devices with an old release, and is small.",
      discussion: """
        All that the new bundle says of itself is in the small one as well. A disk image says less: neither notes nor a lowest version nor an \
        expiry. The bundle has to be signed anew.
        """)

    @Argument(help: "The old release: its bundle, a file or URL, or its disk image.")
    var old: String

    @Argument(help: "The new release: its bundle, a file or URL, or its disk image.")
    var new: String

    @OptionGroup var web: WebOptions

    @OptionGroup var signing: SigningOptions

    @Option(name: [.short, .long], help: "The bundle that is made.")
    var output: String

    func run() async throws {
      try await CommandErrors.shown {
        let (old, new) = (try release(at: old), try release(at: new))
        let file = URL(fileURLWithPath: output)
        try await BundleDelta.make(from: old, to: new, as: file) { try await signing.signatures(over: $0) }
        print(BundleReport(try BundleFile(file)).text, terminator: "")
      }
    }

    private func release(at text: String) throws -> BundleDelta.Release {
      if case .file(let file) = try web.place(text), FileManager.default.fileExists(atPath: file.path),
        let disk = try DiskRelease(file)
      {
        return .disk(disk)
      }
      return .bundle(try web.bundle(at: text))
    }
  }

  /// `cultivar bundle show`
  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "show", abstract: "Show what a bundle says of itself; nothing is verified.")

    @OptionGroup var web: WebOptions

    @Argument(help: "The bundle: a file or URL.")
    var bundle: String

    @Flag(help: "Write the result as JSON to standard output.")
    var json = false

    func run() async throws {
      try await CommandErrors.shown {
        let report = BundleReport(try web.bundle(at: bundle))
        print(json ? String(decoding: try ReadableJSON.encode(report), as: UTF8.self) : report.text, terminator: "")
      }
    }
  }

  /// The old images that a delta bundle needs.
  struct Bases: ParsableArguments {
    @Option(help: "An old image, as NAME=FILE, where the bundle changes some.")
    var base: [String] = []

    @Option(help: "Bundle of the old release, with all its images, in place of --base: a file or URL.")
    var from: String?

    @OptionGroup var web: WebOptions

    func validate() throws {
      for text in base where !text.contains("=") { throw ValidationError("'\(text)' is not NAME=FILE") }
    }

    /// Runs a function with the files of the old images. Those of a bundle are in a temporary folder.
    func using<Value>(_ body: ([String: URL]) throws -> Value) throws -> Value {
      var files: [String: URL] = [:]
      for text in base {
        let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
        files[parts[0]] = URL(fileURLWithPath: parts.count > 1 ? parts[1] : "")
      }
      guard let from else { return try body(files) }
      return try BundleDelta.withFolder { folder in
        try body(files.merging(try web.bundle(at: from).extract(to: folder)) { one, _ in one })
      }
    }
  }

  /// `cultivar bundle verify`
  struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "verify",
      abstract: "Check a bundle's signatures by a root, each byte of it, and each byte that comes out.")

    @OptionGroup var bases: Bases

    @OptionGroup var trust: TrustOptions

    @Argument(help: "The bundle: a file or URL.")
    var bundle: String

    func run() async throws {
      try await CommandErrors.shown {
        let file = try bases.web.bundle(at: bundle)
        // The signatures are verified before anything after the manifest is read.
        let signers = try trust.judge(file)
        try bases.using { bases in
          _ = try BundleDelta.withFolder { try file.extract(to: $0, bases: bases) }
        }
        print("\(bundle): whole; every image comes out as its manifest says")
        print(signers.map { "signed by \($0)" } ?? "signatures were not checked: name a root with --trust")
      }
    }
  }

  /// `cultivar bundle extract`
  struct Extract: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "extract", abstract: "Put the images of a bundle into files.")

    @OptionGroup var bases: Bases

    @Argument(help: "The bundle: a file or URL.")
    var bundle: String

    @Argument(help: "Folder that gets a file NAME.img for each image.")
    var folder: String

    func run() async throws {
      try await CommandErrors.shown {
        let file = try bases.web.bundle(at: bundle)
        let files = try bases.using { try file.extract(to: URL(fileURLWithPath: folder), bases: $0) }
        for name in files.keys.sorted() { print(files[name]?.path ?? "") }
      }
    }
  }

  /// `cultivar bundle diff`
  struct Difference: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "diff", abstract: "Show in what two bundles differ.")

    @OptionGroup var web: WebOptions

    @Argument(help: "One bundle: a file or URL.")
    var one: String

    @Argument(help: "Another bundle: a file or URL.")
    var other: String

    func run() async throws {
      try await CommandErrors.shown {
        let reports = try [one, other].map { BundleReport(try web.bundle(at: $0)).rows }
        let names =
          reports[0].map(\.name) + reports[1].map(\.name).filter { name in !reports[0].contains { $0.name == name } }
        let rows = names.compactMap { name -> [String]? in
          let values = reports.map { rows in rows.first { $0.name == name }?.value ?? "-" }
          return values[0] == values[1] ? nil : [name] + values
        }
        guard !rows.isEmpty else { return print("they say the same of themselves") }
        print(TextTable.text(rows), terminator: "")
      }
    }
  }
}
