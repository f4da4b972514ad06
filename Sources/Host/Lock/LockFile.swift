import FoundationEssentials
import HostSystem

/// `cultivar.lock`: which packages, at which versions, each request came to, and which commit each git reference, so
/// that every build takes the same.
///
/// It is JSON with sorted keys, made to be committed and to give small differences.
struct LockFile: Codable, Equatable {
  /// Version of the format.
  static let formatVersion = 1

  var cultivarLock = LockFile.formatVersion
  /// Date of the newest signed index that packages were taken from, in seconds since 1970: the time of an image's files.
  var archiveDate: Int64 = 0
  /// Labels of the packages of each request, by the request's label.
  var requests: [String: [String]] = [:]
  /// The packages, by label.
  var packages: [String: DebianPackage] = [:]
  /// State of the archives that packages were resolved in, by `URL suite`; files of older versions have none.
  var releases: [String: ReleaseState]?
  /// Commits of git references, by `URL reference`.
  var revisions: [String: String] = [:]
  /// SHA-256 of the published images that systems stand upon, by path; files of older versions have none.
  var bases: [String: ContentHash]?

  /// Reads a lock file; an empty one where there is none.
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

  /// The packages of a request, if the file has them all.
  func packages(of request: PackageRequest) -> [DebianPackage]? {
    packages(labelled: request.label)
  }

  /// The packages of what stands under a label, if the file has them all.
  func packages(labelled label: String) -> [DebianPackage]? {
    guard let labels = requests[label] else { return nil }
    let found = labels.compactMap { packages[$0] }
    return found.count == labels.count ? found : nil
  }

  /// Names of the packages under a label.
  func names(under label: String) -> Set<String> {
    Set((requests[label] ?? []).compactMap { packages[$0]?.name })
  }

  /// Everything by which a part of the file can be asked to be renewed.
  var names: Set<String> {
    let repositories = revisions.keys.flatMap { key in
      key.split(separator: " ", maxSplits: 1).first.map { Self.names(ofRepository: String($0)) } ?? []
    }
    return Set(packages.values.map(\.name)).union(repositories).union((bases ?? [:]).keys)
  }

  /// A git repository's names: its URL, and the last part of it.
  static func names(ofRepository url: String) -> Set<String> {
    let last = url.split(whereSeparator: { "/:".contains($0) }).last.map(String.init) ?? url
    return [url, last, last.hasSuffix(".git") ? String(last.dropLast(4)) : last]
  }

  /// Records what a request came to.
  mutating func record(_ request: PackageRequest, _ found: [DebianPackage]) {
    record(labelled: request.label, found)
  }

  /// Records what a label stands for.
  mutating func record(labelled label: String, _ found: [DebianPackage]) {
    requests[label] = found.map(\.label)
    for package in found { packages[package.label] = package }
  }

  /// The file's text.
  func text() throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return Array(try encoder.encode(self)) + [0x0a]
  }
}

/// A lock file that cannot be read.
public struct LockFailure: ExplainedError {
  /// The file.
  public var path: String
  /// What is wrong with it.
  public var reason: String

  /// What was being done, and what was wrong.
  public var problem: String { "cannot read the lock file \(path): \(reason)" }
  /// What the user can do now.
  public var remedy: String? { "restore it from version control, or remove it and build anew" }
}

extension DecodingError {
  /// The reason in one line.
  fileprivate var short: String {
    switch self {
    case .dataCorrupted(let context), .keyNotFound(_, let context), .typeMismatch(_, let context),
      .valueNotFound(_, let context):
      context.debugDescription
    @unknown default: "unknown"
    }
  }
}
