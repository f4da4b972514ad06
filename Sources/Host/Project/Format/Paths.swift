import FoundationEssentials

extension Shape<String> {
  /// An absolute path in the image, without `.`, `..` or redundant slashes.
  static let imagePath = text(
    "an absolute path", pattern: #"(/[^/\u0000-\u001f]+)+"#, hint: "begin it with '/', and do not end it with '/'"
  ).checked { path, node, reading in
    guard !path.split(separator: "/").contains(where: { $0 == "." || $0 == ".." }) else {
      reading.error("'\(path)' is not a plain path", at: node.position, hint: "write it without '.' and '..'")
      return nil
    }
    return path
  }

  /// A path of a file that is added to the root file system, outside the folders that the running system uses.
  static let addedPath = imagePath.checked { path, node, reading in
    let reserved = ["/proc", "/sys", "/dev", "/run", "/tmp", "/data", "/usr/lib/cultivar", "/etc/cultivar"]
    guard let root = reserved.first(where: { path == $0 || path.hasPrefix($0 + "/") }) else { return path }
    reading.error(
      "nothing can be added below \(root)", at: node.position,
      hint: "the running system uses these folders itself: \(reserved.joined(separator: ", "))")
    return nil
  }

  /// A path that survives reboots and updates. It cannot be a path that updates must change, or one outside the root
  /// file system.
  static let persistedPath = imagePath.checked { path, node, reading in
    let reason: String? =
      switch path {
      case "/var": "it contains the package database, which belongs to the root file system"
      case "/etc": "it contains the configuration of packages, which an update replaces"
      case "/etc/machine-id": "the device keeps its machine id anyway"
      case "/usr": "an update replaces it"
      case let path where path.hasPrefix("/usr/") && !path.hasPrefix("/usr/local/"): "an update replaces /usr"
      case let path
      where ["/proc", "/sys", "/dev", "/run", "/tmp", "/boot", "/data"].contains {
        path == $0 || path.hasPrefix($0 + "/")
      }:
        "it is not part of the root file system"
      default: nil
      }
    guard let reason else { return path }
    reading.error(
      "\(path) cannot persist: \(reason)", at: node.position,
      hint: "name the folders that the programs write to, like /var/lib/NAME")
    return nil
  }

  /// A folder inside a repository.
  static let folderInRepository = text(
    "a folder inside the repository", pattern: #"[^/\s][^\s]*"#, hint: "write it relative to the top of the repository"
  ).checked { path, node, reading in
    guard !path.split(separator: "/").contains("..") else {
      reading.error("'\(path)' is outside of the repository", at: node.position, hint: "write it without '..'")
      return nil
    }
    return path
  }
}

extension Shape<URL> {
  /// A file or folder of the build host, relative to the project's folder, that exists.
  static let existing = hostPath { _, _, _ in nil }

  /// A regular file of the build host.
  static let existingFile = hostPath { kind, path, _ in
    kind == .folder ? ("'\(path)' is a folder", "name the file in it") : nil
  }

  /// A folder of the build host.
  static let existingFolder = hostPath { kind, path, _ in
    kind == .file ? ("'\(path)' is a file", "name the folder that it is in") : nil
  }

  /// Returns the shape of a folder of the build host that contains a package.
  ///
  /// - Parameters:
  ///   - language: Kind of the package: `Swift package`.
  ///   - manifest: Name of the file that the folder must contain.
  static func packageFolder(_ language: String, manifest: String) -> Shape {
    hostPath { kind, path, lookUp in
      if kind == .file {
        return ("'\(path)' is a file", "name the folder of the \(language)")
      }
      return lookUp(manifest) == .file
        ? nil : ("'\(path)' is not a \(language): it has no \(manifest)", "name the folder that holds \(manifest)")
    }
  }

  /// Returns the shape of an existing path of the build host, with an additional check.
  ///
  /// - Parameter objection: Returns a problem with the path and a hint, or `nil`. Its arguments are the kind of the
  ///   file, the path as written, and a function that returns the kind of a file in the folder.
  private static func hostPath(
    _ objection: @escaping @Sendable (FileKind, String, (String) -> FileKind) -> (message: String, hint: String)?
  ) -> Shape {
    Shape<String>.text("a path", pattern: #"[^\u0000]+"#).converted { path, node, reading in
      let url = reading.folder.file(at: path)
      let kind = reading.fileKind(url)
      guard kind != .missing else {
        reading.error(
          "there is no file or folder '\(path)'", at: node.position,
          hint: "paths are relative to the folder of the project file, \(reading.folder.path)")
        return nil
      }
      guard kind != .special else {
        reading.error(
          "'\(path)' is a pipe, socket or device", at: node.position,
          hint: "name a regular file or a folder")
        return nil
      }
      if let (message, hint) = objection(kind, path, { [reading] in reading.fileKind(url.appending(path: $0)) }) {
        reading.error(message, at: node.position, hint: hint)
        return nil
      }
      return url
    }
  }
}
