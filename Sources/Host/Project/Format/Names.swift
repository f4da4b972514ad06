import DeviceModel

/// The names that an image reserves for its own use.
enum ReservedNames {
  /// Names of Cultivar's own programs and users.
  static let programs = ["init", "cultivard", "cultivarctl", "updater", "network", "clock", "root", "nobody"]
  /// Users that no program can run as. `root` is allowed.
  static let users = programs.filter { $0 != "root" }
}

extension Shape<String> {
  private static let nameHint = "use lower-case letters, digits and hyphens, and begin with a letter"

  /// Name of a project or an image.
  static let name = text("a name", pattern: namePattern, hint: nameHint)

  /// Pattern of the names of projects and images, which can be used as host names.
  static let namePattern = "[a-z]([a-z0-9-]{0,61}[a-z0-9])?"

  /// Name of a program, which is also the name of its user. User databases allow 31 characters.
  static let programName = text("a program's name", pattern: "[a-z]([a-z0-9-]{0,29}[a-z0-9])?", hint: nameHint)
    .unreserved(ReservedNames.programs, "the name")

  /// Name of a user.
  static let userName = text("a user's name", pattern: "[a-z_][a-z0-9_-]{0,30}", hint: nameHint)
    .unreserved(ReservedNames.users, "the user name")

  /// Returns the same shape without the names of the system.
  ///
  /// - Parameter noun: Noun for a name, with its article.
  private func unreserved(_ reserved: [String], _ noun: String) -> Shape {
    checked { name, node, reading in
      guard !reserved.contains(name) else {
        reading.error(
          "\(noun) '\(name)' is reserved for the system", at: node.position,
          hint: "choose another; reserved: \(reserved.joined(separator: ", "))")
        return nil
      }
      return name
    }
  }

  /// Name of a machine without its domain (RFC 1123, section 2.1).
  static let hostname = text(
    "a host name", pattern: "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?",
    hint: "use letters, digits and hyphens, at most 63")

  /// Name of a time zone in the tz database.
  static let timezone = text(
    "a time zone's name", pattern: "[A-Z][A-Za-z0-9_+-]*(/[A-Za-z][A-Za-z0-9_+-]*){0,2}",
    hint: "names look like Europe/Berlin or UTC")

  /// Version of a release.
  static let version = text(
    "a version", pattern: "[0-9A-Za-z][0-9A-Za-z.+~-]{0,63}", hint: "use letters, digits and . + ~ -")

  /// Name of a Debian package (Debian Policy, section 5.6.1).
  static let debianPackage = text(
    "a Debian package's name", pattern: "[a-z0-9][a-z0-9+.-]+", hint: "use lower-case letters, digits and + - .")

  /// Code name of a Debian suite.
  static let debianSuite = text(
    "a Debian suite", pattern: "[a-z][a-z0-9-]*(/[a-z-]+)?", hint: "names look like trixie or trixie-backports")

  /// Name of a kernel module.
  static let kernelModule = text("a kernel module's name", pattern: "[A-Za-z0-9_-]+")

  /// Part of the kernel command line.
  ///
  /// The build sets the root file system and the init program. An image with other values would not boot.
  static let kernelArgument = text(
    "one part of a kernel command line", pattern: #"\S+"#, hint: "write each part as a separate list item"
  ).checked { argument, node, reading in
    let own = ["root", "rootfstype", "rootflags", "init", "rdinit", "initrd"]
    if let name = own.first(where: { argument.hasPrefix("\($0)=") }) {
      reading.error(
        "a project cannot set '\(name)='", at: node.position,
        hint: "remove it: the device finds the root file system of its slot itself, and starts its own init")
      return nil
    }
    let loaders = [KernelParameter.slot, KernelParameter.loader, KernelParameter.trial]
    if let name = loaders.first(where: { argument == $0 || argument.hasPrefix("\($0)=") }) {
      reading.error(
        "a project cannot set '\(name)'", at: node.position, hint: "remove it: the boot loader sets it at each start")
      return nil
    }
    return argument
  }

  /// Name of an environment variable.
  static let environmentName = text(
    "a variable's name", pattern: "[A-Za-z_][A-Za-z0-9_]*", hint: "use letters, digits and underscores")

  /// Text for a program. It cannot contain NUL, which ends a string in C.
  static let programText = anyText.checked { text, node, reading in
    guard !text.unicodeScalars.contains("\0") else {
      reading.error("text for a program cannot contain a NUL character", at: node.position)
      return nil
    }
    return text
  }

  /// Name of a network interface (the kernel's limit is 15 characters).
  static let interfaceName = text(
    "an interface's name", pattern: "[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}",
    hint: "names look like eth0, at most 15 characters")

  /// Name of a capability without `CAP_`, in lower case.
  static let capability = choice(LinuxNames.capabilities, "a capability")
}
