import LinuxSystem

/// The control files of a package (`deb(5)`), in a folder.
struct PackageControl {
  /// A configuration file (`deb-conffiles(5)`).
  struct Conffile {
    var path: TreePath
    /// True if earlier versions of the package had the file, and an upgrade removes it.
    var isRemovedOnUpgrade: Bool
  }

  let package: InstallationPlan.Package
  /// Names of the files, `control` included.
  let names: [String]
  let conffiles: [Conffile]

  private let folder: String

  /// - Throws: `SystemError`.
  init(_ package: InstallationPlan.Package, in place: String) throws(SystemError) {
    self.package = package
    folder = "\(place)/\(package.archive)"
    names = FileTree.names(in: folder)
    conffiles =
      names.contains("conffiles")
      ? try FileTree.read("\(folder)/conffiles").split(separator: UInt8(ascii: "\n")).compactMap { line in
        guard let slash = line.firstIndex(of: UInt8(ascii: "/")) else { return nil }
        return Conffile(
          path: TreePath(line[slash...].trimmingSpace),
          isRemovedOnUpgrade: line.starts(with: Array("remove-on-upgrade ".utf8)))
      } : []
  }

  /// Returns the package's paragraph for dpkg's status file, in the state "unpacked".
  ///
  /// - Throws: `SystemError`.
  func status() throws(SystemError) -> String {
    let text = String(decoding: try FileTree.read("\(folder)/control").trimmingSpace, as: UTF8.self)
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    let first = lines.firstIndex { $0.hasPrefix("Package:") } ?? 0
    lines.insert("Status: install ok unpacked", at: first + 1)
    if !conffiles.isEmpty {
      lines.append("Conffiles:")
      lines += conffiles.map { " \($0.path.text) newconffile" + ($0.isRemovedOnUpgrade ? " remove-on-upgrade" : "") }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// Returns the triggers in which the package is interested, with their lines in dpkg's database (`deb-triggers(5)`).
  ///
  /// - Throws: `SystemError`.
  func interests() throws(SystemError) -> [(trigger: String, line: String)] {
    guard names.contains("triggers") else { return [] }
    let text = String(decoding: try FileTree.read("\(folder)/triggers"), as: UTF8.self)
    return text.split(separator: "\n").compactMap { line in
      let words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace)
      guard words.count == 2, words[0].hasPrefix("interest") else { return nil }
      return (String(words[1]), package.stem + (words[0].hasSuffix("-noawait") ? "/noawait" : ""))
    }
  }

  /// Copies the control files, except `control`, into dpkg's database.
  ///
  /// - Throws: `SystemError`.
  func copy(to database: PackageDatabase) throws(SystemError) {
    for name in names where name != "control" {
      let source = "\(folder)/\(name)"
      let mode = try Descriptor(opening: source, Descriptor.pathOnly).mode()
      try database.write(FileTree.read(source), toInformation: "\(package.stem).\(name)", mode: mode & 0o777)
    }
  }
}
