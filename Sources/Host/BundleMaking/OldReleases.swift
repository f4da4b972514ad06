import Bundle
import HTTPClient
import BundleDownload
import FoundationEssentials
import HostSystem
import LinuxSystem

/// Complete bundles of older releases, from which delta bundles are made.
public struct OldReleases: Sendable {
  /// The bundles, in no particular order.
  public private(set) var bundles: [BundleFile] = []

  /// Name of a file that lists the bundles of a folder on a web server, with a name or URL on each line.
  public static let listName = "bundles.txt"
  private static let mostListed = 1 << 20

  /// Makes an empty list.
  public init() {}

  /// Adds bundles.
  ///
  /// - Parameter place: A bundle, a folder, or the URL of one of both. A local folder is searched with its subfolders.
  ///   The URL of a folder ends with a slash, and the folder contains ``listName``. Delta bundles are skipped.
  /// - Throws: ``BundleFileFailure``, `FileFailure`.
  public mutating func add(_ place: BundlePlace) throws {
    let places: [BundlePlace] =
      switch place {
      case .file(let file): try Self.bundles(at: file).map { .file($0) }
      case .web(let address, let options): try Self.bundles(at: address, options).map { .web($0, options) }
      }
    bundles += try places.map { try BundleFile(at: $0) }.filter { $0.manifest.images.allSatisfy { $0.base == nil } }
  }

  private static func bundles(at file: URL) throws -> [URL] {
    var isFolder: Bool = false
    guard FileManager.default.fileExists(atPath: file.path, isDirectory: &isFolder) else {
      throw FileFailure("read", file.path, reason: "there is no such file or folder")
    }
    guard isFolder else { return [file] }
    let paths = try FileManager.default.subpathsOfDirectory(atPath: file.path)
    return paths.filter { $0.hasSuffix(".bundle") }.sorted().map { file.appending(path: $0) }
  }

  private static func bundles(at address: WebAddress, _ options: DownloadOptions) throws -> [WebAddress] {
    guard address.target.hasSuffix("/") else { return [address] }
    let place = BundlePlace.web(address, options)
    do {
      let list = try HTTPBundleSource(address.following(listName), options).all(atMost: mostListed)
      return try String(decoding: list, as: UTF8.self).split(whereSeparator: \.isNewline)
        .map { $0.trimmed }.filter { !$0.isEmpty }.map { try address.following($0) }
    } catch let failure as DownloadFailure {
      throw BundleFileFailure(failure)
    } catch let error as WebAddress.Malformed {
      throw BundleFileFailure(place, reason: "a line of its \(listName) \(error.reason)", remedy: nil)
    }
  }

  /// The bundles outside a folder whose files are about to be replaced.
  public func outside(_ folder: URL) -> OldReleases {
    let folder = folder.resolvingSymlinksInPath().path + "/"
    var others = self
    others.bundles.removeAll { bundle in
      if case .file(let file) = bundle.place { file.resolvingSymlinksInPath().path.hasPrefix(folder) } else { false }
    }
    return others
  }

  /// The last releases from which devices can be updated to a new one, the newest first.
  ///
  /// - Parameters:
  ///   - manifest: Manifest of the new release, without its images.
  ///   - count: Maximum number of releases.
  public func latest(_ count: Int, before manifest: BundleManifest) -> [BundleFile] {
    var known: Set<ReleaseKey> = []
    let fitting = bundles.filter { bundle in
      let old = bundle.manifest
      let version = ReleaseVersion(old.version)
      return old.product == manifest.product && !Set(old.devices).isDisjoint(with: manifest.devices)
        && version <= ReleaseVersion(manifest.version)
        && manifest.minimumVersion.map { version >= ReleaseVersion($0) } ?? true
    }
    let sorted = fitting.sorted { one, other in
      let (left, right) = (ReleaseVersion(one.manifest.version), ReleaseVersion(other.manifest.version))
      return left == right ? one.manifest.created > other.manifest.created : left > right
    }
    return Array(sorted.filter { known.insert($0.manifest.releaseKey).inserted }.prefix(count))
  }
}
