import DeviceModel
import Hashing

/// `network:` and `management:` of an image.
enum NetworkFormat {
  private static let automaticMethod = RequiredKey(
    "method", Shape.choice(["automatic"], "a method"), "Addresses by DHCP and by IPv6 router advertisement.")
  private static let interfaces = DefaultedKey(
    "interfaces", Shape<[String]>.list(of: .interfaceName), default: [],
    "Names of interfaces. Default: every Ethernet interface.", example: ["eth0"])
  private static let automatic = Shape<NetworkDefinition>.object(
    "automatic network", about: "A network that assigns addresses.", keys: [automaticMethod, interfaces]
  ) { fields, _ in .automatic(interfaces: fields[interfaces]) }

  private static let name = OptionalKey(
    "name", Shape.interfaceName, "Name. Default: the first Ethernet interface.", example: "eth0")
  private static let addresses = RequiredKey(
    "addresses", Shape<[String]>.list(of: .addressWithPrefix, minimumCount: 1),
    "IPv4 or IPv6 addresses with prefix length.", example: ["192.0.2.7/24"])
  private static let gateways = DefaultedKey(
    "gateways", Shape<[String]>.list(of: .address), default: [],
    "Default gateways, at most one for each protocol.", example: ["192.0.2.1"])
  private static let interface = Shape<StaticInterface>.object(
    "interface", about: "An interface with fixed addresses.", keys: [name, addresses, gateways]
  ) { fields, reading in
    guard let addresses = fields[addresses] else { return nil }
    for bits in [32, 128] where fields[gateways].count(where: { Shape.addressBits($0) == bits }) > 1 {
      reading.error(
        "\(reading.place) has more than one default gateway for \(bits == 32 ? "IPv4" : "IPv6")",
        at: fields.position(of: gateways) ?? fields.position, hint: "keep one")
    }
    return StaticInterface(name: fields[name], addresses: addresses, gateways: fields[gateways])
  }

  private static let fixedMethod = RequiredKey("method", Shape.choice(["fixed"], "a method"), "Fixed addresses.")
  private static let fixedInterfaces = RequiredKey(
    "interfaces", Shape<[StaticInterface]>.list(of: interface, minimumCount: 1), "Interfaces and their addresses.",
    example: [["name": "eth0", "addresses": ["192.0.2.7/24"], "gateways": ["192.0.2.1"]]])
  private static let nameServers = DefaultedKey(
    "nameServers", Shape<[String]>.list(of: .address), default: [], "Name servers.", example: ["192.0.2.53"])
  private static let fixed = Shape<NetworkDefinition>.object(
    "fixed network", about: "A network with fixed addresses.",
    keys: [fixedMethod, fixedInterfaces, nameServers]
  ) { fields, reading in
    guard let interfaces = fields[fixedInterfaces] else { return nil }
    let names = interfaces.map { $0.name ?? "" }
    if Set(names).count != names.count {
      reading.error(
        "two entries are the same interface", at: fields.position(of: fixedInterfaces) ?? fields.position,
        hint: "give each interface its own name, and all its addresses in one list")
    }
    return .fixed(interfaces, nameServers: fields[nameServers])
  }

  private static let noMethod = RequiredKey("method", Shape.choice(["none"], "a method"), "Loopback only.")
  private static let none = Shape<NetworkDefinition>.object(
    "no network", about: "No network except loopback.", keys: [noMethod]
  ) { _, _ in NetworkDefinition.none }

  static let shape = Shape<NetworkDefinition>.either(
    scalar: Shape<String>.choice(["automatic", "none"], "a kind of network").map {
      $0 == "none" ? .none : .automatic(interfaces: [])
    },
    otherwise: .variants(
      "network", by: "method", [("automatic", automatic), ("fixed", fixed), ("none", none)]))

  private static let wirelessInterface = DefaultedKey(
    "interface", Shape.interfaceName, default: "wlan0", "Name of the interface.", example: "wlan0")
  private static let country = OptionalKey(
    "country", Shape<String>.text("two capital letters", pattern: "[A-Z]{2}", hint: "write the country, such as DE"),
    "Country whose radio regulations apply. Default: only the settings that are allowed everywhere.", example: "DE")
  private static let firmware = DefaultedKey(
    "firmware", Shape<[String]>.list(of: .debianPackage), default: [], "Debian packages with the firmware of adapters.",
    example: ["firmware-brcm80211"])
  static let wireless = Shape<WirelessDefinition>.object(
    "wifi", about: "The wireless network client of an appliance.", keys: [wirelessInterface, country, firmware]
  ) { fields, _ in
    WirelessDefinition(
      interface: fields[wirelessInterface], country: fields[country], firmware: fields[firmware])
  }

  private static let port = DefaultedKey("port", Shape.port, default: 8443, "TCP port.", example: 8443)
  private static let listenAddresses = DefaultedKey(
    "addresses", Shape<[String]>.list(of: .address), default: [],
    "Numeric addresses to listen on. Default: all.", example: ["127.0.0.1"])

  /// The hash of the token of all devices; without a fingerprint if each device gets its own token when it is flashed.
  private struct TokenHash: Sendable {
    var fingerprint: Digest?
  }

  private static let atFlash = "at-flash"
  private static let tokenHint =
    "`cultivar token new` makes a token and prints its hash; or write `\(atFlash)`, and set it for each flash"
  private static let tokenHash = RequiredKey(
    "tokenHash",
    Shape<String>.text("the SHA-256 of a token", pattern: "[0-9a-f]{64}|\(atFlash)", hint: tokenHint).map {
      TokenHash(fingerprint: Digest(fingerprint: $0))
    },
    """
    SHA-256 of the token that every request must carry, as `cultivar token new` prints it. With `\(atFlash)`, \
    `cultivar flash --set management-token-hash=HASH` sets it for each device.
    """,
    example: .text(atFlash), hint: tokenHint)

  static let management = Shape<ManagementPlan>.object(
    "management", about: "The management API of a device.", keys: [port, listenAddresses, tokenHash]
  ) { fields, _ in
    guard let hash = fields[tokenHash] else { return nil }
    return ManagementPlan(
      addresses: fields[listenAddresses].isEmpty ? ["0.0.0.0", "::"] : fields[listenAddresses], port: fields[port],
      tokenHash: hash.fingerprint)
  }
}
