import Bundle
import DeviceModel
import DeviceRecords
import FoundationEssentials
import Glibc
import Hashing
import LinuxSystem

/// The device's persistent state of its releases: one file, replaced as a whole.
///
/// The boot loader's own records decide which slot is started. This file says which release that is, and why. If both
/// differ after a power cut, the boot loader is right.
struct UpdateState: Codable, Equatable {
  /// A release in a slot.
  struct Release: Codable, Equatable {
    var version: String
    /// ``BundleManifest/release``, as text.
    var identity: String
    var securityEpoch: UInt64
    /// The version of the data that it writes.
    var dataSchema: UInt32
    /// The root of the hash tree of its root file system, in hexadecimal; `nil` if it is unknown.
    var rootTree: String?

    /// ``rootTree`` as a digest.
    var tree: Digest? { rootTree.flatMap { Digest(hexadecimal: $0) } }
  }

  /// A release on trial, or one that waits for its trial.
  struct Trial: Codable, Equatable {
    var slot: Slot
    var release: Release
    /// The boot in which it was offered to the boot loader (`boot_id`).
    var offeredIn: String
    /// True once it was offered to the boot loader. Before that, an interruption says nothing about the release.
    var isOffered: Bool
    /// The reason for giving it up, as recorded by the running release itself.
    var verdict: String?
    /// True if the trial waits for a request.
    var isHeld: Bool
    /// The last recorded failure when it was offered. Later ones belong to the trial.
    var failureBefore: FailureRecord?
  }

  /// A release that failed its trial.
  struct Failed: Codable, Equatable {
    var identity: String
    var version: String
    var reason: String
    /// Number of trials in a row that ended without a record, including the last one; `nil` if the last one has a reason.
    var silentEnds: Int?

    /// True if it is not installed again without `--force`. A power cut ends a trial without a record, and proves nothing about
    /// the release. A crash of the kernel looks the same, and happens again.
    var isBlocked: Bool { (silentEnds ?? UpdateState.silentEndLimit) >= UpdateState.silentEndLimit }
  }

  /// An installation that has begun to change the slot that is not running, and has not ended.
  struct Installation: Codable, Equatable {
    var slot: Slot
    var version: String
  }

  /// Maximum number of records.
  static let historyLimit = 64
  static let failedLimit = 32
  /// Trials in a row that end without a word until their release is blocked.
  static let silentEndLimit = 3
  /// Bytes of a reason that are kept.
  static let reasonLimit = 1000

  /// The highest security epoch of a committed release.
  var securityEpoch: UInt64 = 0
  /// The highest data schema of a committed release.
  var dataSchema: UInt32 = 0
  var a: Release?
  var b: Release?
  var trial: Trial?
  /// The installation in progress.
  var installing: Installation?
  /// True if the files of the slot that does not run are consistent in FAT. False while they are being made.
  var hasSoundFiles: Bool? = true
  var failed: [Failed] = []
  var history: [UpdateRecord] = []

  subscript(slot: Slot) -> Release? {
    get { slot == .a ? a : b }
    set { if slot == .a { a = newValue } else { b = newValue } }
  }

  mutating func note(_ record: UpdateRecord) {
    var record = record
    record.reason = record.reason.map(Self.shortened)
    history = (history + [record]).suffix(Self.historyLimit)
  }

  /// Writes down how an installation ended that was not completed.
  mutating func noteEndOfInstallation(_ reason: String) {
    guard let installation = installing else { return }
    installing = nil
    note(
      UpdateRecord(
        time: .now, outcome: .failed, version: installation.version, slot: installation.slot, reason: reason))
  }

  /// Writes down that a release did not prove itself.
  ///
  /// - Parameter isSilent: True if nothing is known of the end.
  mutating func noteFailure(of release: Release, _ reason: String, isSilent: Bool) {
    let before = failed.first { $0.identity == release.identity }
    failed.removeAll { $0.identity == release.identity }
    let entry = Failed(
      identity: release.identity, version: release.version, reason: Self.shortened(reason),
      silentEnds: isSilent ? (before?.silentEnds ?? 0) + 1 : nil)
    failed = (failed + [entry]).suffix(Self.failedLimit)
  }

  static func shortened(_ reason: String) -> String {
    reason.utf8.count > reasonLimit ? String(decoding: reason.utf8.prefix(reasonLimit), as: UTF8.self) + " …" : reason
  }
}

/// The files of the update engine on the data partition.
struct UpdateStore {
  let folder: String

  init(in folder: String) throws {
    self.folder = folder
    try FileTree.makeFolders(folder, mode: 0o700)
  }

  /// It is replaced at moments that nobody can choose, the end of a trial among them: it has room of its own.
  private var file: ReservedFile { ReservedFile(folder + "/state.json", capacity: Self.capacity) }
  private static let capacity = 64 << 10
  private static let journalLength = 1024

  /// Takes the room for all that an update and its end have to write, so that they are recorded while the data partition is full.
  ///
  /// - Throws: `SystemError` where there is none.
  func reserve() throws {
    try file.reserve()
    for slot in Slot.allCases { _ = try journal(of: slot) }
  }

  /// Reads the state. If it is absent or cannot be parsed, returns that of a new device, which forbids nothing.
  func state() -> UpdateState {
    guard let bytes = try? file.read() else { return UpdateState() }
    return (try? JSONDecoder().decode(UpdateState.self, from: Data(bytes))) ?? UpdateState()
  }

  /// Saves the state. After a power cut the file has the previous state or this one. The oldest records are dropped if there is no
  /// room for them.
  func save(_ state: UpdateState) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    var state = state
    var bytes = try encoder.encode(state)
    while bytes.count > Self.capacity, state.history.count + state.failed.count > 1 {
      if state.history.count > 1 { state.history.removeFirst() } else { state.failed.removeFirst() }
      bytes = try encoder.encode(state)
    }
    try file.replace(with: Array(bytes))
  }

  /// Opens the journal of an installation, to resume it.
  func journal(of slot: Slot) throws -> InstallJournal {
    let path = folder + "/journal-\(slot.rawValue)"
    // Written and not only made, so that its blocks are there when a note has to be.
    if !FileTree.exists(path) { try FileTree.replace(path, with: [UInt8](repeating: 0, count: Self.journalLength)) }
    return try InstallJournal(try StorageFile(path, writable: true))
  }

  /// The root of the hash tree of the root file system that slot A was flashed with, in hexadecimal. `nil` after an
  /// installation into slot A, or if the data partition is not the flashed one.
  var flashedTree: String? { FileTree.line("\(folder)/\(DevicePaths.flashedRoot)") }

  /// Removes the record of the flashed root file system before an installation into its slot.
  func forgetFlashed(_ slot: Slot) {
    if slot == .a { unlink("\(folder)/\(DevicePaths.flashedRoot)") }
  }

  /// The path of the chain of roots of trust from bundles.
  var chainPath: String { folder + "/trust.chain" }
}
