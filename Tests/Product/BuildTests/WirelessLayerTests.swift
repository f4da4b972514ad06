import TestFixtures
import Testing

@Suite("The layers for wireless networks", .enabled(if: Workshop.isReady, Workshop.condition))
struct WirelessLayerTests {
  @Test(
    "iwd has the network of its variables, addresses come from systemd-networkd, and a country's rules apply",
    arguments: LibraryTests.DebianSuite.tested)
  func iwd(suite: LibraryTests.DebianSuite) async throws {
    let image = """
      profile: debian-minimal
      layers: [iwd-network, regulatory-domain]
      variables:
        iwd-network.ssid: Under/the Stairs
        iwd-network.password: !env WIFI_PASSWORD
        regulatory-domain.country: AT
      """
    let password = "a b=c#d$e 4711"
    try await LibrarySystem.judged(image, suite: suite.rawValue, secrets: ["WIFI_PASSWORD": password]) { root in
      root.expectSound()
      root.expectEnabled("iwd.service", "systemd-networkd.service")
      let file = "/var/lib/iwd/=556e6465722f74686520537461697273.psk"
      root.expect("stat -c '%a %U:%G' \(file)", "600 root:root\n")
      root.expect("cat \(file)", "[Security]\nPassphrase=\(password)\n")
      root.expect("grep -rlF -- '\(password)' /boot /etc /home /opt /root /srv /usr /var", "\(file)\n")
      root.expect("modprobe --showconfig | grep cfg80211", "options cfg80211 ieee80211_regdom=AT\n")
      root.expect("ls -L /lib/firmware/regulatory.db", "/lib/firmware/regulatory.db\n")
    }
  }
}
