import Bundle
import DeviceModel
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
  }

  /// Records that are kept.
  static let historyLimit = 64
  static let failedLimit = 32

  /// The highest epoch of a release that was committed.
  var securityEpoch: UInt64 = 0
  /// The highest data schema of a release that was committed.
  var dataSchema: UInt32 = 0
  var a: Release?
  var b: Release?
  var trial: Trial?
  /// Whether the files of the slot that does not run are as FAT should have them; not while they are made.
  var hasSoundFiles: Bool? = true
  var failed: [Failed] = []
  var history: [UpdateRecord] = []

  subscript(slot: Slot) -> Release? {
    get { slot == .a ? a : b }
    set { if slot == .a { a = newValue } else { b = newValue } }
  }

  mutating func note(_ record: UpdateRecord) { history = (history + [record]).suffix(Self.historyLimit) }

  mutating func noteFailure(of release: Release, _ reason: String) {
    failed.removeAll { $0.identity == release.identity }
    failed = (failed + [Failed(identity: release.identity, version: release.version, reason: reason)])
      .suffix(Self.failedLimit)
  }
}

/// The files of the update engine on the data partition.
struct UpdateStore {
  let folder: String

  init(in folder: String) throws {
    self.folder = folder
    try FileTree.makeFolders(folder, mode: 0o700)
  }

  private var path: String { folder + "/state.json" }

  /// The state; a new device's where there is none, or where it cannot be read: then nothing is known, and nothing forbidden.
  func state() -> UpdateState {
    guard let bytes = try? FileTree.read(path, limit: 1 << 20) else { return UpdateState() }
    return (try? JSONDecoder().decode(UpdateState.self, from: Data(bytes))) ?? UpdateState()
  }

  /// Keeps the state: after a power cut it is the one before or this one.
  func save(_ state: UpdateState) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    try FileTree.replace(path, with: Array(try encoder.encode(state)))
  }

  /// Where an installation can go on.
  func journal(of slot: Slot) throws -> InstallJournal {
    let path = folder + "/journal-\(slot.rawValue)"
    return try InstallJournal(
      FileTree.exists(path) ? try StorageFile(path, writable: true) : try StorageFile(making: path, size: 1024))
  }

  /// Root of the hash tree of the root file system that slot A was flashed with, in hexadecimal; `nil` once something was installed there,
  /// and where the data partition is not the flashed one any more.
  var flashedTree: String? { FileTree.line("\(folder)/\(DevicePaths.flashedRoot)") }

  /// Forgets what a slot was flashed with, as something else comes there.
  func forgetFlashed(_ slot: Slot) {
    if slot == .a { unlink("\(folder)/\(DevicePaths.flashedRoot)") }
  }

  /// The newest root of trust that a bundle has brought.
  var rootPath: String { folder + "/trust.root" }
}
