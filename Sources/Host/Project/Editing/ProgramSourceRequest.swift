import FoundationEssentials

/// A language whose packages can be the source of a program.
public enum PackageLanguage: String, Sendable, CaseIterable {
  case swift
  case cargo
  case go

  /// Name of the file that a folder needs to be a package.
  var manifest: String {
    switch self {
    case .swift: "Package.swift"
    case .cargo: "Cargo.toml"
    case .go: "go.mod"
    }
  }

  /// Key for the folder of a package.
  fileprivate var folderKey: String {
    self == .go ? "module" : "package"
  }

  /// Key for the product that is built from a package.
  fileprivate var productKey: String {
    switch self {
    case .swift: "product"
    case .cargo: "binary"
    case .go: "package"
    }
  }
}

/// A program in the short form of the command line: `./station%station`, `crate:ripgrep@14.1.0%rg`.
public struct ProgramSourceRequest: Sendable {
  /// The short form.
  public var text: String
  /// Language of a package in a git repository. For a folder, `nil` means that its manifest determines the language.
  public var language: PackageLanguage?
  /// Tag, branch or commit to check out of a git repository.
  public var reference: GitReference?
  /// Base folder of relative paths.
  public var currentFolder: URL

  public init(text: String, language: PackageLanguage?, reference: GitReference?, currentFolder: URL) {
    self.text = text
    self.language = language
    self.reference = reference
    self.currentFolder = currentFolder
  }

  /// Returns the request as the keys of an item of `programs:`.
  ///
  /// - Parameter projectFolder: Folder of the project file; paths in the file are relative to it.
  /// - Throws: ``ProjectFailure`` if the short form is invalid or ambiguous.
  func keys(in projectFolder: URL) throws(ProjectFailure) -> JSONValue {
    if let rest = text.after("crate:") { return try crate(rest) }
    if let rest = text.after("debian:") { return debian(rest) }
    if let rest = text.after("go:") { return try goInstall(rest) }
    let (location, product) = text.cut(at: "%", fromEnd: true)
    if location.isWhole(Shape<String>.gitURLPattern) {
      return try repository(location, product: product)
    }
    guard reference == nil else {
      throw ProjectFailure(
        "'\(location)' is not the URL of a git repository",
        remedy: "remove --tag, --branch and --revision, or give a git URL")
    }
    let url = currentFolder.file(at: location)
    let path = url.path(from: projectFolder)
    switch ProjectReader.kindOnDisk(url) {
    case .missing:
      throw ProjectFailure(
        "there is no file or folder '\(location)'",
        remedy: "a source is a folder, an executable, a git URL, crate:NAME@VERSION, go:PATH@VERSION or debian:PACKAGE")
    case .special:
      throw ProjectFailure(
        "'\(location)' is a pipe, socket or device", remedy: "a source is a folder, an executable, or a package")
    case .file:
      return ["executable": .text(path)]
    case .folder:
      return try package(in: url, path: path, product: product)
    }
  }

  private func crate(_ text: String) throws(ProjectFailure) -> JSONValue {
    let (package, binary) = text.cut(at: "%", fromEnd: true)
    let (name, version) = package.cut(at: "@")
    guard let version else {
      throw ProjectFailure("'crate:\(text)' has no version", remedy: "write crate:\(name)@1.2.3")
    }
    return ["cargo": .entries([("crate", name), ("version", version), ("binary", binary)])]
  }

  private func debian(_ text: String) -> JSONValue {
    let (package, path) = text.cut(at: "%")
    return ["debian": ["packages": [.text(package)], "executable": .text(path ?? "/usr/bin/\(package)")]]
  }

  private func goInstall(_ text: String) throws(ProjectFailure) -> JSONValue {
    let (package, version) = text.cut(at: "@", fromEnd: true)
    guard let version else {
      throw ProjectFailure("'go:\(text)' has no version", remedy: "write go:\(text)@v1.2.3")
    }
    return ["go": .entries([("install", package), ("version", version)])]
  }

  private func repository(_ url: String, product: String?) throws(ProjectFailure) -> JSONValue {
    guard !Shape<String>.hasCredentials(url) else {
      throw ProjectFailure(
        "the URL contains a password or token, which would be stored in the project file and in the lock file",
        remedy: "remove it: git asks its credential helper (gitcredentials(7)) or uses an SSH key")
    }
    guard let language else {
      throw ProjectFailure(
        "cannot tell the language of \(url) before it is fetched", remedy: "add --swift, --cargo or --go")
    }
    let checkout: (String, String)
    switch reference {
    case .tag(let tag): checkout = ("tag", tag)
    case .branch(let branch): checkout = ("branch", branch)
    case .revision(let revision): checkout = ("revision", revision)
    case nil:
      throw ProjectFailure(
        "no tag, branch or revision is given for \(url)", remedy: "add --tag, --branch or --revision")
    }
    guard product != nil || language != .swift else {
      throw ProjectFailure("no product is given for the Swift package \(url)", remedy: "write \(url)%PRODUCT")
    }
    return [language.rawValue: .entries([("git", url), checkout, (language.productKey, product)])]
  }

  private func package(in folder: URL, path: String, product: String?) throws(ProjectFailure) -> JSONValue {
    let found = PackageLanguage.allCases.filter {
      ProjectReader.kindOnDisk(folder.appending(path: $0.manifest)) == .file
    }
    guard let language = language ?? found.first, language == found.first || found.contains(language) else {
      let manifests = PackageLanguage.allCases.map(\.manifest).joined(separator: ", ")
      throw ProjectFailure(
        "the folder '\(text)' is not a package", remedy: "a package has one of these files: \(manifests)")
    }
    guard found.count == 1 || self.language != nil else {
      throw ProjectFailure(
        "the folder '\(text)' has packages of several languages", remedy: "add --swift, --cargo or --go")
    }
    var product = product
    if language == .swift, product == nil {
      product = try SwiftManifest.onlyProduct(in: folder)
    }
    return [language.rawValue: .entries([(language.folderKey, path), (language.productKey, product)])]
  }
}

extension JSONValue {
  /// Returns an object of texts, without the entries that are `nil`.
  fileprivate static func entries(_ entries: [(key: String, value: String?)]) -> JSONValue {
    .object(entries.compactMap { entry in entry.value.map { (key: entry.key, value: .text($0)) } })
  }
}

extension String {
  /// Returns the text after a prefix; `nil` if the text does not begin with it.
  fileprivate func after(_ prefix: String) -> String? {
    hasPrefix(prefix) ? String(dropFirst(prefix.count)) : nil
  }

  /// Returns the parts before and after a character; the whole text and `nil` if it does not occur.
  fileprivate func cut(at separator: Character, fromEnd: Bool = false) -> (String, String?) {
    guard let index = fromEnd ? lastIndex(of: separator) : firstIndex(of: separator) else { return (self, nil) }
    return (String(self[..<index]), String(self[self.index(after: index)...]))
  }
}

extension URL {
  /// Returns the path of a file for a project file: relative, beginning with `./` or `../`.
  fileprivate func path(from folder: URL) -> String {
    let target = standardizedFileURL.pathComponents
    let base = folder.standardizedFileURL.pathComponents
    let shared = zip(target, base).prefix { $0 == $1 }.count
    let upwards = Array(repeating: "..", count: base.count - shared)
    let parts = upwards + target.dropFirst(shared)
    return upwards.isEmpty ? "./" + parts.joined(separator: "/") : parts.joined(separator: "/")
  }
}
