import DeviceModel
import Foundation
import Hashing
import RemoteDevice
import TestFixtures
import Testing

@Suite("Addresses, tokens, and known devices")
struct KnownDevicesTests {
  @Test(
    "Addresses are read with and without a port",
    arguments: [
      ("192.0.2.7", "192.0.2.7:8443"), ("gateway.example:443", "gateway.example:443"), ("GW", "gw:8443"),
      ("2001:db8::7", "[2001:db8::7]:8443"), ("[2001:db8::7]:8081", "[2001:db8::7]:8081"),
    ])
  func addresses(text: String, whole: String) throws {
    #expect(try DeviceAddress(text).description == whole)
  }

  @Test("An invalid address is refused", arguments: ["", ":8443", "a:0", "a:65536", "a:x", "[::1", "https://a", "u@a"])
  func noAddress(text: String) {
    #expect(throws: RemoteFailure.noAddress(text)) { try DeviceAddress(text) }
  }

  @Test("Only its owner can read a token's file, the hash is that of sha256sum, and no file is overwritten")
  func tokens() throws {
    let folder = try TemporaryFolder()
    let file = folder.path + "/token"
    let token = BearerToken()
    try token.write(to: file)
    #expect(try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int == 0o600)
    #expect(try BearerToken(file: file) == token)
    let sum = try Judge("bash").run(["-c", "tr -d '\\n' < \(file) | sha256sum"]).output
    #expect(sum.hasPrefix(token.hash) && Digest(fingerprint: token.hash) != nil)
    // A token cannot be mistaken for its hash.
    #expect(Digest(fingerprint: token.text) == nil)
    #expect(throws: (any Error).self) { try BearerToken().write(to: file) }
    #expect(try BearerToken(file: file) == token)
    try URL(fileURLWithPath: folder.path).writing("two words\n", to: "other")
    #expect(throws: RemoteFailure.noToken(file: folder.path + "/other")) {
      try BearerToken(file: folder.path + "/other")
    }
  }

  @Test("Known devices are saved by host and port, and only the user can read them")
  func remembering() throws {
    let folder = try TemporaryFolder()
    let file = KnownDevices.file(["XDG_CONFIG_HOME": folder.path])
    let address = try DeviceAddress("192.0.2.7")
    let entry = KnownDevices.Entry(
      fingerprint: try #require(Digest([UInt8](repeating: 7, count: 32))), token: BearerToken())
    var devices = try KnownDevices(file: file)
    #expect(devices[address] == nil)
    try devices.remember(entry, for: address)
    #expect(try KnownDevices(file: file)[address] == entry)
    #expect(try KnownDevices(file: file)[try DeviceAddress("192.0.2.7:1")] == nil)
    #expect(try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int == 0o600)
    try URL(fileURLWithPath: folder.path).writing("{", to: "cultivar/devices.json")
    #expect(throws: RemoteFailure.knownDevices(path: file)) { try KnownDevices(file: file) }
  }
}
