import DebianArchive
import FoundationEssentials
import Glibc
import Hashing
import HostSystem
import Spelling

/// Selected modules of a kernel, including all their dependencies.
public struct KernelModules: Sendable {
  /// Version of the kernel, which is the name of its folder of modules.
  public let version: String
  /// Folder with `usr/lib/modules/VERSION`: the selected modules, decompressed, with indexes made by `depmod`.
  public let folder: URL
  /// Path of each selected module below `usr/lib/modules/VERSION`, by the module's name with underscores.
  public let paths: [String: String]
  /// Direct dependencies of each module, by name: hard and soft ones.
  public let needs: [String: [String]]
  /// Firmware files that the selected modules may request, sorted.
  public let firmware: [String]

  /// A selection as stored in the cache, next to the modules.
  private struct Record: Codable {
    var version: String
    var paths: [String: String]
    var needs: [String: [String]]
    var firmware: [String]
  }

  /// Selects modules of a kernel, or finds the selection in the cache.
  ///
  /// - Parameters:
  ///   - names: Names of required modules, with hyphens or underscores. A module may also be built into the kernel.
  ///   - optional: Names of modules that the kernel may lack. A device class lists more hardware than every kernel
  ///     supports.
  ///   - source: Folder of the kernel's modules, `…/lib/modules/VERSION`.
  ///   - identity: Hash of the content of the folder.
  /// - Throws: ``KernelModuleFailure``, `CommandFailure`, `FileFailure`.
  public init(
    names: [String], optional: [String], source: URL, identity: Digest, tools: ToolTree, cache: Cache
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

  /// The name of a module in the kernel's form, with underscores instead of hyphens.
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

    // A soft dependency may be an alias. Aliases in Debian's kernels are algorithms of the crypto API.
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
    // Remove the binary indexes, which have the same content as the text indexes that the device reads.
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
    // Store modules uncompressed: the image is compressed as a whole if at all, and differences between kernels stay
    // small.
    let decompressors = [
      // Without `--no-sync`, xz syncs each file and its folder.
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

  /// True for a regular file. False for a link, which may lead out of the tree.
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

  /// Names of modules, by alias.
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
      // With `-0`, fields have the module's own form `name=value`. Only `filename:` is added by modinfo.
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

  /// The names in a soft dependency such as `pre: crc32c post: fuse`, of modules to load before and after.
  private static func softDependencies(_ text: String) -> [String] {
    text.split(separator: " ").filter { $0 != "pre:" && $0 != "post:" }.map { normalised(String($0)) }
  }
}

/// An error for kernel modules that are not available.
public enum KernelModuleFailure: ExplainedError {
  /// The kernel has no modules with these names.
  case unknown([String], version: String, available: [String])
  /// The kernel has no modules, but the image needs some.
  case noModules(kernel: String)

  public var problem: String {
    switch self {
    case .unknown(let names, let version, _):
      "kernel \(version) has no module \(names.map { "`\($0)`" }.joined(separator: ", "))"
    case .noModules(let kernel): "\(kernel) has no folder of modules, but the image needs modules"
    }
  }

  public var remedy: String? {
    switch self {
    case .unknown(let names, _, let available):
      names.first.flatMap { NearestName.nearest(to: $0, among: available) }
        .map { "did you mean `\($0)`?" } ?? "check `kernel: { modules: … }`"
    case .noModules: "name the folder with `kernel: { path: …, modulesFolder: … }`"
    }
  }
}
