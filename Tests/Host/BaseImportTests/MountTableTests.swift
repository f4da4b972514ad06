import Foundation
import TestFixtures
import Testing

@testable import BaseImport

@Suite("The mount table of a published image")
struct MountTableTests {
  private static let text = """
    # as published
    proc            /proc           proc    defaults          0       0
    PARTUUID=1a2b3c4d-01  /boot/firmware  vfat  defaults  0 2
    PARTUUID=1a2b3c4d-02  /  ext4  defaults,noatime  0 1
    UUID="AAAA-BBBB" /efi vfat umask=077 0 1
    LABEL=home /home\\040dir ext4 defaults 0 2
    /dev/mmcblk0p4 /srv ext4 defaults 0 2
    /swapfile none swap sw 0 0
    tmpfs /tmp tmpfs nosuid 0 0
    server:/export /net nfs ro 0 0

    """

  @Test("Mounts of the image's own disk are removed, and all other lines stay unchanged")
  func withoutDisk() {
    #expect(
      MountTable(Self.text).withoutDisk == """
        # as published
        proc            /proc           proc    defaults          0       0
        tmpfs /tmp tmpfs nosuid 0 0
        server:/export /net nfs ro 0 0

        """)
  }

  @Test("A partition is found by each of its names")
  func names() async throws {
    try await withTemporaryFolder { folder in
      let file = try folder.writing("", to: "disk")
      func partition(_ number: Int) throws -> DiskPartition {
        DiskPartition(
          number: number, id: "1a2b3c4d-0\(number)", name: "part\(number)", size: 0, region: try FileRange(file),
          kind: .unknown)
      }
      let rows = MountTable(Self.text).rows
      func target(_ number: Int, uuid: String = "", label: String = "") throws -> [String] {
        let partition = try partition(number)
        return rows.filter { $0.names(partition, uuid: uuid, label: label) }.map(\.target)
      }

      #expect(try target(1) == ["/boot/firmware"])
      #expect(try target(4) == ["/srv"])
      #expect(try target(5, uuid: "aaaa-bbbb") == ["/efi"])
      #expect(try target(6, label: "home") == ["/home dir"])
      #expect(try target(7) == [])
    }
  }
}
