import HostSystem
import Lock

/// An error in the use of a Debian archive.
public enum ArchiveFailure: ExplainedError {
  /// There is no keyring to verify the archive's signatures with.
  case noKeyring(path: String)
  /// An archive's index could not be fetched, or its signature is not valid.
  case indexRefused(suite: String, said: String)
  /// An archive does not have a suite.
  case noSuchSuite(MissingSuite)
  /// An archive's index is past its `Valid-Until` date.
  case indexExpired(suite: String, said: String)
  /// An archive's index is not signed by an accepted key.
  case notTrusted(RepositoryTrust, said: String)
  /// The suite does not have these packages, or they cannot be installed together.
  case unresolvable(PackageRequest, said: String)
  /// The packages of a system cannot be installed together.
  case uninstallable(packages: [String], suite: String, architecture: String, said: String)
  /// An installation would remove packages that the project does not allow to be removed.
  case wouldRemove([String], for: [String])
  /// A mirror's URL contains a user or a password.
  case credentialsInURL(host: String)
  /// Packages of the lock file could not be fetched with the expected checksum.
  case notFetched(packages: [String], said: String)

  public var problem: String {
    switch self {
    case .noKeyring(let path): "cannot check the Debian archive's signatures: there is no \(path)"
    case .indexRefused(let suite, let said):
      "cannot fetch the package index of \(suite)\(FetchTrouble(said).hosts)\n\(reasons(said))"
    case .noSuchSuite(let missing): missing.problem
    case .indexExpired(let suite, let said): "the package index of \(suite) has expired\n\(quoted(said))"
    case .notTrusted(let trust, let said):
      "cannot trust the repository \(trust.name) (\(trust.url)): \(trust.reason)\n\(quoted(said))"
    case .unresolvable(let request, let said):
      "cannot find \(request.names.joined(separator: ", ")) in \(request.suite) for \(request.architecture)\n"
        + quoted(said)
    case .uninstallable(let packages, let suite, let architecture, let said):
      "cannot install \(packages.joined(separator: ", ")) from \(suite) for \(architecture)\n\(quoted(said))"
    case .wouldRemove(let removed, let packages) where removed.contains(BuildPackages.initramfs):
      "cannot install \(packages.joined(separator: ", ")): they include initramfs-tools or dracut, "
        + "but the build makes the initial RAM file system of the image"
    case .wouldRemove(let removed, let packages):
      "cannot install \(packages.joined(separator: ", ")): \(removed.joined(separator: ", ")) of an earlier layer "
        + "would be removed"
    case .credentialsInURL(let host): "the URL of the mirror \(host) contains a user name or password"
    case .notFetched(let packages, let said):
      "cannot fetch \(Self.names(packages))\(FetchTrouble(said).hosts)\n\(reasons(said))"
    }
  }

  public var remedy: String? {
    switch self {
    case .noKeyring: "install the package debian-archive-keyring"
    case .indexRefused(_, let said) where !FetchTrouble(said).unreachableHosts.isEmpty: Self.networkRemedy
    case .noSuchSuite(let missing): missing.remedy
    case .indexRefused:
      "check the network and the mirror (`debian: { mirror: … }`, or CULTIVAR_DEBIAN_MIRROR); if a key is not "
        + "known or has expired, update the package debian-archive-keyring, or the key of the layer's repository"
    case .indexExpired:
      "name a mirror that is up to date (`debian: { mirror: … }`, or CULTIVAR_DEBIAN_MIRROR), and check the clock; "
        + "for a snapshot, write `debian: { snapshot: true }`"
    case .notTrusted(let trust, _):
      trust.isDebian
        ? "update the package debian-archive-keyring"
        : "get the current key from the operators of the repository, and replace \(trust.key) with it"
    case .unresolvable: "check the spelling, and that the suite has the package: `debian: { suite: … }`"
    case .uninstallable:
      "check the spelling, the suite (`debian: { suite: … }`), the excluded packages, and the layers' repositories"
    case .wouldRemove(let removed, _) where removed.contains(BuildPackages.initramfs):
      "remove them; or, if another package needs them, as plymouth does, let them replace the placeholder of the "
        + "build: `packages: { remove: [\(removed.joined(separator: ", "))] }` in the same layer. They never run: "
        + "the image starts with the initial RAM file system of the build"
    case .wouldRemove(let removed, _):
      "allow it with `packages: { remove: [\(removed.joined(separator: ", "))] }`, or remove one of the two"
    case .credentialsInURL:
      "remove it from the project, CULTIVAR_DEBIAN_MIRROR and the build host's sources, and put it in a file in "
        + "/etc/apt/auth.conf.d on the build host (apt_auth.conf(5))"
    case .notFetched(_, let said) where !FetchTrouble(said).unreachableHosts.isEmpty:
      Self.networkRemedy + "; fetched packages are kept"
    case .notFetched:
      "check the network; if the archive has newer versions now, lock them with `cultivar lock --update`"
    }
  }

  private static let networkRemedy =
    "check the network, its proxy (`http_proxy`), and the mirror's name (`debian: { mirror: … }`, or "
    + "CULTIVAR_DEBIAN_MIRROR)"

  /// The first names, and how many there are besides.
  private static func names(_ names: [String]) -> String {
    names.count <= 3
      ? names.joined(separator: ", ") : "\(names[0]), \(names[1]) and \(names.count - 2) more packages"
  }

  /// Why hosts could not be reached, each reason once; all of APT's words where they are about something else, as hashes.
  private func reasons(_ said: String) -> String {
    let trouble = FetchTrouble(said)
    return quoted(trouble.unreachableHosts.isEmpty ? said : trouble.reasons.joined(separator: "\n"))
  }

  private func quoted(_ text: String) -> String {
    text.split(separator: "\n").suffix(12).map { "  | \($0)" }.joined(separator: "\n")
  }
}
