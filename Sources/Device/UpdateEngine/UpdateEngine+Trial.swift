import BootFlow
import DeviceModel
import DeviceRecords
import Glibc
import LinuxSystem

extension UpdateEngine {
  /// The action that a trial requires at a start.
  public enum Task: Equatable, Sendable {
    case nothing
    /// Watch the running release with ``UpdateEngine/watch()``.
    case watch
    /// Restart with ``UpdateEngine/restartIntoTrial()``: the release on offer waits for a restart that begins its trial.
    case restart
  }

  /// Determines the result of the last update at a start, and records it. Also reports a chain of roots on the data partition
  /// that does not count.
  ///
  /// - Throws: `SystemError`.
  public func settle() throws -> Task {
    try exclusively {
      do { try store.reserve() } catch { environment.note("the data partition has no room for records: \(error)") }
      // A missing root of trust is reported when a bundle is verified.
      _ = try? trust.roots()
      var state = store.state()
      if state.installing != nil {
        state.noteEndOfInstallation(Self.interruption)
        try store.save(state)
      }
      return try withBoot { folder, loaders in
        let choice = try loaders.running.choice()
        guard let trial = state.trial else {
          // The slot is on trial, but there is no record of it: the data partition was made again. The release has to
          // prove itself all the same.
          guard environment.boot.isTrial, choice.standard != environment.boot.slot else { return .nothing }
          state.trial = UpdateState.Trial(
            slot: environment.boot.slot, release: ownRelease, offeredIn: "", isOffered: true, isHeld: false,
            failureBefore: nil)
          try store.save(state)
          return .watch
        }
        if trial.slot == environment.boot.slot {
          guard choice.standard == trial.slot else { return .watch }
          // The boot loader has committed it, but a power cut kept the record from being written.
          try finishCommit(&state, loaders)
          return .nothing
        }
        return try settleOther(trial, choice, &state, folder, loaders)
      }
    }
  }

  /// Settles a trial whose release does not run: it waits, was interrupted, or has failed.
  ///
  /// - Returns: ``Task/restart`` for a trial that waits for a restart with an argument. The power was switched off and
  ///   on, or somebody restarted the device by another way.
  private func settleOther(
    _ trial: UpdateState.Trial, _ choice: BootChoice, _ state: inout UpdateState, _ folder: BootFolder,
    _ loaders: SlotLoaders
  ) throws -> Task {
    if trial.isHeld { return .nothing }
    guard trial.isOffered else {
      try drop(&state, .failed, "it was interrupted before its trial", loaders)
      return .nothing
    }
    if choice.trial == BootChoice.Trial(trial.slot, isSpent: false) {
      if trial.offeredIn == environment.startID { return .nothing }
      if loaders.running.waitsForRestart { return .restart }
    }
    guard choice.trial?.slot == trial.slot || trial.offeredIn != environment.startID else {
      try drop(&state, .failed, "it was interrupted before its trial", loaders)
      return .nothing
    }
    let (reason, isSilent) = trial.verdict.map { ($0, false) } ?? recordedEnd(trial, choice)
    // A release that runs from the other slot has shown that it can: the power was cut.
    if !isSilent || !runs(trial.release, state) { state.noteFailure(of: trial.release, reason, isSilent: isSilent) }
    try drop(&state, .rolledBack, reason, loaders)
    let current = environment.plan.image.version
    environment.note("release \(trial.release.version) failed its trial; the device fell back to \(current): \(reason)")
    do {
      try environment.hooks.run(.afterRollback, hookVariables(trial.release, in: trial.slot, reason: reason))
    } catch {
      environment.note("\(error)")
    }
    return .nothing
  }

  /// Finds the recorded end of a release that gave no verdict itself.
  ///
  /// - Returns: The reason. `isSilent` is true if nothing on record ended it: then it may have been a power cut.
  private func recordedEnd(_ trial: UpdateState.Trial, _ choice: BootChoice) -> (reason: String, isSilent: Bool) {
    let records = FailureLog(in: environment.records).records
    let start = trial.failureBefore.flatMap(records.lastIndex).map { $0 + 1 } ?? 0
    let new = records[start...]
    // An older release does not tell which of its failures ended it.
    let fatal = new.filter { $0.isFatal ?? ($0.slot == trial.slot) }
    if let end = fatal.last(where: { $0.slot == trial.slot }) ?? fatal.last { return (end.message, false) }
    if choice.trial == BootChoice.Trial(trial.slot, isSpent: false) {
      return ("the boot loader did not start it", true)
    }
    let recorded = new.last { $0.slot == trial.slot }.map { " (its last record: \($0.message))" } ?? ""
    return ("it ended without reporting a reason: it hung, crashed, or lost power\(recorded)", true)
  }

  /// True if a release is the one that runs, from the other slot.
  private func runs(_ release: UpdateState.Release, _ state: UpdateState) -> Bool {
    let running = state[environment.boot.slot] ?? ownRelease
    if running.identity == release.identity { return true }
    // The release that the device was flashed with is known by its root file system.
    return running.identity.isEmpty && running.version == release.version && running.rootTree != nil
      && running.rootTree == release.rootTree
  }

  /// The running release, as far as the image describes it.
  var ownRelease: UpdateState.Release {
    let plan = environment.plan
    return UpdateState.Release(
      version: plan.image.version, identity: "", securityEpoch: plan.securityEpoch, dataSchema: plan.dataSchema,
      rootTree: environment.boot.slot == .a ? store.flashedTree : nil)
  }

  /// Watches the release on trial until it is committed, given up, or decided about elsewhere.
  ///
  /// - Throws: `SystemError`, and the errors of ``commit()``.
  public func watch() throws {
    let gate = HealthGate(plan: environment.plan.health, problems: environment.problems) { [self] report in
      show(report)
      return store.state().trial?.slot == environment.boot.slot
    }
    let verdict = gate.run()
    show(nil)
    switch verdict {
    case .over: return
    case .well:
      do {
        try commit()
      } catch let failure as UpdateFailure where failure != .busy && failure != .noTrial {
        try giveUp("\(failure)")
      }
    case .givenUp(let problems): try giveUp(problems.joined(separator: "; "))
    }
  }

  /// Commits the release on trial.
  ///
  /// - Throws: ``UpdateFailure``, `SystemError`.
  public func commit() throws {
    try exclusively {
      var state = store.state()
      guard let trial = state.trial, trial.slot == environment.boot.slot else { throw UpdateFailure.noTrial }
      try environment.hooks.run(.beforeCommit, hookVariables(trial.release, in: trial.slot))
      try withBoot { _, loaders in
        try loaders.commit(trial.slot)
        try finishCommit(&state, loaders)
      }
      updateLoaders()
    }
  }

  /// Updates the boot loaders themselves. A failure does not undo the commit.
  private func updateLoaders() {
    do {
      try LoaderUpdate(environment: environment, slot: environment.boot.slot).run()
    } catch {
      environment.note("the boot loader is not updated: \(error)")
    }
  }

  /// Records that the release is the boot loader's default. The security epoch and the data schema rise only now, as an
  /// earlier release can no longer be needed.
  private func finishCommit(_ state: inout UpdateState, _ loaders: SlotLoaders) throws {
    guard let trial = state.trial else { return }
    try loaders.commit(trial.slot)
    state.trial = nil
    state[trial.slot] = trial.release
    state.failed.removeAll { $0.identity == trial.release.identity }
    state.securityEpoch = max(state.securityEpoch, trial.release.securityEpoch)
    state.dataSchema = max(state.dataSchema, trial.release.dataSchema)
    state.note(
      UpdateRecord(time: .now, outcome: .committed, version: trial.release.version, slot: trial.slot))
    try store.save(state)
    environment.note("release \(trial.release.version) is committed")
    do {
      try environment.hooks.run(.afterCommit, hookVariables(trial.release, in: trial.slot))
    } catch {
      environment.note("\(error)")
    }
  }

  private func giveUp(_ reason: String) throws {
    try leave(reason)
    environment.restart()
  }

  /// Gives up the release on trial. The next restart starts the previous one, as the boot loader tries a release only
  /// once.
  private func leave(_ reason: String) throws {
    try exclusively {
      var state = store.state()
      guard let trial = state.trial, trial.slot == environment.boot.slot else { throw UpdateFailure.noTrial }
      state.trial?.verdict = UpdateState.shortened(reason)
      try store.save(state)
      environment.note("rolling back release \(trial.release.version): \(reason)")
      do {
        try environment.hooks.run(.beforeRollback, hookVariables(trial.release, in: trial.slot, reason: reason))
      } catch {
        environment.note("\(error)")
      }
    }
  }

  /// Goes back to the previous release: gives up the one on trial, or lets the boot loader try the other slot's.
  ///
  /// - Throws: ``UpdateFailure``, `SystemError`. If it returns, a restart goes back.
  public func rollBack() throws {
    if store.state().trial?.slot == environment.boot.slot { return try leave("it was rolled back on request") }
    try exclusively {
      var state = store.state()
      if let trial = state.trial { throw UpdateFailure.trialPending(version: trial.release.version) }
      let target = environment.boot.slot.other
      try withBoot { folder, loaders in
        guard try loaders.running.entry(of: target) != nil else { throw UpdateFailure.nothingToGoBackTo(target) }
        let release =
          state[target] ?? UpdateState.Release(version: "", identity: "", securityEpoch: 0, dataSchema: 0)
        let facts = facts(state)
        if state[target] != nil, release.securityEpoch < facts.securityEpoch {
          throw UpdateFailure.tooOldToGoBackTo(
            version: release.version,
            reason: "its security epoch is \(release.securityEpoch), and this device has reached \(facts.securityEpoch)"
          )
        }
        if state[target] != nil, release.dataSchema < facts.dataSchema {
          throw UpdateFailure.tooOldToGoBackTo(
            version: release.version,
            reason: "it reads data schema \(release.dataSchema), and the data has \(facts.dataSchema)")
        }
        state.trial = UpdateState.Trial(
          slot: target, release: release, offeredIn: environment.startID, isOffered: false, isHeld: false,
          failureBefore: FailureLog(in: environment.records).records.last)
        state.note(
          UpdateRecord(
            time: .now, outcome: .installed, version: release.version, slot: target,
            reason: "a rollback to this release was requested"))
        try offer(&state, SlotImages(boot: environment.boot, files: folder), loaders)
      }
    }
  }

  /// Schedules a release that was installed to be tried on request for the next start.
  ///
  /// - Throws: ``UpdateFailure``, `SystemError`.
  public func tryHeld() throws {
    try exclusively {
      var state = store.state()
      guard let trial = state.trial, trial.slot != environment.boot.slot else { throw UpdateFailure.noTrial }
      if trial.isHeld {
        try withBoot { folder, loaders in
          try offer(&state, SlotImages(boot: environment.boot, files: folder), loaders)
        }
      }
    }
  }
}
