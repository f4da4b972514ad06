import FoundationEssentials
import Glibc

/// Reports the progress of a build: in one line that changes on a terminal, in lines of a log, or not at all.
public actor BuildProgress {
  /// The amount of output.
  public enum Style: Sendable {
    /// One line that always shows the running step and its time, and a permanent line for each step that took a while.
    case terminal
    /// A line for each step at its end.
    case lines
    /// No output.
    case quiet
  }

  private let style: Style
  private let isDetailed: Bool
  private let clock = ContinuousClock()
  private var total = 0
  private var done = 0
  private var running: [(title: String, since: ContinuousClock.Instant)] = []
  private var ticker: Task<Void, Never>?
  private var line: StatusLine

  /// Starts a report on standard error.
  ///
  /// - Parameter isDetailed: True to print remarks as well.
  public init(style: Style, isDetailed: Bool = false) {
    self.style = style
    self.isDetailed = isDetailed
    line = StatusLine(canChange: style == .terminal)
  }

  /// Returns the style for standard error: a terminal, or a file or pipe.
  public static func suitableStyle(quiet: Bool) -> Style {
    if quiet { return .quiet }
    return StatusLine.isPossible ? .terminal : .lines
  }

  /// Adds to the number of expected steps.
  public func expect(_ steps: Int) {
    total += steps
  }

  /// Runs one step and reports its progress.
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

  /// Prints a detail of the build if the report is detailed.
  public func remark(_ text: String) {
    guard isDetailed else { return }
    line.print(text)
  }

  /// Clears the changing line, so that later output begins on an empty line.
  public func finish() {
    ticker?.cancel()
    ticker = nil
    line.clear()
  }

  /// Prints a warning about the result, whatever the style.
  public func warning(_ text: String, remedy: String) {
    line.print("cultivar: warning: \(text)\n  \(remedy)")
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
    case .lines: line.print("\(failed ? "failed" : "done"): \(title) (\(seconds))")
    case .terminal:
      // Very short steps are not worth a line.
      if failed || clock.now - begin > .milliseconds(500) {
        line.print("\(failed ? "✗" : "✓") \(title) (\(seconds))")
      }
      draw()
    }
  }

  private func draw() {
    guard style == .terminal, let first = running.first else { return }
    let others = running.count > 1 ? " and \(running.count - 1) more" : ""
    let time = Self.seconds(clock.now - first.since)
    line.change(to: "[\(done + 1)/\(max(total, done + 1))] \(first.title)\(others) (\(time))")
  }

  private static func seconds(_ duration: Duration) -> String {
    let tenths = duration.components.seconds * 10 + duration.components.attoseconds / 100_000_000_000_000_000
    return "\(tenths / 10).\(tenths % 10) s"
  }
}
