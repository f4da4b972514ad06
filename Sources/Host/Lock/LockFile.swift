import FoundationEssentials
import Hashing
import HostSystem

/// The content of `cultivar.lock`: the packages and versions for each request, and the commit for each git reference.
///
/// With it, every build uses the same versions. It is JSON with sorted keys, made for version control with small
/// differences.
struct LockFile: Codable, Equatable {
  /// Version of the format.
  static let formatVersion = 1

  var cultivarLock = LockFile.formatVersion
  /// Date of the newest signed index of the packages, in seconds since 1970. It is the time of the files in an image.
  var archiveDate: Int64 = 0
  /// Labels of the packages of each request, by the request's label.
  var requests: [String: [String]] = [:]
  /// The packages, by label.
  var packages: [String: DebianPackage] = [:]
  /// State of the archives at the resolution of the packages, by the index's origin, suite and code name; `nil` in
  /// files of older versions.
  var releases: [String: ReleaseState]?
  /// Commits of git references, by `URL reference`.
  var revisions: [String: String] = [:]
  /// SHA-256 of published images that are the base of systems, by path; `nil` in files of older versions.
  var bases: [String: Digest]?

  /// Reads a lock file. A missing file gives an empty lock.
  ///
  /// - Throws: ``LockFailure``.
  static func read(_ file: URL) throws(LockFailure) -> LockFile {
    guard FileManager.default.fileExists(atPath: file.path) else { return LockFile() }
    do {
      let lock = try JSONDecoder().decode(LockFile.self, from: try Data(contentsOf: file))
      guard lock.cultivarLock == formatVersion else {
        throw LockFailure(
          path: file.path, reason: "it has format \(lock.cultivarLock); this version reads \(formatVersion)")
      }
      return lock
    } catch let error as LockFailure {
      throw error
    } catch let error as DecodingError {
      throw LockFailure(path: file.path, reason: "it is not a lock file (\(error.short))")
    } catch {
      throw LockFailure(path: file.path, reason: FileFailure.reason(of: error))
    }
  }

  /// Returns the packages of a request; `nil` unless the file has all of them.
  func packages(of request: PackageRequest) -> [DebianPackage]? {
    packages(labelled: request.label)
  }

  /// Returns the packages with a label; `nil` unless the file has all of them.
  func packages(labelled label: String) -> [DebianPackage]? {
    guard let labels = requests[label] else { return nil }
    let found = labels.compactMap { packages[$0] }
    return found.count == labels.count ? found : nil
  }

  /// Returns the names of the packages with a label.
  func names(under label: String) -> Set<String> {
    Set((requests[label] ?? []).compactMap { packages[$0]?.name })
  }

  /// All names of locked packages, git repositories and images that an update can be limited to.
  var names: Set<String> {
    let repositories = revisions.keys.flatMap { key in
      key.split(separator: " ", maxSplits: 1).first.map { Self.names(ofRepository: String($0)) } ?? []
    }
    return Set(packages.values.map(\.name)).union(repositories).union((bases ?? [:]).keys)
  }

  /// Returns the names of a git repository: its URL and the last part of the URL, with and without `.git`.
  static func names(ofRepository url: String) -> Set<String> {
    let last = url.split(whereSeparator: { "/:".contains($0) }).last.map(String.init) ?? url
    return [url, last, last.hasSuffix(".git") ? String(last.dropLast(4)) : last]
  }

  /// Records the packages of a request.
  mutating func record(_ request: PackageRequest, _ found: [DebianPackage]) {
    record(labelled: request.label, found)
  }

  /// Records the packages of a label.
  mutating func record(labelled label: String, _ found: [DebianPackage]) {
    requests[label] = found.map(\.label)
    for package in found { packages[package.label] = package }
  }

  func text() throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return Array(try encoder.encode(self)) + [0x0a]
  }
}

/// An error for a lock file that cannot be read.
public struct LockFailure: ExplainedError {
  public var path: String
  public var reason: String

  public var problem: String { "cannot read the lock file \(path): \(reason)" }
  public var remedy: String? { "restore it from version control, or remove it and build again" }
}

extension DecodingError {
  fileprivate var short: String {
    switch self {
    case .dataCorrupted(let context), .keyNotFound(_, let context), .typeMismatch(_, let context),
      .valueNotFound(_, let context):
      context.debugDescription
    @unknown default: "unknown"
    }
  }
}
