import BootFlow
import Bundle
import DeviceModel
import DeviceRecords
import Glibc
import LinuxSystem
import Synchronization
import Trust

/// Installs releases into the slot that is not running, starts their trials, and commits them or falls back.
///
/// `docs/boot-flows.md` describes the states and the effect of a power cut in each. All changes are made under a file
/// lock, so that a command and the daemon exclude each other. The status needs no lock.
public final class UpdateEngine: Sendable {
  let environment: UpdateEnvironment
  let store: UpdateStore
  private let memory = Mutex(Memory())

  /// The state that a restart of this process discards.
  struct Memory {
    var activity = UpdateStatus.Activity.idle
    var slots: [SlotStatus] = []
    var isCancelled = false

    /// True while an installation is in progress.
    var isInstalling: Bool {
      switch activity {
      case .preparing, .installing, .checking: true
      case .idle, .watching: false
      }
    }
  }

  /// - Throws: `SystemError` if records cannot be kept.
  public init(_ environment: UpdateEnvironment) throws {
    self.environment = environment
    store = try UpdateStore(in: environment.records + "/update")
  }

  /// Returns the status of the slots and updates.
  public func status() throws -> UpdateStatus {
    // During an installation, the lock is taken, and the installation itself reads the slots.
    if memory.withLock({ $0.slots.isEmpty && !$0.isInstalling }) { try exclusively { try withBoot { _, _ in } } }
    let state = store.state()
    let (activity, slots) = memory.withLock { ($0.activity, $0.slots) }
    return UpdateStatus(
      image: environment.plan.image, loader: environment.boot.loader.title, slots: slots,
      activity: activity,
      trial: state.trial.map {
        TrialStatus(slot: $0.slot, version: $0.release.version, isRunning: $0.slot == environment.boot.slot)
      }, securityEpoch: floor(state).epoch, history: state.history)
  }

  /// Installs a bundle. Its release is tried at the next start.
  ///
  /// - Parameters:
  ///   - source: The bundle.
  ///   - options: The time of the trial, and the checks to skip.
  ///   - begin: Called before the source is read.
  ///   - report: Receives the progress.
  /// - Returns: The record of the installation.
  /// - Throws: ``UpdateFailure``, `BundleFailure`, and the errors of source and storage. The running slot is unchanged
  ///   then.
  public func install(
    from source: any BundleSource, _ options: UpdateRequest.Options = UpdateRequest.Options(),
    begin: () -> Void = {}, report: @escaping (InstallProgress) -> Void = { _ in }
  ) throws -> UpdateRecord {
    try exclusively {
      memory.withLock { ($0.isCancelled, $0.activity) = (false, .preparing) }
      defer { memory.withLock { $0.activity = .idle } }
      let record = try installAlone(from: source, options, begin: begin, report: report)
      environment.note("release \(record.version) is installed in slot \(record.slot.rawValue)")
      return record
    }
  }

  /// Shuts the programs down and restarts the device, into the release that is offered for its trial.
  ///
  /// If the boot loader does not begin a trial by itself and it cannot be prepared, the next start does this.
  public func restart() {
    do {
      _ = try exclusively { try beginTrial() }
    } catch {
      environment.note("the trial waits for another restart: \(error)")
    }
    environment.restart()
  }

  /// Restarts the device into a release that waits for its trial (``Task/restart``). Does not restart without one, so
  /// that a device whose records cannot be written does not restart again and again.
  ///
  /// - Throws: ``UpdateFailure``, `SystemError`.
  public func restartIntoTrial() throws {
    if try exclusively({ try beginTrial() }) { environment.restart() }
  }

  /// Prepares the restart that begins the trial on offer, for a boot loader that does not begin it by itself.
  ///
  /// - Returns: True if the next restart begins a trial in this way.
  func beginTrial() throws -> Bool {
    try withBoot { _, loaders in
      // From here on, the trial counts as spent. If the power is cut before the restart, the release has had its trial
      // without a word, and may be installed again.
      guard let argument = try loaders.running.beginTrial() else { return false }
      try environment.setRestartArgument(argument)
      return true
    }
  }

  private func installAlone(
    from source: any BundleSource, _ options: UpdateRequest.Options, begin: () -> Void,
    report: @escaping (InstallProgress) -> Void
  ) throws -> UpdateRecord {
    let target = environment.boot.slot.other
    guard environment.boot.root(of: target) != nil else { throw UpdateFailure.oneSlotOnly }
    guard environment.boot.canTry else { throw UpdateFailure.cannotTry }
    var state = store.state()
    if let trial = state.trial { throw UpdateFailure.trialPending(version: trial.release.version) }
    begin()
    let bundle = try SignedBundle(try BundleHead(from: source), judge: trust.judge)
    let manifest = bundle.manifest
    var facts = facts(state)
    facts.allowsDowngrade = options.allowDowngrade || environment.plan.allowsDowngrade
    try manifest.check(for: facts)
    let release = UpdateState.Release(
      version: manifest.version, identity: "\(manifest.release)", securityEpoch: manifest.securityEpoch,
      dataSchema: manifest.dataSchema,
      rootTree: manifest.images.first { $0.name == "root" }.map { "\($0.tree)" })
    if !options.force, let failed = state.failed.first(where: { $0.identity == release.identity }), failed.isBlocked {
      throw UpdateFailure.failedBefore(version: failed.version, reason: failed.reason)
    }
    let missing = SlotImages.names(environment.boot.loader).filter { name in
      !manifest.images.contains { $0.name == name }
    }
    guard missing.isEmpty else { throw UpdateFailure.otherImages(missing: missing) }
    let variables = hookVariables(release, in: target)
    let isHeld = options.restart == .no
    return try withBoot { folder, loaders in
      let images = SlotImages(boot: environment.boot, files: folder)
      try images.checkRoom(for: manifest.images, in: target)
      let running = state[environment.boot.slot] ?? ownRelease
      let checked = try CheckedBundle(
        bundle, from: source, bases: try images.running().mapValues(stoppable),
        trees: running.tree.map { ["root": $0] } ?? [:])
      // Created before the first write to the slot, because the journal and the state need space, too.
      let journal = try store.journal(of: target)
      try store.save(state)
      try environment.hooks.run(.beforeInstall, variables, check: checkNotCancelled)
      // All checks have passed. From here on the other slot cannot be started.
      state.noteEndOfInstallation(Self.interruption)
      state.installing = UpdateState.Installation(slot: target, version: release.version)
      state[environment.boot.slot] = running
      try store.save(state)
      do {
        try loaders.withdrawOther()
        try trust.dropOlderChain()
        try write(checked, to: target, &state, images, loaders, journal, report: report)
      } catch {
        state.noteEndOfInstallation("\(error)")
        do { try store.save(state) } catch { environment.note("\(error)") }
        throw error
      }
      state.installing = nil
      state[target] = release
      state.trial = UpdateState.Trial(
        slot: target, release: release, offeredIn: environment.startID, isOffered: false, isHeld: isHeld,
        failureBefore: FailureLog(in: environment.records).records.last)
      try store.save(state)
      do {
        try environment.hooks.run(.afterInstall, variables, check: checkNotCancelled)
        try checkNotCancelled()
      } catch {
        try drop(&state, .failed, "\(error)", loaders)
        throw error
      }
      if !isHeld { try offer(&state, images, loaders) }
      let record = UpdateRecord(time: .now, outcome: .installed, version: release.version, slot: target)
      state.note(record)
      try store.save(state)
      return record
    }
  }

  /// The recorded reason of an interrupted installation.
  static let interruption =
    "it was interrupted: the device lost power or restarted, or the updater ended; "
    + "install the same bundle again to continue"

  /// Writes the images of a bundle to a slot that no boot loader starts.
  private func write(
    _ checked: CheckedBundle, to target: Slot, _ state: inout UpdateState, _ images: SlotImages,
    _ loaders: SlotLoaders, _ journal: InstallJournal, report: @escaping (InstallProgress) -> Void
  ) throws {
    let manifest = checked.bundle.manifest
    state[target] = nil
    try store.save(state)
    store.forgetFlashed(target)
    try remember(loaders)
    // The files have tens of megabytes and are not in use yet. With synchronous writes, each cluster would take three
    // writes.
    try environment.setLazy(true)
    if try !images.hasFiles(for: manifest.images, in: target) || state.hasSoundFiles == false {
      state.hasSoundFiles = false
      try store.save(state)
      try images.makeFiles(for: manifest.images, in: target)
      try journal.note(InstallJournal.Place(image: 0, segment: 0), in: checked.bundle.identity)
      sync()
      state.hasSoundFiles = true
      try store.save(state)
    }
    try BundleInstaller(
      checked, targets: try images.places(for: manifest.images, in: target).mapValues(stoppable), journal: journal,
      report: { [unowned self] progress in
        let progress = InstallProgress(
          version: manifest.version, done: progress.done, checked: progress.checked, total: progress.total,
          fetched: progress.fetched, written: progress.written)
        memory.withLock { $0.activity = progress.checked == 0 ? .installing(progress) : .checking(progress) }
        report(progress)
      }
    ).run()
    try environment.setLazy(false)
  }

  /// Returns storage that can be read and written until the installation is cancelled.
  private func stoppable(_ storage: any BlockStorage) -> any BlockStorage {
    StoppableStorage(storage) { [unowned self] in try checkNotCancelled() }
  }

  /// Offers the release to the boot loader for its trial. This write decides which slot starts next.
  func offer(_ state: inout UpdateState, _ images: SlotImages, _ loaders: SlotLoaders) throws {
    guard let trial = state.trial else { throw UpdateFailure.noTrial }
    let image = environment.plan.image
    // The state is saved first. If the device is interrupted before the boot loader's record is written, the state
    // shows a trial that the boot loader has not started.
    state.trial?.isOffered = true
    state.trial?.isHeld = false
    state.trial?.offeredIn = environment.startID
    try store.save(state)
    try loaders.running.offer(
      try images.entry(of: trial.slot, title: "\(image.project) \(image.image)", version: trial.release.version))
  }

  /// Cancels an installation, or withdraws a release that waits for its trial. No installation is in progress when it
  /// returns.
  ///
  /// - Throws: ``UpdateFailure/noTrial`` if there is neither, ``UpdateFailure/trialRuns(version:)``.
  public func cancel() throws {
    let wasInstalling = memory.withLock { memory in
      if memory.isInstalling { memory.isCancelled = true }
      return memory.isInstalling
    }
    while isInstalling { usleep(20_000) }
    try exclusively {
      var state = store.state()
      // An installation that has just completed waits for its trial like any other.
      guard let trial = state.trial, trial.slot != environment.boot.slot else {
        if wasInstalling { return }
        throw state.trial.map { UpdateFailure.trialRuns(version: $0.release.version) } ?? .noTrial
      }
      try withBoot { _, loaders in try drop(&state, .failed, "the update was cancelled", loaders) }
    }
  }

  private var isInstalling: Bool { memory.withLock { $0.isInstalling } }

  /// Throws if the installation was cancelled. Call this regularly while waiting for bytes of a bundle.
  ///
  /// - Throws: ``UpdateFailure/cancelled``.
  public func checkNotCancelled() throws {
    if memory.withLock({ $0.isCancelled }) { throw UpdateFailure.cancelled }
  }

  /// Withdraws a release that will not be tried, and records the reason.
  func drop(
    _ state: inout UpdateState, _ outcome: UpdateRecord.Outcome, _ reason: String, _ loaders: SlotLoaders
  ) throws {
    guard let trial = state.trial else { return }
    try loaders.withdrawOther()
    state.trial = nil
    state[trial.slot] = nil
    state.note(
      UpdateRecord(
        time: .now, outcome: outcome, version: trial.release.version, slot: trial.slot, reason: reason))
    try store.save(state)
  }

  // MARK: Shared parts

  /// The trust of the device with the present time, which decides about expiry.
  var trust: DeviceTrust {
    DeviceTrust(
      imagePath: environment.trustRoot, chainPath: store.chainPath,
      time: Time.present(
        clock: Time(secondsSince1970: Int64(Clock.seconds)),
        buildTime: Time(secondsSince1970: Int64(clamping: environment.plan.buildTime))),
      note: environment.note)
  }

  /// Returns the lowest security epoch and data schema that the device accepts.
  private func floor(_ state: UpdateState) -> (epoch: UInt64, schema: UInt32) {
    // A release on trial must not exclude the previous release yet.
    let own: (UInt64, UInt32) =
      environment.boot.isTrial ? (0, 0) : (environment.plan.securityEpoch, environment.plan.dataSchema)
    return (max(state.securityEpoch, own.0), max(state.dataSchema, own.1))
  }

  func facts(_ state: UpdateState) -> DeviceFacts {
    let floor = floor(state)
    return DeviceFacts(
      product: environment.plan.product, device: environment.plan.image.deviceClass,
      version: environment.plan.image.version, securityEpoch: floor.epoch, dataSchema: floor.schema,
      now: max(UInt64(clamping: Clock.seconds), environment.plan.buildTime))
  }

  func hookVariables(_ release: UpdateState.Release, in slot: Slot, reason: String = "") -> [String: String] {
    [
      "CULTIVAR_SLOT": slot.rawValue, "CULTIVAR_VERSION": release.version,
      "CULTIVAR_OLD_VERSION": environment.plan.image.version, "CULTIVAR_REASON": reason,
    ]
  }

  func show(_ report: HealthReport?) {
    memory.withLock { $0.activity = report.map(UpdateStatus.Activity.watching) ?? .idle }
  }

  /// Runs a closure under the lock for changes to slots. Waits for the lock for a short time.
  ///
  /// - Throws: ``UpdateFailure/busy``.
  func exclusively<Value>(_ body: () throws -> Value) throws -> Value {
    let lock = try Descriptor(opening: environment.lock, O_RDWR | O_CREAT, mode: 0o600)
    let deadline = EventLoop.now + environment.lockPatience
    while flock(lock.number, LOCK_EX | LOCK_NB) != 0 {
      guard EventLoop.now < deadline, !isInstalling else { throw UpdateFailure.busy }
      usleep(50_000)
    }
    // Closing the file is not enough: a child that another thread is starting also has it open until it executes its
    // program.
    defer { flock(lock.number, LOCK_UN) }
    return try body()
  }

  /// Keeps the boot loader's view of the slots in memory, for the status.
  private func remember(_ loaders: SlotLoaders) throws {
    // Another thread may read the status meanwhile. It sees the old slots or the new ones; after a failure, none.
    let slots = Result {
      try loaders.slots(
        store.state(), running: environment.plan.image.version, hasTwo: environment.boot.rootB != nil)
    }
    memory.withLock { $0.slots = (try? slots.get()) ?? [] }
    _ = try slots.get()
  }

  /// Runs a closure with the boot partition mounted, and then updates the slots in memory.
  func withBoot<Value>(_ body: (BootFolder, SlotLoaders) throws -> Value) throws -> Value {
    try environment.mount()
    var isMounted = true
    defer { if isMounted { try? environment.unmount() } }
    let folder = BootFolder(environment.bootFolder)
    let loaders = try SlotLoaders(environment.boot, folder)
    // A closure that fails may also have changed the slots.
    let outcome = Result { try body(folder, loaders) }
    let remembering = Result { try remember(loaders) }
    let value = try outcome.get()
    try remembering.get()
    // If unmounting fails, data may not have been written, so the caller gets the error.
    isMounted = false
    try environment.unmount()
    return value
  }
}
