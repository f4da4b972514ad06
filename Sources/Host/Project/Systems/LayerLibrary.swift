import FoundationEssentials

/// The available layers: those that come with the tool, and those of git repositories that have been fetched.
public struct LayerLibrary: Sendable {
  /// Name of the file that a folder needs to be a layer.
  public static let fileName = "layer.yaml"
  /// Name of the file with the built-in profiles.
  public static let profilesFileName = "profiles.yaml"
  /// Origin of a built-in layer.
  public static let builtInOrigin = "built-in"

  /// Folder of the built-in layers; `nil` if it was not found.
  public var builtIn: URL?
  /// Fetched layers of git repositories, by the name that the project gives them.
  public var checkouts: [String: Checkout]

  /// A checkout of a git repository that contains a layer.
  public struct Checkout: Sendable {
    /// Folder of the checkout.
    public var folder: URL
    /// Hash of the commit.
    public var commit: String

    public init(folder: URL, commit: String) {
      self.folder = folder
      self.commit = commit
    }
  }

  public init(builtIn: URL?, checkouts: [String: Checkout] = [:]) {
    self.builtIn = builtIn
    self.checkouts = checkouts
  }

  /// Returns the folder of the built-in layers; `nil` if it is not found.
  ///
  /// The environment variable `CULTIVAR_LAYERS` takes precedence. Then follow `share/cultivar/layers` of an installed
  /// tool (`bin/cultivar`), and `Layers` in the source tree in which the tool was built.
  ///
  /// - Parameters:
  ///   - environment: Environment variables.
  ///   - tool: File of the running executable.
  public static func builtInFolder(environment: [String: String], tool: URL) -> URL? {
    if let named = environment["CULTIVAR_LAYERS"], !named.isEmpty { return URL(fileURLWithPath: named) }
    let binaries = tool.resolvingSymlinksInPath().deletingLastPathComponent()
    var folder = binaries.deletingLastPathComponent().standardizedFileURL
    let installed = folder.appending(path: "share/cultivar/layers")
    if isLibrary(installed) { return installed }
    while folder.path != "/", folder.pathComponents.count > 1 {
      let checkout = folder.appending(path: "Layers")
      if isLibrary(checkout), ProjectReader.kindOnDisk(folder.appending(path: "Package.swift")) == .file {
        return checkout
      }
      folder = folder.deletingLastPathComponent().standardizedFileURL
    }
    return nil
  }

  private static func isLibrary(_ folder: URL) -> Bool {
    ProjectReader.kindOnDisk(folder.appending(path: profilesFileName)) == .file
  }

  /// Returns the names of the layers in a folder, sorted.
  static func names(in folder: URL) -> [String] {
    let entries = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return entries.filter { ProjectReader.kindOnDisk(folder.appending(path: "\($0)/\(fileName)")) == .file }.sorted()
  }
}
