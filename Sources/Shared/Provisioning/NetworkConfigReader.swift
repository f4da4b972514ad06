/// Reads `network-config`, version 2, which is Netplan's format.
struct NetworkConfigReader {
  static let fileName = "network-config"

  private var collector = ValueCollector(file: Self.fileName)

  /// Reads a file.
  static func read(_ bytes: [UInt8]) -> ValueCollector {
    var reader = NetworkConfigReader()
    do throws(DocumentFailure) {
      let document = try YAMLDocument.parse(bytes)
      // Version 2 stands below `network:`, or alone.
      let network = document["network"]?.table ?? document
      guard !network.keys.isEmpty else { return reader.collector }
      reader.read(network)
    } catch {
      reader.collector.fail("\(error)")
    }
    return reader.collector
  }

  private mutating func read(_ network: DocumentTable) {
    guard network["version"]?.string == "2" else {
      return collector.fail("its `version` is not 2, which this release supports")
    }
    for (key, value) in network.entries where !value.isEmpty {
      switch key {
      case "version", "renderer": continue
      case "ethernets":
        if let (interface, table) = firstInterface(value, of: key) { readEthernet(key, interface, table) }
      case "wifis": if let (_, table) = firstInterface(value, of: key) { readWireless(key, table) }
      case "bridges", "bonds", "vlans", "tunnels", "modems", "vrfs":
        collector.cannot(key, "interfaces of this kind are part of the image")
      default: collector.unknown(key)
      }
    }
  }

  /// Returns the first interface of a kind, with its name.
  private mutating func firstInterface(_ value: DocumentValue, of kind: String) -> (String, DocumentTable)? {
    guard let entries = value.table?.entries, let first = entries.first else {
      collector.cannot(kind, "it takes names of interfaces")
      return nil
    }
    if entries.count > 1 { collector.cannot(kind, "the device takes one interface of each kind") }
    return (first.key, first.value.table ?? DocumentTable())
  }

  private mutating func readEthernet(_ kind: String, _ interface: String, _ table: DocumentTable) {
    var isAutomatic: Bool?
    for (key, value) in table.entries where !value.isEmpty {
      let name = "\(kind).\(key)"
      switch key {
      case "dhcp4", "dhcp6", "accept-ra": if let flag = value.bool { isAutomatic = flag || isAutomatic == true }
      case "addresses":
        for address in value.strings ?? [] { collector.take(address, for: .ethernetAddresses, named: name) }
      case "gateway4", "gateway6": collector.take(value.string ?? "", for: .ethernetGateways, named: name)
      case "routes": readRoutes(value, named: name)
      case "nameservers": readNameServers(value, named: name)
      case "optional", "dhcp-identifier", "match", "set-name", "critical": continue
      case "dhcp4-overrides", "dhcp6-overrides", "mtu", "macaddress", "wakeonlan", "link-local", "auth":
        collector.cannot(name, "it is part of the image")
      default: collector.unknown(name)
      }
    }
    // A pattern, or a name that `match` gives a meaning, stands for every interface.
    if table["match"] == nil, !interface.contains("*") {
      collector.take(interface, for: .ethernetInterface, named: "\(kind).\(interface)")
    }
    let hasAddresses = collector.values[.ethernetAddresses] != nil
    if hasAddresses, isAutomatic == true {
      collector.cannot("\(kind).addresses", "the device takes either fixed addresses or DHCP; it uses the fixed ones")
    }
    let method: FirstBootValues.EthernetMethod = hasAddresses ? .static : .dhcp
    collector.take(method.rawValue, for: .ethernet, named: hasAddresses ? "\(kind).addresses" : "\(kind).dhcp4")
  }

  private mutating func readRoutes(_ value: DocumentValue, named name: String) {
    guard case .list(let routes) = value else { return collector.cannot(name, "it takes a list") }
    for route in routes {
      let target = route.table?["to"]?.string ?? ""
      guard ["default", "0.0.0.0/0", "::/0"].contains(target), let gateway = route.table?["via"]?.string else {
        collector.cannot(name, "the device takes only default routes")
        continue
      }
      collector.take(gateway, for: .ethernetGateways, named: name)
    }
  }

  private mutating func readNameServers(_ value: DocumentValue, named name: String) {
    for (key, value) in value.table?.entries ?? [] where !value.isEmpty {
      switch key {
      case "addresses":
        for address in value.strings ?? [] { collector.take(address, for: .nameServers, named: "\(name).\(key)") }
      case "search":
        for domain in value.strings ?? [] { collector.take(domain, for: .searchDomains, named: "\(name).\(key)") }
      default: collector.unknown("\(name).\(key)")
      }
    }
  }

  private mutating func readWireless(_ kind: String, _ table: DocumentTable) {
    for (key, value) in table.entries where !value.isEmpty {
      let name = "\(kind).\(key)"
      switch key {
      case "regulatory-domain": collector.take((value.string ?? "").uppercased(), for: .wifiCountry, named: name)
      case "access-points": readAccessPoints(value, named: name)
      case "dhcp4", "dhcp6", "optional", "match", "renderer", "accept-ra": continue
      case "addresses", "gateway4", "gateway6", "routes", "nameservers":
        collector.cannot(name, "the device uses DHCP in wireless networks")
      default: collector.unknown(name)
      }
    }
  }

  /// Reads the first network. Its name stands in no report, because it is personal.
  private mutating func readAccessPoints(_ value: DocumentValue, named name: String) {
    guard let table = value.table else { return collector.cannot(name, "it takes names of networks") }
    for (index, (network, value)) in table.entries.enumerated() {
      guard index == 0 else { return collector.cannot(name, Reason.oneNetwork) }
      var security: String?
      var password: String?
      var hasPassword = false
      for (key, value) in value.table?.entries ?? [] where !value.isEmpty {
        switch key {
        case "password": (password, hasPassword) = (value.string, true)
        case "hidden": if let flag = value.bool { collector.take(flag, for: .wifiHidden, named: "\(name).\(key)") }
        case "auth":
          for (key, value) in value.table?.entries ?? [] where !value.isEmpty {
            switch key {
            case "key-management": security = value.string ?? ""
            case "password": (password, hasPassword) = (value.string, true)
            default: collector.cannot("\(name).auth.\(key)", "the device takes networks with a password or without one")
            }
          }
        case "mode":
          if value.string != "infrastructure" { collector.cannot("\(name).\(key)", "the device is only a client") }
        default: collector.cannot("\(name).\(key)", "the device chooses it itself")
        }
      }
      takeNetwork(network, security, password: hasPassword ? password ?? "" : nil, named: name)
    }
  }

  /// Takes a network, unless its security or password is refused: a protected network must never become an open one.
  private mutating func takeNetwork(_ network: String, _ security: String?, password: String?, named name: String) {
    let known: [String: FirstBootValues.WirelessSecurity] = [
      "none": .open, "psk": .wpaPSK, "psk-sha256": .wpaPSK, "sae": .sae, "owe": .owe,
    ]
    let kind = security.flatMap { known[$0] }
    guard security == nil || kind != nil else {
      collector.cannot("\(name).auth.key-management", "the device takes none, owe, psk and sae")
      return
    }
    if kind?.hasPassword ?? (password != nil) {
      collector.take(password ?? "", for: .wifiPassword, named: "\(name).password")
      guard collector.values[.wifiPassword] != nil else { return }
    }
    collector.take(network, for: .wifiName, named: name)
    if let kind { collector.take(kind.rawValue, for: .wifiSecurity, named: "\(name).auth") }
  }
}
