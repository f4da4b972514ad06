import HostSystem
import Lock

/// The parts of Debian's packages that an SDK consists of.
///
/// Packages and files that no build reads are left out. They are more than three quarters of 6 GB: debugger, language
/// server, documentation, GNU compilers, and the compiler for the target itself.
enum SDKContent {
  /// Debian's suite with the newest Swift and C library. Both architectures have the same versions there.
  static let suite = "sid"
  /// Folder of Swift in Debian's packages.
  static let swift = "/usr/libexec/swift"
  /// Folder of Swift's tools.
  static let tools = "\(swift)/bin"

  private static let development = ["g++", "libc6-dev", "swiftlang"]

  /// Libraries that the device executable needs in addition to Swift's own.
  private static let libraries = ["libzstd-dev"]

  /// Returns the request for the packages from which the compiler's root is selected.
  static func compilerRequest(host: Architecture = .host) -> PackageRequest {
    // The package manager asks git for the state of checkouts. The sandbox also needs a shell and a few programs.
    PackageRequest(
      development + ["coreutils", "dash", "git"], scope: .closure, suite: suite, architecture: host.rawValue)
  }

  /// Returns the request for the packages from which the target's libraries are selected.
  static func libraryRequest(for architecture: Architecture) -> PackageRequest {
    PackageRequest(development + libraries, scope: .closure, suite: suite, architecture: architecture.rawValue)
  }

  /// Prefixes of the names of packages that the compiler does not need: GNU compilers with their libraries,
  /// interpreters, and packages for running systems. Unknown packages are kept, as they may contain a library that the
  /// compiler needs.
  private static let unneeded = [
    "base-", "bash", "binutils", "ca-certificates", "cpp", "debconf", "debianutils", "g++", "gcc", "git-man", "libasan",
    "libbinutils", "libc-dev-bin", "libc-gconv", "libcc1", "libctf", "liberror-perl", "libgdbm", "libgmp", "libgomp",
    "libgprofng", "libhwasan", "libisl", "libitm", "libjansson", "liblsan", "libmpc", "libmpfr", "libperl", "libpython",
    "libquadmath", "libreadline", "libsframe", "libtsan", "libubsan", "mawk", "media-types", "netbase", "openssl",
    "perl", "python", "readline", "tzdata",
  ]

  /// Selects the packages of the compiler's root.
  static func compilerPackages(among packages: [DebianPackage]) -> [DebianPackage] {
    packages.filter { package in !unneeded.contains { package.name.hasPrefix($0) } }
  }

  /// Selects the packages of the target's libraries: headers, static libraries, and the shared libraries they refer to.
  static func libraryPackages(among packages: [DebianPackage]) -> [DebianPackage] {
    let names: Set<String> = [
      "libc6", "libc6-dev", "libcrypt-dev", "libgcc-s1", "libstdc++6", "libswiftlang", "linux-libc-dev", "swiftlang",
    ]
    return packages.filter { package in
      // These packages have the version of the GNU compiler in their names.
      let isOfCompiler = ["libgcc-", "libstdc++-"].contains { package.name.hasPrefix($0) }
      return names.contains(package.name) || libraries.contains(package.name)
        || isOfCompiler && package.name.hasSuffix("-dev")
    }
  }

  /// Paths that are excluded from both, as patterns of tar.
  private static let unneededPaths =
    [
      "boot", "etc", "home", "media", "mnt", "opt", "root", "srv", "var", "usr/games", "usr/local", "usr/share",
      "usr/src", "usr/lib/*/gconv", "usr/libexec/gcc",
    ].map { "./\($0)" }
    + [
      // Debugger, language server, Apple's platforms, Embedded Swift.
      "lib/libLTO*", "lib/libSwiftSourceKit*", "lib/libclang*", "lib/liblldb*", "lib/libsourcekitd*",
      "lib/swift/FrameworkABIBaseline", "lib/swift/embedded", "lib/swift/migrator", "lib/swift_static/embedded",
      "libexec", "share/docc", "share/man",
      // Sanitizers, and the libraries of clang's runtime except its builtins.
      "lib/clang/*/lib/linux/libclang_rt.[!b]*", "lib/clang/*/lib/linux/liborc*",
    ].map { ".\(swift)/\($0)" }

  /// Paths that are excluded from the compiler's root.
  static let unneededInCompiler =
    unneededPaths
    + [
      "lib/swift_static", "bin/*lldb*", "bin/clangd", "bin/docc", "bin/llvm-[!ar]*", "bin/repl_swift",
      "bin/sourcekit-lsp", "bin/swift-api-*", "bin/swift-build-sdk-interfaces", "bin/swift-format", "bin/wasmkit",
    ].map { ".\(swift)/\($0)" }

  /// Paths that are excluded from the target's libraries: programs, and files for dynamic linking.
  static let unneededInLibraries =
    unneededPaths + ["./usr/bin", "./usr/sbin"] + ["bin", "lib/*.so*", "lib/swift"].map { ".\(swift)/\($0)" }
}
