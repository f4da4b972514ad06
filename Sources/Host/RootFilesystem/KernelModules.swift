import DebianArchive
import FoundationEssentials
import Glibc
import HostSystem
import Spelling

/// The modules that an image gets of a kernel: those on a list, and all that they need.
public struct KernelModules: Sendable {
  /// Version of the kernel, the name of its modules' folder.
  public let version: String
  /// Folder with `usr/lib/modules/VERSION`: the chosen modules, decompressed, with the indexes that `depmod` made.
  public let folder: URL
  /// Every chosen module's path below `usr/lib/modules/VERSION`, by its name with underscores.
  public let paths: [String: String]
  /// Modules that each one needs, directly, by name: hard dependencies and soft ones.
  public let needs: [String: [String]]
  /// Firmware files that the chosen modules may ask for, sorted.
  public let firmware: [String]

  /// What a choice is kept as in the cache, next to the modules.
  private struct Record: Codable {
    var version: String
    var paths: [String: String]
    var needs: [String: [String]]
    var firmware: [String]
  }

  /// Chooses modules of a kernel, or finds the choice in the cache.
  ///
  /// - Parameters:
  ///   - names: Names of modules, with hyphens or underscores. A name that is built into the kernel is fine.
  ///   - optional: Names that may be missing from the kernel: a device class names hardware that not every kernel knows.
  ///   - source: Folder of the kernel's modules, `…/lib/modules/VERSION`.
  ///   - identity: Hash of what the folder holds.
  /// - Throws: ``KernelModuleFailure``, `CommandFailure`, `FileFailure`.
  public init(
    names: [String], optional: [String], source: URL, identity: ContentHash, tools: ToolTree, cache: Cache
  ) async throws {
    var key = CacheKey("kernel-modules 3")
    key.add(identity)
    key.add(tools.identity)
    key.add(names.sorted())
    key.add(optional.sorted())
    let place = try await cache.result("kernel-modules", key.hash) { folder in
      let record = try await Self.choose(names, optional: optional, from: source, tools: tools, into: folder)
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys]
      try FolderTree.replaceFile(folder.appending(path: "choice.json").path, with: try encoder.encode(record))
    }
    let data = Data(try FolderTree.readFile(place.appending(path: "choice.json").path))
    let record = try JSONDecoder().decode(Record.self, from: data)
    version = record.version
    folder = place.appending(path: "tree")
    paths = record.paths
    needs = record.needs
    firmware = record.firmware
  }

  /// A module's name as the kernel has it: hyphens are underscores.
  static func normalised(_ name: String) -> String {
    name.replacing("-", with: "_")
  }

  private static func choose(
    _ names: [String], optional: [String], from source: URL, tools: ToolTree, into folder: URL
  ) async throws -> Record {
    let version = source.lastPathComponent
    let available = try moduleFiles(in: source)
    let builtIn = builtInNames(in: source)
    let missing = names.map(normalised).filter { available[$0] == nil && !builtIn.contains($0) }
    guard missing.isEmpty else {
      throw KernelModuleFailure.unknown(missing.sorted(), version: version, available: available.keys.sorted())
    }

    // A soft dependency may name an alias; those of Debian's kernels are algorithms of the crypto API.
    let algorithms = try await aliases(of: available.values.filter { $0.contains("/crypto/") }.sorted(), tools: tools)

    var record = Record(version: version, paths: [:], needs: [:], firmware: [])
    var firmware: Set<String> = []
    var open = Set((names + optional).map(normalised)).filter { available[$0] != nil }
    while !open.isEmpty {
      let batch = open.sorted()
      for description in try await describe(batch.compactMap { available[$0] }, tools: tools) {
        guard let name = description.name else { continue }
        record.needs[name] = description.needs.flatMap { available[$0] != nil ? [$0] : algorithms[$0] ?? [] }
        firmware.formUnion(description.firmware)
      }
      for name in batch {
        guard let file = available[name] else { continue }
        record.paths[name] = relative(file, to: source)
      }
      open = Set(batch.flatMap { record.needs[$0] ?? [] }).filter { record.paths[$0] == nil }
    }
    record.firmware = firmware.sorted()

    let target = folder.appending(path: "tree/usr/lib/modules/\(version)")
    try await copy(record.paths, available: available, to: target, tools: tools)
    record.paths = record.paths.mapValues { uncompressedName($0) }
    for name in ["modules.builtin", "modules.builtin.modinfo", "modules.order"] {
      let file = source.appending(path: name)
      guard isFile(file.path) else { continue }
      try FolderTree.writeFile(target.appending(path: name).path, with: FolderTree.readFile(file.path))
    }
    try await tools.command(
      "depmod", ["-b", folder.appending(path: "tree/usr").path, version], to: "index the kernel modules"
    ).run()
    // The binary forms of the indexes say the same again; the device reads the text.
    let indexes = try FileManager.default.contentsOfDirectory(atPath: target.path)
    for name in indexes where name.hasSuffix(".bin") { FolderTree.remove(target.appending(path: name).path) }
    return record
  }

  private static func copy(
    _ paths: [String: String], available: [String: String], to target: URL, tools: ToolTree
  ) async throws {
    var compressed: [String: [String]] = [:]
    for (name, path) in paths.sorted(by: { $0.key < $1.key }) {
      guard let source = available[name] else { continue }
      let place = target.appending(path: path)
      try FolderTree.create(place.deletingLastPathComponent().path)
      try FolderTree.writeFile(place.path, with: FolderTree.readFile(source))
      if place.pathExtension != "ko" { compressed[place.pathExtension, default: []].append(place.path) }
    }
    // Stored uncompressed: the image is compressed as a whole where it is, and differences to the next kernel stay small.
    let decompressors = [
      // Else it syncs each file and its folder.
      "xz": ("xz", ["-d", "--no-sync"]),
      "zst": ("zstd", ["-q", "--rm", "-d"]), "gz": ("gzip", ["-d"]),
    ]
    for (ending, files) in compressed.sorted(by: { $0.key < $1.key }) {
      guard let (program, options) = decompressors[ending] else { continue }
      try await tools.command(program, options + files, to: "decompress the kernel modules").run()
    }
  }

  private static func uncompressedName(_ path: String) -> String {
    guard let range = path.ranges(of: ".ko.").last else { return path }
    return String(path[..<range.lowerBound]) + ".ko"
  }

  private static func moduleFiles(in source: URL) throws -> [String: String] {
    var files: [String: String] = [:]
    for path in (try? FileManager.default.subpathsOfDirectory(atPath: source.path)) ?? [] {
      let file = String(path.split(separator: "/").last ?? "")
      guard path.hasPrefix("kernel/") || path.hasPrefix("updates/") else { continue }
      guard let range = file.firstRange(of: ".ko") else { continue }
      guard range.upperBound == file.endIndex || file[range.upperBound] == "." else { continue }
      guard isFile("\(source.path)/\(path)") else { continue }
      files[normalised(String(file[..<range.lowerBound]))] = "\(source.path)/\(path)"
    }
    return files
  }

  /// Whether it is an ordinary file and no link, which may lead out of the tree.
  private static func isFile(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
  }

  private static func relative(_ file: String, to folder: URL) -> String {
    String(file.dropFirst(folder.path.count).drop { $0 == "/" })
  }

  private static func builtInNames(in source: URL) -> Set<String> {
    let file = source.appending(path: "modules.builtin").path
    let text = isFile(file) ? String(decoding: (try? FolderTree.readFile(file)) ?? [], as: UTF8.self) : ""
    let names = text.split(separator: "\n").compactMap { line -> String? in
      guard let file = line.split(separator: "/").last, file.hasSuffix(".ko") else { return nil }
      return normalised(String(file.dropLast(3)))
    }
    return Set(names)
  }

  /// Names of modules by their aliases.
  private static func aliases(of files: [String], tools: ToolTree) async throws -> [String: [String]] {
    var result: [String: [String]] = [:]
    guard !files.isEmpty else { return result }
    for description in try await describe(files, tools: tools) {
      guard let name = description.name else { continue }
      for alias in description.aliases { result[alias, default: []].append(name) }
    }
    return result
  }

  private struct Description {
    var name: String?
    var aliases: [String] = []
    var needs: [String] = []
    var firmware: [String] = []
  }

  private static func describe(_ files: [String], tools: ToolTree) async throws -> [Description] {
    let text = try await tools.command("modinfo", ["-0"] + files, to: "read the kernel modules' descriptions").run()
    var result: [Description] = []
    for line in text.split(separator: "\0") {
      // With -0 the fields are as the module has them, `name=value`; only the first one is modinfo's own.
      if line.hasPrefix("filename:") {
        result.append(Description())
        continue
      }
      guard let equals = line.firstIndex(of: "=") else { continue }
      let value = line[line.index(after: equals)...]
      switch line[..<equals] {
      case "name": last(&result) { $0.name = normalised(String(value)) }
      case "alias": last(&result) { $0.aliases.append(normalised(String(value))) }
      case "depends": last(&result) { $0.needs += value.split(separator: ",").map { normalised(String($0)) } }
      case "softdep": last(&result) { $0.needs += softDependencies(String(value)) }
      case "firmware": last(&result) { $0.firmware.append(String(value)) }
      default: break
      }
    }
    return result
  }

  private static func last(_ list: inout [Description], _ change: (inout Description) -> Void) {
    guard let index = list.indices.last else { return }
    change(&list[index])
  }

  /// `pre: crc32c post: fuse` names modules to be loaded before and after.
  private static func softDependencies(_ text: String) -> [String] {
    text.split(separator: " ").filter { $0 != "pre:" && $0 != "post:" }.map { normalised(String($0)) }
  }
}

/// The modules that a project asks for cannot be had.
public enum KernelModuleFailure: ExplainedError {
  /// The kernel has no modules of these names.
  case unknown([String], version: String, available: [String])
  /// The kernel brings no modules, and some are needed.
  case noModules(kernel: String)

  /// What was being done, and what was wrong.
  public var problem: String {
    switch self {
    case .unknown(let names, let version, _):
      "kernel \(version) has no module \(names.map { "`\($0)`" }.joined(separator: ", "))"
    case .noModules(let kernel): "\(kernel) comes without a folder of modules, and the image needs some"
    }
  }

  /// What the user can do now.
  public var remedy: String? {
    switch self {
    case .unknown(let names, _, let available):
      names.first.flatMap { NearestName.nearest(to: $0, among: available) }
        .map { "did you mean `\($0)`?" } ?? "check `kernel: { modules: … }`"
    case .noModules: "name it with `kernel: { path: …, modulesFolder: … }`"
    }
  }
}
