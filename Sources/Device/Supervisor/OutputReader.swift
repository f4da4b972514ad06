import DeviceModel
import LinuxSystem

/// Reads one of the two outputs of one run of a program.
///
/// A program that writes without end costs the supervisor at most one ``share`` per ``interval``. For the rest of the
/// interval its pipe stays full, and its own writes block.
final class OutputReader {
  static let share = 32_768
  static let interval = 20

  private let loop: EventLoop
  private let pipe: Descriptor
  private let receive: ([UInt8]) -> Void
  private var splitter = LineSplitter()
  private var isOpen = true
  private var resumption: EventLoop.Timer?

  init(_ pipe: Descriptor, loop: EventLoop, receive: @escaping ([UInt8]) -> Void) throws(SystemError) {
    self.loop = loop
    self.pipe = pipe
    self.receive = receive
    try loop.watch(pipe) { [weak self] in self?.takeShare() }
  }

  /// Reads the rest of the pipe at the end of the run, at most as much as a pipe holds, and closes it.
  func finish() {
    for _ in 0..<3 where isOpen { take() }
    splitter.finish(receive)
    close()
  }

  private func takeShare() {
    guard take() == Self.share else { return }
    loop.setInterest(of: pipe, reading: false, writing: false)
    resumption = loop.after(Self.interval) { [weak self] in
      guard let self, self.isOpen else { return }
      self.loop.setInterest(of: self.pipe, reading: true, writing: false)
    }
  }

  @discardableResult
  private func take() -> Int {
    guard let bytes = try? pipe.read(atMost: Self.share) else { return 0 }
    if bytes.isEmpty {
      close()
    } else {
      splitter.add(bytes, receive)
    }
    return bytes.count
  }

  private func close() {
    guard isOpen else { return }
    isOpen = false
    if let resumption { loop.cancel(resumption) }
    loop.forget(pipe)
  }
}
