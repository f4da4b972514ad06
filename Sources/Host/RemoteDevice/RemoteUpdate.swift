import DeviceModel
import FoundationEssentials
import HostSystem

/// Updates a device, and waits for the result.
public struct RemoteUpdate: Sendable {
  /// The source of the bundle.
  public enum Source: Sendable {
    /// Bundle files. The first one that fits the running release is used. The last one fits every release.
    case files([URL])
    /// A URL from which the device downloads the bundle itself.
    case url(String, serverCertificate: String?)
  }

  /// The progress of an update.
  public enum Step: Sendable, Equatable {
    /// The transfer of a bundle with this name has begun.
    case begun(String)
    /// The bundle updates a different release than the running one.
    case doesNotFit(String)
    /// The device is installing the bundle.
    case installing(InstallProgress)
    /// The release is installed in its slot.
    case installed(UpdateRecord)
    /// The device does not answer, as it is restarting.
    case away
    /// The device is running the new release on trial.
    case watching(HealthReport)
  }

  /// The result of an update.
  public enum Outcome: Sendable, Equatable {
    /// The release passed its trial.
    case committed(UpdateRecord)
    /// The release is installed and waits for a restart, as requested.
    case waiting(UpdateRecord)
    /// The release failed its trial, and the device fell back to the previous one.
    case fellBack(UpdateRecord)
  }

  /// Number of consecutive connection failures during an installation after which the device counts as lost.
  private static let mostFailures = 3

  private let device: RemoteDevice
  private let patience: Duration
  private let pause: Duration
  private let report: @Sendable (Step) -> Void

  /// - Parameters:
  ///   - patience: Maximum time after the installation without an answer or a new status.
  ///   - pause: Time between attempts to reach the device.
  ///   - report: Closure that gets each step of the update.
  public init(
    _ device: RemoteDevice, patience: Duration = .seconds(600), pause: Duration = .seconds(1),
    report: @escaping @Sendable (Step) -> Void = { _ in }
  ) {
    self.device = device
    self.patience = patience
    self.pause = pause
    self.report = report
  }

  /// Installs the release. Unless the options delay the restart, also follows the trial to its end.
  ///
  /// - Throws: ``RemoteFailure``.
  public func run(
    _ source: Source, _ options: UpdateRequest.Options = UpdateRequest.Options()
  ) async throws -> Outcome {
    let before = try await device.updateStatus()
    let record = try await install(source, options)
    if let record {
      report(.installed(record))
      guard options.restart == .now else { return .waiting(record) }
    }
    return try await outcome(of: record, since: before)
  }

  // MARK: Installing

  /// - Returns: The record; `nil` if the connection was lost, perhaps because the device is already restarting.
  private func install(_ source: Source, _ options: UpdateRequest.Options) async throws -> UpdateRecord? {
    switch source {
    case .url(let url, let certificate):
      report(.begun(url))
      return try await followed {
        try await device.fetch(FetchRequest(url: url, options, serverCertificate: certificate))
      }
    case .files(let files):
      for file in files.dropLast() {
        do {
          report(.begun(file.lastPathComponent))
          return try await followed { try await device.install(file, options) }
        } catch RemoteFailure.refused(status: 412, _) {
          report(.doesNotFit(file.lastPathComponent))
        }
      }
      guard let last = files.last else { return nil }
      report(.begun(last.lastPathComponent))
      return try await followed { try await device.install(last, options) }
    }
  }

  /// Installs a bundle and reports the progress.
  ///
  /// The installation's connection carries no data before its end. So a second connection, for the progress, detects
  /// the loss of the device.
  private func followed(_ install: @escaping @Sendable () async throws -> UpdateRecord) async throws -> UpdateRecord? {
    try await withThrowingTaskGroup(of: UpdateRecord?.self) { group in
      group.addTask { try await install() }
      group.addTask {
        var failures = 0
        while failures < Self.mostFailures {
          do {
            try await device.follow { status in
              failures = 0
              switch status?.activity {
              case .installing(let progress)?, .checking(let progress)?: report(.installing(progress))
              default: break
              }
              return true
            }
          } catch RemoteFailure.lost, RemoteFailure.notReachable {
            failures += 1
          }
          try await Task.sleep(for: pause)
        }
        return nil
      }
      defer { group.cancelAll() }
      do {
        return try await group.next() ?? nil
      } catch RemoteFailure.lost, RemoteFailure.notReachable {
        return nil
      }
    }
  }

  // MARK: Waiting

  private func outcome(of installed: UpdateRecord?, since before: UpdateStatus) async throws -> Outcome {
    var silentSince = ContinuousClock.now
    var outcome: Outcome?
    var isAway = false
    while outcome == nil {
      do {
        try await device.follow { status in
          if let status {
            silentSince = .now
            if case .watching(let health) = status.activity {
              report(.watching(health))
              // If the release fails its trial, the device restarts again.
              isAway = false
            }
            outcome = try judge(status, installed, since: before)
          }
          return outcome == nil && ContinuousClock.now - silentSince < patience
        }
      } catch RemoteFailure.lost, RemoteFailure.notReachable, RemoteFailure.refused(status: 503, _) {
        if !isAway { report(.away) }
        isAway = true
      }
      guard outcome == nil else { break }
      guard ContinuousClock.now - silentSince < patience else {
        throw RemoteFailure.gone(device.address, seconds: Int(patience.components.seconds))
      }
      try await Task.sleep(for: pause)
    }
    guard let outcome else { throw RemoteFailure.lost(device.address) }
    return outcome
  }

  /// Returns the outcome that a status reports; `nil` while there is none.
  private func judge(
    _ status: UpdateStatus, _ installed: UpdateRecord?, since before: UpdateStatus
  ) throws(RemoteFailure) -> Outcome? {
    let new = status.history.filter { !before.history.contains($0) }
    guard let last = new.last else {
      // There is no new record and no activity, so the bundle was not received.
      if installed == nil, status.activity == .idle, status.trial == nil { throw .notInstalled(device.address) }
      return nil
    }
    return switch last.outcome {
    case .committed: .committed(last)
    case .rolledBack, .failed: .fellBack(last)
    case .installed: nil
    }
  }
}
