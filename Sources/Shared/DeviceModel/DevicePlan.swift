/// What an appliance is to do: written by the host tool into the root file system, read by `init` and `cultivard`.
///
/// It is complete and checked when it is written; the device derives nothing from a project file.
public struct DevicePlan: Codable, Sendable, Equatable {
  /// Where the plan stands in the root file system.
  public static let path = "/etc/cultivar/plan.json"

  /// What this image is.
  public var image: ImageIdentity
  /// The host name, without a domain.
  public var hostname: String
  /// Kernel modules that are always loaded, in this order, by name; the others are found by the hardware's aliases.
  public var modules: [String]
  /// Addresses that are set by `init` itself; empty where a network client program does it.
  public var interfaces: [StaticInterface]
  /// Name servers for `/etc/resolv.conf` that are known when the image is made.
  public var nameServers: [String]
  /// What is run and supervised, in the order of starting.
  public var programs: [ProgramPlan]
  /// Whether `cultivarctl` commands are taken on the console: for development only.
  public var consoleCommands: Bool
  /// Seconds that an orderly shutdown may take in all before what is left is killed.
  public var shutdownTimeout: Int

  /// Makes a plan.
  public init(
    image: ImageIdentity, hostname: String, modules: [String], interfaces: [StaticInterface], nameServers: [String],
    programs: [ProgramPlan], consoleCommands: Bool, shutdownTimeout: Int
  ) {
    self.image = image
    self.hostname = hostname
    self.modules = modules
    self.interfaces = interfaces
    self.nameServers = nameServers
    self.programs = programs
    self.consoleCommands = consoleCommands
    self.shutdownTimeout = shutdownTimeout
  }
}

/// What an image is, as the device can tell it.
public struct ImageIdentity: Codable, Sendable, Equatable {
  /// Name of the project.
  public var project: String
  /// Name of the image in the project.
  public var image: String
  /// Device class that the image was made for.
  public var deviceClass: String
  /// Version of the release, as the project gives it.
  public var version: String
  /// Hash of all that the build depended on, in hexadecimal: the same for the same software.
  public var build: String

  /// Makes an identity.
  public init(project: String, image: String, deviceClass: String, version: String, build: String) {
    self.project = project
    self.image = image
    self.deviceClass = deviceClass
    self.version = version
    self.build = build
  }
}

/// An interface whose addresses are known when the image is made.
public struct StaticInterface: Codable, Sendable, Equatable {
  /// Name of the interface; `nil` for the first Ethernet interface.
  public var name: String?
  /// Addresses with prefix length, IPv4 or IPv6: `192.0.2.7/24`, `2001:db8::7/64`.
  public var addresses: [String]
  /// Default gateways, at most one for each protocol.
  public var gateways: [String]

  /// Makes an interface.
  public init(name: String?, addresses: [String], gateways: [String]) {
    self.name = name
    self.addresses = addresses
    self.gateways = gateways
  }
}

/// Where the management API listens, and for whom: written by the host tool into images whose devices have it.
public struct ManagementPlan: Codable, Sendable, Equatable {
  /// Where the plan stands in the root file system.
  public static let path = "/etc/cultivar/management.json"

  /// Addresses to listen on, numeric; `0.0.0.0` and `::` for all.
  public var addresses: [String]
  /// TCP port.
  public var port: Int
  /// SHA-256 of the token that requests bring, where the device has none of its own; `nil` where each device gets one when it is flashed.
  public var tokenHash: Fingerprint?

  /// Makes a plan.
  public init(addresses: [String], port: Int, tokenHash: Fingerprint?) {
    self.addresses = addresses
    self.port = port
    self.tokenHash = tokenHash
  }
}
