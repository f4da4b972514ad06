import Foundation
import HostSystem
import TestFixtures
import Testing

@Suite("The built-in layers make valid systems", .enabled(if: Workshop.isReady, Workshop.condition), .serialized)
struct LibraryTests {
  /// A suite that the library supports.
  enum DebianSuite: String, CaseIterable {
    case bookworm, trixie

    /// The suites to test: all in long tests, otherwise the newest one.
    static let tested: [DebianSuite] =
      ProcessInfo.processInfo.environment["CULTIVAR_TEST_LONG"] == nil ? [.trixie] : allCases
  }

  @Test(
    "A server: networkd, SSH, clock, journal and swap in memory, nginx, users, language",
    arguments: DebianSuite.tested)
  func server(suite: DebianSuite) async throws {
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJ1aWxkLXRlc3QtYnVpbGQtdGVzdC1idWlsZC10ZXN0 test"
    let image = """
      hostname: server
      timezone: Europe/Berlin
      profile: headless
      layers: [nginx, admin, locale, time-zone, apt]
      variables:
        networkd.dhcp: "no"
        networkd.addresses: [192.0.2.7/24, "2001:db8::7/64"]
        networkd.gateways: [192.0.2.1]
        networkd.name-servers: [192.0.2.53]
        timesyncd.servers: [ntp.example.org]
        journald-ram.size: 8M
        locale.locale: de_DE.UTF-8
        locale.additional: [en_GB.UTF-8]
        nginx.port: 8080
        openssh-server.port: 2222
        openssh-server.authorized-keys: ["\(key)"]
        admin.authorized-keys: ["\(key)"]
      """
    try await LibrarySystem.judged(image, suite: suite.rawValue) { root in
      root.expectSound()
      root.expectEnabled(
        "systemd-networkd.service", "systemd-resolved.service", "ssh-host-keys.service", "ssh.service",
        "systemd-timesyncd.service", "nginx.service")
      root.expectDisabled("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer")
      expectShell(&root, key)
      root.expect(
        "cat /etc/systemd/network/20-wired.network.d/10-fixed.conf",
        """
        [Network]
        Address=192.0.2.7/24
        Address=2001:db8::7/64
        Gateway=192.0.2.1
        DNS=192.0.2.53

        """)
      root.expect("readlink /etc/resolv.conf", "../run/systemd/resolve/stub-resolv.conf\n")
      root.expect("cat /etc/systemd/timesyncd.conf.d/10-cultivar.conf", "[Time]\nNTP=ntp.example.org\n")
      root.expect("cat /etc/systemd/journald.conf.d/*.conf", "[Journal]\nStorage=volatile\nRuntimeMaxUse=8M\n")
      root.expect(
        "cat /etc/default/locale; locale -a | sort", "LANG=de_DE.UTF-8\nC\nC.utf8\nPOSIX\nde_DE.utf8\nen_GB.utf8\n")
      root.expect("env -u TZ date -d @1000000000 +%Z", "CEST\n")
      root.expect(
        "apt-get update --print-uris | sed -n \"s,.*/dists/\\([^/]*\\)/InRelease'.*,\\1,p\" | sort",
        ["", "-security", "-updates"].map { "\(suite.rawValue)\($0)\n" }.joined())
      root.expect(
        "ls $(sed -n 's/^Signed-By: //p' /etc/apt/sources.list.d/debian.sources) >/dev/null && echo there", "there\n")
      root.expect(
        "nginx -T 2>/dev/null | grep -E '^ *(listen|root) '",
        "  listen 8080 default_server;\n  listen [::]:8080 default_server;\n  root /srv/www;\n")
    }
  }

  /// Adds questions about logins and rights.
  private func expectShell(_ root: inout LibrarySystem, _ key: String) {
    root.expect("ls /var/lib/ssh-host-keys", "")
    root.expect(
      """
      mkdir -p /run/sshd
      ssh-keygen -q -t ed25519 -N '' -f /var/lib/ssh-host-keys/ssh_host_ed25519_key
      sshd -T | grep -E '^(port|passwordauthentication|permitrootlogin|kbdinteractiveauthentication|hostkey) ' | sort
      """,
      """
      hostkey /var/lib/ssh-host-keys/ssh_host_ed25519_key
      kbdinteractiveauthentication no
      passwordauthentication no
      permitrootlogin without-password
      port 2222

      """)
    // There are no passwords, not even root's.
    root.expect("cut -d : -f 2 /etc/shadow | grep -v '^[*!]'", "")
    root.expect(
      "stat -c '%a %U:%G' /root/.ssh /root/.ssh/authorized_keys /home/admin/.ssh/authorized_keys /etc/sudoers.d/20-admin",
      "700 root:root\n600 root:root\n600 admin:admin\n440 root:root\n")
    root.expect("cat /home/admin/.ssh/authorized_keys", "\(key)\n")
    root.expect("sudo -l -U admin | grep -c NOPASSWD", "1\n")
  }

  @Test(
    "A wireless device: NetworkManager, Wi-Fi, chrony, journal on disk, Bluetooth audio, firmware, tools",
    arguments: DebianSuite.tested)
  func radio(suite: DebianSuite) async throws {
    let image = """
      hostname: radio
      profile: debian-minimal
      layers:
        - network-manager
        - wifi
        - chrony
        - journald-disk
        - firmware
        - firmware-wireless
        - bluetooth-audio
        - bluetooth-pairing
        - development
      variables:
        wifi.ssid: Under the Stairs
        wifi.password: !env WIFI_PASSWORD
        wifi.country: DE
        chrony.servers: [ntp.example.org, 192.0.2.123]
        firmware.packages: [firmware-libertas]
      """
    let password = "a b=c#d$e 4711"
    try await LibrarySystem.judged(image, suite: suite.rawValue, secrets: ["WIFI_PASSWORD": password]) { root in
      root.expectSound(changedConfiguration: ["/etc/bluetooth/main.conf"])
      root.expectEnabled(
        "NetworkManager.service", "wpa_supplicant.service", "chrony.service", "bluetooth.service",
        "bluetooth-pairing.service")
      root.expect("ls /etc/systemd/system/bluetooth.target.wants | grep -c alsa", "2\n")
      root.expect("readlink /etc/resolv.conf", "../run/NetworkManager/resolv.conf\n")
      let profile = "/etc/NetworkManager/system-connections/wifi.nmconnection"
      root.expect(
        "stat -c '%a %U:%G' \(profile) /var/log/journal", "600 root:root\n2755 root:systemd-journal\n")
      root.expect(
        "grep -E '^(ssid|psk|key-mgmt)=' \(profile)", "ssid=Under the Stairs\nkey-mgmt=wpa-psk\npsk=\(password)\n")
      // No other file in the root contains the password.
      root.expect("grep -rlF -- '\(password)' /boot /etc /home /opt /root /srv /usr /var", "\(profile)\n")
      root.expect(
        "cat /etc/chrony/sources.d/cultivar.sources",
        "pool ntp.example.org iburst maxsources 4\npool 192.0.2.123 iburst maxsources 4\n")
      root.expect("chronyd -p -f /etc/chrony/chrony.conf >/dev/null && echo right", "right\n")
      root.expect("cd /lib/firmware && ls -d brcm libertas", "brcm\nlibertas\n")
      root.expect("debconf-show debconf | grep -c 'frontend: Noninteractive'", "1\n")
    }
  }

  /// A layer with a value that only the packages can check.
  struct Refusal: Sendable, CustomTestStringConvertible {
    var layer: String
    var rest: String
    var message: String
    var help: String

    var testDescription: String { layer }
  }

  @Test(
    "A value that the packages do not know is an error that says so",
    arguments: [
      Refusal(
        layer: "locale", rest: "variables: { locale.locale: de_XX.UTF-8 }",
        message: "Debian has no locale 'de_XX.UTF-8' with UTF-8", help: "de_AT.UTF-8"),
      Refusal(
        layer: "time-zone", rest: "timezone: Europe/Bern",
        message: "Debian's tzdata has no time zone 'Europe/Bern'", help: "Europe/Berlin"),
      Refusal(
        layer: "networkd", rest: "variables: { networkd.dhcp: 'no', networkd.router-advertisements: false }",
        message: "The device would have no address", help: "networkd.addresses"),
    ])
  func refused(refusal: Refusal) async throws {
    try await withTemporaryFolder { folder in
      try LibrarySystem.write("layers: [debian-minimal, \(refusal.layer)]\n\(refusal.rest)", to: folder)
      let said = try Workshop.refusal(folder, environment: LibrarySystem.environment)
      #expect(said.contains(refusal.message))
      #expect(said.contains(refusal.help))
      #expect(said.contains("of the layer \(refusal.layer) ("))
    }
  }

  @Test(
    "Docker has its data on the data partition, and a daemon that uses its settings", arguments: DebianSuite.tested)
  func docker(suite: DebianSuite) async throws {
    // In bookworm, the daemon's package includes the client.
    let client = suite == .bookworm ? "\nvariables: { docker.client: [] }" : ""
    try await LibrarySystem.judged("layers: [debian-minimal, docker]\(client)", suite: suite.rawValue) { root in
      root.expectSound()
      root.expectEnabled("docker.service")
      root.expect("command -v docker; command -v dockerd", "/usr/bin/docker\n/usr/sbin/dockerd\n")
      root.expect("grep -o '/data/docker' /etc/docker/daemon.json", "/data/docker\n")
    }
  }
}
