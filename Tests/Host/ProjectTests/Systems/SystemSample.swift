import Foundation
import TestFixtures
import Testing

@testable import Project

/// A project with one system and its own layers, written to a folder for a test.
struct SystemSample: Sendable {
  /// Lines of the project file besides `images:`.
  var project = ""
  /// Lines of the image, without their indentation.
  var image = "layers: [base]"
  /// Texts of layers by name, without `cultivar:` and `description:`.
  var layers: [String: String] = ["base": "packages: [systemd]"]
  /// Further files by path.
  var files: [String: String] = [:]
  /// Paths of executable files.
  var runnable: Set<String> = []

  /// The built-in layers in the source checkout.
  static let builtIn = Checkout.layers

  /// The first lines of a layer's file. The text of a layer follows them.
  static let head = "cultivar: 1\ndescription: A layer\n"

  /// All files by path.
  var texts: [String: String] {
    var texts = files
    for (name, text) in layers {
      texts["layers/\(name)/layer.yaml"] = Self.head + text + "\n"
    }
    let lines = image.split(separator: "\n", omittingEmptySubsequences: false).map { "    \($0)" }
    texts["cultivar.yaml"] = """
      cultivar: 1
      name: house
      \(project)
      images:
        gateway:
          device: generic-x86_64
      \(image.contains("layout:") ? "" : "    layout: appliance-ab")
      """ + "\n" + lines.joined(separator: "\n") + "\n"
    return texts
  }

  /// Writes the files, and reads the only system.
  func read(
    set settings: [String: String] = [:], environment: [String: String] = [:], needsSecrets: Bool = true
  ) throws -> SystemReader.Result {
    try withFolder { folder in
      let project = try ProjectReader().read(folder.appending(path: "cultivar.yaml")).project
      let image = try #require(project.images.first)
      return try SystemReader(library: LayerLibrary(builtIn: Self.builtIn)).read(
        image, of: project, set: settings, environment: environment, needsSecrets: needsSecrets)
    }
  }

  /// Writes the files to a folder for a closure, and removes it afterwards.
  func withFolder<Value>(_ work: (URL) throws -> Value) throws -> Value {
    try withTemporaryFolder { folder in
      for (path, text) in texts {
        let file = folder.appending(path: path)
        try FileManager.default.createDirectory(
          at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.replacing("«", with: "").utf8).write(to: file)
        if runnable.contains(path) {
          try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file.path)
        }
      }
      return try work(folder)
    }
  }
}
