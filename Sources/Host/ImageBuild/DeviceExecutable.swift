import FoundationEssentials
import HostSystem

/// The device executable that is installed with the tool, one for each architecture.
public struct DeviceExecutable: Sendable {
  /// Folders to search, in order, for `FOLDER/ARCHITECTURE/cultivar-device`.
  public var folders: [URL]

  /// Chooses the folders: first `CULTIVAR_DEVICE_EXECUTABLES` of the environment, then `libexec/cultivar` of the prefix
  /// that the tool is installed in (`PREFIX/bin/cultivar`).
  public init(environment: [String: String], tool: URL) {
    var folders: [URL] = []
    if let named = environment["CULTIVAR_DEVICE_EXECUTABLES"], !named.isEmpty {
      folders.append(URL(fileURLWithPath: named))
    }
    let prefix = tool.resolvingSymlinksInPath().deletingLastPathComponent().deletingLastPathComponent()
    folders.append(prefix.appending(path: "libexec/cultivar"))
    self.folders = folders
  }

  /// The executable for an architecture.
  ///
  /// - Throws: ``ImageFailure/noDeviceExecutable(architecture:places:)``.
  public func file(for architecture: Architecture) throws(ImageFailure) -> URL {
    let places = folders.map { $0.appending(path: "\(architecture.machine)/cultivar-device") }
    guard let place = places.first(where: { FileManager.default.isExecutableFile(atPath: $0.path) }) else {
      throw .noDeviceExecutable(architecture: architecture, places: places.map(\.path))
    }
    return place
  }
}
