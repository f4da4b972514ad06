import DeviceModel
import Testing

@testable import Supervisor

@Suite struct OutputRingTests {
  @Test func `the oldest lines leave, and the numbers go on`() {
    var ring = OutputRing(capacity: 10 * 74)
    for number in 0..<100 { ring.append(Array("line \(number)xxxx".utf8.prefix(10)), from: .output, at: 0) }
    #expect(ring.nextSequence == 100)
    #expect(ring.firstSequence == 90)
    let part = ring.lines(from: 85, byteLimit: .max)
    #expect(part.missed == 5)
    #expect(part.lines.first?.sequence == 90)
    #expect(part.lines.count == 10)
  }

  @Test func `empty lines are not free`() {
    var ring = OutputRing(capacity: 640)
    for _ in 0..<10_000 { ring.append([], from: .output, at: 0) }
    #expect(ring.nextSequence - ring.firstSequence == 10)
  }

  @Test func `a part ends at its limit, and the next goes on from there`() {
    var ring = OutputRing(capacity: 1 << 20)
    for _ in 0..<100 { ring.append([65], from: .error, at: 0) }
    let part = ring.lines(from: 0, byteLimit: 650)
    #expect(part.lines.count == 10)
    #expect(ring.lines(from: 10, byteLimit: 650).lines.first?.sequence == 10)
    #expect(ring.lines(from: 100, byteLimit: 650).lines.isEmpty)
  }

  @Test func `long lines are cut, line ends of either kind are taken off`() {
    var splitter = LineSplitter()
    var lines: [Int] = []
    splitter.add(Array(repeating: 65, count: LineSplitter.lineLimit * 2 + 5) + [13, 10, 66]) { lines.append($0.count) }
    splitter.finish { lines.append($0.count) }
    #expect(lines == [LineSplitter.lineLimit, LineSplitter.lineLimit, 5, 1])
  }
}
