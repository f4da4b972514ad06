import DebianArchive
import ExecutableFormat
import FoundationEssentials
import Glibc
import HostSystem
import Lock
import Sandbox

/// Programs of the build host's architecture that replace a system's own programs while packages are installed. They
/// come from the suite of the system.
///
/// Twins exist for shells, text tools, Perl and key generators, whose output does not depend on the architecture. A
/// program has a twin if its package has the same version for both architectures, and the program is not in
/// ``exceptions``.
struct NativeTwins: Sendable {
  /// Packages whose programs run, or are run by, maintainer scripts. Debian's suites have had these names for a long
  /// time.
  static let packages = [
    // Essential packages.
    "bash", "bsdutils", "coreutils", "dash", "debianutils", "diffutils", "dpkg", "findutils", "grep", "gzip",
    "hostname", "libc-bin", "login", "mawk", "mount", "ncurses-bin", "passwd", "perl-base", "sed", "tar", "util-linux",
    // Programs that scripts of common packages call.
    "bzip2", "ca-certificates", "cpio", "dbus", "desktop-file-utils", "e2fsprogs", "fontconfig", "gawk",
    "gtk-update-icon-cache", "kmod", "libglib2.0-bin", "libpam-modules-bin", "libpam-runtime", "locales", "man-db",
    "openssh-client", "openssl", "perl", "procps", "python3-minimal", "sgml-base", "shared-mime-info", "systemd", "ucf",
    "udev", "xz-utils", "zstd",
  ]

  /// Programs without a twin, with the reasons. A star stands for the name of the architecture's library folder.
  static let exceptions = [
    "/usr/bin/dpkg": "knows its architecture from when it was compiled",
    "/usr/bin/dpkg-query": "knows its architecture from when it was compiled, and prints names by it",
    "/usr/bin/dpkg-trigger": "knows its architecture from when it was compiled, and finds packages by it",
    "/usr/bin/arch": "says which architecture it runs on",
    "/usr/bin/uname": "says which architecture it runs on",
    "/usr/bin/lscpu": "looks at the processor",
    "/usr/bin/setarch": "changes what programs are told of the processor",
    "/usr/sbin/ldconfig": "reads the libraries of its own architecture",
    "/usr/bin/ldd": "runs programs of its own architecture",
    "/usr/sbin/iconvconfig": "lists modules of its own architecture",
    "/usr/lib/*/gdk-pixbuf-2.0/gdk-pixbuf-query-loaders": "loads modules of its own architecture",
    "/usr/lib/*/glib-2.0/gio-querymodules": "loads modules of its own architecture",
    "/usr/bin/getconf": "says how large its own types are",
    "/usr/bin/ssh-agent": "its package's script changes its group",
    "/usr/lib/dbus-1.0/dbus-daemon-launch-helper": "its package's script changes its group",
    "/usr/bin/systemd-machine-id-setup": "looks at the machine",
    "/usr/bin/systemd-detect-virt": "looks at the machine",
  ]

  /// The request for the packages of the twins.
  static func request(suite: String) -> PackageRequest {
    PackageRequest(packages, scope: .closure, suite: suite, architecture: Architecture.host.rawValue)
  }

  /// A twin and its package.
  private struct Entry: Codable {
    var package: String
    var version: String
    var twin: String
    var path: String
  }

  /// Name of the list of programs in the cached folder, which also has the folders `tree` and `ground`.
  private static let listName = "programs.json"

  private let folder: URL
  private let entries: [Entry]

  /// Fetches the packages of twins and combines them in a tree, or finds the tree in the cache.
  ///
  /// - Parameters:
  ///   - packages: Packages for ``request(suite:)``.
  ///   - target: Architecture of the system.
  /// - Throws: `ArchiveFailure`, `CommandFailure`, `FileFailure`.
  init(_ packages: [DebianPackage], for target: Sandbox.Emulation.Target, archive: DebianArchive, cache: Cache)
    async throws
  {
    var key = CacheKey("native-twins 4")
    key.add(packages.map(\.sha256.text))
    key.add(target.rawValue)
    key.add(Self.exceptions.keys.sorted())
    folder = try await cache.result("native-twins", key.hash) { folder in
      let (tree, ground) = (folder.appending(path: "tree"), folder.appending(path: "ground"))
      var entries: [Entry] = []
      for (package, source) in zip(packages, try await archive.trees(of: packages)) {
        for path in try LinkedTree.add(source, to: tree, at: Self.place(of:isFolder:)) {
          guard let program = try Self.program(at: path, in: tree, for: target) else { continue }
          entries.append(
            Entry(package: package.name, version: package.version, twin: program.twin, path: program.path))
        }
      }
      for (index, support) in Self.support.enumerated() {
        let place = ground.appending(path: String(support.path.dropFirst()))
        try FolderTree.create(place.deletingLastPathComponent().path)
        if index == 0 { try FolderTree.create(place.path) } else { try FolderTree.replaceFile(place.path, with: []) }
      }
      // As a link, because packages refuse a system whose `/usr` is not merged.
      let link = ground.appending(path: "lib64").path
      if Architecture.host == .amd64, symlink("usr/lib64", link) != 0 { throw FileFailure.last("link", link) }
      try FolderTree.replaceFile(
        folder.appending(path: Self.listName).path,
        with: JSONEncoder().encode(entries.sorted { ($0.path, $0.twin) < ($1.path, $1.twin) }))
    }
    let list = Data(try FolderTree.readFile(folder.appending(path: Self.listName).path))
    entries = try JSONDecoder().decode([Entry].self, from: list)
  }

  /// The folder of Perl's compiled modules, which a system has only with the package `perl`. Scripts look for these
  /// modules and behave differently with them. The modules of further packages (`perl5`) are in no tree of twins.
  private static let perlModules = (folder: "/usr/lib/\(Architecture.host.multiarch)/perl", package: "perl")

  /// The places that twins need: the folder of their libraries, and their loader at the path that programs name in
  /// `PT_INTERP` (System V ABI).
  private static var support: [Sandbox.Twins.Place] {
    let libraries = "/usr/lib/\(Architecture.host.multiarch)"
    let (name, folder) =
      switch Architecture.host {
      case .amd64: ("ld-linux-x86-64.so.2", "/usr/lib64")
      case .arm64: ("ld-linux-aarch64.so.1", "/usr/lib")
      }
    return [
      .init(twin: libraries, path: libraries), .init(twin: "\(libraries)/\(name)", path: "\(folder)/\(name)"),
    ]
  }

  /// The path of a package's file in the tree of twins. Older suites still have some files in folders that are links on
  /// every system. Newer suites have these links in a package.
  private static func place(of path: String, isFolder: Bool) -> String? {
    guard path != perlModules.folder.dropFirst() + "5" else { return nil }
    let top = path.prefix { $0 != "/" }
    guard ["bin", "lib", "lib64", "sbin"].contains(top) else { return path }
    return isFolder || top.count < path.count ? "usr/\(path)" : nil
  }

  /// The program that a package's file is a twin of; `nil` if it is not a twin.
  private static func program(
    at path: String, in tree: URL, for target: Sandbox.Emulation.Target
  ) throws -> (twin: String, path: String)? {
    let full = "/" + path
    let isInPath = ["/usr/bin/", "/usr/sbin/"].contains { full.hasPrefix($0) }
    let name = full.replacing("/\(Architecture.host.multiarch)/", with: "/*/")
    guard isInPath || full.hasPrefix("/usr/lib/"), exceptions[name] == nil else { return nil }
    let file = tree.appending(path: path).path
    guard FileManager.default.isExecutableFile(atPath: file) else { return nil }
    // A library may have an interpreter and an entry point too.
    guard isInPath || !full.contains(".so"), let headers = try? ELFFile(path: file), headers.isExecutable,
      headers.interpreter != nil
    else { return nil }
    return (full, full.replacing("/\(Architecture.host.multiarch)/", with: "/\(target.multiarch)/"))
  }

  /// The twins for a system's programs.
  ///
  /// - Parameter versions: Versions of the system's packages, by name.
  func twins(for versions: [String: String]) -> Sandbox.Twins {
    Sandbox.Twins(
      ground: folder.appending(path: "ground"),
      mounts: .init(
        tree: folder.appending(path: "tree").path, support: Self.support,
        hidden: versions[Self.perlModules.package] == nil ? [Self.perlModules.folder] : [],
        programs: entries.filter { entry in
          versions[entry.package].map(Self.source) == Self.source(entry.version)
        }.map { Sandbox.Twins.Place(twin: $0.twin, path: $0.path) }))
  }

  /// A version without the number of a rebuild (`+b1`), which each architecture counts separately.
  static func source(_ version: String) -> Substring {
    guard let mark = version.ranges(of: "+b").last, version[mark.upperBound...].allSatisfy(\.isNumber),
      mark.upperBound < version.endIndex
    else { return version[...] }
    return version[..<mark.lowerBound]
  }
}
