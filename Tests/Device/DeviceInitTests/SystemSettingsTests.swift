import DeviceModel
import DeviceRecords
import Foundation
import Glibc
import LinuxSystem
import Provisioning
import TestFixtures
import Testing

@testable import DeviceInit

@Suite("Values of the first start in the root of a system")
struct SystemSettingsTests {
  private static let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJxVYp4fKJ4bS9Ff1Gm5x3wB1oKf0y3n5Hk2mQ1aZb7c me"

  private func values(_ text: String) throws -> FirstBootValues { try FirstBootValues(Array(text.utf8)) }

  /// Makes a root like Debian's, with the files and folders that the values change.
  private func root(in folder: URL) throws -> String {
    try folder.writing("old\n", to: "etc/hostname")
    try folder.writing("127.0.0.1 localhost\n127.0.1.1 old\n::1 ip6-localhost\n", to: "etc/hosts")
    try folder.writing("Etc/UTC\n", to: "etc/timezone")
    try folder.writing("", to: "etc/ssh/sshd_config")
    try folder.writing("", to: "etc/NetworkManager/NetworkManager.conf")
    try folder.writing("TZif2", to: "usr/share/zoneinfo/Asia/Tokyo")
    symlink("/usr/share/zoneinfo/Etc/UTC", folder.appending(path: "etc/localtime").path)
    return folder.path
  }

  @Test("Each value is written to the file that the system reads")
  func all() async throws {
    try await withTemporaryFolder { folder in
      let root = try root(in: folder)
      let values = try values(
        """
        hostname=attic
        authorized-keys=\(Self.key)
        wifi-ssid=roof; 2
        wifi-password= with\\a space
        timezone=Asia/Tokyo
        """)
      #expect(SystemSettings.problems(of: values, in: root, isSystem: true) == [])
      #expect(SystemSettings(root: root).apply(values).problems == [])

      #expect(try folder.text("etc/hostname") == "attic\n")
      #expect(try folder.text("etc/hosts") == "127.0.0.1 localhost\n::1 ip6-localhost\n127.0.1.1 attic\n")
      #expect(try folder.text("etc/timezone") == "Asia/Tokyo\n")
      #expect(
        try FileManager.default.destinationOfSymbolicLink(atPath: root + "/etc/localtime")
          == "../usr/share/zoneinfo/Asia/Tokyo")
      #expect(try folder.text("etc/ssh/authorized_keys") == Self.key + "\n")
      let connection = "etc/NetworkManager/system-connections/first-boot.nmconnection"
      let text = try folder.text(connection)
      #expect(text.contains("\nssid=roof\\; 2\n"))
      #expect(text.contains("\npsk=\\swith\\\\a space\n"))
      var status = stat()
      #expect(stat("\(root)/\(connection)", &status) == 0 && status.st_mode & 0o777 == 0o600)
    }
  }

  @Test("Values without effect in an image are reported, and no files are made for them")
  func problems() async throws {
    try await withTemporaryFolder { folder in
      let values = try values("authorized-keys=\(Self.key)\nwifi-ssid=roof\ntimezone=Asia/Tokyo\n")
      let problems = SystemSettings.problems(of: values, in: folder.path, isSystem: true)
      #expect(problems.count == 3)
      #expect(problems.contains { $0.contains("`timezone`") && $0.contains("Asia/Tokyo") })
      #expect(SystemSettings.problems(of: try self.values("hostname=a\n"), in: folder.path, isSystem: false) == [])
      #expect(
        SystemSettings.problems(of: try self.values("wifi-password=12345678\n"), in: folder.path, isSystem: true)
          .contains { $0.contains("no `wifi-ssid`") })
      #expect(SystemSettings(root: folder.path).apply(values).problems == [])
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
    }
  }

  @Test("Saved values are read back, and only root can read them; a malformed file is an error")
  func records() async throws {
    try await withTemporaryFolder { folder in
      let records = try DeviceRecords(in: folder.path)
      #expect(try records.firstBootValues() == nil)
      let values = try values("hostname=attic\nwifi-ssid=roof\nwifi-password=12345678\n")
      try records.keep(values)
      #expect(try records.firstBootValues() == values)
      var status = stat()
      let path = folder.appending(path: FirstBootValues.fileName).path
      #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
      try folder.writing("hostname=-\n", to: FirstBootValues.fileName)
      #expect(throws: FirstBootValues.Refusal.self) { try records.firstBootValues() }
    }
  }
}
