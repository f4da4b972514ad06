import DeviceModel
import FoundationEssentials
import HostSystem

/// Updates a device, and waits for what comes of it.
public struct RemoteUpdate: Sendable {
  /// What is installed.
  public enum Source: Sendable {
    /// The first of these files that fits what the device runs; the last one fits all.
    case files([URL])
    /// What the device fetches itself.
    case url(String, serverCertificate: String?)
  }

  /// What is being done.
  public enum Step: Sendable, Equatable {
    /// A bundle is being sent, or fetched: its name.
    case begun(String)
    /// The bundle changes another release than the one that runs there.
    case doesNotFit(String)
    /// The device installs.
    case installing(InstallProgress)
    /// The release is in its slot.
    case installed(UpdateRecord)
    /// The device does not answer: it restarts.
    case away
    /// The device is back, and the release on trial.
    case watching(HealthReport)
  }

  /// What came of it.
  public enum Outcome: Sendable, Equatable {
    /// The release proved itself.
    case committed(UpdateRecord)
    /// The release waits for its trial, as was asked for.
    case waiting(UpdateRecord)
    /// The release was left; the device is back at the one before.
    case fellBack(UpdateRecord)
  }

  /// Failures one after the other, during an installation, by which a device is gone.
  private static let mostFailures = 3

  private let device: RemoteDevice
  private let patience: Duration
  private let pause: Duration
  private let report: @Sendable (Step) -> Void

  /// Prepares an update.
  ///
  /// - Parameters:
  ///   - patience: How long the device may not answer, or tell nothing new, after the installation.
  ///   - pause: Time between attempts to reach it.
  ///   - report: Is told what is being done.
  public init(
    _ device: RemoteDevice, patience: Duration = .seconds(600), pause: Duration = .seconds(1),
    report: @escaping @Sendable (Step) -> Void = { _ in }
  ) {
    self.device = device
    self.patience = patience
    self.pause = pause
    self.report = report
  }

  /// Installs, and unless the release is to wait, follows it to its end.
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

  /// - Returns: The record; `nil` where the connection broke off, perhaps because the device restarts already.
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

  /// Installs, and reports meanwhile how far it is. An installation says nothing before its end, so that a device that is gone is
  /// noticed by the other connection.
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
              // A release that is left takes another restart.
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

  /// What a status says of the update; `nil` while it is not decided.
  private func judge(
    _ status: UpdateStatus, _ installed: UpdateRecord?, since before: UpdateStatus
  ) throws(RemoteFailure) -> Outcome? {
    let new = status.history.filter { !before.history.contains($0) }
    guard let last = new.last else {
      // Nothing was installed, and nothing is being installed: the bundle did not come through.
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
