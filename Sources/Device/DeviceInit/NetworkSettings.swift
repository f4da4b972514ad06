import Glibc
import LinuxSystem
import Provisioning

/// Applies the values of the first boot that concern the network of a system, in the format of the program that it has.
struct NetworkSettings {
  /// The root that is being prepared.
  let root: String
  let values: FirstBootValues

  /// Programs that join wireless networks, by preference.
  private enum WirelessProgram {
    case networkManager, iwd, supplicant
  }

  private static let networkManager = "/etc/NetworkManager"
  private static let networkd = "/usr/lib/systemd/systemd-networkd"
  /// Interface of wpa_supplicant without NetworkManager.
  private static let wirelessInterface = "wlan0"

  private var wirelessProgram: WirelessProgram? {
    if FileTree.exists(root + Self.networkManager) { return .networkManager }
    if FileTree.exists(root + "/usr/libexec/iwd") { return .iwd }
    let hasSupplicant = ["/usr/sbin/wpa_supplicant", "/sbin/wpa_supplicant"].contains { FileTree.exists(root + $0) }
    // wpa_supplicant gives the interface no address.
    return hasSupplicant && FileTree.exists(root + Self.networkd) ? .supplicant : nil
  }

  /// Returns a message for each value that has no effect in this image.
  var problems: [String] {
    var problems: [String] = []
    let hasNetwork = values.wirelessName != nil
    if hasNetwork, wirelessProgram == nil {
      problems.append(
        "`wifi-ssid`: no effect: the image has no NetworkManager, no iwd, and no wpa_supplicant with systemd-networkd")
    }
    if !hasNetwork {
      let keys = [FirstBootValues.Key.wifiPassword, .wifiSecurity, .wifiHidden].filter { values[$0] != nil }
      if !keys.isEmpty {
        problems.append(
          "\(keys.map { "`\($0.rawValue)`" }.joined(separator: ", ")): no effect: there is no `wifi-ssid`")
      }
    } else if values.wirelessSecurity.hasPassword, values[.wifiPassword] == nil {
      problems.append("`wifi-security`: no effect: `wifi-password` is missing")
    } else if wirelessProgram == .iwd, values.wirelessSecurity == .owe {
      problems.append("`wifi-security`: iwd chooses it itself: it joins the network as open or encrypted")
    }
    if values[.ethernet] != nil, !FileTree.exists(root + Self.networkManager), !FileTree.exists(root + Self.networkd) {
      problems.append("`ethernet`: no effect: the image has neither NetworkManager nor systemd-networkd")
    }
    if values[.ethernet] == FirstBootValues.EthernetMethod.static.rawValue, values[.ethernetAddresses] == nil {
      problems.append("`ethernet`: no effect: `ethernet-address` is missing")
    }
    return problems
  }

  /// Applies the values.
  ///
  /// - Throws: `SystemError` if a file cannot be written.
  func apply() throws(SystemError) {
    if let country = values[.wifiCountry] {
      // The last value of a module's parameter counts, so this file comes after those of the image.
      try write("/etc/modprobe.d/zz-first-boot.conf", "options cfg80211 ieee80211_regdom=\(country)\n")
    }
    if let network = WirelessConfiguration(values) { try join(network) }
    if let method = values[.ethernet].flatMap(FirstBootValues.EthernetMethod.init) { try setEthernet(method) }
  }

  private func join(_ network: WirelessConfiguration) throws(SystemError) {
    switch wirelessProgram {
    case .networkManager:
      try FileTree.makeFolders("\(root)\(Self.networkManager)/system-connections", mode: 0o700)
      try write(
        "\(Self.networkManager)/system-connections/first-boot.nmconnection", network.networkManager, mode: 0o600)
    case .iwd:
      try FileTree.makeFolders("\(root)/var/lib/iwd", mode: 0o700)
      try write("/var/lib/iwd/\(network.iwdName)", network.iwd, mode: 0o600)
      try addWirelessInterface()
    case .supplicant:
      let interface = Self.wirelessInterface
      try write("/etc/wpa_supplicant/wpa_supplicant-\(interface).conf", network.supplicant, mode: 0o600)
      let wants = "\(root)/etc/systemd/system/multi-user.target.wants"
      try FileTree.makeFolders(wants)
      let link = "\(wants)/wpa_supplicant@\(interface).service"
      if symlink("/usr/lib/systemd/system/wpa_supplicant@.service", link) < 0, errno != EEXIST {
        throw SystemError("enable", "wpa_supplicant@\(interface).service")
      }
      try addWirelessInterface()
    case nil: break
    }
  }

  /// Lets systemd-networkd, where the image has it, take addresses in wireless networks.
  private func addWirelessInterface() throws(SystemError) {
    guard FileTree.exists(root + Self.networkd) else { return }
    try write("/etc/systemd/network/10-first-boot-wifi.network", "[Match]\nType=wlan\n\n[Network]\nDHCP=yes\n")
  }

  private func setEthernet(_ method: FirstBootValues.EthernetMethod) throws(SystemError) {
    if FileTree.exists(root + Self.networkManager) {
      let path = "\(Self.networkManager)/system-connections/first-boot-ethernet.nmconnection"
      try FileTree.makeFolders("\(root)\(Self.networkManager)/system-connections", mode: 0o700)
      try write(path, connection(method), mode: 0o600)
    } else if FileTree.exists(root + Self.networkd) {
      try write("/etc/systemd/network/10-first-boot.network", networkFile(method))
    }
  }

  /// A connection of NetworkManager (`nm-settings-keyfile(5)`).
  private func connection(_ method: FirstBootValues.EthernetMethod) -> String {
    var lines = ["[connection]", "id=first-boot-ethernet", "type=ethernet", "autoconnect-priority=10"]
    if let interface = values[.ethernetInterface] { lines.append("interface-name=\(interface)") }
    for (section, isFamily) in [
      ("ipv4", { (text: String) in !text.contains(":") }), ("ipv6", { (text: String) in text.contains(":") }),
    ] {
      let addresses = values.all(.ethernetAddresses).filter(isFamily)
      lines += ["", "[\(section)]"]
      switch method {
      case .disabled: lines.append("method=disabled")
      case .static where !addresses.isEmpty:
        lines.append("method=manual")
        for (index, address) in addresses.enumerated() { lines.append("address\(index + 1)=\(address)") }
        if let gateway = values.all(.ethernetGateways).first(where: isFamily) { lines.append("gateway=\(gateway)") }
        let servers = values.all(.nameServers).filter(isFamily)
        if !servers.isEmpty { lines.append("dns=\(servers.map { "\($0);" }.joined())") }
        let domains = values.all(.searchDomains)
        if !domains.isEmpty { lines.append("dns-search=\(domains.map { "\($0);" }.joined())") }
      case .static where section == "ipv4": lines.append("method=disabled")
      default: lines.append("method=auto")
      }
    }
    return lines.map { $0 + "\n" }.joined()
  }

  /// A file of systemd-networkd (`systemd.network(5)`).
  private func networkFile(_ method: FirstBootValues.EthernetMethod) -> String {
    var lines = ["[Match]", values[.ethernetInterface].map { "Name=\($0)" } ?? "Type=ether", ""]
    switch method {
    case .disabled: lines += ["[Link]", "Unmanaged=yes", "ActivationPolicy=always-down"]
    case .dhcp: lines += ["[Network]", "DHCP=yes"]
    case .static:
      lines.append("[Network]")
      lines += values.all(.ethernetAddresses).map { "Address=\($0)" }
      lines += values.all(.ethernetGateways).map { "Gateway=\($0)" }
      lines += values.all(.nameServers).map { "DNS=\($0)" }
      if !values.all(.searchDomains).isEmpty {
        lines.append("Domains=\(values.all(.searchDomains).joined(separator: " "))")
      }
    }
    return lines.map { $0 + "\n" }.joined()
  }

  private func write(_ path: String, _ text: String, mode: mode_t = 0o644) throws(SystemError) {
    try FileTree.makeFolders(FileTree.parent(of: root + path))
    try FileTree.replace(root + path, with: Array(text.utf8), mode: mode)
  }
}
