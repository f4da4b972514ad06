import FoundationEssentials

/// Where layers are found: the library that comes with the tool, and the git repositories that were fetched.
public struct LayerLibrary: Sendable {
  /// Name of the file that makes a folder a layer.
  public static let fileName = "layer.yaml"
  /// Name of the file with the built-in profiles.
  public static let profilesFileName = "profiles.yaml"
  /// What a built-in layer says of its origin.
  public static let builtInOrigin = "built-in"

  /// A folder of layers that come with the tool; `nil` where none was found.
  public var builtIn: URL?
  /// Layers of git repositories, by the name that the project gives them.
  public var checkouts: [String: Checkout]

  /// A layer of a git repository, fetched.
  public struct Checkout: Sendable {
    /// Its folder.
    public var folder: URL
    /// The commit.
    public var commit: String

    /// Makes a checkout.
    public init(folder: URL, commit: String) {
      self.folder = folder
      self.commit = commit
    }
  }

  /// Makes a library.
  public init(builtIn: URL?, checkouts: [String: Checkout] = [:]) {
    self.builtIn = builtIn
    self.checkouts = checkouts
  }

  /// The folder of the built-in layers: where the environment says (`CULTIVAR_LAYERS`), else beside the installed tool
  /// (`bin/cultivar`, `share/cultivar/layers`), else in the source checkout that the tool was built in.
  ///
  /// - Parameters:
  ///   - environment: The environment.
  ///   - tool: The running executable.
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

  /// Names of the layers in a folder of layers, in order.
  static func names(in folder: URL) -> [String] {
    let entries = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return entries.filter { ProjectReader.kindOnDisk(folder.appending(path: "\($0)/\(fileName)")) == .file }.sorted()
  }
}
