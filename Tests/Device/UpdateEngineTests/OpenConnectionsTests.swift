import Testing

@testable import UpdateControl

@Suite("Connections of the updater")
struct OpenConnectionsTests {
  @Test("Other users leave room for root, and followers leave room for commands")
  func reserved() {
    let open = OpenConnections()
    let others = (0..<40).filter { _ in open.take(user: 1000) }.count
    let roots = (0..<40).filter { _ in open.take(user: 0) }.count
    #expect((others, roots) == (24, 8))
    open.giveBack(user: 1000)
    #expect(open.take(user: 1000) && !open.take(user: 1000))

    let following = OpenConnections()
    var depth = 0
    func follow() {
      _ = following.following {
        depth += 1
        follow()
      }
    }
    follow()
    #expect(depth == 16)
    #expect(following.following {})
  }
}
