import FoundationEssentials
import Glibc

/// A program of the build host. Only the declarations here make one, so that none is started that nobody knows of:
/// `cultivar doctor` shows them, and `Scripts/require-packages` installs their packages.
public struct HostProgram: Sendable, Hashable {
  /// The work that takes a program.
  public enum Use: String, Sendable, CaseIterable {
    /// Every build.
    case build
    /// Builds of systems by a user who is not root.
    case users
    /// Signing, and making keys.
    case signing
    /// `cultivar run` for x86-64.
    case emulator
    /// `cultivar run` for arm64.
    case arm64
    /// Programs and layers from git repositories.
    case git
    /// Programs in Swift.
    case swift
    /// Programs in Rust.
    case cargo
    /// Programs in Go.
    case go
  }

  /// Name in `PATH`, or absolute path.
  public let name: String
  /// Debian package; `nil` where Debian has none.
  public let package: String?
  /// The reason why it is needed, as the end of a sentence: `resolve packages`.
  public let purpose: String
  /// The work that takes it.
  public let use: Use

  private init(_ name: String, package: String?, to purpose: String, in use: Use) {
    self.name = name
    self.package = package
    self.purpose = purpose
    self.use = use
  }

  // `Scripts/require-packages` reads these declarations.

  /// APT, to resolve packages.
  public static let aptGet = HostProgram("apt-get", package: "apt", to: "resolve packages", in: .build)
  /// APT, to look packages up.
  public static let aptCache = HostProgram("apt-cache", package: "apt", to: "look packages up", in: .build)
  /// APT's downloader.
  public static let aptHelper = HostProgram("/usr/lib/apt/apt-helper", package: "apt", to: "fetch packages", in: .build)
  /// The reader of package files.
  public static let dpkgDeb = HostProgram("dpkg-deb", package: "dpkg", to: "unpack packages", in: .build)
  /// GNU tar.
  public static let tar = HostProgram("tar", package: "tar", to: "write archives of root file systems", in: .build)
  /// GNU find.
  public static let find = HostProgram("find", package: "findutils", to: "list root file systems", in: .build)
  /// The holder of file locks.
  public static let flock = HostProgram("flock", package: "util-linux", to: "share decompressed packages", in: .build)
  /// The copier of files.
  public static let copy = HostProgram("cp", package: "coreutils", to: "copy images with their holes", in: .build)
  /// The starter of programs behind others.
  public static let nice = HostProgram("nice", package: "coreutils", to: "decompress behind other work", in: .build)
  /// The shell.
  public static let shell = HostProgram("/bin/sh", package: "dash", to: "join programs by pipes", in: .build)
  /// The decompressor of packages.
  public static let xz = HostProgram("xz", package: "xz-utils", to: "read many packages at once", in: .build)
  /// The giver of subordinate user ids.
  public static let newUIDMap = HostProgram(
    "/usr/bin/newuidmap", package: "uidmap", to: "build systems without root", in: .users)
  /// The giver of subordinate group ids.
  public static let newGIDMap = HostProgram(
    "/usr/bin/newgidmap", package: "uidmap", to: "build systems without root", in: .users)
  /// OpenSSL, which alone reads private keys.
  public static let openSSL = HostProgram(
    "openssl", package: "openssl", to: "make keys, and sign with them", in: .signing)
  /// QEMU for x86-64.
  public static let qemuX86 = HostProgram(
    "qemu-system-x86_64", package: "qemu-system-x86", to: "run images for x86-64", in: .emulator)
  /// QEMU for arm64.
  public static let qemuARM = HostProgram(
    "qemu-system-aarch64", package: "qemu-system-arm", to: "run images for arm64", in: .arm64)
  /// git.
  public static let git = HostProgram("git", package: "git", to: "fetch programs and layers", in: .git)
  /// Swift's package manager.
  public static let swift = HostProgram("swift", package: nil, to: "build programs in Swift", in: .swift)
  /// Rust's package manager.
  public static let cargo = HostProgram("cargo", package: "cargo", to: "build programs in Rust", in: .cargo)
  /// The Rust compiler.
  public static let rustc = HostProgram("rustc", package: "rustc", to: "build programs in Rust", in: .cargo)
  /// The Go toolchain.
  public static let go = HostProgram("go", package: "golang-go", to: "build programs in Go", in: .go)

  /// All of them.
  public static let all: [HostProgram] = [
    .aptGet, .aptCache, .aptHelper, .dpkgDeb, .tar, .find, .flock, .copy, .nice, .shell, .xz, .newUIDMap, .newGIDMap,
    .openSSL,
    .qemuX86, .qemuARM, .git, .swift, .cargo, .rustc, .go,
  ]

  /// Path of the program; `nil` where it is not on this machine.
  public var path: String? {
    if name.contains("/") { return access(name, X_OK) == 0 ? name : nil }
    let folders = ProcessInfo.processInfo.environment["PATH"]?.split(separator: ":") ?? []
    return folders.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
  }

  /// Checks that programs are on this machine, before any work begins.
  ///
  /// - Throws: ``MissingPrograms``, with all that are missing.
  public static func require(_ uses: Set<Use>) throws(MissingPrograms) {
    let missing = all.filter { uses.contains($0.use) && $0.path == nil }
    guard missing.isEmpty else { throw MissingPrograms(missing) }
  }
}

/// Programs that the build host lacks.
public struct MissingPrograms: ExplainedError {
  /// The programs.
  public let programs: [HostProgram]

  /// Makes an error.
  public init(_ programs: [HostProgram]) { self.programs = programs }

  /// The programs, each with the reason why it is needed.
  public var problem: String {
    programs.map { "there is no program \($0.name), which is needed to \($0.purpose)" }.joined(separator: "\n")
  }

  /// A line to paste.
  public var remedy: String? { Self.remedy(packages: programs.map(\.package)) }

  /// A line to paste that installs packages; a program that Debian does not have is named.
  static func remedy(packages: [String?]) -> String {
    let names = Set(packages.compactMap(\.self)).sorted()
    let line = names.isEmpty ? [] : ["run `\(installation(of: names))`"]
    let toolchain = packages.contains(nil) ? ["install Swift 6.2 or newer: https://www.swift.org/install"] : []
    return (line + toolchain).joined(separator: "; ")
  }

  /// The command that installs packages.
  public static func installation(of packages: [String]) -> String {
    (geteuid() == 0 ? "" : "sudo ") + "apt-get install " + packages.joined(separator: " ")
  }
}
