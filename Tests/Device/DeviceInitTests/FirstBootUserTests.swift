import DeviceModel
import DeviceRecords
import Foundation
import Glibc
import Provisioning
import TestFixtures
import Testing

@testable import DeviceInit

@Suite("User and network of the values for the first boot")
struct FirstBootUserTests {
  private static let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJxVYp4fKJ4bS9Ff1Gm5x3wB1oKf0y3n5Hk2mQ1aZb7c me"
  private static let hash =
    "$6$pine$2AAPAp6usCXzM3e0K4a9PyZvgBqjCd6cHML.FxIudpQ.PoNKUQ5.Eea3ywwFTxfe6xtaUBkCxO3IHh.AQuM141"

  private func values(_ text: String) throws -> FirstBootValues { try FirstBootValues(Array(text.utf8)) }

  /// Makes a root with accounts, an SSH server and sudo.
  private func root(in folder: URL) throws -> String {
    try folder.writing("root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1::/:/usr/sbin/nologin\n", to: "etc/passwd")
    try folder.writing("root:*:19000:0:99999:7:::\n", to: "etc/shadow", mode: 0o640)
    try folder.writing("root:x:0:\nsudo:x:27:\nusers:x:100:ann\nspool:x:1000:\n", to: "etc/group")
    try folder.writing("root:*::\nsudo:*::\nusers:*::ann\n", to: "etc/gshadow", mode: 0o640)
    try folder.writing("", to: "etc/ssh/sshd_config")
    try folder.writing("", to: "usr/lib/systemd/system/ssh.service")
    try folder.writing("", to: "etc/sudoers.d/README")
    try folder.writing("skeleton\n", to: "etc/skel/.profile")
    return folder.path
  }

  @Test("A user is made with a free id, a home, groups, a password, keys of its own, and sudo")
  func user() async throws {
    try await withTemporaryFolder { folder in
      let root = try root(in: folder)
      let values = try values(
        """
        user=mia
        user-password-hash=\(Self.hash)
        user-groups=sudo
        user-groups=users
        user-groups=gpio
        passwordless-sudo=yes
        authorized-keys=\(Self.key)
        ssh=yes
        ssh-passwords=no
        """)
      #expect(
        SystemSettings.problems(of: values, in: root, isSystem: true) == ["`user-groups`: the image has no group gpio"])
      let applied = SystemSettings(root: root).apply(values)
      #expect(applied.problems == [])
      #expect(applied.persistedPaths == ["/home/mia"])

      // 1000 is the number of a group already.
      #expect(try folder.text("etc/passwd").hasSuffix("mia:x:1001:1001::/home/mia:/bin/sh\n"))
      #expect(try folder.text("etc/shadow").hasSuffix("mia:\(Self.hash)::0:99999:7:::\n"))
      #expect(try folder.text("etc/group").contains("sudo:x:27:mia\nusers:x:100:ann,mia\n"))
      #expect(try folder.text("etc/group").hasSuffix("mia:x:1001:\n"))
      #expect(try folder.text("etc/gshadow").contains("users:*::ann,mia\n"))
      #expect(try folder.text("home/mia/.profile") == "skeleton\n")
      #expect(try folder.text("etc/sudoers.d/first-boot") == "mia ALL=(ALL:ALL) NOPASSWD: ALL\n")
      #expect(try folder.text("etc/ssh/authorized_keys.d/mia") == Self.key + "\n")
      #expect(
        try folder.text("etc/ssh/sshd_config.d/00-first-boot.conf")
          == "AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/authorized_keys /etc/ssh/authorized_keys.d/%u\n"
          + "PasswordAuthentication no\n")
      #expect(!FileManager.default.fileExists(atPath: root + "/etc/ssh/authorized_keys"))
      let wants = "/etc/systemd/system/multi-user.target.wants/ssh.service"
      #expect(
        try FileManager.default.destinationOfSymbolicLink(atPath: root + wants)
          == "/usr/lib/systemd/system/ssh.service")
      var status = stat()
      #expect(stat(root + "/etc/shadow", &status) == 0 && status.st_mode & 0o777 == 0o640)
      #expect(stat(root + "/home/mia", &status) == 0 && status.st_mode & 0o777 == 0o700)
    }
  }

  @Test(
    "A user of the image gets password and groups, and keeps its home; a user without a password cannot log in by one")
  func existing() async throws {
    try await withTemporaryFolder { folder in
      let root = try root(in: folder)
      try folder.writing("root:x:0:0::/root:/bin/sh\npi:x:1007:1007::/srv/pi:/bin/sh\n", to: "etc/passwd")
      try folder.writing("root:*:1::::::\npi:!:1::::::\n", to: "etc/shadow")
      let first = SystemSettings(root: root).apply(try values("user=pi\nuser-password-hash=\(Self.hash)\n"))
      #expect(first.problems == [] && first.persistedPaths == [])
      #expect(try folder.text("etc/shadow").contains("pi:\(Self.hash):1::::::\n"))
      #expect(!FileManager.default.fileExists(atPath: root + "/home"))
      _ = SystemSettings(root: root).apply(try values("user=mia\n"))
      #expect(try folder.text("etc/shadow").contains("mia:*:"))
    }
  }

  @Test("Values without effect on a small system, and values that need others, are reported")
  func problems() async throws {
    try await withTemporaryFolder { folder in
      try folder.writing("root:x:0:0::/root:/bin/sh\n", to: "etc/passwd")
      let text =
        """
        passwordless-sudo=yes
        ssh=yes
        ssh-passwords=yes
        wifi-security=sae
        ethernet=static
        locale=de_AT.UTF-8
        keymap=de
        time-server=ntp.example.org
        """
      let problems = SystemSettings.problems(of: try values(text), in: folder.path, isSystem: true)
      for key in [
        "passwordless-sudo", "ssh", "ssh-passwords", "wifi-security", "ethernet", "locale", "keymap", "time-server",
      ] {
        #expect(problems.contains { $0.contains("`\(key)`") }, "\(key)")
      }
      #expect(problems.contains("`passwordless-sudo`: no effect: `user` is missing"))
      let onAppliance = SystemSettings.problems(
        of: try values("user=mia\nhostname=a\n"), in: folder.path, isSystem: false)
      #expect(onAppliance == ["`user`: no effect: the image is an appliance"])
    }
  }

  @Test("An appliance with a wireless client takes the values of Wi-Fi")
  func appliance() async throws {
    try await withTemporaryFolder { folder in
      var plan = DevicePlan(
        image: ImageIdentity(project: "p", image: "i", deviceClass: "d", version: "1", build: ""), hostname: "i",
        modules: [], interfaces: [], nameServers: [], programs: [], consoleCommands: false, shutdownTimeout: 1)
      plan.wireless = WirelessPlan(interface: "wlan0", country: nil)
      try folder.writing(
        String(decoding: try JSONEncoder().encode(plan), as: UTF8.self), to: String(DevicePlan.path.dropFirst()))
      let values = try values("wifi-ssid=roof\nwifi-password=12345678\ntimezone=Asia/Tokyo\n")
      #expect(
        SystemSettings.problems(of: values, in: folder.path, isSystem: false)
          == ["`timezone`: no effect: the image is an appliance"])
    }
  }

  @Test("A network is written for the program that the image has")
  func programs() async throws {
    let values = try values("wifi-ssid=a/b\nwifi-password=correct horse\nwifi-country=AT\nwifi-hidden=yes\n")
    try await withTemporaryFolder { folder in
      try folder.writing("root:x:0:0::/root:/bin/sh\n", to: "etc/passwd")
      try folder.writing("", to: "usr/libexec/iwd")
      #expect(SystemSettings(root: folder.path).apply(values).problems == [])
      #expect(
        try folder.text("var/lib/iwd/=612f62.psk") == "[Security]\nPassphrase=correct horse\n[Settings]\nHidden=true\n")
      #expect(
        try folder.text("etc/modprobe.d/zz-first-boot.conf") == "options cfg80211 ieee80211_regdom=AT\n")
    }
    try await withTemporaryFolder { folder in
      try folder.writing("", to: "usr/sbin/wpa_supplicant")
      try folder.writing("", to: "usr/lib/systemd/systemd-networkd")
      #expect(SystemSettings(root: folder.path).apply(values).problems == [])
      #expect(
        try folder.text("etc/wpa_supplicant/wpa_supplicant-wlan0.conf")
          == """
          country=AT
          network={
            ssid=612f62
            scan_ssid=1
            key_mgmt=WPA-PSK WPA-PSK-SHA256 SAE
            psk="correct horse"
            ieee80211w=1
          }

          """)
      #expect(try folder.text("etc/systemd/network/10-first-boot-wifi.network").contains("Type=wlan"))
    }
  }

  @Test("Names that are not text, keys in hexadecimal, WPA3 and open networks")
  func networks() throws {
    let bytes = try #require(WirelessConfiguration(try values("wifi-ssid-hex=ff3b\n")))
    #expect(bytes.networkManager.contains("\nssid=255;59;\n"))
    let lines = try #require(WirelessConfiguration(try values("wifi-ssid-hex=410a5b70726f78795d\n")))
    #expect(!lines.networkManager.contains("[proxy]"))
    #expect(WirelessConfiguration(try values("wifi-ssid=a\nwifi-security=sae\n")) == nil)
    #expect(bytes.iwdName == "=ff3b.open" && bytes.iwd.isEmpty)
    #expect(bytes.supplicant == "network={\n  ssid=ff3b\n  key_mgmt=NONE\n}\n")
    let key = String(repeating: "0f", count: 32)
    let derived = try #require(WirelessConfiguration(try values("wifi-ssid=a\nwifi-password=\(key)\n")))
    #expect(derived.supplicant.contains("  psk=\(key)\n") && !derived.supplicant.contains("SAE"))
    #expect(derived.iwd == "[Security]\nPreSharedKey=\(key)\n")
    let sae = try #require(
      WirelessConfiguration(try values("wifi-ssid=a\nwifi-password=correct horse\nwifi-security=sae\n")))
    #expect(sae.networkManager.contains("key-mgmt=sae\npsk=correct horse\n"))
    #expect(sae.supplicant.contains("sae_password=\"correct horse\"\n  ieee80211w=2\n"))
    let owe = try #require(WirelessConfiguration(try values("wifi-ssid=a\nwifi-security=owe\n")))
    #expect(owe.networkManager.contains("key-mgmt=owe\n") && owe.supplicant.contains("key_mgmt=OWE"))
  }

  @Test("Fixed addresses are written for NetworkManager and for systemd-networkd")
  func ethernet() async throws {
    let values = try values(
      """
      ethernet=static
      ethernet-interface=eth0
      ethernet-address=192.0.2.7/24
      ethernet-address=2001:db8::7/64
      ethernet-gateway=192.0.2.1
      name-server=192.0.2.53
      search-domain=example.org
      """)
    try await withTemporaryFolder { folder in
      try folder.writing("", to: "etc/NetworkManager/NetworkManager.conf")
      #expect(SystemSettings(root: folder.path).apply(values).problems == [])
      let text = try folder.text("etc/NetworkManager/system-connections/first-boot-ethernet.nmconnection")
      #expect(text.contains("[ipv4]\nmethod=manual\naddress1=192.0.2.7/24\ngateway=192.0.2.1\ndns=192.0.2.53;\n"))
      #expect(text.contains("[ipv6]\nmethod=manual\naddress1=2001:db8::7/64\n"))
    }
    try await withTemporaryFolder { folder in
      try folder.writing("", to: "usr/lib/systemd/systemd-networkd")
      #expect(SystemSettings(root: folder.path).apply(values).problems == [])
      #expect(
        try folder.text("etc/systemd/network/10-first-boot.network").contains(
          "Name=eth0\n\n[Network]\nAddress=192.0.2.7/24\nAddress=2001:db8::7/64\nGateway=192.0.2.1\n"))
    }
  }

  @Test("The files to remove are noted before the values, until they have been removed; other names never count")
  func removal() async throws {
    try await withTemporaryFolder { folder in
      let records = try DeviceRecords(in: folder.path)
      try records.keep(try values("hostname=attic\n"), thenRemoving: ["user-data", "rpi-preseed.toml"])
      #expect(records.filesToRemove == ["user-data", "rpi-preseed.toml"])
      try folder.writing("../cultivar.env\nuser-data\n", to: "first-boot-files")
      #expect(records.filesToRemove == ["user-data"])
      records.noteRemoval()
      #expect(records.filesToRemove == [])
      #expect(try records.firstBootValues()?[.hostname] == "attic")
    }
  }
}
