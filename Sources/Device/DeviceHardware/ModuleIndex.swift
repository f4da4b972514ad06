import LinuxSystem

/// An index of the kernel modules, their dependencies, and the hardware that they are for, from the files that `depmod`
/// writes.
public struct ModuleIndex {
  /// Paths by module name, relative to the folder.
  private var paths: [String: String] = [:]
  /// Modules that have to be loaded first, by module name, in the order of `modules.dep`: direct dependencies first.
  private var dependencies: [String: [String]] = [:]
  private var softDependencies: [String: (before: [String], after: [String])] = [:]
  private var builtIn: Set<String> = []
  private let aliases: ModuleAliases

  /// Reads the index of one kernel's modules.
  ///
  /// - Parameter folder: `/usr/lib/modules/RELEASE`. Files that are missing in it count as empty.
  public init(folder: String) {
    func text(_ name: String) -> [UInt8] { (try? FileTree.read(folder + "/" + name)) ?? [] }
    self.init(
      dependencies: text("modules.dep"), aliases: text("modules.alias"), softDependencies: text("modules.softdep"),
      builtIn: text("modules.builtin"))
  }

  /// - Parameters:
  ///   - dependencies: The text of `modules.dep`.
  ///   - aliases: The text of `modules.alias`.
  ///   - softDependencies: The text of `modules.softdep`.
  ///   - builtIn: The text of `modules.builtin`.
  public init(dependencies: [UInt8], aliases: [UInt8], softDependencies: [UInt8], builtIn: [UInt8]) {
    func lines(_ text: [UInt8]) -> [String] {
      text.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
    }
    self.aliases = ModuleAliases(aliases)
    for line in lines(dependencies) {
      guard let colon = line.utf8.firstIndex(of: UInt8(ascii: ":")) else { continue }
      let path = String(line[..<colon])
      let name = Self.name(ofPath: path)
      paths[name] = path
      self.dependencies[name] = Self.words(line[line.index(after: colon)...]).map(Self.name(ofPath:))
    }
    for line in lines(softDependencies) {
      let words = Self.words(line[...])
      guard words.count > 2, words[0] == "softdep" else { continue }
      var before: [String] = []
      var after: [String] = []
      var isAfter = false
      for word in words.dropFirst(2) {
        switch word {
        case "pre:": isAfter = false
        case "post:": isAfter = true
        default: if isAfter { after.append(word) } else { before.append(word) }
        }
      }
      self.softDependencies[Self.normalised(words[1])] = (before, after)
    }
    self.builtIn = Set(lines(builtIn).map(Self.name(ofPath:)))
  }

  /// Returns the path of a module, relative to the index's folder, or `nil` if there is none.
  public func path(of module: String) -> String? {
    paths[Self.normalised(module)]
  }

  /// Returns true if the module is built into the kernel.
  public func isBuiltIn(_ module: String) -> Bool {
    builtIn.contains(Self.normalised(module))
  }

  /// Modules for the hardware that reports `alias`, in the order of the index.
  public func modules(forAlias alias: String) -> [String] {
    aliases.modules(for: alias).map(Self.normalised)
  }

  /// Returns the module and all its dependencies, in the order in which they have to be loaded.
  ///
  /// Includes soft dependencies that exist. Leaves out built-in modules.
  public func loadOrder(of module: String) -> [String] {
    var order: [String] = []
    var visited: Set<String> = []
    visit(Self.normalised(module), &order, &visited)
    return order
  }

  private func visit(_ module: String, _ order: inout [String], _ visited: inout Set<String>) {
    guard visited.insert(module).inserted, paths[module] != nil else { return }
    let soft = softDependencies[module]
    for needed in soft?.before ?? [] { visitAll(needed, &order, &visited) }
    // modules.dep lists direct dependencies first, and their dependencies after them.
    for needed in (dependencies[module] ?? []).reversed() { visit(needed, &order, &visited) }
    order.append(module)
    for wanted in soft?.after ?? [] { visitAll(wanted, &order, &visited) }
  }

  /// Visits a soft dependency: the name of a module, or an alias that several modules share. For example,
  /// `crypto-crc32c` is an algorithm, with a generic module and one for the particular processor.
  private func visitAll(_ name: String, _ order: inout [String], _ visited: inout Set<String>) {
    let module = Self.normalised(name)
    for module in paths[module] != nil ? [module] : modules(forAlias: name) { visit(module, &order, &visited) }
  }

  private static func words(_ text: Substring) -> [String] {
    text.utf8.split(separator: UInt8(ascii: " ")).compactMap { String($0) }
  }

  /// The kernel treats `-` and `_` in a module's name as equal.
  private static func normalised(_ name: String) -> String {
    name.utf8.contains(UInt8(ascii: "-")) ? String(name.map { $0 == "-" ? "_" : $0 }) : name
  }

  /// Returns the module's name: `ext4` for `kernel/fs/ext4/ext4.ko`.
  private static func name(ofPath path: String) -> String {
    let file = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { path[path.utf8.index(after: $0)...] } ?? path[...]
    let stem = file.utf8.firstIndex(of: UInt8(ascii: ".")).map { file[..<$0] } ?? file
    return normalised(String(stem))
  }
}
