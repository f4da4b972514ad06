import Glibc
import LinuxSystem

/// Loads kernel modules: named ones, and those for the hardware that is there or comes.
public final class HardwareModules {
  private let folder: String
  private lazy var index = ModuleIndex(folder: folder)
  private var knownAliases: Set<String> = []
  private let note: (String) -> Void

  /// Makes a loader for the running kernel.
  ///
  /// - Parameters:
  ///   - folder: where the modules of the running kernel are.
  ///   - note: is told what could not be loaded.
  public init(folder: String = "/usr/lib/modules/\(Kernel.release)", note: @escaping (String) -> Void) {
    self.folder = folder
    self.note = note
  }

  /// Loads a module by name, with all that it needs. A name that is neither a module nor built in is noted.
  public func load(named name: String) {
    if isLoaded(name) || index.isBuiltIn(name) { return }
    guard index.path(of: name) != nil else {
      note("there is no kernel module \(name) in \(folder)")
      return
    }
    for path in files(for: name) {
      if let failure = Self.load(path) { note(failure) }
    }
  }

  /// Loads modules by name on a thread of its own, with all that they need: checking the signature of a file system's driver and
  /// linking it takes as long as waiting for a disk.
  ///
  /// - Returns: the work; its result is what could not be loaded, and why.
  public func loadInBackground(named names: [String]) -> Background<[String]> {
    let wanted = names.filter { !isLoaded($0) && !index.isBuiltIn($0) }
    let missing = wanted.filter { index.path(of: $0) == nil }.map { "there is no kernel module \($0) in \(folder)" }
    let files = wanted.flatMap(files(for:))
    return Background { missing + files.compactMap(Self.load) }
  }

  /// The files to load for a module, in order.
  private func files(for name: String) -> [String] {
    index.loadOrder(of: name).filter { !isLoaded($0) }.compactMap(index.path(of:)).map { folder + "/" + $0 }
  }

  /// Loads a file; why it could not be, where that is worth a word.
  private static func load(_ path: String) -> String? {
    do {
      try KernelModule.load(path)
    } catch let error where error.code == ENODEV {
      // The driver looked for its hardware and did not find it, which an alias of the processor can not tell.
      return nil
    } catch {
      return "\(error)"
    }
    return nil
  }

  /// Loads the modules for hardware by the alias that it reports; an alias seen before costs nothing.
  ///
  /// A module that the index knows but whose file was left out of the image is not wanted.
  public func load(forAlias alias: String) {
    guard knownAliases.insert(alias).inserted else { return }
    for module in index.modules(forAlias: alias) where !isLoaded(module) {
      let files = index.loadOrder(of: module).compactMap { index.path(of: $0) }
      if files.allSatisfy({ FileTree.exists(folder + "/" + $0) }) { load(named: module) }
    }
  }

  /// Loads the modules for all hardware that is there.
  ///
  /// Every device that has an alias is on a bus or an input device, so that these flat lists are enough.
  public func loadForPresentHardware() {
    let folders = FileTree.names(in: "/sys/bus").map { "/sys/bus/\($0)/devices" } + ["/sys/class/input"]
    for devices in folders {
      for device in FileTree.names(in: devices) {
        if let alias = FileTree.line("\(devices)/\(device)/modalias"), !alias.isEmpty { load(forAlias: alias) }
      }
    }
  }

  /// Loads what a device that has just come needs.
  public func handle(_ event: DeviceEvents.Event) {
    guard event.action == "add" || event.action == "bind", let alias = event.fields["MODALIAS"] else { return }
    load(forAlias: alias)
  }

  private func isLoaded(_ name: String) -> Bool {
    FileTree.exists("/sys/module/" + name.map { $0 == "-" ? "_" : String($0) }.joined())
  }
}
