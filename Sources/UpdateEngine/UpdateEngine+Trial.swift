import BootFlow
import DeviceModel
import DeviceRecords
import Glibc
import LinuxSystem

extension UpdateEngine {
  /// What is to be done about a trial at a start.
  public enum Task: Equatable, Sendable {
    /// Nothing.
    case nothing
    /// The release that runs is to be watched: ``UpdateEngine/watch()``.
    case watch
  }

  /// Finds out at a start what became of the last update, and writes it down. Also says where the chain of roots on the data partition
  /// does not count.
  ///
  /// - Throws: `SystemError`.
  public func settle() throws -> Task {
    try exclusively {
      do { try store.reserve() } catch { environment.note("the data partition has no room for records: \(error)") }
      // An image without a root is told of when it has to judge a bundle.
      _ = try? trust.roots()
      var state = store.state()
      if state.installing != nil {
        state.noteEndOfInstallation(Self.interruption)
        try store.save(state)
      }
      return try withBoot { folder, loaders in
        let choice = try loaders.running.choice()
        guard let trial = state.trial else {
          // On trial, and nothing is known of it: the data partition was made anew. It has to prove itself all the same.
          guard environment.boot.isTrial, choice.standard != environment.boot.slot else { return .nothing }
          state.trial = UpdateState.Trial(
            slot: environment.boot.slot, release: ownRelease, offeredIn: "", isOffered: true, isHeld: false,
            failureBefore: nil)
          try store.save(state)
          return .watch
        }
        if trial.slot == environment.boot.slot {
          guard choice.standard == trial.slot else { return .watch }
          // The boot loader was told, and then the power was cut.
          try finishCommit(&state, loaders)
          return .nothing
        }
        try settleOther(trial, choice, &state, folder, loaders)
        return .nothing
      }
    }
  }

  /// A trial's release does not run: it waits, was interrupted, or was left.
  private func settleOther(
    _ trial: UpdateState.Trial, _ choice: BootChoice, _ state: inout UpdateState, _ folder: BootFolder,
    _ loaders: SlotLoaders
  ) throws {
    if trial.isHeld { return }
    guard trial.isOffered else {
      return try drop(&state, .failed, "it was interrupted before its trial", loaders)
    }
    if choice.trial == BootChoice.Trial(trial.slot, isSpent: false) && trial.offeredIn == environment.startID { return }
    guard choice.trial?.slot == trial.slot || trial.offeredIn != environment.startID else {
      return try drop(&state, .failed, "it was interrupted before its trial", loaders)
    }
    let (reason, isSilent) = trial.verdict.map { ($0, false) } ?? recordedEnd(trial, choice)
    // A release that runs from the other slot has shown that it can: the power was cut.
    if !isSilent || !runs(trial.release, state) { state.noteFailure(of: trial.release, reason, isSilent: isSilent) }
    try drop(&state, .rolledBack, reason, loaders)
    environment.note("release \(trial.release.version) was left: \(reason)")
    do {
      try environment.hooks.run(.afterRollback, hookVariables(trial.release, in: trial.slot, reason: reason))
    } catch {
      environment.note("\(error)")
    }
  }

  /// What is known of a release that did not give itself up.
  ///
  /// - Returns: The reason. `isSilent` is true where nothing is on record that ended it: then it may have been the power.
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
    let recorded = new.last { $0.slot == trial.slot }.map { " (it had recorded: \($0.message))" } ?? ""
    return ("it ended without a word: it hung, crashed, or lost power\(recorded)", true)
  }

  /// True if a release is the one that runs, from the other slot.
  private func runs(_ release: UpdateState.Release, _ state: UpdateState) -> Bool {
    let running = state[environment.boot.slot] ?? ownRelease
    if running.identity == release.identity { return true }
    // The release that the device was flashed with is known by its root file system.
    return running.identity.isEmpty && running.version == release.version && running.rootTree != nil
      && running.rootTree == release.rootTree
  }

  /// The release that runs, as far as the image itself tells.
  var ownRelease: UpdateState.Release {
    let plan = environment.plan
    return UpdateState.Release(
      version: plan.image.version, identity: "", securityEpoch: plan.securityEpoch, dataSchema: plan.dataSchema,
      rootTree: environment.boot.slot == .a ? store.flashedTree : nil)
  }

  /// Watches the release that runs on trial until it is committed, given up, or somebody else has decided.
  ///
  /// - Throws: `SystemError`, and what ``commit()`` throws.
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

  /// Commits the release that runs on trial.
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

  /// Brings the boot loaders' own files up to date. A release is no less committed where that does not work.
  private func updateLoaders() {
    do {
      try LoaderUpdate(environment: environment, slot: environment.boot.slot).run()
    } catch {
      environment.note("the boot loader stays as it is: \(error)")
    }
  }

  /// Writes down that the boot loader has the release as its standard. Only now may the floor rise: a release before it cannot be
  /// needed any more.
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

  /// Leaves the release that runs on trial; a restart does it, as the boot loader tries nothing twice.
  private func leave(_ reason: String) throws {
    try exclusively {
      var state = store.state()
      guard let trial = state.trial, trial.slot == environment.boot.slot else { throw UpdateFailure.noTrial }
      state.trial?.verdict = UpdateState.shortened(reason)
      try store.save(state)
      environment.note("release \(trial.release.version) is given up: \(reason)")
      do {
        try environment.hooks.run(.beforeRollback, hookVariables(trial.release, in: trial.slot, reason: reason))
      } catch {
        environment.note("\(error)")
      }
    }
  }

  /// Goes back to the release before: leaves the one on trial, or lets the boot loader try the other slot's.
  ///
  /// - Throws: ``UpdateFailure``, `SystemError`. Otherwise a restart goes back.
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
            reason: "the release before was asked for"))
        try offer(&state, SlotImages(boot: environment.boot, files: folder), loaders)
      }
    }
  }

  /// Has a release tried at the next start that was installed to be tried on request.
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
