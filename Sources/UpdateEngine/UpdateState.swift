import Bundle
import DeviceModel
import DeviceRecords
import FoundationEssentials
import Glibc
import LinuxSystem

/// What a device remembers about its releases over restarts: one file, replaced as a whole.
///
/// The boot loader's own records decide what is started; this file says what that was, and why. Where both differ after a power cut, the boot
/// loader is right.
struct UpdateState: Codable, Equatable {
  /// What is in a slot.
  struct Release: Codable, Equatable {
    /// Its version.
    var version: String
    /// ``BundleManifest/release``, as text.
    var identity: String
    /// Its security epoch.
    var securityEpoch: UInt64
    /// Version of the data that it writes.
    var dataSchema: UInt32
    /// Root of the hash tree of its root file system, in hexadecimal; `nil` where it is not known.
    var rootTree: String?

    /// ``rootTree`` as a digest.
    var tree: Digest? { rootTree.flatMap(Fingerprint.init(hexadecimal:)).map { Digest($0.bytes) } }
  }

  /// A release that is to prove itself.
  struct Trial: Codable, Equatable {
    var slot: Slot
    var release: Release
    /// The start of the machine in which it was offered to the boot loader (`boot_id`).
    var offeredIn: String
    /// Whether the boot loader was told; before that, an interruption says nothing about the release.
    var isOffered: Bool
    /// Why it was given up, where that was seen by the release itself.
    var verdict: String?
    /// Whether it waits to be asked for.
    var isHeld: Bool
    /// The last failure that was on record when it was offered: later ones are the trial's.
    var failureBefore: FailureRecord?
  }

  /// A release that did not prove itself.
  struct Failed: Codable, Equatable {
    var identity: String
    var version: String
    var reason: String
    /// How many trials in a row ended without a word, the last one among them; `nil` where the last one told why.
    var silentEnds: Int?

    /// True if it is not installed again unless that is asked for. A power cut ends a trial without a word, and says nothing about the
    /// release; a crash of the kernel looks the same, and repeats itself.
    var isBlocked: Bool { (silentEnds ?? UpdateState.silentEndLimit) >= UpdateState.silentEndLimit }
  }

  /// An installation that has begun to change the slot that does not run, and has not ended.
  struct Installation: Codable, Equatable {
    var slot: Slot
    var version: String
  }

  /// Records that are kept.
  static let historyLimit = 64
  static let failedLimit = 32
  /// Trials in a row that end without a word until their release is blocked.
  static let silentEndLimit = 3
  /// Bytes of a reason that are kept.
  static let reasonLimit = 1000

  /// The highest epoch of a release that was committed.
  var securityEpoch: UInt64 = 0
  /// The highest data schema of a release that was committed.
  var dataSchema: UInt32 = 0
  var a: Release?
  var b: Release?
  var trial: Trial?
  var installing: Installation?
  /// Whether the files of the slot that does not run are as FAT should have them; not while they are made.
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

  /// The state; a new device's where there is none, or where it cannot be read: then nothing is known, and nothing forbidden.
  func state() -> UpdateState {
    guard let bytes = try? file.read() else { return UpdateState() }
    return (try? JSONDecoder().decode(UpdateState.self, from: Data(bytes))) ?? UpdateState()
  }

  /// Keeps the state: after a power cut it is the one before or this one. The oldest records leave where they have no room.
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

  /// Where an installation can go on.
  func journal(of slot: Slot) throws -> InstallJournal {
    let path = folder + "/journal-\(slot.rawValue)"
    // Written and not only made, so that its blocks are there when a note has to be.
    if !FileTree.exists(path) { try FileTree.replace(path, with: [UInt8](repeating: 0, count: Self.journalLength)) }
    return try InstallJournal(try StorageFile(path, writable: true))
  }

  /// Root of the hash tree of the root file system that slot A was flashed with, in hexadecimal; `nil` once something was installed there,
  /// and where the data partition is not the flashed one any more.
  var flashedTree: String? { FileTree.line("\(folder)/\(DevicePaths.flashedRoot)") }

  /// Forgets what a slot was flashed with, as something else comes there.
  func forgetFlashed(_ slot: Slot) {
    if slot == .a { unlink("\(folder)/\(DevicePaths.flashedRoot)") }
  }

  /// The roots of trust that bundles have brought.
  var chainPath: String { folder + "/trust.chain" }
}
