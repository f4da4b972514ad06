import DebianPackages
import FoundationEssentials

/// The keys that layers and systems have in common, for the parts that they add to the root file system.
enum PartsFormat {
  private static let repositories = OptionalKey(
    "repositories",
    Shape<[LayerRepository<WrittenForm>]>.named(key: .partName, value: RepositoryFormat.shape),
    "Package archives in addition to Debian's, by name.",
    example: [
      "vendor": ["url": "https://packages.example.org/debian", "suites": ["stable"], "key": "./vendor.asc"]
    ])
  private static let packages = OptionalKey(
    "packages", PackagesFormat.shape,
    "Packages to install, by name or `name=version`; or a mapping of packages to install, remove and exclude.",
    example: ["nftables", "curl=8.14.1-2"])
  private static let paths = OptionalKey(
    "paths", Shape<[LayerPathRule<WrittenForm>]>.list(of: PathFormat.shape),
    "Rules that exclude or include paths of packages. The last rule that matches applies.",
    example: [["exclude": "/usr/share/doc/*"], ["include": "/usr/share/doc/*/copyright"]])
  private static let groups = OptionalKey(
    "groups", Shape<[SystemGroup]>.named(key: .accountName, value: AccountFormat.group),
    "Groups by name.",
    example: ["gpio": ["system": true]])
  private static let users = OptionalKey(
    "users", Shape<[LayerUser<WrittenForm>]>.named(key: .accountName, value: AccountFormat.user),
    "Users by name.",
    example: ["admin": ["groups": ["sudo"], "authorizedKeys": ["${keys}"]]])
  private static let files = OptionalKey(
    "files", Shape<[FilePart]>.list(of: SystemFileFormat.shape),
    "Files, folders and links. A later one replaces an earlier one at the same path.",
    example: [["path": "/etc/motd", "content": "Welcome to ${image.hostname}\n"]])
  private static let steps = OptionalKey(
    "steps", Shape<[StepPart]>.named(key: .partName, value: StepFormat.shape),
    "Commands and scripts that the build runs, by name, in the order of the file.",
    example: ["no-host-keys": ["phase": "packages", "run": "rm -f /etc/ssh/ssh_host_*"]])
  private static let units = OptionalKey(
    "units", UnitsFormat.shape, "Units to add, enable, disable or mask, and the default target.",
    example: ["enable": ["ssh.service"]])
  private static let firmware = OptionalKey(
    "firmware", firmwareShape, "Configuration of the firmware.", example: ["config": ["dtparam=i2c_arm=on"]])
  private static let state = OptionalKey(
    "state", stateShape, "Data that survives reboots and updates.",
    example: ["persist": ["/var/lib/gateway", ["path": "/etc/gateway", "onUpdate": "keep"]]])
  private static let health = OptionalKey(
    "health", Shape<[DictionaryEntry<Located<String>>]>.dictionary(key: .partName, value: Shape.programText.located),
    "Commands that must succeed on the device before an update is committed, by name.",
    example: ["web": "curl -fsS http://localhost/"])
  private static let kernel = OptionalKey(
    "kernel", kernelShape, "Parts of the kernel command line, and kernel modules.", example: ["arguments": ["quiet"]])

  /// The keys except `kernel`, which has a different form in an image.
  static let keys: [any KeyDeclaration] = [
    repositories, packages, paths, groups, users, files, steps, units, firmware, state, health,
  ]
  /// The keys of a layer.
  static let layerKeys: [any KeyDeclaration] = keys + [kernel]

  private static let config = DefaultedKey(
    "config", Shape<[VariableText]>.list(of: .filled(.firmwareLine)), default: [],
    "Lines for `config.txt` of a Raspberry Pi. On other devices, the key is an error.",
    example: ["dtparam=i2c_arm=on"])
  private static let firmwareShape = Shape<[VariableText]>.object(
    "firmware", about: "Configuration of the firmware.", keys: [config]
  ) { fields, _ in fields[config] }

  private static let persist = DefaultedKey(
    "persist", Shape<[LayerPersistedPath<WrittenForm>]>.list(of: PersistFormat.shape), default: [],
    "Paths that survive reboots and updates.",
    example: ["/var/lib/gateway"])
  private static let stateShape = Shape<[LayerPersistedPath<WrittenForm>]>.object(
    "state", about: "Data that survives reboots and updates.", keys: [persist]
  ) { fields, _ in fields[persist] }

  private static let arguments = DefaultedKey(
    "arguments", Shape<[VariableText]>.list(of: .filled(.kernelArgument)), default: [],
    "Parts of the kernel command line.", example: ["quiet"])
  private static let modules = DefaultedKey(
    "modules", Shape<[VariableText]>.list(of: .filled(.kernelModule)), default: [],
    "Additional kernel modules for the initial RAM file system.", example: ["usbhid"])
  private static let kernelShape = Shape<KernelParts>.object(
    "kernel parts", about: "Additions to the kernel command line and to the initial RAM file system.",
    keys: [arguments, modules]
  ) { fields, _ in KernelParts(arguments: fields[arguments], modules: fields[modules]) }

  private struct KernelParts: Sendable {
    var arguments: [VariableText]
    var modules: [VariableText]
  }

  /// Returns the parts of a mapping with these keys. The key `kernel` is read only if `hasKernel` is true.
  static func parts(_ fields: Fields, hasKernel: Bool, _ reading: inout Reading) -> LayerParts<WrittenForm> {
    var parts = LayerParts<WrittenForm>()
    parts.repositories = fields[repositories] ?? []
    let packages = fields[packages]
    parts.packages = packages?.install ?? []
    parts.removedPackages = packages?.remove ?? []
    parts.excludedPackages = packages?.exclude ?? []
    parts.pathRules = fields[paths] ?? []
    parts.groups = fields[groups] ?? []
    parts.users = fields[users] ?? []
    parts.files = fields[files] ?? []
    parts.steps = fields[steps] ?? []
    parts.units = fields[units] ?? LayerUnits()
    parts.bootConfiguration = fields[firmware] ?? []
    parts.persistedPaths = fields[state] ?? []
    parts.healthChecks = (fields[health] ?? []).map {
      HealthCheck(position: $0.position, name: $0.name, command: $0.value.value)
    }
    if hasKernel, let kernel = fields[kernel] {
      parts.kernelArguments = kernel.arguments
      parts.bootModules = kernel.modules
    }
    ImageChecks.checkPaths(parts.files.map { Located(value: $0.path.written, position: $0.path.position) }, &reading)
    return parts
  }
}

/// An entry of `repositories:`.
enum RepositoryFormat {
  private static let url = RequiredKey(
    "url", Shape.filled(.url),
    """
    URL of the archive, without user and password. Those belong in `/etc/apt/auth.conf.d` of the build host \
    (apt_auth.conf(5)).
    """,
    example: "https://packages.example.org/debian")
  private static let suites = RequiredKey(
    "suites", Shape<[VariableText]>.list(of: .filled(.suite), minimumCount: 1),
    "Suites; for a flat archive, a path that ends in '/'.", example: ["stable"])
  private static let components = DefaultedKey(
    "components", Shape<[VariableText]>.list(of: .filled(.component)), default: ["main"],
    "Components; for a flat archive, an empty list.", example: ["main"])
  private static let architectures = DefaultedKey(
    "architectures",
    Shape<[String]>.list(of: .text("an architecture of Debian", pattern: "[a-z0-9][a-z0-9-]*")), default: [],
    "Architectures. Default: that of the image.", example: ["amd64"])
  private static let key = RequiredKey(
    "key", Shape.existingFile, "File with the OpenPGP key that signs the archive, armoured or binary.",
    example: "./vendor.asc")
  private static let pin = OptionalKey(
    "pin", pinShape, "Priority of its packages relative to other archives.", example: ["priority": 100])
  private static let inImage = DefaultedKey(
    "inImage", Shape.truth, default: true, "If true, the image has the archive in its APT sources.", example: false)

  private static let priority = RequiredKey(
    "priority", Shape.integer(-1...32_767), "Priority, as in apt_preferences(5).", example: 100)
  private static let packages = DefaultedKey(
    "packages", Shape<[String]>.list(of: .text("a package's name or pattern", pattern: "[a-z0-9*?][a-z0-9+.*?-]*")),
    default: [], "Packages that the priority applies to. Default: all.", example: ["nginx*"])
  private static let pinShape = Shape<RepositoryPin>.object(
    "pin", about: "Priority of an archive's packages.", keys: [priority, packages]
  ) { fields, _ in fields[priority].map { RepositoryPin(priority: $0, packages: fields[packages]) } }

  /// A repository without its name, which is the key of its entry.
  static let shape = Shape<LayerRepository<WrittenForm>>.object(
    "repository", about: "An archive of Debian packages, with the key that signs it.",
    keys: [url, suites, components, architectures, key, pin, inImage]
  ) { fields, _ in
    guard let url = fields[url], let suites = fields[suites], let key = fields[key] else { return nil }
    return LayerRepository(
      position: fields.position,
      source: PackageRepository(
        name: "", url: url, suites: suites, components: fields[components], key: key, pin: fields[pin]),
      architectures: fields[architectures], inImage: fields[inImage])
  }
}

/// `packages:`
enum PackagesFormat {
  /// The changes to the set of packages.
  struct Packages: Sendable {
    var install: [VariableText]
    var remove: [VariableText] = []
    var exclude: [VariableText] = []
  }

  private static let wishes = Shape<[VariableText]>.list(of: .filled(.package))
  private static let names = Shape<[VariableText]>.list(of: .filled(.packageName))
  private static let install = DefaultedKey(
    "install", wishes, default: [], "Packages to install, by name or `name=version`.", example: ["nftables"])
  private static let remove = DefaultedKey(
    "remove", names, default: [], "Packages of earlier layers to remove.", example: ["nano"])
  private static let exclude = DefaultedKey(
    "exclude", names, default: [], "Packages that must never be installed, even if other packages depend on them.",
    example: ["exim4-base"])

  /// A list of packages to install, or a mapping.
  static let shape = Shape<Packages>.eitherList(
    wishes.map { Packages(install: $0) },
    otherwise: .object(
      "packages", about: "Changes to the set of packages.", keys: [install, remove, exclude]
    ) { fields, _ in
      Packages(install: fields[install], remove: fields[remove], exclude: fields[exclude])
    })
}

/// An item of `paths:`.
enum PathFormat {
  private static let exclude = OptionalKey(
    "exclude", Shape.filled(.pathPattern), "Pattern of paths to exclude.", example: "/usr/share/doc/*")
  private static let include = OptionalKey(
    "include", Shape.filled(.pathPattern), "Pattern of paths to include although an earlier rule excludes them.",
    example: "/usr/share/doc/*/copyright")

  static let shape = Shape<LayerPathRule<WrittenForm>>.object(
    "path rule", about: "A pattern of paths in packages, as for dpkg. '*' also matches slashes.",
    keys: [exclude, include], rules: [.exactlyOne(of: exclude, include)]
  ) { fields, _ in
    fields[exclude].map { LayerPathRule(pattern: $0, isInclusion: false) }
      ?? fields[include].map { LayerPathRule(pattern: $0, isInclusion: true) }
  }
}

/// Entries of `groups:` and `users:`.
enum AccountFormat {
  private static let number = Shape.integer(0...4_294_967_294).map { UInt32($0) }
  private static let isSystem = DefaultedKey(
    "system", Shape.truth, default: false, "If true, this is a system account with a number below 1000.",
    example: true)
  private static let gid = OptionalKey("gid", number, "Number. Default: the next free one.", example: 900)

  /// A group without its name, which is the key of its entry.
  static let group = Shape<SystemGroup>.object("group", about: "A group of the system.", keys: [gid, isSystem]) {
    fields, _ in
    SystemGroup(position: fields.position, name: "", gid: fields[gid], isSystem: fields[isSystem])
  }

  private static let uid = OptionalKey("uid", number, "Number. Default: the next free one.", example: 1000)
  private static let mainGroup = OptionalKey(
    "group", Shape.filled(.account), "Main group. Default: a group with the name of the user.", example: "users")
  private static let groups = DefaultedKey(
    "groups", Shape<[VariableText]>.list(of: .filled(.account)), default: [], "Additional groups, which must exist.",
    example: ["sudo"])
  private static let home = OptionalKey(
    "home", Shape.filled(.path), "Home folder. Default: /home/NAME; none for a system user.",
    example: "/srv/admin")
  private static let shell = OptionalKey(
    "shell", Shape.filled(.path), "Shell. Default: /bin/bash if it exists, else /bin/sh; nologin for a system user.",
    example: "/bin/sh")
  private static let password = OptionalKey(
    "password", Shape.filled(.passwordHash),
    "Hashed password (crypt(5)), preferably from a secret variable. Default: a locked password.",
    example: "${admin-password-hash}")
  private static let authorizedKeys = DefaultedKey(
    "authorizedKeys", Shape<[VariableText]>.list(of: .filled(.authorizedKey)), default: [],
    "Lines of `authorized_keys`.", example: ["${authorized-keys}"])

  /// A user without its name, which is the key of its entry.
  static let user = Shape<LayerUser<WrittenForm>>.object(
    "user", about: "A user of the system.",
    keys: [uid, mainGroup, groups, home, shell, password, authorizedKeys, isSystem]
  ) { fields, _ in
    LayerUser(
      position: fields.position, name: "", uid: fields[uid], group: fields[mainGroup], groups: fields[groups],
      home: fields[home], shell: fields[shell], passwordHash: fields[password], authorizedKeys: fields[authorizedKeys],
      isSystem: fields[isSystem])
  }
}

/// `units:`
enum UnitsFormat {
  private static let units = Shape<[VariableText]>.list(of: .filled(.unit))
  private static let added = DefaultedKey(
    "add", Shape<[Located<URL>]>.list(of: Shape.unitFile.located), default: [],
    "Unit files to copy to /etc/systemd/system. This does not enable them.",
    example: ["./gateway.service"])
  private static let enabled = DefaultedKey("enable", units, default: [], "Units to enable.", example: ["ssh.service"])
  private static let disabled = DefaultedKey(
    "disable", units, default: [], "Units to disable.", example: ["apt-daily.timer"])
  private static let masked = DefaultedKey(
    "mask", units, default: [], "Units to mask: systemd does not start them at all.", example: ["getty@tty1.service"])
  private static let target = OptionalKey(
    "default", Shape.filled(.unit), "Target that systemd starts at boot. Default: not changed.",
    example: "multi-user.target")

  /// The changes to the units of systemd.
  static let shape = Shape<LayerUnits<WrittenForm>>.object(
    "units", about: "Units to add, enable, disable or mask, and the default target.",
    keys: [added, enabled, disabled, masked, target]
  ) { fields, _ in
    LayerUnits(
      added: fields[added], enabled: fields[enabled], disabled: fields[disabled], masked: fields[masked],
      defaultTarget: fields[target])
  }
}

extension Shape<URL> {
  /// A file of the build host with the name of a unit.
  static let unitFile = existingFile.checked { file, node, reading in
    let name = file.lastPathComponent
    guard name.isWhole(#"[A-Za-z0-9:_.\\@-]+\.(service|socket|mount|automount|swap|target|path|timer|slice)"#) else {
      reading.error(
        "'\(name)' is not the name of a unit", at: node.position, hint: "name it like gateway.service")
      return nil
    }
    return file
  }
}

/// An item of `state: { persist: … }`.
enum PersistFormat {
  private static let path = RequiredKey(
    "path", Shape.filled(.persistedPath), "Absolute path.", example: "/etc/gateway")
  private static let onUpdate = DefaultedKey(
    "onUpdate", Shape<PersistedPathRule>.cases("an update rule"), default: "keep",
    """
    Effect of an update on the path: `keep` leaves it unchanged, `refresh` replaces it, `merge` merges both. This \
    version always leaves it unchanged.
    """, example: "keep")

  /// A path, optionally with the effect of an update on it.
  static let shape = Shape<LayerPersistedPath<WrittenForm>>.either(
    scalar: Shape.filled(.persistedPath).map { LayerPersistedPath(path: $0, onUpdate: .keep) },
    otherwise: .object(
      "persisted path", about: "A path that survives reboots and updates.", keys: [path, onUpdate]
    ) { fields, reading in
      if fields[onUpdate] != .keep, let position = fields.position(of: onUpdate) {
        reading.warning(
          "this version does not support '\(fields[onUpdate].rawValue)' yet: updates leave the path unchanged",
          at: position, hint: "remove 'onUpdate', or write 'keep'")
      }
      return fields[path].map { LayerPersistedPath(path: $0, onUpdate: fields[onUpdate]) }
    })
}
