import Foundation
import HostSystem

/// `cultivar.lock`: which packages, at which versions, each request came to, so that every build takes the same.
///
/// It is JSON with sorted keys, made to be committed and to give small differences.
struct LockFile: Codable, Equatable {
  /// Version of the format.
  static let formatVersion = 1

  var cultivarLock = LockFile.formatVersion
  /// Labels of the packages of each request, by the request's label.
  var requests: [String: [String]] = [:]
  /// The packages, by label.
  var packages: [String: DebianPackage] = [:]

  /// Reads a lock file; an empty one where there is none.
  ///
  /// - Throws: ``ArchiveFailure/lockFileDamaged(path:reason:)``.
  static func read(_ file: URL) throws -> LockFile {
    guard FileManager.default.fileExists(atPath: file.path) else { return LockFile() }
    do {
      let lock = try JSONDecoder().decode(LockFile.self, from: try Data(contentsOf: file))
      guard lock.cultivarLock == formatVersion else {
        throw ArchiveFailure.lockFileDamaged(
          path: file.path, reason: "it has format \(lock.cultivarLock); this version reads \(formatVersion)")
      }
      return lock
    } catch let error as DecodingError {
      throw ArchiveFailure.lockFileDamaged(path: file.path, reason: "it is not a lock file (\(error.short))")
    }
  }

  /// The packages of a request, if the file has them all.
  func packages(of request: PackageRequest) -> [DebianPackage]? {
    guard let labels = requests[request.label] else { return nil }
    let found = labels.compactMap { packages[$0] }
    return found.count == labels.count ? found : nil
  }

  /// Records what a request came to.
  mutating func record(_ request: PackageRequest, _ found: [DebianPackage]) {
    requests[request.label] = found.map(\.label)
    for package in found { packages[package.label] = package }
  }

  /// The file's text.
  func text() throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return Array(try encoder.encode(self)) + [0x0a]
  }
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
