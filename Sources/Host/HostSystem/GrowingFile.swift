import FoundationEssentials
import Glibc
import Synchronization
import class LinuxSystem.Background

/// A file that somebody writes from front to back while others read it already.
public final class GrowingFile: Sendable {
  /// Its path.
  public let path: String

  private struct State {
    var outcome: Result<Void, any Error>?
    var waiting: [CheckedContinuation<Void, any Error>] = []
  }
  private let state = Mutex(State())

  /// Names a file that will be written.
  public init(_ path: String) { self.path = path }

  /// A file that is complete.
  public convenience init(complete path: String) {
    self.init(path)
    end(.success(()))
  }

  /// Runs the work that writes the file, once: the end of the work is the end of the file. Readers find an error of the work as their own.
  ///
  /// - Throws: What the work throws, `FileFailure`.
  public func write(_ work: () async throws -> Void) async throws {
    do {
      // Who reads does not wait for a name.
      try FolderTree.writeFile(path, with: [])
      try await work()
    } catch {
      end(.failure(error))
      throw error
    }
    end(.success(()))
  }

  /// Waits until the file is complete.
  ///
  /// - Throws: What the writing work threw.
  public func complete() async throws {
    try await withCheckedThrowingContinuation { continuation in
      let outcome = state.withLock { state in
        if state.outcome == nil { state.waiting.append(continuation) }
        return state.outcome
      }
      if let outcome { continuation.resume(with: outcome) }
    }
  }

  private func end(_ outcome: Result<Void, any Error>) {
    let waiting = state.withLock { state in
      // A failure stays one.
      if case .failure? = state.outcome { return [CheckedContinuation<Void, any Error>]() }
      state.outcome = outcome
      defer { state.waiting = [] }
      return state.waiting
    }
    for continuation in waiting { continuation.resume(with: outcome) }
  }

  /// Writes the file to a pipe as it grows, on a thread of its own, and closes the pipe.
  ///
  /// It ends with the file, or where nobody reads from the pipe any more. Where the file cannot be read, it is a failure for all who wait
  /// for it.
  func feed(_ pipe: Int32) {
    _ = Background {
      defer { close(pipe) }
      // A reader that goes away is no reason to end this process.
      var signals = sigset_t()
      sigemptyset(&signals)
      sigaddset(&signals, SIGPIPE)
      pthread_sigmask(SIG_BLOCK, &signals, nil)
      do {
        try self.copy(to: pipe)
      } catch {
        self.end(.failure(error))
      }
    }
  }

  /// Microseconds between two looks at whether there is more.
  private static let pause: UInt32 = 2000

  private func copy(to pipe: Int32) throws(FileFailure) {
    var source: Int32 = -1
    defer { if source >= 0 { close(source) } }
    while true {
      // Asked before it is read: what is there now is read to its end.
      let isComplete = state.withLock { $0.outcome != nil }
      if source < 0 { source = open(path, O_RDONLY | O_CLOEXEC) }
      if source < 0, errno != ENOENT || isComplete { throw .last("read", path) }
      while source >= 0 {
        // From the file's own position, and without passing through this process.
        let count = sendfile(pipe, source, nil, 1 << 20)
        if count == 0 { break }
        if count < 0, errno == EPIPE || errno == ECONNRESET { return }
        if count < 0, errno != EINTR { throw .last("read", path) }
      }
      if isComplete { return }
      usleep(Self.pause)
    }
  }
}
