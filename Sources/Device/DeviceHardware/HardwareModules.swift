import Glibc
import LinuxSystem

/// Loads kernel modules: by name, and for the hardware that is present or is added later.
public final class HardwareModules {
  private let folder: String
  private lazy var index = ModuleIndex(folder: folder)
  private var knownAliases: Set<String> = []
  private let note: (String) -> Void

  /// - Parameters:
  ///   - folder: The folder with the modules of the running kernel.
  ///   - note: Receives a message for each module that could not be loaded.
  public init(folder: String = "/usr/lib/modules/\(Kernel.release)", note: @escaping (String) -> Void) {
    self.folder = folder
    self.note = note
  }

  /// Loads a module and its dependencies by name. Notes a name that is neither a module nor built in.
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

  /// Loads modules and their dependencies by name, on a separate thread: to check the signature of a file system driver
  /// and to link it takes as long as to wait for a disk.
  ///
  /// - Returns: The background work. Its result is a message for each module that could not be loaded.
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

  /// Loads a file. Returns a message if that failed and the failure matters.
  private static func load(_ path: String) -> String? {
    do {
      try KernelModule.load(path)
    } catch let error where error.code == ENODEV {
      // The driver did not find its hardware. An alias of the processor cannot tell beforehand.
      return nil
    } catch {
      return "\(error)"
    }
    return nil
  }

  /// Loads the modules for the hardware that reports an alias. An alias seen before is skipped.
  ///
  /// A module in the index whose file was left out of the image is not an error.
  public func load(forAlias alias: String) {
    guard knownAliases.insert(alias).inserted else { return }
    for module in index.modules(forAlias: alias) where !isLoaded(module) {
      let files = index.loadOrder(of: module).compactMap { index.path(of: $0) }
      if files.allSatisfy({ FileTree.exists(folder + "/" + $0) }) { load(named: module) }
    }
  }

  /// Loads the modules for all hardware that is present.
  ///
  /// Every device with an alias is on a bus or is an input device, so these flat lists are enough.
  public func loadForPresentHardware() {
    let folders = FileTree.names(in: "/sys/bus").map { "/sys/bus/\($0)/devices" } + ["/sys/class/input"]
    for devices in folders {
      for device in FileTree.names(in: devices) {
        if let alias = FileTree.line("\(devices)/\(device)/modalias"), !alias.isEmpty { load(forAlias: alias) }
      }
    }
  }

  /// Loads the modules for a device that was just added.
  public func handle(_ event: DeviceEvents.Event) {
    guard event.action == "add" || event.action == "bind", let alias = event.fields["MODALIAS"] else { return }
    load(forAlias: alias)
  }

  private func isLoaded(_ name: String) -> Bool {
    FileTree.exists("/sys/module/" + name.map { $0 == "-" ? "_" : String($0) }.joined())
  }
}
