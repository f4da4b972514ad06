import Glibc
import LinuxSystem

/// Runs the `preinst` scripts of unpacked packages, activates triggers, and configures all packages with dpkg.
public struct PackageConfiguration {
  private let plan: InstallationPlan

  /// Prepares the work, which runs inside the tree.
  public init(_ plan: InstallationPlan) { self.plan = plan }

  /// The program that forbids scripts to start services (`invoke-rc.d(8)`).
  private static let policy = "/usr/sbin/policy-rc.d"
  /// The file of dpkg's settings with the rules for excluded paths.
  private static let settings = "/etc/dpkg/dpkg.cfg.d/50cultivar"

  /// Configures the packages.
  ///
  /// - Throws: ``InstallationFailure``, `SystemError`, `StartError`.
  public func run() throws {
    let tree = try TreeRoot("/")
    let database = try PackageDatabase(in: tree)
    try write("#!/bin/sh\nexit 101\n", to: Self.policy, mode: 0o755, in: tree)
    if !plan.mergedLinks.isEmpty, !plan.rules.isEmpty {
      let lines = plan.rules.map { "path-\($0.isInclusion ? "include" : "exclude")=\($0.pattern)\n" }
      _ = try tree.folder(FileTree.parent(of: Self.settings))
      try write(lines.joined(), to: Self.settings, mode: 0o644, in: tree)
    }
    for package in plan.packages where FileTree.exists("\(PackageDatabase.path)/info/\(package.stem).preinst") {
      try runScript(of: package)
    }
    try activateTriggers(database)
    try start("/usr/bin/dpkg", ["dpkg", "--force-unsafe-io", "--configure", "--pending"], called: "dpkg")
    unlink(Self.policy)
  }

  private func write(_ text: String, to path: String, mode: mode_t, in tree: TreeRoot) throws(SystemError) {
    _ = try tree.file(path)
    let file = try Descriptor(opening: path, O_WRONLY | O_TRUNC)
    try file.write(all: Array(text.utf8))
    guard fchmod(file.number, mode) == 0 else { throw SystemError("set the mode of", path) }
  }

  private func runScript(of package: InstallationPlan.Package) throws {
    let script = "\(PackageDatabase.path)/info/\(package.stem).preinst"
    try start(
      script, [script, "install"],
      variables: [
        "DPKG_ADMINDIR=\(PackageDatabase.path)", "DPKG_MAINTSCRIPT_NAME=preinst",
        "DPKG_MAINTSCRIPT_PACKAGE=\(package.name)",
        "DPKG_MAINTSCRIPT_ARCH=\(package.architecture)", "DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT=1",
      ], called: "the preinst script of \(package.stem)")
  }

  /// Runs a program with its output on standard error.
  private func start(_ path: String, _ words: [String], variables: [String] = [], called name: String) throws {
    var list = environ
    var environment = variables
    while let entry = list.pointee {
      environment.append(String(cString: entry))
      list += 1
    }
    let process = try ChildProcess.start(
      ProcessStart(path, words, environment: environment), input: Descriptor(opening: "/dev/null", O_RDONLY),
      output: Descriptor.standardError, error: Descriptor.standardError)
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0 {
      guard errno == EINTR else { throw SystemError("wait for", name) }
    }
    let end = ProcessEnd(waitStatus: status)
    guard end == .exited(0) else { throw InstallationFailure("\(name) failed: \(end)") }
  }

  /// Activates the triggers for the paths of all packages, as dpkg does for each path that it unpacks.
  private func activateTriggers(_ database: PackageDatabase) throws {
    // A script may have diverted a path of another package.
    let diversions = Dictionary(try database.diversions()) { $1 }
    let triggers = try database.triggerPaths()
    var activated: [TreePath: [String]] = [:]
    for package in plan.packages {
      var own: Set<TreePath> = []
      for path in try database.paths(of: package.stem) {
        if let owner = diversions[path], owner != package.name {
          throw InstallationFailure("\(owner) diverts \(path.text) of \(package.stem)")
        }
        var place: TreePath? = triggers.isEmpty ? nil : path
        while let current = place {
          if triggers.contains(current) { own.insert(current) }
          place = current.parent
        }
      }
      for path in own { activated[path, default: []].append(package.stem) }
    }
    guard !activated.isEmpty else { return }
    // Triggers that scripts activated are already in the list. dpkg joins the lines of one trigger (dpkg's
    // doc/triggers.txt, "Unincorp").
    let lines = activated.sorted { $0.key < $1.key }.map { "\($0.key.text) \($0.value.joined(separator: " "))\n" }
    try database.append(lines.joined(), to: "triggers/Unincorp")
  }
}
