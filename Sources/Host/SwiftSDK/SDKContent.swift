import HostSystem
import Lock

/// What of Debian's packages an SDK is made of.
///
/// Packages and files are left out that no build reads, more than three quarters of 6 GB: debugger, language server, documentation,
/// GNU's compilers, the compiler for the target itself.
enum SDKContent {
  /// Debian's newest Swift, and the newest C library with it; both architectures have the same version there.
  static let suite = "sid"
  /// Where Debian has Swift.
  static let swift = "/usr/libexec/swift"
  /// Folder of its tools.
  static let tools = "\(swift)/bin"

  private static let development = ["g++", "libc6-dev", "swiftlang"]

  /// What the device executable needs besides what Swift brings.
  private static let libraries = ["libzstd-dev"]

  /// The packages that the compiler's root is chosen from.
  static func compilerRequest(host: Architecture = .host) -> PackageRequest {
    // The package manager asks git for the state of checkouts; the sandbox has a shell and a few programs.
    PackageRequest(
      development + ["coreutils", "dash", "git"], scope: .closure, suite: suite, architecture: host.rawValue)
  }

  /// The packages that the libraries for the target are chosen from.
  static func libraryRequest(for architecture: Architecture) -> PackageRequest {
    PackageRequest(development + libraries, scope: .closure, suite: suite, architecture: architecture.rawValue)
  }

  /// What the compiler's root can do without, by how names of packages begin: GNU's compilers with their libraries, interpreters, and what
  /// only matters to a running system. What is not known is kept, as it may be a library that the compiler needs.
  private static let unneeded = [
    "base-", "bash", "binutils", "ca-certificates", "cpp", "debconf", "debianutils", "g++", "gcc", "git-man", "libasan",
    "libbinutils", "libc-dev-bin", "libc-gconv", "libcc1", "libctf", "liberror-perl", "libgdbm", "libgmp", "libgomp",
    "libgprofng", "libhwasan", "libisl", "libitm", "libjansson", "liblsan", "libmpc", "libmpfr", "libperl", "libpython",
    "libquadmath", "libreadline", "libsframe", "libtsan", "libubsan", "mawk", "media-types", "netbase", "openssl",
    "perl", "python", "readline", "tzdata",
  ]

  /// The packages of the compiler's root.
  static func compilerPackages(among packages: [DebianPackage]) -> [DebianPackage] {
    packages.filter { package in !unneeded.contains { package.name.hasPrefix($0) } }
  }

  /// The packages of the target's libraries: those with headers and static libraries, and the shared ones that belong to them.
  static func libraryPackages(among packages: [DebianPackage]) -> [DebianPackage] {
    let names: Set<String> = [
      "libc6", "libc6-dev", "libcrypt-dev", "libgcc-s1", "libstdc++6", "libswiftlang", "linux-libc-dev", "swiftlang",
    ]
    return packages.filter { package in
      // Of GNU's compiler these have its version in their names.
      let isOfCompiler = ["libgcc-", "libstdc++-"].contains { package.name.hasPrefix($0) }
      return names.contains(package.name) || libraries.contains(package.name)
        || isOfCompiler && package.name.hasSuffix("-dev")
    }
  }

  /// Paths that are left out of both, as patterns of tar.
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
      // Sanitizers, and the other libraries of clang's runtime but its builtins.
      "lib/clang/*/lib/linux/libclang_rt.[!b]*", "lib/clang/*/lib/linux/liborc*",
    ].map { ".\(swift)/\($0)" }

  /// Paths that are left out of the compiler's root.
  static let unneededInCompiler =
    unneededPaths
    + [
      "lib/swift_static", "bin/*lldb*", "bin/clangd", "bin/docc", "bin/llvm-[!ar]*", "bin/repl_swift",
      "bin/sourcekit-lsp", "bin/swift-api-*", "bin/swift-build-sdk-interfaces", "bin/swift-format", "bin/wasmkit",
    ].map { ".\(swift)/\($0)" }

  /// Paths that are left out of the target's libraries: its programs, and what dynamic linking needs.
  static let unneededInLibraries =
    unneededPaths + ["./usr/bin", "./usr/sbin"] + ["bin", "lib/*.so*", "lib/swift"].map { ".\(swift)/\($0)" }
}
