import Emulator
import Foundation
import HostSystem
import RemoteDevice
import TestFixtures
import Testing

extension Machines {
  /// Faults during an update other than a broken release. After each, the device runs and reports the reason.
  @Suite(.long)
  struct UpdateFaultTests {
    private struct Subject {
      var machine: VirtualMachine
      var old: URL
      var new: URL
    }

    /// Makes a machine with release 1.0 and a delta bundle for 2.0 on a second disk, and on request one for the way
    /// back.
    private func subject(
      _ firmware: VirtualMachine.Firmware = .bios, programs: String = "", withWayBack: Bool = false
    ) async throws -> Subject {
      let fixture = UpdateFixture.shared
      let old = try await fixture.image("1.0", Appliances.updated(programs: programs))
      let new = try await fixture.image("2.0", Appliances.updated(programs: programs))
      let disk = try await BootFixture.shared.disk(from: old)
      var machine = VirtualMachine.single(disk: disk, firmware: firmware)
      var bundles = [try await fixture.delta(from: old, to: new)]
      if withWayBack { bundles.append(try await fixture.delta(from: new, to: old)) }
      machine.lend(bundles)
      return Subject(machine: machine, old: old, new: new)
    }

    private func run(
      _ subject: Subject, _ body: @Sendable @escaping (RunningMachine) async throws -> Void
    ) async throws {
      try await subject.machine.running(in: subject.machine.disks[0].deletingLastPathComponent()) { machine in
        try await machine.waitForConsole(after: 0)
        try await body(machine)
      }
    }

    @Test(
      "Releases that fail in stage 1, with a crashing program, late, or by a hang are given up one after the other"
    )
    func brokenReleases() async throws {
      let fixture = UpdateFixture.shared
      let old = try await fixture.image("1.0", Appliances.updated())
      let broken: [(text: String, reason: String)] = [
        (
          Appliances.updated("kernel: { arguments: [cultivar.boot-partition=none] }"),
          "ended without reporting a reason"
        ),
        (
          // It runs most of the time, but never stays up.
          Appliances.updated(timeout: 25, programs: Appliances.shell("crasher", "sleep 1; exit 3"))
            .replacing("duration: 2s", with: "duration: 15s"),
          "crasher does not keep running: status 3|crasher ended and was restarted"
        ),
        (
          // Healthy at first, but not for long enough.
          Appliances.updated(
            check: "command: [/usr/bin/busybox, sh, -c, 'read up rest < /proc/uptime; test ${up%.*} -lt 35']",
            timeout: 45
          )
          .replacing("duration: 2s", with: "duration: 40s"), "port 8080|status 1"
        ),
        (
          Appliances.updated(
            programs: Appliances.shell(
              "ice", "sleep 1; mkdir $G && echo 1 > $G/cgroup.procs && echo 1 > $G/cgroup.freeze",
              "user: root\ncapabilities: [sys_admin]\nenv: { G: /sys/fs/cgroup/programs/frozen }\nrestart: never")
          ).replacing("duration: 2s", with: "duration: 30s"), "the watchdog restarted the machine"
        ),
      ]
      var deltas: [URL] = []
      for (number, release) in broken.enumerated() {
        let image = try await fixture.image("\(number + 2).0", release.text)
        deltas.append(try await fixture.delta(from: old, to: image))
      }
      let disk = try await BootFixture.shared.disk(from: old)
      var machine = VirtualMachine.single(disk: disk, firmware: .uefi)
      machine.lend(deltas)
      try await machine.running(in: disk.deletingLastPathComponent()) { machine in
        try await machine.waitForConsole(after: 0)
        for (number, release) in broken.enumerated() {
          let start = await machine.mark
          try await machine.type("update install /dev/vd\(["b", "c", "d", "e"][number])")
          try await machine.wait(for: "Restarting system", after: start, seconds: 180)
          // The first release does not get this far.
          if number > 0 { try await machine.wait(for: "slot b, on trial", after: start, seconds: 120) }
          let shown = try await machine.wait(for: ", slot a", after: start, seconds: 240)
          let back = shown.range(of: ", slot a").map { shown[..<$0.lowerBound].utf8.count } ?? 0
          try await machine.waitForConsole(after: start + back)
          let history = try await machine.command("history", until: "\(number + 2).0  slot b  rolled back", seconds: 60)
          let line = history.split(separator: "\n").last.map(String.init) ?? ""
          #expect(release.reason.split(separator: "|").contains { line.contains($0) }, "\(line)")
        }
        try await machine.type("poweroff")
        try await machine.waitUntilOff(seconds: 60)
      }
    }

    @Test("A machine that is reset at random moments resumes the installation and commits")
    func killedAndReset() async throws {
      try await run(try await subject(.uefi)) { machine in
        var random = SystemRandomNumberGenerator()
        for _ in 0..<8 {
          try await machine.type("update install /dev/vdb --reboot later")
          try await Task.sleep(for: .milliseconds(Int.random(in: 300...6000, using: &random)))
          let start = await machine.mark
          try await machine.reset()
          try await machine.waitForConsole(after: start)
        }
        _ = try await machine.command("update cancel")
        try await machine.update(from: "/dev/vdb")
        _ = try await machine.command("history", until: "committed", seconds: 90)
      }
    }

    @Test("An updater that is killed at random moments resumes with the next request, and commits")
    func killedUpdater() async throws {
      let killer = Appliances.shell(
        "killer",
        """
        [ -e used ] && exit; touch used; n=0; while [ $n -lt 12 ]; do sleep $((RANDOM % 4)).$((RANDOM % 10)); for p in /proc/[0-9]*; do
        c=; read c < $p/comm; if [ "$c" = updater ]; then kill -9 ${p#/proc/} && n=$((n+1)); fi; done; done; echo enough
        """.replacing("\n", with: " "),
        "user: root\ncapabilities: [kill]\nrestart: never")
      try await run(try await subject(.uefi, programs: killer)) { machine in
        var (kills, installed) = (0, false)
        for _ in 0..<60 where !installed {
          let answer = try await machine.command("update install /dev/vdb --reboot later", seconds: 120)
          installed = answer.status == 0
          if answer.output.contains("the updater closed the connection") { kills += 1 }
          if !installed { try await Task.sleep(for: .seconds(1)) }
        }
        #expect(installed && kills > 0, "ended \(kills) times")
        let start = await machine.mark
        try await machine.type("reboot")
        try await machine.wait(for: "slot b, on trial", after: start, seconds: 120)
        _ = try await machine.command("history", until: "committed", seconds: 90)
      }
    }

    @Test("Twenty updates in a row, from slot to slot and back")
    func manyUpdates() async throws {
      let subject = try await subject(.uefi, withWayBack: true)
      try await run(subject) { machine in
        for number in 1...20 {
          let (disk, version, slot) = number % 2 == 1 ? ("vdb", "2.0", "b") : ("vdc", "1.0", "a")
          try await machine.update(from: "/dev/\(disk)", "--allow-downgrade")
          _ = try await machine.command("slots", until: "\(slot)  \(version)  running, default", seconds: 90)
        }
      }
    }

    @Test("A device fetches only missing blocks from a web server, and resumes after the server was down")
    func webServer() async throws {
      let subject = try await subject(.uefi)
      let folder = try await BootFixture.shared.newFolder()
      try FolderTree.create(folder.appending(path: "site").path)
      try FileManager.default.copyItem(
        at: UpdateFixture.bundle(beside: subject.new), to: folder.appending(path: "site/whole.bundle"))
      let port = VirtualMachine.freePort()
      let configuration = """
        daemon off; pid \(folder.path)/pid; error_log \(folder.path)/error; user root; events {}
        http {
          access_log \(folder.path)/access; root \(folder.path)/site; limit_rate 20k;
          server { listen 127.0.0.1:\(port); }
        }
        """
      try FolderTree.replaceFile(folder.appending(path: "nginx.conf").path, with: configuration.utf8)
      @Sendable func serve() throws -> Running {
        try Running(
          URL(fileURLWithPath: "/usr/sbin/nginx"), ["-c", "\(folder.path)/nginx.conf", "-e", "\(folder.path)/error"])
      }
      @Sendable func end(_ server: Running) throws {
        kill(server.id, SIGTERM)
        _ = try server.wait()
      }
      let first = try serve()
      try await run(subject) { machine in
        let start = await machine.mark
        // The machine's name for the build host.
        try await machine.type("update install http://10.0.2.2:\(port)/whole.bundle")
        try await Task.sleep(for: .seconds(4))
        try end(first)
        try await Task.sleep(for: .seconds(3))
        let second = try serve()
        try await machine.wait(for: "slot b, on trial", after: start, seconds: 240)
        _ = try await machine.command("history", until: "2.0  slot b  committed", seconds: 90)
        try end(second)
      }
      // The slot has most of the blocks already, so only a few are fetched.
      let log = try String(contentsOf: folder.appending(path: "access"), encoding: .utf8)
      let fetched = log.split(separator: "\n").compactMap { $0.firstMatch(of: #/" 206 (\d+) /#).flatMap { Int($0.1) } }
      #expect(fetched.count > 1 && fetched.reduce(0, +) < 4 << 20, "\(log)")
    }

    @Test("An update is installed and recorded while the data partition is full")
    func fullData() async throws {
      let filler = Appliances.shell(
        "filler", "dd if=/dev/zero of=/data/fill bs=1M; dd if=/dev/zero of=/data/fill2 bs=512; sync; sleep 100000",
        "user: root")
      try await run(try await subject(programs: filler)) { machine in
        try await Task.sleep(for: .seconds(60))
        let full = try await machine.command("update install /dev/vdb --reboot later", seconds: 180)
        #expect(full.status == 0, "\(full.output)")
        #expect(try await machine.command("slots").output.contains("a  1.0  running, default"))
        #expect(try await machine.command("history").output.contains("2.0  slot b  installed"))
      }
    }

    @Test("A disk with a bad sector in the slot makes the installation fail, and has no other effect")
    func badSector() async throws {
      var subject = try await subject(.bios)
      // A sector in slot B.
      let part = try #require(try await DiskJudge(subject.machine.disks[0]).partitions().first { $0.name == "root-b" })
      subject.machine.badSector = part.start + 20_000
      try await run(subject) { machine in
        let failed = try await machine.command("update install /dev/vdb --reboot later", seconds: 180)
        #expect(failed.status == 1 && failed.output.contains("Input/output error"), "\(failed.output)")
        #expect(try await machine.command("slots").output.contains("a  1.0  running, default"))
        let start = await machine.mark
        try await machine.type("reboot")
        try await machine.wait(for: "Restarting system", after: start, seconds: 60)
        try await machine.waitForConsole(after: await machine.mark)
        #expect(try await machine.command("slots").output.contains("b  -    empty"))
      }
    }

    @Test("A clock in 1970, and an update during an update")
    func clockAndSecondUpdate() async throws {
      var subject = try await subject(.uefi)
      subject.machine.extraArguments += ["-rtc", "base=1970-01-02"]
      try await run(subject) { machine in
        try await machine.update(from: "/dev/vdb")
        _ = try await machine.command("history", until: "committed", seconds: 90)
        let second = try await machine.command("update install /dev/vdb --reboot later", seconds: 120)
        #expect(second.status == 1, "the bundle is made from another release: \(second.output)")
      }
    }

    /// Runs a script on the boot partition of a machine that is off. `$i` is its image for mtools, `$0` a folder.
    /// Returns the output.
    private func changeBootPartition(of subject: Subject, _ script: String) async throws -> String {
      let disk = subject.machine.disks[0]
      let part = try #require(try await DiskJudge(disk).partitions().first { $0.name == "boot" })
      return try await HostCommand(
        file: "sh",
        ["-euc", "i='\(disk.path)@@\(part.start * 512)'\n\(script)", disk.deletingLastPathComponent().path],
        to: "change the boot partition", environment: ["MTOOLS_SKIP_CHECK": "1"]
      ).run()
    }

    @Test("A boot partition with stale files or damaged entries still starts the complete slot, and takes an update")
    func damagedBootPartition() async throws {
      let subject = try await subject(.uefi)
      _ = try await changeBootPartition(
        of: subject,
        """
        echo "linux /slots/b/linux" > "$0/stale"
        : > "$0/empty"
        mcopy -i "$i" "$0/stale" ::/loader/entries/cultivar-b.tmp
        mcopy -i "$i" "$0/empty" "::/loader/entries/cultivar-b-9+1.conf"
        mmd -i "$i" ::/slots/b
        mcopy -i "$i" "$0/stale" ::/slots/b/linux
        """)
      try await run(subject) { machine in
        try await machine.update(from: "/dev/vdb")
        _ = try await machine.command("history", until: "committed", seconds: 90)
        #expect(try await machine.command("slots").output.contains("b  2.0  running, default"))
      }
    }

    @Test(
      "With the first records of both slots damaged, the copies start the device, and an update repairs them",
      arguments: [VirtualMachine.Firmware.uefi, .bios])
    func damagedEntries(firmware: VirtualMachine.Firmware) async throws {
      let subject = try await subject(firmware, withWayBack: true)
      try await run(subject) { machine in
        try await machine.update(from: "/dev/vdb")
        _ = try await machine.command("history", until: "committed", seconds: 90)
        try await machine.type("poweroff")
        try await machine.waitUntilOff(seconds: 60)
      }
      let files =
        firmware == .uefi
        ? #"$(mdir -b -i "$i" ::/loader/entries | grep -v spare)"#
        : "::/grub/choice-1.env ::/grub/choice-2.env ::/slots/a/grub.cfg ::/slots/b/grub.cfg"
      let count = try await changeBootPartition(
        of: subject,
        """
        echo "cultivar, no longer" > "$0/garbage"
        set -- \(files)
        for file in "$@"; do mcopy -o -i "$i" "$0/garbage" "$file"; done
        echo $#
        """)
      #expect(count == (firmware == .uefi ? "2\n" : "4\n"))
      // GRUB has lost its default slot and uses the first one. systemd-boot has it in the spare entry.
      let (slot, other, next) = firmware == .uefi ? ("b  2.0", "a  1.0", "vdc") : ("a  1.0", "b  2.0", "vdb")
      try await run(subject) { machine in
        #expect(try await machine.command("slots").output.contains("\(slot)  running, default"))
        try await machine.update(from: "/dev/\(next)", "--allow-downgrade")
        _ = try await machine.command("slots", until: "\(other)  running, default", seconds: 90)
      }
    }

    /// Waits for a system's certificate and returns its SHA-256.
    private func fingerprint(of device: SecureShell) async throws -> String {
      let deadline = ContinuousClock().now.advanced(by: .seconds(120))
      while ContinuousClock().now < deadline {
        let shown = try await device.run("cultivarctl api")
        if let match = shown.firstMatch(of: /certificate +([0-9A-Fa-f:]{64,})/) { return String(match.output.1) }
        try await Task.sleep(for: .seconds(2))
      }
      Issue.record(
        "no certificate: \(try await device.run("journalctl -u cultivard; systemctl status cultivard || true"))")
      return ""
    }

    @Test("A system is updated over the network and commits when systemd is running; a failed unit ends the trial")
    func system() async throws {
      let keys = try await BootFixture.shared.newFolder()
      let token = BearerToken()
      let tokenFile = keys.appending(path: "token")
      try token.write(to: tokenFile.path)
      let key = keys.appending(path: "key").path
      let publicKey = try await SecureShell.makeKey(key)
      func text(_ rest: String = "") -> String {
        """
        layout: { use: appliance-ab, slot: 1G }
        formats: [bundle]
        kernel: { package: linux-image-cloud-amd64 }
        base: trixie
        hostname: server
        profile: headless
        variables: { networkd.patience: 120s, openssh-server.authorized-keys: ["\(publicKey)"] }
        update: { trust: ./trust.root, health: { duration: 5s, timeout: 200s } }
        management: { tokenHash: \(token.hash) }
        \(rest)
        """
      }
      let fixture = UpdateFixture.shared
      let old = try await fixture.image("1.0", text())
      let new = try await fixture.image("2.0", text())
      let broken = try await fixture.image(
        "3.0",
        text(
          """
          files:
            - { path: /etc/systemd/system/broken.service, content: "[Service]\\nExecStart=/bin/false\\n[Install]\\nWantedBy=multi-user.target\\n" }
          units: { enable: [broken.service] }
          """))
      let disk = try await BootFixture.shared.disk(from: old, mebibytes: 4096)
      let (ssh, api) = (VirtualMachine.freePort(), VirtualMachine.freePort())
      var machine = VirtualMachine.single(
        disk: disk, firmware: .uefi, memory: 1024,
        forwards: [.init(host: ssh, guest: 22), .init(host: api, guest: 8443)])
      machine.lend([try await fixture.delta(from: new, to: broken)])
      let small = try await fixture.delta(from: old, to: new)
      try await machine.running(in: disk.deletingLastPathComponent()) { machine in
        let device = SecureShell(port: ssh, key: key)
        try await device.wait(on: machine, seconds: 400)
        let fingerprint = try await fingerprint(of: device)
        let said = try await HostCommand(
          file: BuiltTool.file.path,
          ["update", "127.0.0.1:\(api)", small.path, "--token-file", tokenFile.path, "--fingerprint", fingerprint],
          to: "update the system", environment: ["HOME": keys.path, "XDG_CONFIG_HOME": keys.path]
        ).run()
        #expect(said.contains("release 2.0 runs and is committed"), "\(said)")
        let first = try await device.run("cultivarctl history")
        #expect(first.contains("2.0  slot b  committed"), "\(first)")

        let start = await machine.mark
        let installed = try await device.run("cultivarctl update install /dev/vdb")
        #expect(installed.contains("the device restarts into it"))
        try await machine.wait(for: "on trial", after: start, seconds: 300)
        let outcome = "3.0  slot a  rolled back: broken.service has failed"
        let deadline = ContinuousClock().now.advanced(by: .seconds(600))
        var history = ""
        while ContinuousClock().now < deadline, !history.contains(outcome) {
          try await Task.sleep(for: .seconds(2))
          history = (try? await device.run("cultivarctl history")) ?? history
        }
        #expect(history.contains(outcome), "\(history)")
        #expect(try await device.run("cultivarctl slots").contains("b  2.0  running, default"))
      }
    }
  }
}
