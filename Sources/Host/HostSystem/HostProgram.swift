import FoundationEssentials
import Glibc

/// A program of the build host.
///
/// Only the declarations here create one, so the list of required programs is complete. `cultivar doctor` shows them,
/// and `Scripts/require-packages` installs their packages.
public struct HostProgram: Sendable, Hashable {
  /// The work that needs a program.
  public enum Use: String, Sendable, CaseIterable {
    /// Every build.
    case build
    /// Builds of systems by a user other than root.
    case users
    /// Signing and key generation.
    case signing
    /// `cultivar run` for x86-64.
    case emulator
    /// `cultivar run` for arm64.
    case arm64
    /// Fetching programs and layers from git repositories.
    case git
    /// Building programs in Swift.
    case swift
    /// Building programs in Rust.
    case cargo
    /// Building programs in Go.
    case go
  }

  /// Name in `PATH`, or absolute path.
  public let name: String
  /// Name of the Debian package; `nil` if Debian has none.
  public let package: String?
  /// The program's purpose, as the end of a sentence: `resolve packages`.
  public let purpose: String
  /// The work that needs the program.
  public let use: Use

  private init(_ name: String, package: String?, to purpose: String, in use: Use) {
    self.name = name
    self.package = package
    self.purpose = purpose
    self.use = use
  }

  // `Scripts/require-packages` reads these declarations.

  public static let aptGet = HostProgram("apt-get", package: "apt", to: "resolve packages", in: .build)
  public static let aptCache = HostProgram("apt-cache", package: "apt", to: "look up packages", in: .build)
  public static let aptHelper = HostProgram("/usr/lib/apt/apt-helper", package: "apt", to: "fetch packages", in: .build)
  public static let dpkgDeb = HostProgram("dpkg-deb", package: "dpkg", to: "unpack packages", in: .build)
  public static let tar = HostProgram("tar", package: "tar", to: "write archives of root file systems", in: .build)
  public static let find = HostProgram("find", package: "findutils", to: "list root file systems", in: .build)
  public static let flock = HostProgram("flock", package: "util-linux", to: "share decompressed packages", in: .build)
  public static let copy = HostProgram("cp", package: "coreutils", to: "copy sparse images", in: .build)
  public static let nice = HostProgram("nice", package: "coreutils", to: "decompress in the background", in: .build)
  public static let shell = HostProgram("/bin/sh", package: "dash", to: "connect programs by pipes", in: .build)
  public static let xz = HostProgram("xz", package: "xz-utils", to: "read many packages at once", in: .build)
  public static let newUIDMap = HostProgram(
    "/usr/bin/newuidmap", package: "uidmap", to: "build systems without root", in: .users)
  public static let newGIDMap = HostProgram(
    "/usr/bin/newgidmap", package: "uidmap", to: "build systems without root", in: .users)
  /// OpenSSL. No other program reads private keys.
  public static let openSSL = HostProgram(
    "openssl", package: "openssl", to: "make keys, and sign with them", in: .signing)
  public static let qemuX86 = HostProgram(
    "qemu-system-x86_64", package: "qemu-system-x86", to: "run images for x86-64", in: .emulator)
  public static let qemuARM = HostProgram(
    "qemu-system-aarch64", package: "qemu-system-arm", to: "run images for arm64", in: .arm64)
  public static let git = HostProgram("git", package: "git", to: "fetch programs and layers", in: .git)
  public static let swift = HostProgram("swift", package: nil, to: "build programs in Swift", in: .swift)
  public static let cargo = HostProgram("cargo", package: "cargo", to: "build programs in Rust", in: .cargo)
  public static let rustc = HostProgram("rustc", package: "rustc", to: "build programs in Rust", in: .cargo)
  public static let go = HostProgram("go", package: "golang-go", to: "build programs in Go", in: .go)

  public static let all: [HostProgram] = [
    .aptGet, .aptCache, .aptHelper, .dpkgDeb, .tar, .find, .flock, .copy, .nice, .shell, .xz, .newUIDMap, .newGIDMap,
    .openSSL,
    .qemuX86, .qemuARM, .git, .swift, .cargo, .rustc, .go,
  ]

  /// Path of the program; `nil` if it is not installed.
  public var path: String? {
    if name.contains("/") { return access(name, X_OK) == 0 ? name : nil }
    let folders = ProcessInfo.processInfo.environment["PATH"]?.split(separator: ":") ?? []
    return folders.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
  }

  /// Checks that the programs for some work are installed.
  ///
  /// - Throws: ``MissingPrograms`` with all programs that are missing.
  public static func require(_ uses: Set<Use>) throws(MissingPrograms) {
    let missing = all.filter { uses.contains($0.use) && $0.path == nil }
    guard missing.isEmpty else { throw MissingPrograms(missing) }
  }
}

/// Programs that the build host lacks.
public struct MissingPrograms: ExplainedError {
  public let programs: [HostProgram]

  public init(_ programs: [HostProgram]) { self.programs = programs }

  /// The programs, each with its purpose.
  public var problem: String {
    programs.map { "there is no program \($0.name), which is needed to \($0.purpose)" }.joined(separator: "\n")
  }

  /// A command line that installs the programs.
  public var remedy: String? { Self.remedy(packages: programs.map(\.package)) }

  /// Returns a command line that installs packages. A program without a Debian package gets its own instructions.
  static func remedy(packages: [String?]) -> String {
    let names = Set(packages.compactMap(\.self)).sorted()
    let line = names.isEmpty ? [] : ["run `\(installation(of: names))`"]
    let toolchain = packages.contains(nil) ? ["install Swift 6.2 or newer: https://www.swift.org/install"] : []
    return (line + toolchain).joined(separator: "; ")
  }

  /// Returns the command that installs packages.
  public static func installation(of packages: [String]) -> String {
    (geteuid() == 0 ? "" : "sudo ") + "apt-get install " + packages.joined(separator: " ")
  }
}
