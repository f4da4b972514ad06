import ArgumentParser
import Bundle
import BundleMaking
import FoundationEssentials
import HostSystem
import LinuxSystem

/// `cultivar bundle`: makes and examines update bundles.
struct BundleCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bundle", abstract: "Make, check and extract bundles, the files that update a device.",
    discussion: "`cultivar build` writes the bundle of an image if the image has `formats: [bundle]`.",
    subcommands: [
      Make.self, Delta.self, Sign.self, Statement.self, Attach.self, Show.self, Verify.self, Extract.self,
      Difference.self,
    ])

  /// `cultivar bundle make`
  struct Make: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "make", abstract: "Make a bundle from image files of another tool.")

    @Option(help: "Name of the product that the bundle updates.")
    var product: String

    @Option(help: "Device class that the bundle is for. May be repeated.")
    var device: [String]

    @Option(name: .customLong("release"), help: "Version of the release.")
    var version: String

    @Option(help: "Time of creation, in seconds since 1970. The same time gives the same bytes.")
    var created: UInt64 = 0

    @Option(help: "Security epoch. Increase it if devices must not go back to older releases.")
    var securityEpoch: UInt64 = 0

    @Option(help: "Lowest running version that the bundle can update.")
    var minimumVersion: String?

    @Option(help: "Text file with the release notes.")
    var notes: String?

    @Option(help: "Compression level of complete images, from 1 (fast) to 22 (small).")
    var level = 9

    @OptionGroup var signing: SigningOptions

    @Option(name: [.short, .long], help: "Bundle file to write.")
    var output: String

    @Argument(help: "Image as NAME=FILE. With NAME=FILE:OLDFILE, the bundle has only the changes to an old image.")
    var images: [String]

    func validate() throws {
      guard (1...22).contains(level) else { throw ValidationError("--level must be from 1 to 22") }
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
            "'\(parts[0])' is not an image name: write 1 to 32 letters from a to z, digits and hyphens")
        }
        let files = parts[1].split(separator: ":", maxSplits: 1).map { URL(fileURLWithPath: String($0)) }
        return BundleMaker.Input(name: parts[0], file: files[0], base: files.count > 1 ? files[1] : nil)
      }
    }
  }

  /// `cultivar bundle delta`
  struct Delta: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "delta",
      abstract: "Make a delta bundle, a small bundle that updates only devices with one old release.",
      discussion: """
        The delta bundle has the same metadata as the new bundle. If NEW is a disk image, it has no \
        notes, no lowest version and no expiry. Signatures are not copied: sign the delta bundle again.
        """)

    @Argument(help: "The old release: its bundle (a file or URL), or its disk image.")
    var old: String

    @Argument(help: "The new release: its bundle (a file or URL), or its disk image.")
    var new: String

    @OptionGroup var web: WebOptions

    @OptionGroup var signing: SigningOptions

    @Option(name: [.short, .long], help: "Bundle file to write.")
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
      commandName: "show", abstract: "Show the contents of a bundle, without verifying it.")

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
    @Option(help: "Old image as NAME=FILE, for a delta bundle. May be repeated.")
    var base: [String] = []

    @Option(help: "Bundle of the old release (a file or URL) with all its images, instead of --base.")
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
      abstract: "Check a bundle's signatures with a root, each byte of the bundle, and each byte of the result.")

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
        print("\(bundle): complete; every image matches the manifest")
        print(signers.map { "signed by \($0)" } ?? "signatures were not checked: give a root with --trust")
      }
    }
  }

  /// `cultivar bundle extract`
  struct Extract: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "extract", abstract: "Write the images of a bundle to files.")

    @OptionGroup var bases: Bases

    @Argument(help: "The bundle: a file or URL.")
    var bundle: String

    @Argument(help: "Folder to write to, with a file NAME.img for each image.")
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
      commandName: "diff", abstract: "Show the differences between two bundles.")

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
        guard !rows.isEmpty else { return print("no difference") }
        print(TextTable.text(rows), terminator: "")
      }
    }
  }
}
