import DebianArchive
import FoundationEssentials
import HostSystem
import Lock
import Project
import Sandbox

/// Installs new packages without dpkg's reading of one archive after the other: archives are unpacked side by side, dpkg's database is
/// written as dpkg itself writes it for packages that are unpacked (`dpkg(1)`, "Package states"), and dpkg then configures them.
///
/// Everything that has a rule of its own stays with dpkg: the order of configuring, conffiles, triggers. What the direct way does not
/// do is found before or while it is tried, and said; nothing of the tree is kept then.
struct DirectInstallation {
  /// Where its files are seen in the sandbox.
  static let place = "/run/cultivar/installation"
  /// Where the decompressor is seen in the sandbox.
  static let decompressor = "/run/cultivar/decompressor"

  /// A package to be installed.
  private struct Item {
    /// Its archive file.
    var file: URL
    /// Where its files lie in the archive.
    var data: PackageData
    /// Folder with its control files.
    var control: URL
    /// Fields of its control paragraph.
    var fields: [String: String]
    /// Text of its control paragraph.
    var text: String
    /// Its configuration files.
    var conffiles: [Conffile]

    var name: String { fields["Package"] ?? "" }
    /// How its files in the database begin: packages of which several architectures may be installed are told apart.
    var stem: String {
      fields["Multi-Arch"] == "same" ? "\(name):\(fields["Architecture"] ?? "")" : name
    }
  }

  /// A configuration file (`deb-conffiles(5)`).
  private struct Conffile {
    /// Absolute path.
    var path: String
    /// Whether the package had it once, and an upgrade removes it.
    var isRemovedOnUpgrade: Bool
  }

  private let items: [Item]
  private let architecture: String
  private let pathRules: [PathRule]
  private let isGround: Bool
  private let isDecompressed: Bool

  /// Describes an installation.
  ///
  /// - Parameters:
  ///   - packages: What is installed, with archive files and folders of control files.
  ///   - architecture: Debian architecture of the tree.
  ///   - pathRules: What of the archives is left out.
  ///   - isGround: Whether the tree is empty.
  ///   - isDecompressed: Whether there is a decompressor beside `dpkg-deb`, at ``decompressor``, and what it has done ahead of time.
  /// - Throws: `FileFailure`.
  init(
    _ packages: [(file: URL, control: URL)], architecture: String, pathRules: [PathRule],
    isGround: Bool, isDecompressed: Bool
  ) throws {
    items = try packages.map { file, control in
      let text = String(
        decoding: try FolderTree.readFile(control.appending(path: "control").path), as: UTF8.self
      ).trimming(\.isNewline)
      return Item(
        file: file, data: try PackageData(in: file.path), control: control,
        fields: ControlFile.paragraphs(text).first ?? [:], text: text,
        conffiles: try Self.conffiles(control))
    }
    self.architecture = architecture
    self.pathRules = pathRules
    self.isGround = isGround
    self.isDecompressed = isDecompressed
  }

  private static func conffiles(_ control: URL) throws -> [Conffile] {
    let file = control.appending(path: "conffiles").path
    guard FileManager.default.fileExists(atPath: file) else { return [] }
    return String(decoding: try FolderTree.readFile(file), as: UTF8.self).split(separator: "\n").compactMap { line in
      guard let slash = line.firstIndex(of: "/") else { return nil }
      return Conffile(path: String(line[slash...]), isRemovedOnUpgrade: line.hasPrefix("remove-on-upgrade "))
    }
  }

  /// Why dpkg has to install the packages itself; `nil` where nothing speaks against the direct way.
  ///
  /// - Parameter status: Text of the status of what is installed.
  func obstacle(upon status: [UInt8]) -> String? {
    let installed = Set(
      String(decoding: status, as: UTF8.self).split(separator: "\n").compactMap {
        $0.hasPrefix("Package: ") ? $0.dropFirst("Package: ".count) : nil
      })
    return items.first { installed.contains(Substring($0.name)) }.map { "\($0.name) is installed in some version" }
  }

  // MARK: The database

  /// Writes what of dpkg's database is known before anything is unpacked: files of `info`, the status, interests in triggers.
  ///
  /// - Throws: `FileFailure`.
  func write(to folder: URL) throws {
    let info = folder.appending(path: "info")
    for name in ["info", "lists", "triggers"] { try FolderTree.create(folder.appending(path: name).path) }
    var interests: [String: [String]] = [:]
    for item in items {
      for name in try FolderTree.names(in: item.control.path) where name != "control" {
        try FileManager.default.copyItem(
          at: item.control.appending(path: name), to: info.appending(path: "\(item.stem).\(name)"))
      }
      for (trigger, package) in try self.interests(of: item) { interests[trigger, default: []].append(package) }
    }
    try write(items.map(paragraph).joined(separator: "\n"), to: folder.appending(path: "status"))
    // One file for all paths, and one for each name (dpkg's doc/triggers.txt, "Internals").
    let paths = interests.filter { $0.key.hasPrefix("/") }.sorted { $0.key < $1.key }
    try write(
      paths.flatMap { path, packages in packages.map { "\(path) \($0)\n" } }.joined(),
      to: folder.appending(path: "triggers/File"))
    for (name, packages) in interests where !name.hasPrefix("/") {
      try write(packages.map { "\($0)\n" }.joined(), to: folder.appending(path: "triggers/\(name)"))
    }
  }

  private func write(_ text: String, to file: URL) throws { try FolderTree.writeFile(file.path, with: text.utf8) }

  /// A package in the status file, unpacked and not configured.
  private func paragraph(_ item: Item) -> String {
    var lines = item.text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    let first = lines.firstIndex { $0.hasPrefix("Package:") } ?? 0
    lines.insert("Status: install ok unpacked", at: first + 1)
    if !item.conffiles.isEmpty {
      lines.append("Conffiles:")
      lines += item.conffiles.map { " \($0.path) newconffile" + ($0.isRemovedOnUpgrade ? " remove-on-upgrade" : "") }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// Triggers that a package is interested in, with how it stands in the database (`deb-triggers(5)`).
  private func interests(of item: Item) throws -> [(trigger: String, package: String)] {
    let file = item.control.appending(path: "triggers").path
    guard FileManager.default.fileExists(atPath: file) else { return [] }
    return String(decoding: try FolderTree.readFile(file), as: UTF8.self).split(separator: "\n").compactMap { line in
      let words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace)
      guard words.count == 2, words[0].hasPrefix("interest") else { return nil }
      return (String(words[1]), item.stem + (words[0].hasSuffix("-noawait") ? "/noawait" : ""))
    }
  }

  // MARK: Scripts

  /// Unpacks the archives into the tree, from beside it, and completes the database.
  var unpack: String {
    // The largest first, so that no processor waits for the last one.
    let sorted = items.sorted { ($1.data.size, $0.stem) < ($0.data.size, $1.stem) }
    let cases = sorted.map { item in
      let archive = "\(PackageScript.archives)/\(item.file.lastPathComponent)"
      guard isDecompressed else { return "\(item.stem)) dpkg-deb --fsys-tarfile \(archive) ;;" }
      let command = Decompressor.command(archive, item.data, folder: Self.decompressor)
      // The first stage begins at once: nothing of it is decompressed ahead.
      let words = isGround ? command : AheadOfTime.take(item.file.lastPathComponent, else: command)
      return "\(item.stem)) \(words) ;;"
    }
    return """
      refuse() { echo "$1" >&2; exit 1; }
      cd \(Sandbox.treePath)
      \((isGround ? PackageScript.makeGround(architecture: architecture) : []).joined(separator: "\n"))
      dpkg=$PWD/var/lib/dpkg
      mkdir -p $dpkg/info $dpkg/updates $dpkg/triggers
      while read -r path; do
        [ -z "$path" ] || { [ ! -e ".$path" ] && [ ! -L ".$path" ]; } || refuse "$path is there already, and is a configuration file"
      done <<'END'
      \(items.flatMap(\.conffiles).map(\.path).joined(separator: "\n"))
      END
      cat > /run/cultivar/unpack <<'END'
      # The status of a pipe is that of its end, and tar knows whether what it reads is whole.
      case $1 in
      \(cases.joined(separator: "\n"))
      esac | tar -x -v -p --numeric-owner --keep-directory-symlink --warning=no-timestamp \
        --quoting-style=literal > \(Self.place)/lists/"$1".list
      END
      xargs -n 1 -P "$(nproc)" sh -eu /run/cultivar/unpack <<'END'
      \(sorted.map(\.stem).joined(separator: "\n"))
      END
      # Paths as dpkg writes them. Starting programs is what small packages take their time for: one for all.
      sed -i 's|^\\.||; s|/$||; s|^$|/.|' \(Self.place)/lists/*.list
      cat \(Self.place)/lists/*.list | sort > /run/cultivar/paths
      # Files of two packages, and files that somebody wants elsewhere or with other rights.
      cat $dpkg/info/*.list 2>/dev/null | sort -u | cat - /run/cultivar/paths | sort | uniq -d > /run/cultivar/twice
      while read -r path; do
        [ -d ".$path" ] || refuse "$path is in two packages"
      done < /run/cultivar/twice
      \(Self.refuseDiverted)
      if [ -s $dpkg/statoverride ]; then
        cut -d ' ' -f 4- $dpkg/statoverride > /run/cultivar/overridden
        path=$(grep -Fxf /run/cultivar/overridden /run/cultivar/paths | head -n 1)
        [ -z "$path" ] || refuse "the rights of $path are overridden"
      fi
      cp -R \(Self.place)/info/. \(Self.place)/lists/. $dpkg/info/
      [ -e $dpkg/info/format ] || echo 1 > $dpkg/info/format
      [ ! -s $dpkg/status ] || echo >> $dpkg/status
      cat \(Self.place)/status >> $dpkg/status
      for file in \(Self.place)/triggers/*; do
        [ ! -s "$file" ] || cat "$file" >> $dpkg/triggers/"${file##*/}"
      done
      """ + "\n"
  }

  /// Refuses where a path of the new packages is one that a package diverts (`dpkg-divert(1)`: three lines for each).
  private static let refuseDiverted = """
    if [ -s $dpkg/diversions ]; then
      awk 'NR % 3 == 1' $dpkg/diversions > /run/cultivar/diverted
      path=$(grep -Fxf /run/cultivar/diverted /run/cultivar/paths | head -n 1)
      [ -z "$path" ] || refuse "$path is diverted"
    fi
    """

  /// Runs the packages' preinst scripts in the tree, activates triggers, and has dpkg configure everything.
  var configure: String {
    var lines = [
      "refuse() { echo \"$1\" >&2; exit 1; }", "dpkg=/var/lib/dpkg",
      "[ -e $dpkg/arch ] || echo \(architecture) > $dpkg/arch",
    ]
    lines += PackageScript.forbidStarts
    if !pathRules.isEmpty {
      if isGround { lines += ["mkdir -p /etc/dpkg/dpkg.cfg.d"] + PackageScript.writeRules(pathRules) }
      lines += PackageScript.removeExcluded(pathRules, lists: "\(Self.place)/lists/*.list")
    }
    for file in items.flatMap(\.conffiles) {
      let word = file.path.quotedForShell
      lines.append("[ ! -e \(word) ] || mv \(word) \(word).dpkg-new")
    }
    lines.append("export DPKG_ADMINDIR=$dpkg DPKG_MAINTSCRIPT_NAME=preinst DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT=1")
    // Of one name there may be several architectures.
    let order = PreDependencyOrder.sorted(items.map(\.fields)).flatMap { name in items.filter { $0.name == name } }
    for item in order where FileManager.default.fileExists(atPath: item.control.appending(path: "preinst").path) {
      lines.append(
        "DPKG_MAINTSCRIPT_PACKAGE=\(item.name) DPKG_MAINTSCRIPT_ARCH=\(item.fields["Architecture"] ?? architecture) "
          + "$dpkg/info/\(item.stem).preinst install >&2")
    }
    lines.append("unset DPKG_ADMINDIR DPKG_MAINTSCRIPT_NAME DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT")
    lines.append(Self.afterScripts)
    lines.append("dpkg --force-unsafe-io --configure --pending >&2")
    lines += PackageScript.allowStarts
    return lines.joined(separator: "\n") + "\n"
  }

  /// What dpkg does for each path that it unpacks, for all of them at once.
  private static let afterScripts = """
    cat \(place)/lists/*.list > /run/cultivar/paths
    # A script may have diverted what another package brings.
    if [ -s $dpkg/diversions ]; then
      paste -d ' ' - - - < $dpkg/diversions | while read -r from to package; do
        for list in $(grep -lFx -e "$from" \(place)/lists/*.list); do
          name=${list##*/}; name=${name%.list}
          [ "${name%%:*}" = "$package" ] || refuse "$package diverts $from of $name"
        done
      done
    fi
    # Sums of the packages that bring none.
    for list in \(place)/lists/*.list; do
      name=${list##*/}; name=${name%.list}
      [ -e $dpkg/info/$name.md5sums ] || {
        while read -r path; do
          [ ! -f "$path" ] || [ -L "$path" ] || (cd / && md5sum "${path#/}")
        done < $list > $dpkg/info/$name.md5sums
      }
    done
    if [ -s $dpkg/triggers/File ]; then
      while read -r path package; do
        for list in $(grep -l -e "^$path/" -e "^$path\\$" \(place)/lists/*.list); do
          name=${list##*/}
          dpkg-trigger --by-package="${name%.list}" "$path"
        done
      done < $dpkg/triggers/File
    fi
    """
}

/// The order in which scripts run before anything is configured: a package after those that it pre-depends on, else by name.
enum PreDependencyOrder {
  /// Names of packages in that order; a circle is left at its first package.
  static func sorted(_ paragraphs: [[String: String]]) -> [String] {
    let byName = Dictionary(paragraphs.map { ($0["Package"] ?? "", $0) }) { first, _ in first }
    var result: [String] = []
    var seen: Set<String> = []
    func visit(_ name: String) {
      guard let fields = byName[name], seen.insert(name).inserted else { return }
      for needed in ControlFile.names(inRelation: fields["Pre-Depends"] ?? "") { visit(needed) }
      result.append(name)
    }
    // They make the users and the files that all others take for granted.
    for name in ["base-passwd", "base-files"] { visit(name) }
    for name in byName.keys.sorted() { visit(name) }
    return result
  }
}
