import DebianArchive
import FoundationEssentials
import HostSystem

/// Decompresses archives of packages before their turn: the scripts of packages run one after the other, and leave processors idle.
///
/// What is ready lies in a folder. An archive is claimed by whoever makes its folder there first, this or the installation that
/// needs it, so that none is decompressed twice. Whoever comes second waits for a lock, which ends with the other one's process.
struct AheadOfTime: Sendable {
  /// Where the folder is seen in a sandbox.
  static let place = "/run/cultivar/ahead"
  /// Most bytes of archives that are decompressed ahead: it takes several times as much of the cache's disk, for a while.
  private static let limit: Int64 = 64 << 20

  /// The folder.
  let folder: URL
  private let decompressor: Decompressor
  private let archives: [(file: URL, data: PackageData)]

  /// Chooses what is decompressed.
  ///
  /// - Parameters:
  ///   - folder: An empty folder in the cache's file system.
  ///   - files: Archives in the order of the stages; they were found whole.
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

  /// Decompresses, behind all other work. What fails, a full disk above all, is left to the installation.
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
