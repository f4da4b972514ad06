import FoundationEssentials
import Glibc

/// Tells the user what a build is doing: a line that is rewritten on a terminal, plain lines in a log, or nothing.
public actor BuildProgress {
  /// How much is said.
  public enum Style: Sendable {
    /// One line that always says what is running and how long, and a line for each step that took a while.
    case terminal
    /// A line for each step when it is done.
    case lines
    /// Nothing.
    case quiet
  }

  private let style: Style
  private let isDetailed: Bool
  private let clock = ContinuousClock()
  private var total = 0
  private var done = 0
  private var running: [(title: String, since: ContinuousClock.Instant)] = []
  private var ticker: Task<Void, Never>?

  /// Starts telling, on standard error.
  ///
  /// - Parameter isDetailed: Whether remarks are told as well.
  public init(style: Style, isDetailed: Bool = false) {
    self.style = style
    self.isDetailed = isDetailed
  }

  /// The style that suits standard error: a terminal, or a file or pipe.
  public static func suitableStyle(quiet: Bool) -> Style {
    if quiet { return .quiet }
    return isatty(STDERR_FILENO) == 1 ? .terminal : .lines
  }

  /// Says how many steps are to come, in addition to those announced before.
  public func expect(_ steps: Int) {
    total += steps
  }

  /// Runs one step, and says so.
  public nonisolated func step<Value: Sendable>(
    _ title: String, _ body: @Sendable () async throws -> Value
  ) async throws -> Value {
    let begin = await started(title)
    do {
      let value = try await body()
      await ended(title, begin, failed: false)
      return value
    } catch {
      await ended(title, begin, failed: true)
      throw error
    }
  }

  /// Tells how something is done, to whoever wants to know so much.
  public func remark(_ text: String) {
    guard isDetailed else { return }
    write(style == .terminal ? "\r\u{1b}[K\(text)\n" : "\(text)\n")
  }

  /// Ends the rewritten line, so that what follows begins on a line of its own.
  public func finish() {
    ticker?.cancel()
    ticker = nil
    if style == .terminal { write("\r\u{1b}[K") }
  }

  /// Says something that the user should know of the result, whatever the style.
  public func warning(_ text: String, remedy: String) {
    write((style == .terminal ? "\r\u{1b}[K" : "") + "cultivar: warning: \(text)\n  \(remedy)\n")
  }

  private func started(_ title: String) -> ContinuousClock.Instant {
    let now = clock.now
    running.append((title, now))
    if style == .terminal, ticker == nil {
      ticker = Task { [weak self] in
        while !Task.isCancelled {
          await self?.draw()
          try? await Task.sleep(for: .milliseconds(200))
        }
      }
    }
    return now
  }

  private func ended(_ title: String, _ begin: ContinuousClock.Instant, failed: Bool) {
    if let index = running.firstIndex(where: { $0.title == title }) { running.remove(at: index) }
    if !failed { done += 1 }
    let seconds = Self.seconds(clock.now - begin)
    switch style {
    case .quiet: return
    case .lines: write("\(failed ? "failed" : "done"): \(title) (\(seconds))\n")
    case .terminal:
      // What took no time need not be read.
      if failed || clock.now - begin > .milliseconds(500) {
        write("\r\u{1b}[K\(failed ? "✗" : "✓") \(title) (\(seconds))\n")
      }
      draw()
    }
  }

  private func draw() {
    guard style == .terminal, let first = running.first else { return }
    let others = running.count > 1 ? " and \(running.count - 1) more" : ""
    write(
      "\r\u{1b}[K[\(done + 1)/\(max(total, done + 1))] \(first.title)\(others) (\(Self.seconds(clock.now - first.since)))"
    )
  }

  private static func seconds(_ duration: Duration) -> String {
    let tenths = duration.components.seconds * 10 + duration.components.attoseconds / 100_000_000_000_000_000
    return "\(tenths / 10).\(tenths % 10) s"
  }

  private func write(_ text: String) {
    StandardError.write(text)
  }
}
