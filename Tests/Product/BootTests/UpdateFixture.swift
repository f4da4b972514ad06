import Bundle
import BundleMaking
import Emulator
import Foundation
import HostSystem
import PowerCuts
import TestFixtures

/// Releases of one product, and the bundles between them.
actor UpdateFixture {
  static let shared = UpdateFixture()

  let signer = ReleaseSigner()
  private var made: [String: URL] = [:]

  /// Returns the file with the root of trust.
  private func trust() async throws -> URL {
    if let file = made["trust"] { return file }
    let file = try await BootFixture.shared.newFolder().appending(path: "trust.root")
    try Data(signer.rootFile().file).write(to: file)
    made["trust"] = file
    return file
  }

  /// Returns the image of a release. Its signed bundle is in the same folder.
  ///
  /// - Parameter start: The boot loader and firmware of the machines for which it is made.
  func image(_ version: String, _ text: String, for start: Start = .systemdBoot) async throws -> URL {
    let image = try await BootFixture.shared.image(
      "updated", [start.keys, text].filter { !$0.isEmpty }.joined(separator: "\n"), device: start.device,
      files: ["trust.root": try trust()], version: version)
    let bundle = try BundleFile(Self.bundle(beside: image))
    if bundle.signatures.envelope.isEmpty {
      try bundle.replace(signatures: try signer.signatures(over: bundle.head.manifest))
    }
    return image
  }

  /// Returns the full bundle of an image.
  static func bundle(beside image: URL) -> URL {
    image.deletingLastPathComponent().appending(path: "updated.bundle")
  }

  /// Returns a signed delta bundle from one image to another.
  func delta(from old: URL, to new: URL) async throws -> URL {
    let key = "\(old.path) \(new.path)"
    if let file = made[key] { return file }
    let file = try await BootFixture.shared.newFolder().appending(path: "delta.bundle")
    let signer = signer
    try await BundleDelta.make(
      from: .bundle(try BundleFile(Self.bundle(beside: old))), to: .bundle(try BundleFile(Self.bundle(beside: new))),
      as: file
    ) { try signer.signatures(over: $0) }
    made[key] = file
    return file
  }

  /// Returns the content of a slot with a release.
  func release(_ name: String, of image: URL) throws -> SlotJudge.Release {
    let folder = ProcessFolder.newPlace("release")
    defer { try? FileManager.default.removeItem(at: folder) }
    let files = try BundleFile(Self.bundle(beside: image)).extract(to: folder)
    return SlotJudge.Release(
      name: name, images: try files.filter { $0.key != "command-line" }.mapValues { try Array(Data(contentsOf: $0)) })
  }
}

extension Appliances {
  /// Returns an image with the web server, updates, and commands on the console.
  ///
  /// - Parameters:
  ///   - check: The health check besides the programs.
  ///   - rest: Further keys.
  static func updated(
    check: String = "tcp: { port: 8080 }", timeout: Int = 60, programs: String = "", _ rest: String = ""
  )
    -> String
  {
    """
    layout: appliance-ab
    formats: [bundle]
    programs:
    \(web)
    \(programs)
    clock: none
    console: { commands: true }
    update: { trust: ./trust.root, health: { duration: 2s, timeout: \(timeout)s, checks: [{ \(check) }] } }
    \(rest)
    """
  }
}

extension VirtualMachine {
  /// Adds read-only disks to the machine: `/dev/vdb` and so on, or `/dev/sda` and so on for QEMU's Raspberry Pi 3.
  mutating func lend(_ files: [URL]) {
    let isBoard = firmware == .raspberryPi && model.machine == .raspi3b
    for (index, file) in files.enumerated() {
      extraArguments += [
        "-drive", "if=none,id=lent\(index),format=raw,readonly=on,file=\(file.path)",
        "-device", "\(isBoard ? "usb-storage" : "virtio-blk-pci"),drive=lent\(index)",
      ]
    }
  }
}

extension RunningMachine {
  /// Repeats a command until its answer contains a text.
  func command(_ line: String, until wanted: String, seconds: Int) async throws -> String {
    let deadline = ContinuousClock().now.advanced(by: .seconds(seconds))
    var last = ""
    while ContinuousClock().now < deadline {
      // A machine that is restarting does not answer.
      do { last = try await command(line, seconds: 15).output } catch EmulatorFailure.timedOut { continue }
      if last.contains(wanted) { return last }
      try await Task.sleep(for: .seconds(1))
    }
    throw EmulatorFailure.timedOut(
      waitingFor: "\(wanted) in the answer to \(line): \(last)", seconds: seconds, console: console)
  }

  /// Installs a release from an additional disk, and waits for the console after the restart.
  func update(from disk: String, _ options: String = "") async throws {
    let before = mark
    try await type("update install \(disk) \(options)")
    try await wait(for: "Restarting system", after: before, seconds: 180)
    try await waitForConsole(after: mark)
  }

  /// Waits for the console of the next start.
  func waitForConsole(after mark: Int) async throws {
    try await wait(for: "cultivar> ", after: mark, seconds: 300)
  }
}
