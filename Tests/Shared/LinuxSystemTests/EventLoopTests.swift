import Glibc
import LinuxSystem
import Testing

@Suite struct EventLoopTests {
  @Test func `timers come in the order of their times, a cancelled one never`() throws {
    let loop = try EventLoop()
    var order: [Int] = []
    loop.after(20) {
      order.append(2)
      loop.stop()
    }
    loop.after(5) { order.append(1) }
    loop.cancel(loop.after(10) { order.append(99) })
    loop.run()
    #expect(order == [1, 2])
  }

  @Test func `a source without interest waits until it is wanted again`() throws {
    let loop = try EventLoop()
    let pipe = try Pipe()
    var calls = 0
    try loop.watch(pipe.reading) {
      calls += 1
      _ = try? pipe.reading.read(atMost: 10)
    }
    loop.setInterest(of: pipe.reading, reading: false, writing: false)
    try pipe.writing.write(all: [1])
    loop.turn(timeout: 10)
    #expect(calls == 0)
    loop.setInterest(of: pipe.reading, reading: true, writing: false)
    loop.turn(timeout: 1000)
    #expect(calls == 1)
  }

  @Test func `a handler may forget a source that is ready in the same turn`() throws {
    let loop = try EventLoop()
    let first = try Pipe()
    let second = try Pipe()
    var calls = 0
    for (own, other) in [(first, second), (second, first)] {
      try loop.watch(own.reading) {
        calls += 1
        loop.forget(other.reading)
        loop.forget(own.reading)
      }
      try own.writing.write(all: [1])
    }
    loop.turn(timeout: 100)
    #expect(calls == 1)
  }
}
