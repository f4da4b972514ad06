import DeviceModel
import FoundationEssentials
import HostSystem
import Lock
import Project

/// The last layer of every system. It adds Cultivar's own files and removes leftovers of the build that an image should
/// not contain.
struct OwnLayer {
  var image: ImageDefinition
  var identity: ImageIdentity
  var system: SystemDefinition
  var packages: [BuildManifest.PackageRow]
  /// The update software; `nil` for devices that take no updates.
  var updates: UpdateSoftware?

  func layer() throws -> SystemLayer {
    var layer = SystemLayer(name: "cultivar", origin: "Cultivar", position: image.position)
    func file(_ path: String, _ text: String, mode: UInt32 = 0o644) -> SystemFile {
      SystemFile(position: image.position, path: path, content: .text(text), mode: mode)
    }
    layer.files = [
      SystemFile(position: image.position, path: DevicePaths.data, content: .folder),
      file("/etc/hostname", "\(image.hostname)\n"),
      file(HostsFile.path, HostsFile.text(hostname: image.hostname)),
      // Stage 1 replaces this empty file by one with the device's own id.
      file("/etc/machine-id", "", mode: 0o444),
      file("/usr/share/cultivar/manifest.json", try json(SystemManifest(identity, system, packages))),
      file("/usr/share/cultivar/recipe.json", try json(SystemRecipe(identity: identity, system: system))),
    ]
    for repository in system.layers.flatMap(\.repositories) where repository.inImage {
      let armoured = try FolderTree.readFile(repository.source.key.path).starts(with: "-----BEGIN".utf8)
      let key = "/etc/apt/keyrings/\(repository.name).\(armoured ? "asc" : "gpg")"
      layer.files.append(
        SystemFile(position: repository.position, path: key, content: .file(repository.source.key), mode: 0o644))
      layer.files.append(
        file(
          "/etc/apt/sources.list.d/\(repository.name).sources",
          repository.source.paragraph(signedBy: key, architectures: repository.architectures)))
    }
    if let updates { try updates.add(to: &layer, identity, at: image.position) }
    layer.steps = [
      BuildStep(
        position: image.position, name: "clean", phase: .last, place: .root, script: .shell(clean))
    ]
    return layer
  }

  /// A script that deletes files of package scripts and steps which differ at every build or are backup copies.
  private var clean: String {
    """
    # The folders are the packages' own, and stay.
    for folder in /var/cache/apt /var/lib/apt/lists /var/log/apt; do
      [ ! -d "$folder" ] || find "$folder" -xdev ! -type d -delete
    done
    rm -f /var/cache/ldconfig/aux-cache
    rm -f /var/cache/debconf/*-old /var/lib/dpkg/*-old /etc/passwd- /etc/group- /etc/shadow- /etc/gshadow- /etc/subuid- /etc/subgid-
    rm -f /var/log/alternatives.log /var/log/bootstrap.log /var/log/dpkg.log /var/log/fontconfig.log /var/lib/systemd/random-seed
    rm -f /var/lib/dbus/machine-id /etc/.pwd.lock /vmlinuz /vmlinuz.old /initrd.img /initrd.img.old
    [ ! -d /var/lib/dbus ] || ln -s /etc/machine-id /var/lib/dbus/machine-id
    # Caches of libraries and messages are made; without these notes systemd would make them again at every start.
    touch /etc/.updated /var/.updated
    # Scripts of mail programs take the name of the machine that they run on, which is the sandbox.
    [ "$(cat /etc/mailname 2>/dev/null)" != cultivar ] || echo \(image.hostname) > /etc/mailname

    """
  }

  private func json(_ value: some Encodable) throws -> String {
    String(decoding: try ReadableJSON.encode(value), as: UTF8.self)
  }
}

/// The part of `manifest.json` that is known before there is an image; stored in the system itself.
struct SystemManifest: Encodable {
  var identity: ImageIdentity
  var layers: [String]
  var variables: [String: String]
  var packages: [BuildManifest.PackageRow]

  init(_ identity: ImageIdentity, _ system: SystemDefinition, _ packages: [BuildManifest.PackageRow]) {
    self.identity = identity
    layers = system.layers.map(\.name)
    variables = system.openVariables
    self.packages = packages
  }
}

extension SystemDefinition {
  /// The values of all variables that are not secrets.
  var openVariables: [String: String] {
    Dictionary(variables.filter { !$0.isSecret }.map { ($0.name, $0.value) }) { first, _ in first }
  }
}

/// A record, for people and programs, of how a system was made: each layer with its contributions, and each variable
/// that is not a secret.
struct SystemRecipe: Encodable {
  struct Layer: Encodable {
    var name: String
    var origin: String
    var packages: [String]
    var removedPackages: [String]
    var files: [String]
    var steps: [String]
    var users: [String]
    var enabledUnits: [String]
    var maskedUnits: [String]
  }

  var identity: ImageIdentity
  var layers: [Layer]
  var variables: [String: String]

  init(identity: ImageIdentity, system: SystemDefinition) {
    self.identity = identity
    layers = system.layers.map { layer in
      Layer(
        name: layer.name, origin: layer.origin,
        packages: layer.packages.map(\.text),
        removedPackages: layer.removedPackages, files: layer.files.map(\.path), steps: layer.steps.map(\.name),
        users: layer.users.map(\.name), enabledUnits: layer.units.enabled.map(\.value),
        maskedUnits: layer.units.masked.map(\.value))
    }
    variables = system.openVariables
  }
}
