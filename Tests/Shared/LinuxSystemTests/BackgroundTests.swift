import LinuxSystem
import Testing

@Suite struct BackgroundTests {
  @Test func theResultIsThatOfTheWork() {
    let work = (1...8).map { number in Background { number * number } }
    #expect(work.map { $0.wait() } == [1, 4, 9, 16, 25, 36, 49, 64])
  }

  @Test func theResultMayBeAskedForAgain() {
    let work = Background { "once" }
    #expect(work.wait() == "once")
    #expect(work.wait() == "once")
  }
}
