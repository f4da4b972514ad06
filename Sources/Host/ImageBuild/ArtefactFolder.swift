import FoundationEssentials
import Glibc
import Hashing
import HostSystem
import LinuxSystem
import SizeReport

/// A file that a build writes.
struct Artefact: Sendable {
  var name: String
  /// The format in a word: `raw`, or the word that asks for it in the project file.
  var format: String
  /// Hash of everything that the file is made of.
  var key: Digest
  /// Key of the artefact that this one is useless without: for a delta bundle, the complete bundle.
  var companion: Digest?
  /// Writes the file to a temporary path.
  var make: @Sendable (_ path: String) async throws -> Void
  /// Computes the file's hash from its sources while the file is being written. If `nil`, the file is read afterwards.
  var hash: (@Sendable () throws -> Digest)?
}

/// The folder that the artefacts of one image are written to.
public struct ArtefactFolder: Sendable {
  public let folder: URL
  public let name: String

  public init(_ folder: URL, name: String) {
    self.folder = folder
    self.name = name
  }

  /// The disk image.
  public var image: URL { folder.appending(path: "\(name).img") }
  /// The record of the build, as JSON.
  public var manifest: URL { folder.appending(path: "manifest.json") }
  /// The files of the root file system, for `cultivar size`.
  public var contents: URL { folder.appending(path: "contents.json") }
  /// True if the first partition of the raw image has a FAT file system (the name in its first sector).
  ///
  /// - Throws: `SystemError` if the image cannot be read.
  public func hasFATInFirstPartition(_ manifest: BuildManifest) throws -> Bool {
    guard let first = manifest.partitions.first(where: { $0.number == 1 }) else { return false }
    let sector = try Descriptor(opening: image.path, O_RDONLY).read(512, at: UInt64(first.offset))
    let name = Array("FAT".utf8)
    return sector.count == 512 && (Array(sector[54..<57]) == name || Array(sector[82..<85]) == name)
  }

  /// Notes on the artefacts at the time they were written, so that unchanged ones are not written again.
  private var records: URL { folder.appending(path: ".written") }

  /// The state of an artefact at the time it was written.
  private struct Record: Codable, Equatable {
    var key: Digest
    /// A text that changes whenever the file is written.
    var state: String
    var sha256: Digest
    var format: String?
    var companion: Digest?
  }

  /// The hash of everything that a complete build was made of, for builds that know it before they start.
  private var stamp: URL { folder.appending(path: ".built") }

  /// The manifest of an earlier build of the same content, if all its artefacts are untouched; otherwise `nil`.
  ///
  /// - Parameter request: Artefacts in addition to those of the project. An empty request accepts an earlier build with
  ///   any request.
  func manifest(ofBuild key: Digest, _ request: ArtefactRequest) -> BuildManifest? {
    let note = (try? FolderTree.readFile(stamp.path)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    guard request.isEmpty ? note.hasPrefix(key.text) : note == Self.note(key, request),
      let written = readRecords(),
      written.allSatisfy({ $0.value.state == Self.state(of: folder.appending(path: $0.key)) })
    else { return nil }
    return try? JSONDecoder().decode(BuildManifest.self, from: Data(contentsOf: manifest))
  }

  /// The notes on written files; `nil` if there are none. Drops names that are not plain file names, because the caller
  /// deletes files by these names.
  private func readRecords() -> [String: Record]? {
    let all = try? JSONDecoder().decode([String: Record].self, from: Data(contentsOf: records))
    return all?.filter { name, _ in !name.contains("/") && !name.hasPrefix(".") && !name.isEmpty }
  }

  /// Records the hash of everything that the build was made of.
  ///
  /// - Throws: `FileFailure`.
  func note(build key: Digest, _ request: ArtefactRequest) throws {
    try FolderTree.replaceFile(stamp.path, with: Self.note(key, request).utf8)
  }

  private static func note(_ key: Digest, _ request: ArtefactRequest) -> String {
    ([key.text] + request.identity).joined(separator: "\n")
  }

  /// Writes the artefacts and the manifest. Keeps a file that was already written from the same content and is
  /// untouched.
  ///
  /// Each file gets its name when it is complete. Files of an earlier build that are no longer wanted, or have other
  /// content, are removed first, so an artefact never stands beside an image that it does not belong to. Delta bundles
  /// stay for as long as the complete bundle stays.
  ///
  /// - Parameters:
  ///   - artefacts: The raw image and the artefacts made from it, in the order of making.
  ///   - content: The manifest without its artefacts.
  /// - Returns: The manifest as it was written.
  /// - Throws: `FileFailure`, `GPTError`, `CommandFailure`.
  func write(
    _ artefacts: [Artefact], manifest content: BuildManifest, progress: BuildProgress
  ) async throws -> BuildManifest {
    try FolderTree.create(folder.path)
    try mark()
    unlink(stamp.path)
    var written = readRecords() ?? [:]
    for (name, record) in written where name != image.lastPathComponent {
      guard !artefacts.contains(where: { $0.name == name && $0.key == record.key }), !isKept(name, record, artefacts)
      else {
        continue
      }
      unlink(folder.appending(path: name).path)
      written[name] = nil
    }
    var manifest = content
    for artefact in artefacts {
      let file = folder.appending(path: artefact.name)
      var record = written[artefact.name]
      if record?.key != artefact.key || record?.state != Self.state(of: file) {
        record = try await progress.step("write \(artefact.name)") { try await write(artefact, to: file) }
        written[artefact.name] = record
        try FolderTree.replaceFile(records.path, with: ReadableJSON.encode(written))
      }
      guard let record else { continue }
      manifest.artefacts.append(
        .init(
          name: artefact.name, format: artefact.format, size: try FolderTree.fileSize(file.path), sha256: record.sha256)
      )
    }
    for (name, record) in written.sorted(by: { $0.key < $1.key }) where isKept(name, record, artefacts) {
      let file = folder.appending(path: name)
      manifest.artefacts.append(
        .init(name: name, format: record.format ?? "", size: try FolderTree.fileSize(file.path), sha256: record.sha256))
    }
    try FolderTree.replaceFile(records.path, with: ReadableJSON.encode(written))
    let text = try ReadableJSON.encode(manifest)
    if (try? FolderTree.readFile(self.manifest.path)) != text {
      try FolderTree.replaceFile(self.manifest.path, with: text)
    }
    return manifest
  }

  /// True for an untouched file that is not part of this request but belongs to an artefact that is.
  private func isKept(_ name: String, _ record: Record, _ artefacts: [Artefact]) -> Bool {
    guard let companion = record.companion, !artefacts.contains(where: { $0.name == name }) else { return false }
    return artefacts.contains { $0.key == companion } && record.state == Self.state(of: folder.appending(path: name))
  }

  /// The files of the root file system, as listed by the last build.
  ///
  /// - Throws: ``ImageFailure/notBuilt(_:)``, `FileFailure`.
  public func readContents() throws -> ContentsListing { try read(contents, as: "listing") }

  /// The manifest of the last build.
  ///
  /// - Throws: ``ImageFailure/notBuilt(_:)``, `FileFailure`.
  public func readManifest() throws -> BuildManifest { try read(manifest, as: "manifest") }

  private func read<Value: Decodable>(_ file: URL, as word: String) throws -> Value {
    guard access(file.path, F_OK) == 0 else { throw ImageFailure.notBuilt(name) }
    do {
      return try JSONDecoder().decode(Value.self, from: Data(try FolderTree.readFile(file.path)))
    } catch is DecodingError {
      throw FileFailure("read", file.path, reason: "it is not a \(word) of this version of Cultivar")
    }
  }

  private func write(_ artefact: Artefact, to file: URL) async throws -> Record {
    let temporary = "\(file.path).\(getpid()).new"
    defer { unlink(temporary) }
    async let early = artefact.hash?()
    try await artefact.make(temporary)
    try Task.checkCancellation()
    let hash = try await early ?? Digest(ofFile: temporary)
    let descriptor = open(temporary, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileFailure.last("read", temporary) }
    defer { close(descriptor) }
    // After a power cut, a file with the artefact's final name must be complete.
    guard fsync(descriptor) == 0 else { throw FileFailure.last("write", temporary) }
    guard rename(temporary, file.path) == 0 else { throw FileFailure.last("write", file.path) }
    return Record(
      key: artefact.key, state: Self.state(of: file) ?? "", sha256: hash, format: artefact.format,
      companion: artefact.companion)
  }

  /// Marks the folder as a cache, so that backups can skip it and a package around it does not count as changed (Cache
  /// Directory Tagging Specification).
  private func mark() throws(FileFailure) {
    let tag = folder.appending(path: "CACHEDIR.TAG").path
    guard access(tag, F_OK) != 0 else { return }
    let text = "Signature: 8a477f597d28d172789f06886806bc55\n# Artefacts of cultivar build; it makes them again.\n"
    try FolderTree.replaceFile(tag, with: text.utf8)
  }

  /// A text that changes whenever a file is written: size, inode and modification time.
  private static func state(of file: URL) -> String? {
    var status = stat()
    guard stat(file.path, &status) == 0 else { return nil }
    return "\(status.st_size) \(status.st_ino) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
  }
}
