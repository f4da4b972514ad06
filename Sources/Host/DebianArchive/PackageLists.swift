import FoundationEssentials
import Glibc
import Hashing
import HostSystem

/// The package lists that APT has fetched for a set of sources.
struct PackageLists: Equatable {
  /// SHA-256 of each list, by its file name.
  fileprivate(set) var hashes: [String: Digest] = [:]

  /// SHA-256 of all lists together: with the same lists, APT answers a question in the same way.
  var identity: Digest {
    var key = CacheKey("package lists")
    for (name, hash) in hashes.sorted(by: { $0.key < $1.key }) { key.add([name, hash.text]) }
    return key.hash
  }
}

/// Keeps the package lists of a set of sources from one build to the next.
///
/// APT asks the server whether there are newer lists, checks the signature of those it has again, and fetches only what has changed.
/// A kept list that is damaged is fetched anew.
struct PackageListStore {
  /// Folder of the cache that the lists are in.
  static let folder = "indexes"

  private let cache: Cache
  private let place: URL

  /// Finds the lists of a set of sources.
  ///
  /// - Parameter sources: Text of all that decides which lists APT fetches: `sources.list(5)`, and the architecture.
  init(of sources: String, in cache: Cache) {
    self.cache = cache
    place = cache.folder.appending(path: "\(Self.folder)/\(Digest(of: sources).text)")
  }

  private var record: URL { place.appending(path: "SHA256SUMS") }

  /// Links the kept lists into a folder; none if one of them is missing or not what it was.
  ///
  /// - Parameter lists: The folder of APT's lists (`Dir::State::lists`).
  /// - Returns: The lists that are in the folder then.
  /// - Throws: `FileFailure`.
  func lend(to lists: URL) throws -> PackageLists {
    guard cache.take(place), let text = try? FolderTree.readFile(record.path) else { return PackageLists() }
    var result = PackageLists()
    for line in String(decoding: text, as: UTF8.self).split(separator: "\n") {
      let words = line.split(separator: " ", maxSplits: 1).map(String.init)
      guard words.count == 2, let hash = Digest(hexadecimal: words[0]), !words[1].contains("/") else { continue }
      result.hashes[words[1]] = hash
    }
    // Another build may replace the lists meanwhile, so what is checked is what was linked.
    let areWhole = result.hashes.allSatisfy { name, hash in
      let copy = lists.appending(path: name).path
      return link(place.appending(path: name).path, copy) == 0 && (try? Digest(ofFile: copy)) == hash
    }
    if areWhole { return result }
    for name in result.hashes.keys { unlink(lists.appending(path: name).path) }
    return PackageLists()
  }

  /// Keeps the lists in a folder, in the place of those that were kept before.
  ///
  /// - Parameters:
  ///   - lists: The folder of APT's lists.
  ///   - lent: The lists that were lent to it.
  /// - Returns: The lists in the folder, those of local archives included.
  /// - Throws: `FileFailure`.
  func keep(_ lists: URL, lent: PackageLists) async throws -> PackageLists {
    var all = PackageLists()
    var fetched = PackageLists()
    for name in try FolderTree.names(in: lists.path) {
      let path = lists.appending(path: name).path
      var status = stat()
      guard name != "lock", stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
      let hash = try Digest(ofFile: path)
      all.hashes[name] = hash
      // The list of an archive on this machine is a link to the archive itself.
      var own = stat()
      if lstat(path, &own) == 0, own.st_mode & S_IFMT == S_IFREG { fetched.hashes[name] = hash }
    }
    guard fetched != lent else { return all }
    try await cache.withScratch { scratch in
      let new = scratch.appending(path: "lists")
      try FolderTree.create(new.path)
      for name in fetched.hashes.keys
      where link(lists.appending(path: name).path, new.appending(path: name).path) != 0 {
        throw FileFailure.last("keep", lists.appending(path: name).path)
      }
      let text = fetched.hashes.sorted { $0.key < $1.key }.map { "\($0.value.text) \($0.key)\n" }.joined()
      try FolderTree.writeFile(new.appending(path: "SHA256SUMS").path, with: text.utf8)
      try FolderTree.create(place.deletingLastPathComponent().path)
      // Of two builds that keep lists at once, the first one wins; those of the other are fetched again.
      rename(place.path, scratch.appending(path: "old").path)
      rename(new.path, place.path)
    }
    return all
  }
}
