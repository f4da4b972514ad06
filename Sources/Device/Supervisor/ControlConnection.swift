import DeviceModel
import Glibc
import JSONLines
import LinuxSystem

/// One connection to the supervisor. It handles one request at a time, and sends answers as fast as the client reads
/// them.
///
/// Its memory is bounded by one request, one answer and one part of a log: nothing is read or made before the previous
/// step is complete.
final class ControlConnection {
  /// Maximum number of bytes of lines in one part of a log.
  private static let partSize = 16_384

  private enum Work {
    case none
    /// Answer when the program has stopped.
    case settling(program: String)
    /// Send lines from a number on.
    case log(program: String, next: UInt64, follow: Bool)
  }

  private let descriptor: Descriptor
  private unowned let server: ControlServer
  private var received = LineBuffer(limit: ControlRequest.maximumSize + 1)
  private var answer: ArraySlice<UInt8> = []
  private var work = Work.none

  init(_ descriptor: Descriptor, server: ControlServer) throws(SystemError) {
    self.descriptor = descriptor
    self.server = server
    try loop.watch(descriptor) { [weak self] in self?.isReady() }
  }

  private var loop: EventLoop { server.supervisor.loop }

  private func isReady() {
    if !answer.isEmpty { send() }
    guard answer.isEmpty else { return }
    do {
      guard let bytes = try descriptor.read(atMost: ControlRequest.maximumSize) else { return }
      // A client that sends more before the answer is complete, or hangs up, is disconnected.
      if bytes.isEmpty || isBusy { return close() }
      received.add(bytes)
      if let line = try received.next() { take(line) }
    } catch {
      close()
    }
  }

  private var isBusy: Bool {
    if case .none = work { return false }
    return true
  }

  private func take(_ line: [UInt8]) {
    do {
      try handle(try JSONLine.value(ControlRequest.self, line))
    } catch let refusal as Supervisor.Refusal {
      reply(.failure(reason: "\(refusal)"))
    } catch {
      reply(.failure(reason: "the request cannot be read"))
    }
    proceed()
  }

  private func handle(_ request: ControlRequest) throws {
    let supervisor = server.supervisor
    switch request {
    case .status: reply(.status(supervisor.status))
    case .start(let program):
      try supervisor.start(program)
      reply(.done)
    case .stop(let program):
      try supervisor.stop(program)
      work = .settling(program: program)
    case .restart(let program):
      try supervisor.restart(program)
      work = .settling(program: program)
    case .kill(let program, let signal):
      try supervisor.kill(program, signal: signal)
      reply(.done)
    case .logs(let program, let from, let last, let follow):
      let output = try supervisor.known(program).output
      var next = from ?? output.firstSequence
      // The number may be from an earlier boot, and greater than the current one.
      next = min(next, output.nextSequence)
      if let last {
        let wanted = UInt64(clamping: last)
        next = max(next, output.nextSequence - min(wanted, output.nextSequence - output.firstSequence))
      }
      work = .log(program: program, next: next, follow: follow)
    case .reboot:
      reply(.done)
      server.end(.reboot)
    case .powerOff:
      reply(.done)
      server.end(.powerOff)
    }
  }

  /// Continues the pending work, if there is any and the last answer was sent.
  func proceed() {
    guard answer.isEmpty else { return }
    switch work {
    case .none: break
    case .settling(let program):
      guard server.supervisor.isSettled(program) else { return }
      work = .none
      reply(.done)
    case .log(let program, let next, let follow):
      guard let output = server.supervisor.output(of: program) else { return }
      if next < output.nextSequence {
        let part = output.lines(from: next, byteLimit: Self.partSize)
        work = .log(program: program, next: next + part.missed + UInt64(part.lines.count), follow: follow)
        reply(.log(part))
      } else if !follow {
        work = .none
        reply(.done)
      }
    }
  }

  private func reply(_ reply: ControlReply) {
    guard let bytes = try? JSONLine.bytes(reply) else { return close() }
    answer = bytes[...]
    send()
  }

  private func send() {
    while !answer.isEmpty {
      guard let count = try? descriptor.write(some: answer) else { return close() }
      if count == 0 { break }
      answer = answer.dropFirst(count)
    }
    // Nothing is read while an answer is being sent, so that a second one cannot build up behind it.
    loop.setInterest(of: descriptor, reading: answer.isEmpty, writing: !answer.isEmpty)
  }

  private func close() {
    answer = []
    work = .none
    loop.forget(descriptor)
    server.close(self)
  }
}
