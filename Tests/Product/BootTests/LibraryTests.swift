import Emulator
import Flashing
import Foundation
import HostSystem
import TestFixtures
import Testing

extension Machines {
  /// Systems made of the built-in layers.
  @Suite
  struct LibraryTests {
    @Test(
      "A headless server applies its first-start values, has no failed unit, runs a container, and accepts a key"
    )
    func server() async throws {
      let keys = try await BootFixture.shared.newFolder()
      let key = keys.appending(path: "key").path
      let publicKey = try await SecureShell.makeKey(key)
      let container = try await BootFixture.shared.image("plain", Appliances.plain + "\nformats: [root-oci]")
      let archive = container.deletingLastPathComponent().appending(path: "root.oci.tar")
      let image = try await BootFixture.shared.image(
        "server", Self.system(key: publicKey), files: ["plain.tar": archive])
      let disk = try await BootFixture.shared.disk(from: image, mebibytes: 4096)
      try await FirstBootFile.write(
        try FirstBootFile.values(["hostname=attic", "timezone=Asia/Tokyo", "authorized-keys=\(publicKey)"]),
        to: disk.path, tool: hostTool)
      let (web, ssh) = (VirtualMachine.freePort(), VirtualMachine.freePort())
      let machine = VirtualMachine.single(
        disk: disk, firmware: .bios, memory: 1024, forwards: [.init(host: web, guest: 80), .init(host: ssh, guest: 22)])
      try await machine.running(in: disk.deletingLastPathComponent()) { machine in
        try await machine.wait(for: "attic login: ", seconds: 400)
        let page = try await fetch("http://127.0.0.1:\(web)/", from: machine)
        #expect(page == "good day\n")
        let device = SecureShell(port: ssh, key: key)
        try await device.wait(on: machine, seconds: 120)
        let state = try await device.run("systemctl is-system-running --wait || systemctl --failed --no-legend")
        #expect(state == "running\n")
        #expect(try await device.run("swapon --noheadings --show=NAME") == "/dev/zram0\n")
        #expect(try await device.run("ls -A /var/log/journal; ls /run/log/journal | wc -l") == "1\n")
        #expect(try await device.run("resolvectl dns | grep -c '10.0.2.3'") == "1\n")
        #expect(try await device.run("timedatectl show -p NTP -p Timezone") == "Timezone=Asia/Tokyo\nNTP=yes\n")
        #expect(try await device.run("systemctl is-active nginx ssh systemd-timesyncd") == "active\nactive\nactive\n")
        #expect(try await device.run("id -u; sudo id -u", user: "admin") == "1000\n0\n")
        #expect(try await device.run("hostname; getent hosts attic | cut -d ' ' -f 1") == "attic\n127.0.1.1\n")
        // The container's image is part of the root, and there is no network.
        let said = try await device.run(
          "podman run --rm --network none --entrypoint /usr/bin/busybox localhost/plain:1.2.3 echo a word from inside")
        #expect(said == "a word from inside\n")
        // Nobody can log in without the key.
        let stranger = keys.appending(path: "stranger").path
        _ = try await SecureShell.makeKey(stranger)
        await #expect(throws: CommandFailure.self) { try await SecureShell(port: ssh, key: stranger).run("true") }
      }
    }

    private static func system(key: String) -> String {
      """
      layout: { use: appliance-ab, slot: 1G }
      kernel: { package: linux-image-cloud-amd64 }
      base: trixie
      hostname: server
      timezone: Europe/Berlin
      profile: headless
      layers: [nginx, admin, time-zone, podman]
      variables:
        networkd.patience: 120s
        podman.images: [/srv/plain.tar]
        admin.authorized-keys: ["\(key)"]
      files:
        - { path: /srv/www/index.html, content: "good day\\n" }
        - { path: /srv/plain.tar, source: ./plain.tar }
      """
    }
  }
}

/// Runs commands on a device by SSH.
struct SecureShell {
  /// The port of this host that is forwarded to the device.
  var port: Int
  /// The file of the private key.
  var key: String

  /// Makes a key pair.
  ///
  /// - Returns: The public key as a line of `authorized_keys`.
  static func makeKey(_ file: String) async throws -> String {
    try await HostCommand(
      file: "ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", file], to: "make a key"
    ).run()
    return try String(contentsOfFile: file + ".pub", encoding: .utf8).trimmingCharacters(in: .newlines)
  }

  /// Waits until the device accepts the key.
  ///
  /// - Throws: `EmulatorFailure.timedOut` with the machine's console.
  func wait(on machine: RunningMachine, as user: String = "root", seconds: Int) async throws {
    let deadline = ContinuousClock().now.advanced(by: .seconds(seconds))
    while ContinuousClock().now < deadline, await !machine.isOff {
      if (try? await run("true", user: user)) != nil { return }
      try await Task.sleep(for: .seconds(1))
    }
    throw EmulatorFailure.timedOut(waitingFor: "SSH", seconds: seconds, console: await machine.console)
  }

  /// Runs a command and returns its output.
  ///
  /// - Throws: `CommandFailure`, also if the login fails.
  func run(_ command: String, user: String = "root") async throws -> String {
    // The device has a new key at each start.
    let options = [
      "BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "IdentitiesOnly=yes",
      "LogLevel=ERROR", "ConnectTimeout=60",
    ]
    return try await HostCommand(
      file: "ssh",
      options.flatMap { ["-o", $0] } + ["-F", "none", "-i", key, "-p", "\(port)", "\(user)@127.0.0.1", "--", command],
      to: "run a command on the device"
    ).run()
  }
}
