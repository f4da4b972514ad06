import Testing

@testable import ImageBuild

@Suite("User IDs")
struct UserIDsTests {
  @Test("A user keeps its ID, whatever other users there are")
  func stable() throws {
    let alone = try UserIDs(names: ["web"])
    let among = try UserIDs(names: ["zebra", "web", "app", "root", "web"])
    #expect(alone["web"] == among["web"])
    // Never to be changed, as files on the data partitions of devices in use belong to it.
    #expect(alone["web"].uid == 30_624)
    #expect(among["root"] == .root)
  }

  @Test("A name without an ID is nobody, never root")
  func unknown() throws {
    #expect(try UserIDs(names: [])["stranger"].uid == 65_534)
  }

  @Test("Two names with the same ID are both named")
  func clash() throws {
    // Found by trying names. The IDs follow from SHA-256.
    let names = try Self.clashingNames()
    let failure = #expect(throws: ImageFailure.self) { _ = try UserIDs(names: names) }
    #expect(
      failure?.problem
        == "the users `\(names[0])` and `\(names[1])` get the same user id, because user ids are derived from names")
  }

  @Test("The account files list every user once, in the order of IDs, and no user can log in")
  func files() throws {
    let users = try UserIDs(names: ["web", "app"])
    let rows = users.passwd.split(separator: "\n").map { $0.split(separator: ":", omittingEmptySubsequences: false) }
    #expect(rows.allSatisfy { $0.count == 7 && $0[6] == "/usr/sbin/nologin" && $0[1] == "x" })
    #expect(rows.compactMap { Int($0[2]) } == rows.compactMap { Int($0[2]) }.sorted())
    #expect(Set(rows.map { $0[0] }) == ["root", "cultivard", "dhcpcd", "_chrony", "web", "app", "nobody"])
    #expect(rows.count == 7)
    #expect(
      users.group.split(separator: "\n").allSatisfy {
        $0.split(separator: ":", omittingEmptySubsequences: false).count == 4
      })
  }

  private static func clashingNames() throws -> [String] {
    var seen: [UInt32: String] = [:]
    for number in 0..<5_000 {
      let name = "user\(number)"
      let uid = try UserIDs(names: [name])[name].uid
      if let other = seen[uid] { return [other, name].sorted() }
      seen[uid] = name
    }
    return []
  }
}
