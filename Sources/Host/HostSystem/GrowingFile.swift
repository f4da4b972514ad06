import FoundationEssentials
import Glibc
import Synchronization
import class LinuxSystem.Background

/// A file that one task writes from front to back while others already read it.
public final class GrowingFile: Sendable {
  public let path: String

  private struct State {
    var outcome: Result<Void, any Error>?
    var waiting: [CheckedContinuation<Void, any Error>] = []
  }
  private let state = Mutex(State())

  /// Represents a file that will be written.
  public init(_ path: String) { self.path = path }

  /// Represents a file that is complete.
  public convenience init(complete path: String) {
    self.init(path)
    end(.success(()))
  }

  /// Runs the work that writes the file. It may be called once, and the file is complete when the work ends. Readers
  /// get an error of the work as their own.
  ///
  /// - Throws: The error of the work, `FileFailure`.
  public func write(_ work: () async throws -> Void) async throws {
    do {
      // The file exists from now on, so readers do not wait for it to appear.
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
  /// - Throws: The error of the work that writes the file.
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
      // The first failure is kept.
      if case .failure? = state.outcome { return [CheckedContinuation<Void, any Error>]() }
      state.outcome = outcome
      defer { state.waiting = [] }
      return state.waiting
    }
    for continuation in waiting { continuation.resume(with: outcome) }
  }

  /// Writes the file to a pipe as it grows, on a separate thread, and closes the pipe.
  ///
  /// It ends at the end of the file, or when the pipe has no reader any more. If the file cannot be read, all tasks
  /// that wait for the file get the error.
  func feed(_ pipe: Int32) {
    _ = Background {
      defer { close(pipe) }
      // Without this, a reader that closes the pipe would end this process.
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

  /// Microseconds between two checks for more data.
  private static let pause: UInt32 = 2000

  private func copy(to pipe: Int32) throws(FileFailure) {
    var source: Int32 = -1
    defer { if source >= 0 { close(source) } }
    while true {
      // Read before the data: if the file is complete now, the loop below reads all of it.
      let isComplete = state.withLock { $0.outcome != nil }
      if source < 0 { source = open(path, O_RDONLY | O_CLOEXEC) }
      if source < 0, errno != ENOENT || isComplete { throw .last("read", path) }
      while source >= 0 {
        // Copies from the file's position, within the kernel.
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
