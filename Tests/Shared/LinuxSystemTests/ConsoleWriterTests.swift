import Testing

@testable import LinuxSystem

@Suite("Lines for the console")
struct ConsoleWriterTests {
  @Test("Lines that a busy console does not accept are written before the next one, in order and complete")
  func busyConsole() throws {
    let (pipe, full) = try fullPipe()
    var writer = ConsoleWriter(pipe.writing)
    writer.write("web: ended")
    try drop(full, from: pipe)
    writer.write("web: started")
    #expect(try pipe.reading.read(atMost: 4096) == Array("web: ended\r\nweb: started\r\n".utf8))
  }

  @Test("Beyond a limit the oldest lines are dropped, and the rest are complete lines")
  func deadConsole() throws {
    let (pipe, full) = try fullPipe()
    var writer = ConsoleWriter(pipe.writing)
    for number in 1...300 { writer.write("line \(number) " + String(repeating: "x", count: 90)) }
    try drop(full, from: pipe)
    writer.write("last")
    let shown = String(decoding: try pipe.reading.read(atMost: 2 * ConsoleWriter.limit) ?? [], as: UTF8.self)
    let lines = shown.split(separator: "\r\n").map(String.init)
    #expect(shown.utf8.count <= ConsoleWriter.limit && lines.count > 100)
    #expect(lines.last == "last" && lines.dropLast().last?.hasPrefix("line 300 ") == true)
    #expect(lines.dropLast().allSatisfy { $0.hasPrefix("line ") })
  }

  private func fullPipe() throws -> (pipe: Pipe, bytes: Int) {
    let pipe = try Pipe()
    try pipe.writing.setNonBlocking()
    var full = 0
    while case let count = try pipe.writing.write(some: [UInt8](repeating: 0x2e, count: 4096)[...]), count > 0 {
      full += count
    }
    return (pipe, full)
  }

  private func drop(_ count: Int, from pipe: Pipe) throws {
    var rest = count
    while rest > 0 { rest -= try pipe.reading.read(atMost: rest)?.count ?? rest }
  }
}
