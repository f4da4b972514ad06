import Foundation

/// What a boot loader does with the files of a boot partition, for tests: written from the loaders' own documentation and source, not from
/// the code that is judged by it.
public enum LoaderDouble: String, CaseIterable, Sendable {
  case systemdBoot
  case grub

  /// Starts once: chooses a slot and writes what the loader writes; `nil` where it starts nothing.
  ///
  /// - Parameters:
  ///   - folder: The boot partition's files.
  ///   - canWrite: Whether the firmware lets the loader write.
  public func start(_ folder: URL, canWrite: Bool = true) throws -> String? {
    switch self {
    case .systemdBoot: try Self.startSystemdBoot(folder, canWrite)
    case .grub: try Self.startGrub(folder, canWrite)
    }
  }

  // MARK: systemd-boot (src/boot/boot.c: entries are sorted by tries left, sort key; the counters are in the name)

  private struct Entry {
    var name: String
    var fields: [String: String]
    var base: Substring
    var left: Int?
    var done: Int

    init?(_ file: URL) throws {
      name = file.lastPathComponent
      guard name.hasSuffix(".conf") else { return nil }
      let stem = name.dropLast(5)
      (base, left, done) = (stem, nil, 0)
      if let plus = stem.lastIndex(of: "+") {
        let counts = stem[stem.index(after: plus)...].split(separator: "-").compactMap { Int($0) }
        if let first = counts.first { (base, left, done) = (stem[..<plus], first, counts.count > 1 ? counts[1] : 0) }
      }
      fields = [:]
      for line in String(decoding: try Data(contentsOf: file), as: UTF8.self).split(separator: "\n") {
        let words = line.split(separator: " ", maxSplits: 1)
        if words.count == 2 { fields[String(words[0])] = String(words[1]) }
      }
      if fields["linux"] == nil { return nil }
    }
  }

  private static func startSystemdBoot(_ folder: URL, _ canWrite: Bool) throws -> String? {
    let place = folder.appending(path: "loader/entries")
    let files = try FileManager.default.contentsOfDirectory(at: place, includingPropertiesForKeys: nil)
    let entries = try files.compactMap { try Entry($0) }.sorted {
      ($0.left == 0 ? 1 : 0, $0.fields["sort-key"] ?? "~") < ($1.left == 0 ? 1 : 0, $1.fields["sort-key"] ?? "~")
    }
    guard let chosen = entries.first else { return nil }
    if let left = chosen.left, left > 0, canWrite {
      try FileManager.default.moveItem(
        at: place.appending(path: chosen.name),
        to: place.appending(path: "\(chosen.base)+\(left - 1)-\(chosen.done + 1).conf"))
    }
    return slot(inOptions: chosen.fields["options"])
  }

  // MARK: GRUB (the commands of grub.cfg, as its manual describes them)

  private static func variables(_ file: URL) -> [String: String]? {
    guard let text = try? String(contentsOf: file, encoding: .utf8), text.hasPrefix("# GRUB Environment Block\n"),
      text.utf8.count == 1024
    else { return nil }
    var values: [String: String] = [:]
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      values[String(parts[0])] = String(parts[1])
    }
    return values
  }

  private static func startGrub(_ folder: URL, _ canWrite: Bool) throws -> String? {
    let grub = folder.appending(path: "grub")
    func commands(_ slot: String) -> String? {
      let text = try? String(contentsOf: folder.appending(path: "slots/\(slot)/grub.cfg"), encoding: .utf8)
      return text.flatMap {
        Self.slot(inOptions: $0.split(separator: "\n").first { $0.contains("linux ") }.map(String.init))
      }
    }
    var record: [String: String] = [:]
    for copy in 1...2 {
      let verdict = try Judge("sh").run([
        "-c", "cd '\(grub.path)/..' && sed 's, /, ,' grub/choice-\(copy).sha256 | sha256sum --check --status",
      ])
      guard verdict.status == 0, let values = variables(grub.appending(path: "choice-\(copy).env")) else { continue }
      record = values
      break
    }
    let begunFile = grub.appending(path: "begun.env")
    if let trial = record["cultivar_trial"], !trial.isEmpty, let begun = variables(begunFile)?["cultivar_begun"],
      begun != record["cultivar_number"], canWrite, let slot = commands(trial)
    {
      let text = "# GRUB Environment Block\ncultivar_begun=\(record["cultivar_number"] ?? "")\n"
      try Data((text + String(repeating: "#", count: 1024 - text.utf8.count)).utf8).write(to: begunFile)
      return slot
    }
    return [record["cultivar_standard"] ?? "", "a", "b"].lazy.filter { !$0.isEmpty }.compactMap(commands).first
  }

  private static func slot(inOptions options: String?) -> String? {
    options?.split(separator: " ").first { $0.hasPrefix("cultivar.slot=") }.map { String($0.dropFirst(14)) }
  }
}
