import Hashing

/// The configuration of an appliance. The host tool writes it into the root file system; `init` and `cultivard` read
/// it.
///
/// It was checked before it was written, and it is complete: the device does not read the project file.
public struct DevicePlan: Codable, Sendable, Equatable {
  /// Path of the plan in the root file system.
  public static let path = "/etc/cultivar/plan.json"

  /// The identity of this image.
  public var image: ImageIdentity
  /// The host name, without a domain.
  public var hostname: String
  /// Names of kernel modules that are always loaded, in this order. Other modules are found by the hardware's aliases.
  public var modules: [String]
  /// Interfaces that `init` configures; empty if a network client program does this.
  public var interfaces: [StaticInterface]
  /// The wireless network client; `nil` if the appliance has none.
  public var wireless: WirelessPlan?
  /// Name servers for `/etc/resolv.conf` from the project.
  public var nameServers: [String]
  /// Programs to run and supervise, in start order.
  public var programs: [ProgramPlan]
  /// True if the console accepts `cultivarctl` commands. For development only.
  public var consoleCommands: Bool
  /// Maximum seconds for an orderly shutdown. Remaining programs are killed after that.
  public var shutdownTimeout: Int

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

/// The client that joins an appliance to a wireless network. Name and password of the network are values for the first
/// boot.
public struct WirelessPlan: Codable, Sendable, Equatable {
  /// Path of the client's configuration. PID 1 writes it at each start.
  public static let configuration = DevicePaths.run + "/wifi.conf"

  /// Name of the interface.
  public var interface: String
  /// Country whose radio rules apply, unless the values for the first boot have another; `nil` for the rules that are
  /// allowed everywhere.
  public var country: String?

  public init(interface: String, country: String?) {
    self.interface = interface
    self.country = country
  }
}

/// The identity of an image.
public struct ImageIdentity: Codable, Sendable, Equatable {
  /// Name of the project.
  public var project: String
  /// Name of the image in the project.
  public var image: String
  /// Device class that the image was made for.
  public var deviceClass: String
  /// Version of the release, from the project.
  public var version: String
  /// Hash of all inputs of the build, in hexadecimal. Equal software has an equal hash.
  public var build: String

  public init(project: String, image: String, deviceClass: String, version: String, build: String) {
    self.project = project
    self.image = image
    self.deviceClass = deviceClass
    self.version = version
    self.build = build
  }
}

/// An interface with static addresses.
public struct StaticInterface: Codable, Sendable, Equatable {
  /// Name of the interface; `nil` for the first Ethernet interface.
  public var name: String?
  /// Addresses with prefix length, IPv4 or IPv6: `192.0.2.7/24`, `2001:db8::7/64`.
  public var addresses: [String]
  /// Default gateways, at most one for each protocol.
  public var gateways: [String]

  public init(name: String?, addresses: [String], gateways: [String]) {
    self.name = name
    self.addresses = addresses
    self.gateways = gateways
  }
}

/// The configuration of the management API. The host tool writes it into images with the API.
public struct ManagementPlan: Codable, Sendable, Equatable {
  /// Path of the plan in the root file system.
  public static let path = "/etc/cultivar/management.json"

  /// Numeric addresses to listen on; `0.0.0.0` and `::` for all.
  public var addresses: [String]
  /// TCP port.
  public var port: Int
  /// SHA-256 of the token for requests to devices without a token of their own; `nil` if each device gets a token when
  /// it is flashed.
  public var tokenHash: Digest?

  public init(addresses: [String], port: Int, tokenHash: Digest?) {
    self.addresses = addresses
    self.port = port
    self.tokenHash = tokenHash
  }
}
