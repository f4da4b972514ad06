import FoundationEssentials

/// The sources of programs: the values of `swift:`, `cargo:`, `go:`, `executable:` and `debian:`.
enum SourceFormat {
  /// A source, with the default name of the program.
  struct Origin: Sendable {
    var source: ProgramSource
    /// Name of the product, package or file.
    var name: String
  }

  // Keys of a git repository, common to all languages.
  private static let git = OptionalKey(
    "git", Shape.gitURL, "URL of a git repository.", example: "https://git.example.org/station.git")
  private static let tag = OptionalKey("tag", reference("a tag"), "Tag to check out.", example: "1.4.0")
  private static let branch = OptionalKey(
    "branch", reference("a branch"), "Branch whose newest commit is checked out.", example: "main")
  private static let revision = OptionalKey(
    "revision", commit,
    "Full hash of the commit to check out.", example: "8f3b1f0c2d4e5a6978b0c1d2e3f405162738495a")
  private static let folder = OptionalKey(
    "folder", Shape.folderInRepository, "Folder of the package in the repository. Default: the top folder.",
    example: "sub/dir")
  private static let gitKeys: [any KeyDeclaration] = [git, tag, branch, revision, folder]
  private static let gitRules: [ObjectRule] = [
    .exactlyOne(beside: git, of: tag, branch, revision), .needs(tag, oneOf: git), .needs(branch, oneOf: git),
    .needs(revision, oneOf: git), .needs(folder, oneOf: git),
  ]

  private static let swiftPackage = OptionalKey(
    "package", Shape.packageFolder("Swift package", manifest: "Package.swift"), "Folder of a Swift package.",
    example: "./station")
  private static let swiftProduct = RequiredKey(
    "product", Shape.text("a product's name", pattern: #"[^\s/.-][^\s/]*"#), "Executable product of the package.",
    example: "station")

  /// `swift:`
  static let swift = Shape<Origin>.object(
    "swift source", about: "A product of a Swift package, from a folder or a git repository.",
    keys: [swiftPackage] + gitKeys + [swiftProduct], rules: [.exactlyOne(of: swiftPackage, git)] + gitRules
  ) { fields, _ in
    guard let location = location(fields, folder: swiftPackage), let product = fields[swiftProduct] else { return nil }
    return Origin(source: .swift(location, product: product), name: product)
  }

  private static let cargoPackage = OptionalKey(
    "package", Shape.packageFolder("Cargo package", manifest: "Cargo.toml"), "Folder of a Cargo package.",
    example: "./ticker")
  private static let crate = OptionalKey(
    "crate", Shape.text("a crate's name", pattern: "[A-Za-z][A-Za-z0-9_-]*"), "Cargo package from the registry.",
    example: "ripgrep")
  private static let crateVersion = OptionalKey(
    "version", Shape.text("a version", pattern: "[0-9][0-9A-Za-z.+-]*", hint: "write the exact version, like 14.1.0"),
    "Version of the crate.", example: "14.1.0")
  private static let binary = OptionalKey(
    "binary", Shape.text("a binary's name", pattern: "[A-Za-z0-9_][A-Za-z0-9_-]*"),
    "Binary of the package. Default: the one with the name of the package.", example: "rg")

  /// `cargo:`
  static let cargo = Shape<Origin>.object(
    "cargo source", about: "A binary of a Cargo package, from a folder, a git repository or the registry.",
    keys: [cargoPackage] + gitKeys + [crate, crateVersion, binary],
    rules: [
      .exactlyOne(of: cargoPackage, git, crate), .exactlyOne(beside: crate, of: crateVersion),
      .needs(crateVersion, oneOf: crate),
    ] + gitRules
  ) { fields, _ in
    let binary = fields[binary]
    if let crate = fields[crate] {
      guard let version = fields[crateVersion] else { return nil }
      return Origin(
        source: .cargoRegistry(name: crate, version: version, binary: binary), name: binary ?? crate)
    }
    guard let location = location(fields, folder: cargoPackage) else { return nil }
    return Origin(source: .cargo(location, binary: binary), name: binary ?? location.lastName)
  }

  private static let goModule = OptionalKey(
    "module", Shape.packageFolder("Go module", manifest: "go.mod"), "Folder of a Go module.", example: "./gonet")
  private static let goPackage = DefaultedKey(
    "package", Shape.text("a package in the module", pattern: #"\.|\./\S+"#, hint: "begin with './'"), default: ".",
    "Package of the executable in the module.", example: "./cmd/gonet")
  private static let goInstall = OptionalKey(
    "install",
    Shape.text("a Go package path", pattern: #"[a-z0-9][a-z0-9.-]*\.[a-z]+(/[A-Za-z0-9_~][A-Za-z0-9._~-]*)+"#),
    "Go package from the module proxy.", example: "example.org/tools/cmd/gonet")
  private static let goVersion = OptionalKey(
    "version",
    Shape.text("a module version", pattern: #"v[0-9]+\.[0-9]+\.[0-9]+[0-9A-Za-z.+-]*"#, hint: "write it like v1.2.3"),
    "Version of the module for `install`.", example: "v1.2.3")

  /// `go:`
  static let go = Shape<Origin>.object(
    "go source", about: "An executable of a Go module, from a folder, a git repository or the module proxy.",
    keys: [goModule] + gitKeys + [goPackage, goInstall, goVersion],
    rules: [
      .exactlyOne(of: goModule, git, goInstall), .exactlyOne(beside: goInstall, of: goVersion),
      .needs(goVersion, oneOf: goInstall), .needs(goPackage, oneOf: goModule, git),
    ] + gitRules
  ) { fields, _ in
    if let package = fields[goInstall] {
      guard let version = fields[goVersion] else { return nil }
      return Origin(source: .goModule(package: package, version: version), name: lastName(ofGoPackage: package))
    }
    guard let location = location(fields, folder: goModule) else { return nil }
    let package = fields[goPackage]
    return Origin(
      source: .go(location, package: package),
      name: package == "." ? location.lastName : lastName(ofGoPackage: package))
  }

  /// `executable:`
  static let executable = Shape.existingFile.sayingLostAttributes(
    hint: "remove it with `setcap -r`, and list it under `capabilities` of the program"
  ).map { file in
    Origin(source: .executable(file), name: file.lastPathComponent)
  }

  private static let debianPackages = RequiredKey(
    "packages", Shape<[String]>.list(of: .debianPackage, minimumCount: 1),
    "Packages whose files are used. Their scripts are not run.", example: ["busybox-static"])
  private static let debianExecutable = RequiredKey(
    "executable", Shape.imagePath, "Path of the executable in the packages.", example: "/bin/busybox")

  /// `debian:`
  static let debian = Shape<Origin>.object(
    "debian source", about: "An executable from Debian packages, with the shared libraries that it needs.",
    keys: [debianPackages, debianExecutable]
  ) { fields, _ in
    guard let packages = fields[debianPackages], let executable = fields[debianExecutable] else { return nil }
    let name = executable.split(separator: "/").last.map(String.init) ?? executable
    return Origin(source: .debian(packages: packages, executable: executable), name: name)
  }

  /// Returns the location of a package from the keys of a folder or a git repository.
  private static func location(_ fields: Fields, folder key: OptionalKey<URL>) -> PackageLocation? {
    if let folder = fields[key] { return .folder(folder) }
    guard let url = fields[git] else { return nil }
    let reference: GitReference? =
      fields[tag].map(GitReference.tag) ?? fields[branch].map(GitReference.branch)
      ?? fields[revision].map(GitReference.revision)
    return reference.map { .git(url: url, reference: $0, folder: fields[folder] ?? "") }
  }

  /// Returns the last part of a package path that is not a major version: `gonet` for `…/cmd/gonet/v2`.
  private static func lastName(ofGoPackage path: String) -> String {
    path.split(separator: "/").map(String.init).last { !$0.isWhole("v[0-9]+") } ?? path
  }

  /// Full hash of a commit.
  static let commit = Shape<String>.text(
    "a full commit id", pattern: "[0-9a-f]{40}([0-9a-f]{24})?", hint: "write all 40 digits: `git rev-parse` shows them")

  /// Returns the shape of the name of a tag or branch. With a hyphen at its beginning, it would be an option for git.
  static func reference(_ noun: String) -> Shape<String> {
    .text(noun, pattern: "[A-Za-z0-9_][A-Za-z0-9._/+@-]*", hint: "use letters, digits and . _ / + @ -")
  }
}

extension PackageLocation {
  /// Name of the folder or repository, as the default name of a program.
  fileprivate var lastName: String {
    switch self {
    case .folder(let folder):
      return folder.lastPathComponent
    case .git(let url, _, let folder):
      let path = folder.isEmpty ? url : folder
      let last = path.split { $0 == "/" || $0 == ":" }.last.map(String.init) ?? path
      return last.hasSuffix(".git") ? String(last.dropLast(4)) : last
    }
  }
}
