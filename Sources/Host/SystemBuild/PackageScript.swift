import DebianArchive
import FoundationEssentials
import HostSystem
import Lock
import Project

/// Shell scripts that install packages in a root with dpkg.
enum PackageScript {
  /// The path of the archive files in the sandbox.
  static let archives = "/run/cultivar/archives"

  /// Environment for all commands that run maintainer scripts.
  static let environment = [
    "DEBIAN_FRONTEND": "noninteractive", "DEBCONF_NONINTERACTIVE_SEEN": "true", "DEBCONF_NOWARNINGS": "yes",
    "SYSTEMD_OFFLINE": "1", "INITRD": "No",
  ]

  /// dpkg without questions. A configuration file that a step has changed stays, and dpkg puts the package's own
  /// version beside it (`dpkg(1)`).
  static let dpkg = "dpkg --force-unsafe-io --force-confold --force-confdef"

  /// Removes the files that dpkg put beside kept configuration files, and prints the paths of the kept files.
  static let tellKept = """
    find /etc -xdev -name '*.dpkg-dist' | while read -r file; do
      rm "$file"
      echo "${file%.dpkg-dist}"
    done
    """

  /// Folders that are links since the merge of `/usr`; packages of older suites still contain them as folders.
  static func mergedLinks(architecture: String) -> [String] {
    architecture == "amd64" ? ["bin", "lib", "lib64", "sbin"] : ["bin", "lib", "sbin"]
  }

  /// Lines that make the links of a merged `/usr` in an empty tree.
  static func makeGround(architecture: String) -> [String] {
    mergedLinks(architecture: architecture).flatMap { ["mkdir -p usr/\($0)", "ln -s usr/\($0) \($0)"] }
  }

  /// Unpacks the essential packages without dpkg, so that dpkg can then run and install them properly.
  static func unpackGround(_ files: [URL], tree: String, architecture: String) -> String {
    var lines = ["cd \(tree)"] + makeGround(architecture: architecture)
    let names = files.map { "\(archives)/\($0.lastPathComponent)" }
    lines.append(
      "xargs -n 1 -P \"$(nproc)\" sh -euc 'dpkg-deb --fsys-tarfile \"$1\" | tar -x -p --numeric-owner --keep-directory-symlink "
        + "--warning=no-timestamp' sh <<'END'",
      names.joined(separator: "\n"), "END")
    return lines.joined(separator: "\n") + "\n"
  }

  /// Installs the unpacked essential packages with dpkg.
  static func installEssential(_ files: [URL], architecture: String, pathRules: [PathRule]) -> String {
    var lines = ["mkdir -p /etc/dpkg/dpkg.cfg.d /var/lib/dpkg/info /var/lib/dpkg/updates", ": >> /var/lib/dpkg/status"]
    lines += ["printf '%s\\n' \(architecture) > /var/lib/dpkg/arch"]
    if !pathRules.isEmpty { lines += writeRules(pathRules) }
    lines += forbidStarts
    let names = files.map { "\(archives)/\($0.lastPathComponent)" }
    lines += ["\(dpkg) --force-depends --install \(names.joined(separator: " ")) >&2"]
    lines += allowStarts
    if !pathRules.isEmpty { lines += removeExcluded(pathRules) }
    return lines.joined(separator: "\n") + "\n"
  }

  /// Applies path rules to packages that are already installed.
  static func apply(_ pathRules: [PathRule]) -> String {
    (["mkdir -p /etc/dpkg/dpkg.cfg.d"] + writeRules(pathRules) + removeExcluded(pathRules)).joined(separator: "\n")
      + "\n"
  }

  static func writeRules(_ pathRules: [PathRule]) -> [String] {
    let rows = pathRules.map { "path-\($0.isInclusion ? "include" : "exclude")=\($0.pattern)" }
    return ["cat > /etc/dpkg/dpkg.cfg.d/50cultivar <<'END'"] + rows + ["END"]
  }

  /// Removes excluded files that were unpacked before dpkg had the rules. The shell's `case` patterns are those of
  /// dpkg.
  static func removeExcluded(_ rules: [PathRule]) -> [String] {
    let tests = rules.map { "  case $path in \($0.shellPattern)) keep=\($0.isInclusion ? 1 : 0) ;; esac" }
    // Folders from the inside out, and only if they are empty.
    return ["cat /var/lib/dpkg/info/*.list | sort -ru | while read -r path; do", "  keep=1"] + tests
      + [
        "  if [ $keep = 0 ]; then", "    if [ -d \"$path\" ] && [ ! -L \"$path\" ]; then",
        "      rmdir --ignore-fail-on-non-empty \"$path\"", "    else", "      rm -f \"$path\"", "    fi", "  fi",
        "done",
      ]
  }

  /// Installs and removes packages in the order of APT's plan.
  ///
  /// As in APT, packages are configured as late as possible: before a package is unpacked that pre-depends on them.
  ///
  /// - Parameters:
  ///   - files: Archive files by name and version of the package.
  ///   - preDepends: Names in each package's `Pre-Depends`, by name and version.
  static func install(_ plan: AptPlan, files: [String: URL], preDepends: [String: Set<String>]) -> String {
    var lines = forbidStarts
    var unpacking: [String] = []
    var unconfigured: [String] = []
    var configuring: [String] = []
    func flushUnpacking() {
      guard !unpacking.isEmpty else { return }
      lines.append("\(dpkg) --no-triggers --unpack \(unpacking.joined(separator: " ")) >&2")
      unpacking = []
    }
    func flushConfiguring() {
      flushUnpacking()
      guard !configuring.isEmpty else { return }
      lines.append("\(dpkg) --no-triggers --configure \(configuring.joined(separator: " ")) >&2")
      unconfigured.removeAll(where: configuring.contains)
      configuring = []
    }
    for operation in plan.operations {
      switch operation {
      case .unpack(let name, let version):
        let key = "\(name)=\(version)"
        if let needed = preDepends[key], unconfigured.contains(where: needed.contains) { flushConfiguring() }
        if let file = files[key] { unpacking.append("\(archives)/\(file.lastPathComponent)") }
        unconfigured.append(name)
      case .configure(let name): configuring.append(name)
      case .remove(let name):
        flushConfiguring()
        // APT has made sure that dependent packages get a replacement or are removed too.
        lines.append("\(dpkg) --force-depends --purge \(name) >&2")
      }
    }
    flushUnpacking()
    lines.append("\(dpkg) --configure --pending >&2")
    lines += allowStarts + [tellKept]
    return lines.joined(separator: "\n") + "\n"
  }

  static let forbidStarts = [
    "printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d", "chmod 755 /usr/sbin/policy-rc.d",
  ]
  static let allowStarts = ["rm -f /usr/sbin/policy-rc.d"]
}

extension [String] {
  fileprivate mutating func append(_ lines: String...) { append(contentsOf: lines) }
}

extension PathRule {
  /// The pattern as a shell pattern: all characters except `*`, `?` and brackets are literal.
  fileprivate var shellPattern: String {
    pattern.map {
      "*?[]-!^".contains($0) || $0.isLetter || $0.isNumber ? "\($0)" : "'\($0 == "'" ? "'\\''" : "\($0)")'"
    }.joined()
  }
}
