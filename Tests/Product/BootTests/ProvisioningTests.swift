import Emulator
import Flashing
import Foundation
import HostSystem
import TestFixtures
import Testing

extension Machines {
  /// Values for the first boot in the files of Raspberry Pi Imager, and wireless networks.
  @Suite
  struct ProvisioningTests {
    /// The hash of “correct horse”, by `openssl passwd -6 -salt pine`.
    private static let hash =
      "$6$pine$2AAPAp6usCXzM3e0K4a9PyZvgBqjCd6cHML.FxIudpQ.PoNKUQ5.Eea3ywwFTxfe6xtaUBkCxO3IHh.AQuM141"

    @Test(
      "A system takes Raspberry Pi Imager's file, and removes it from the boot partition; the user's home persists",
      .long)
    func imager() async throws {
      let folder = try await BootFixture.shared.newFolder()
      let key = folder.appending(path: "key").path
      let publicKey = try await SecureShell.makeKey(key)
      let image = try await BootFixture.shared.image(
        "cottage",
        """
        layout: { use: system-ab, slot: 1G }
        kernel: { package: linux-image-cloud-amd64 }
        base: trixie
        profile: headless
        layers: [sudo, time-zone]
        variables: { networkd.patience: 120s }
        """)
      let disk = try await BootFixture.shared.disk(from: image, mebibytes: 4096)
      try await Self.write(
        """
        config_version = "1.0"
        [system]
        hostname = "orchard"
        [user]
        name = "mia"
        password = "\(Self.hash)"
        password_encrypted = true
        groups = ["sudo"]
        passwordless_sudo = true
        [ssh]
        enabled = true
        password_authentication = false
        authorized_keys = [
          "\(publicKey)",
        ]
        [wlan]
        ssid = "Attic"
        password = "correct horse"
        country = "AT"
        [locale]
        timezone = "Asia/Tokyo"
        [interfaces]
        i2c = true
        """, called: "rpi-preseed.toml", to: disk, in: folder)
      let ssh = VirtualMachine.freePort()
      let machine = VirtualMachine.single(
        disk: disk, firmware: .bios, memory: 1024, forwards: [.init(host: ssh, guest: 22)])
      try await machine.running(in: disk.deletingLastPathComponent()) { machine in
        try await machine.wait(for: "orchard login: ", seconds: 400)
        let device = SecureShell(port: ssh, key: key)
        try await device.wait(on: machine, as: "mia", seconds: 120)
        #expect(
          try await device.run("id -un; sudo id -u; hostname; pwd", user: "mia") == "mia\n0\norchard\n/home/mia\n")
        #expect(try await device.run("sudo getent shadow mia | cut -d : -f 2", user: "mia") == "\(Self.hash)\n")
        #expect(try await device.run("timedatectl show -p Timezone --value", user: "mia") == "Asia/Tokyo\n")
        #expect(
          try await device.run("systemctl is-system-running --wait || systemctl --failed --no-legend", user: "mia")
            == "running\n")
        // The keys are the user's, not root's.
        await #expect(throws: CommandFailure.self) { try await device.run("true") }
        let console = await machine.console
        #expect(console.contains("rpi-preseed.toml: no effect: interfaces.i2c"))
        #expect(console.contains("`wifi-ssid`: no effect"))
        #expect(!console.contains("correct horse"))
        _ = try await device.run("echo mine > note; sudo systemctl reboot", user: "mia")
        let next = await machine.mark
        try await machine.wait(for: "orchard login: ", after: next, seconds: 400)
        try await device.wait(on: machine, as: "mia", seconds: 120)
        #expect(try await device.run("cat note; id -u", user: "mia") == "mine\n1000\n")
      }
      let listing = try await Self.mtools("mdir", ["-b"], ["::/"], disk)
      #expect(!listing.contains("preseed"))
      // The clusters of the file have no secret, either.
      let content = try Data(contentsOf: disk, options: .mappedIfSafe)
      let boot = content[(2 << 20)..<(258 << 20)]
      #expect(boot.range(of: Data("correct horse".utf8)) == nil)
      #expect(boot.range(of: Data(Self.hash.utf8)) == nil)
    }

    @Test("An appliance joins a wireless network by wpa_supplicant, and takes an address there", .long)
    func wireless() async throws {
      let folder = try await BootFixture.shared.newFolder()
      let accessPoint = folder.appending(path: "hostapd.conf")
      try Data(
        """
        interface=wlan1
        driver=nl80211
        ssid=Under the Stairs
        hw_mode=g
        channel=6
        wpa=2
        wpa_key_mgmt=WPA-PSK
        rsn_pairwise=CCMP
        wpa_passphrase=correct horse

        """.utf8
      ).write(to: accessPoint)
      let image = try await BootFixture.shared.image(
        "radio",
        """
        layout: appliance-ab
        kernel: { modules: [mac80211_hwsim] }
        network: { method: automatic, interfaces: [wlan0] }
        wifi: { country: AT }
        files: [{ source: ./hostapd.conf, path: /etc/hostapd.conf, mode: "0600" }]
        programs:
          - debian: { packages: [hostapd], executable: /usr/sbin/hostapd }
            arguments: [/etc/hostapd.conf]
            user: root
            capabilities: [net_admin, net_raw]
            waitFor: [{ path: /sys/class/net/wlan1 }]
        \(Appliances.shell("link", "ip addr add 192.0.2.1/24 dev wlan1; sleep 100000", "user: root\ncapabilities: [net_admin]\nwaitFor: [{ program: hostapd }]"))
          - debian: { packages: [dnsmasq-base], executable: /usr/sbin/dnsmasq }
            arguments: [--keep-in-foreground, --conf-file=/dev/null, --port=0, --interface=wlan1, "--dhcp-range=192.0.2.10,192.0.2.20", --dhcp-leasefile=/tmp/leases, --user=root, --log-facility=-]
            user: root
            capabilities: [net_admin, net_raw, net_bind_service, chown, setgid, setuid]
            waitFor: [{ program: link }]
        clock: none
        console: { commands: true }
        """, files: ["hostapd.conf": accessPoint])
      let disk = try await BootFixture.shared.disk(from: image)
      let password = folder.appending(path: "password")
      try Data("correct horse\n".utf8).write(to: password)
      try await FirstBootFile.write(
        FirstBootFile.values(["wifi-ssid=Under the Stairs", "wifi-password=@\(password.path)"]), to: disk.path,
        tool: hostTool)
      let machine = VirtualMachine.single(disk: disk, firmware: .uefi)
      try await machine.running(in: disk.deletingLastPathComponent()) { machine in
        try await machine.wait(for: "dnsmasq: started", seconds: 300)
        try await Self.wait(for: "CTRL-EVENT-CONNECTED", inLogOf: "wifi", machine)
        try await Self.wait(for: "DHCPACK", inLogOf: "dnsmasq", machine)
        #expect(await !machine.console.contains("correct horse"))
      }
      let listing = try await Self.mtools("mdir", ["-b"], ["::/"], disk)
      #expect(!listing.contains("cultivar.conf"))
    }

    /// Waits until the log of a program has a text.
    private static func wait(for text: String, inLogOf program: String, _ machine: RunningMachine) async throws {
      var log = ""
      for _ in 0..<60 {
        log = try await machine.command("logs \(program) -n 50").output
        if log.contains(text) { return }
        try await Task.sleep(for: .seconds(2))
      }
      Issue.record("the log of \(program) does not have “\(text)”:\n\(log)")
    }

    @Test("The screen shows the image's picture while an appliance runs", .long)
    func splash() async throws {
      let folder = try await BootFixture.shared.newFolder()
      let picture = folder.appending(path: "logo.ppm")
      // A green square on dark red.
      let pixels = (0..<200).flatMap { row in
        (0..<200).flatMap { column -> [UInt8] in
          (50..<150).contains(row) && (50..<150).contains(column) ? [0, 200, 0] : [96, 0, 0]
        }
      }
      try Data(Array("P6 200 200 255\n".utf8) + pixels).write(to: picture)
      let image = try await BootFixture.shared.image(
        "picture", Appliances.plain + "\nsplash: ./logo.ppm", files: ["logo.ppm": picture])
      let disk = try await BootFixture.shared.disk(from: image)
      let machine = VirtualMachine.single(disk: disk, firmware: .uefi)
      try await machine.running(in: disk.deletingLastPathComponent()) { machine in
        try await machine.wait(for: "web: started", seconds: 300)
        let shot = folder.appending(path: "shot.ppm")
        try await machine.takePicture(to: shot)
        try await Task.sleep(for: .seconds(2))
        let screen = [UInt8](try Data(contentsOf: shot))
        let head = try #require(String(decoding: screen.prefix(20), as: UTF8.self).split(separator: "255\n").first)
        let numbers = head.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
        let start = head.utf8.count + 4
        func pixel(_ column: Int, _ row: Int) -> [UInt8] {
          Array(screen[(start + (row * numbers[0] + column) * 3)...].prefix(3))
        }
        #expect(pixel(numbers[0] / 2, numbers[1] / 2) == [0, 200, 0])
        #expect(pixel(3, 3) == [96, 0, 0])
        #expect(pixel(numbers[0] - 3, numbers[1] - 3) == [96, 0, 0])
      }
    }

    /// Writes a file to the boot partition, which is the second one of an image for PCs.
    private static func write(_ text: String, called name: String, to disk: URL, in folder: URL) async throws {
      let file = folder.appending(path: name)
      try Data(text.utf8).write(to: file)
      _ = try await mtools("mcopy", ["-o"], [file.path, "::/\(name)"], disk)
    }

    private static func mtools(
      _ name: String, _ options: [String], _ arguments: [String], _ disk: URL
    ) async throws -> String {
      try await hostTool(
        name, ["-i", "\(disk.path)@@\(2 << 20)"] + options + arguments, "use the boot partition"
      ).run()
    }
  }
}
