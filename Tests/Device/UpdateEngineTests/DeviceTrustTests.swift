import Bundle
import DeviceModel
import Foundation
import LinuxSystem
import Synchronization
import TestFixtures
import Testing
import Trust

@testable import UpdateEngine

@Suite("The root of trust of a device")
struct DeviceTrustTests {
  private typealias Release = DeviceDouble.Release

  private func write(_ roots: [SignedTrustRoot], to device: DeviceDouble) throws {
    try FileTree.makeFolders(device.path("data/update"))
    try FileTree.replace(device.path("data/update/trust.chain"), with: TrustChain(roots).file)
  }

  private func kept(by device: DeviceDouble) throws -> [UInt32] {
    try TrustChain(file: FileTree.read(device.path("data/update/trust.chain"))).roots.map(\.root.version)
  }

  /// The refusal of a bundle of one signer.
  private func refusal(_ device: DeviceDouble, of signer: ReleaseSigner) async throws -> String? {
    let bundle = try await device.bundle(Release(version: "9.0"), by: signer)
    do {
      _ = try device.engine().install(from: FileSource(bundle.path))
      return nil
    } catch {
      return "\(error)"
    }
  }

  @Test("Roots that somebody has put onto the data partition do not count unless the image's root leads to them")
  func forged() throws {
    let folder = try TemporaryFolder()
    let (owner, thief, second, third) = (ReleaseSigner(), ReleaseSigner(), ReleaseSigner(), ReleaseSigner())
    let image = try owner.rootFile()
    let two = try second.rootFile(version: 2, besides: [owner])
    try FileTree.replace(folder.path + "/image", with: image.file)
    let notes = Mutex<[String]>([])
    let trust = DeviceTrust(
      imagePath: folder.path + "/image", chainPath: folder.path + "/chain", time: Time(secondsSince1970: 0),
      note: { note in notes.withLock { $0.append(note) } })
    for (roots, reason) in [
      // Of a higher version, signed by itself.
      ([try thief.rootFile(version: 2)], "signatures by 1 of its keys; signed by: none"),
      ([try thief.rootFile(version: 9)], "does not follow version 1"),
      // In place of the image's own.
      ([try thief.rootFile(version: 1)], "differs from the version 1 in use"),
      // A link is missing, or is somebody else's.
      ([try third.rootFile(version: 3, besides: [second])], "does not follow version 1"),
      ([two, try thief.rootFile(version: 3)], "signatures by 1 of its keys; signed by: none"),
      ([try thief.rootFile(version: 2, besides: [second]), try thief.rootFile(version: 3)], "signed by: none"),
      ([two, try thief.rootFile(version: 2, besides: [owner])], "is older than version 2"),
    ] {
      try FileTree.replace(folder.path + "/chain", with: TrustChain(roots).file)
      #expect(try trust.roots().current == image.root)
      #expect(try trust.roots().kept == TrustChain())
      let note = try #require(notes.withLock { $0.last })
      #expect(note.contains("is ignored") && note.contains(reason), "\(note)")
    }
    notes.withLock { $0 = [] }
    try FileTree.replace(folder.path + "/chain", with: TrustChain([two]).file)
    #expect(try trust.roots().current == two.root)
    #expect(notes.withLock { $0 } == [])
  }

  @Test(
    "A device refuses the bundle of whoever wrote a root onto its data partition, says so at its start, and takes its owner's"
  )
  func thief() async throws {
    let device = try await DeviceDouble(.grub)
    let thief = ReleaseSigner()
    try write([try thief.rootFile(version: 2)], to: device)
    #expect(try device.engine().settle() == .nothing)
    #expect(device.notes.contains { $0.contains("is ignored") }, "\(device.notes)")
    #expect(try await refusal(device, of: thief)?.hasPrefix("the bundle is not trusted") == true)
    #expect(try await refusal(device, of: device.signer) == nil)
  }

  @Test("A chain that cannot be read counts as none, and the next bundle with roots makes it anew")
  func damaged() async throws {
    let device = try await DeviceDouble(.grub)
    let next = ReleaseSigner()
    try write([], to: device)
    let path = device.path("data/update/trust.chain")
    for bytes in [[], Array("cultivar".utf8), Array("cultivar chain 1\n".utf8) + [1, 0, 255, 255, 0, 0, 1]] {
      try FileTree.replace(path, with: bytes)
      #expect(try device.engine().settle() == .nothing)
      #expect(device.notes.last?.contains("is ignored") == true)
    }
    let bundle = try await device.bundle(
      Release(version: "2.0"), by: next, roots: [try next.rootFile(version: 2, besides: [device.signer])])
    _ = try device.engine().install(from: FileSource(bundle.path))
    #expect(try kept(by: device) == [2])
  }

  @Test(
    "The chain grows with each rotation, leads from each image's root, and is left to an image that has a newer one")
  func grows() async throws {
    let device = try await DeviceDouble(.systemdBoot)
    let signers = [device.signer] + (0..<3).map { _ in ReleaseSigner() }
    var roots: [SignedTrustRoot] = []
    for (number, signer) in signers.enumerated() {
      roots.append(
        try signer.rootFile(version: UInt32(number + 1), besides: number == 0 ? [] : [signers[number - 1]]))
    }
    func install(_ version: String, by signer: ReleaseSigner, _ roots: [SignedTrustRoot]) async throws {
      let bundle = try await device.bundle(Release(version: version), by: signer, roots: roots)
      _ = try device.engine().install(from: FileSource(bundle.path))
      try device.engine().cancel()
    }
    try await install("2.0", by: signers[1], [roots[1]])
    #expect(try kept(by: device) == [2])
    // One that brings only what is new, as it may: the device has the rest.
    try await install("3.0", by: signers[2], [roots[2]])
    #expect(try kept(by: device) == [2, 3])
    #expect(try await refusal(device, of: signers[0]) != nil)
    #expect(try await refusal(device, of: signers[1]) != nil)
    try await install("3.1", by: signers[2], [])

    // The image's root is one of the chain.
    try Data(roots[1].file).write(to: device.url("trust"))
    try await install("3.2", by: signers[2], [])
    // The image's root is the newest.
    try Data(roots[2].file).write(to: device.url("trust"))
    try await install("3.3", by: signers[2], [])
    #expect(try kept(by: device) == [2, 3])
    // It is newer than any that a bundle brought. The chain stays while the release before may need it: until the next installation.
    try Data(roots[3].file).write(to: device.url("trust"))
    #expect(try device.engine().settle() == .nothing)
    #expect(try await refusal(device, of: signers[2]) != nil)
    #expect(try kept(by: device) == [2, 3])
    try await install("4.0", by: signers[3], [])
    #expect(!FileTree.exists(device.path("data/update/trust.chain")))
    #expect(device.notes.filter { $0.contains("is ignored") } == [])
  }
}
