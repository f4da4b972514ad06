import DebianArchive
import FoundationEssentials
import HostSystem

/// Decompresses package archives before they are needed. Package scripts run one after the other and leave processors
/// idle.
///
/// The results are in a folder. A process claims an archive by making a subfolder, either this process or the
/// installation that needs the archive, so that no archive is decompressed twice. The second process waits for a lock,
/// which is released when the first process ends.
struct AheadOfTime: Sendable {
  /// The path of the folder in a sandbox.
  static let place = "/run/cultivar/ahead"
  /// Maximum size of archives to decompress ahead, in bytes. The results temporarily take several times as much of the
  /// cache's disk.
  private static let limit: Int64 = 64 << 20

  let folder: URL
  private let decompressor: Decompressor
  private let archives: [(file: URL, data: PackageData)]

  /// Chooses the archives to decompress.
  ///
  /// - Parameters:
  ///   - folder: An empty folder in the cache's file system.
  ///   - files: Archives by stage; their hashes were checked.
  /// - Throws: `FileFailure`.
  init(_ files: [[URL]], in folder: URL, by decompressor: Decompressor) throws {
    self.folder = folder
    self.decompressor = decompressor
    var total: Int64 = 0
    archives = try files.flatMap { stage in
      try stage.map { (file: $0, data: try PackageData(in: $0.path)) }.sorted { $0.data.size > $1.data.size }
    }.filter { _, data in
      guard data.isXZ, total + data.size <= Self.limit else { return false }
      total += data.size
      return true
    }
  }

  /// Decompresses the archives at low priority. A failure, such as a full disk, is ignored: the installation then
  /// decompresses the archive itself.
  func run() async throws {
    guard !archives.isEmpty else { return }
    var lines: [String] = []
    for (file, data) in archives {
      let name = file.lastPathComponent
      let command = decompressor.command("\"$1/\(name)\"", data, folder: "\"$2\"")
      lines.append(
        "if mkdir \(name) 2>/dev/null; then"
          + " ( flock 9; \(command) > \(name)/part && mv \(name)/part \(name)/tar || rm \(name)/part ) 9> \(name)/lock; fi"
      )
    }
    let script = lines.joined(separator: "\n") + "\n"
    try await HostCommand(
      .nice,
      [
        "-n", "10", "/bin/sh", "-c", script, "sh", archives[0].file.deletingLastPathComponent().path,
        decompressor.folder.path,
      ], to: "decompress packages ahead", in: folder.path
    ).run()
  }
}
