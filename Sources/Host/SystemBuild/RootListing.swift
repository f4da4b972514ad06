import FoundationEssentials
import Hashing
import HostSystem
import SizeReport

/// Listings of a root file system: `entries` and `layers` written by `find`, `owners` by dpkg.
public struct RootListing: Sendable {
  /// Total size of all files in bytes.
  public private(set) var contentSize: Int64 = 0
  /// Number of files, folders and links.
  public private(set) var count = 0

  /// Paths of files with private keys, sorted.
  public private(set) var privateKeys: [String] = []

  private let folder: URL
  private let pieces: [String]

  /// Reads the listings in a folder.
  ///
  /// - Parameter pieces: Titles of the work that made each layer, the lowest layer first.
  /// - Throws: `FileFailure`.
  init(_ folder: URL, pieces: [String]) throws {
    self.folder = folder
    self.pieces = pieces
    privateKeys = try self.words("keys").filter { !$0.isEmpty }.map { "/\($0)" }.sorted()
    let words = try words("entries")
    for index in stride(from: 0, to: words.count - 1, by: 2) {
      count += 1
      guard words[index].hasPrefix("f ") else { continue }
      contentSize += Int64(words[index].split(separator: " ", maxSplits: 2)[1]) ?? 0
    }
  }

  /// The entries of the root, by path.
  ///
  /// - Parameter hashes: Hashes of regular files, by path.
  /// - Throws: `FileFailure`.
  func entries(hashes: [Substring: Digest]) throws -> [ContentsListing.Entry] {
    let (packages, layers) = (try packages(), try layers())
    let words = try words("entries")
    return stride(from: 0, to: words.count - 1, by: 2).compactMap { index in
      // Each entry is KIND SIZE MODE OWNER:GROUP PATH, followed by the target of a link.
      let fields = words[index].split(separator: " ", maxSplits: 4)
      guard fields.count == 5 else { return nil }
      let path = String(fields[4])
      var entry = ContentsListing.Entry(
        path: "/\(path)", mode: String(fields[2]), owner: String(fields[3]),
        origin: packages["/\(path)"].map { "package \($0)" } ?? layers[fields[4]].map { pieces[$0] } ?? "the build")
      switch fields[0] {
      case "f":
        entry.size = Int64(fields[1]) ?? 0
        entry.sha256 = hashes[Substring(path)]
      case "d": entry.kind = .folder
      case "l": (entry.kind, entry.target) = (.link, String(words[index + 1]))
      default: entry.kind = .special
      }
      return entry
    }.sorted { $0.path < $1.path }
  }

  /// The package of each path (`PACKAGE /PATH`).
  private func packages() throws -> [String: Substring] {
    var packages: [String: Substring] = [:]
    for line in try text("owners").split(separator: "\n") {
      guard let space = line.utf8.firstIndex(of: UInt8(ascii: " ")) else { continue }
      let (package, path) = (line[..<space], line[line.index(after: space)...])
      let name = package.split(separator: ":").first ?? package
      packages[String(path)] = name
      // Packages of older suites list files below folders that have since become links.
      if ["/bin/", "/sbin/", "/lib/", "/lib64/"].contains(where: path.hasPrefix) { packages["/usr\(path)"] = name }
    }
    return packages
  }

  /// The topmost layer of each path (`NUMBER PATH`).
  private func layers() throws -> [Substring: Int] {
    var layers: [Substring: Int] = [:]
    for line in try words("layers") {
      let parts = line.split(separator: " ", maxSplits: 1)
      guard parts.count == 2, let number = Int(parts[0]), pieces.indices.contains(number) else { continue }
      layers[parts[1]] = max(layers[parts[1]] ?? 0, number)
    }
    return layers
  }

  private func words(_ name: String) throws -> [Substring] {
    try text(name).split(separator: "\0", omittingEmptySubsequences: false)
  }

  private func text(_ name: String) throws -> String {
    String(decoding: try FolderTree.readFile(folder.appending(path: name).path), as: UTF8.self)
  }
}
