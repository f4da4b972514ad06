import FoundationEssentials
import Glibc
import Hashing
import HostSystem

/// The file of a published image, and its hash.
public struct BaseFile: Sendable {
  public let file: URL
  /// SHA-256 of the file.
  public let sha256: Digest

  /// Hashes a file, or finds its hash in the cache. A large image is read again only if it was replaced or changed.
  ///
  /// - Parameter expected: The hash that the file must have; `nil` to accept any.
  /// - Throws: ``BaseFailure`` if the hash is another one, `FileFailure`.
  public init(_ file: URL, expected: String?, cache: Cache, progress: BuildProgress) async throws {
    self.file = file
    var status = stat()
    guard stat(file.path, &status) == 0 else { throw FileFailure.last("read", file.path) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw FileFailure("read", file.path, reason: "it is not a regular file")
    }
    var key = CacheKey("file-hash 1")
    key.add(file.standardizedFileURL.path)
    key.add("\(status.st_dev) \(status.st_ino) \(status.st_size)")
    // Include the change time, because programs can set back only the modification time.
    key.add("\(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec) \(status.st_ctim.tv_sec).\(status.st_ctim.tv_nsec)")
    let place = try await cache.result("file-hash", key.hash) { folder in
      try await progress.step("hash \(file.lastPathComponent)") {
        try FolderTree.replaceFile(
          folder.appending(path: "sha256").path, with: try Digest(ofFile: file.path).text.utf8)
      }
    }
    let text = String(decoding: try FolderTree.readFile(place.appending(path: "sha256").path), as: UTF8.self)
    guard let hash = Digest(hexadecimal: text) else {
      throw FileFailure("read", place.path, reason: "it is not a hash; `cultivar cache clear` removes it")
    }
    sha256 = hash
    if let expected, expected.lowercased() != hash.text {
      throw BaseFailure(file, .wrongHash(expected: expected, found: hash.text))
    }
  }
}
