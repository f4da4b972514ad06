import FoundationEssentials
import Glibc
import Hashing
import class LinuxSystem.Descriptor
import enum LinuxSystem.FileTree

/// Protection of results against power cuts.
///
/// A result is not synced when it is stored, as syncing would often take longer than making it. After a power cut, a
/// result may have its name but empty files. So each result has a note with the boot ID (`boot_id`) of the boot in
/// which it was stored. In another boot, the result is not valid unless the note says that its file system was synced
/// later. If the power cut removed or emptied the note, the result is not valid either. So notes and results can reach
/// the disk in any order.
extension Cache {
  private static let synced = "synced"

  /// Returns the boot ID of the running machine; empty if the kernel does not report it.
  public static func runningStart() -> String { FileTree.line("/proc/sys/kernel/random/boot_id") ?? "" }

  /// Returns true if a result exists that a power cut cannot have damaged.
  public func has(_ kind: String, _ key: Digest) -> Bool {
    let place = location(kind, key)
    return access(place.path, F_OK) == 0 && isWhole(place)
  }

  /// Syncs the file system of the cache if this build stored results, and then marks as synced the results of this
  /// boot.
  ///
  /// It is called when a build is complete, and takes as long as the disk needs for the remaining data.
  ///
  /// - Throws: ``FileFailure``.
  public func synchronise() throws(FileFailure) {
    guard session.hasStored else { return }
    let notes = try unsyncedNotes()
    do {
      try Descriptor(opening: folder.path, O_RDONLY | O_DIRECTORY).synchroniseFileSystem()
    } catch {
      throw FileFailure("sync the cache", folder.path, reason: String(cString: strerror(error.code)))
    }
    for note in notes { try write(Self.synced, to: note) }
  }

  /// Writes the boot ID to the note of a result that is about to get its name.
  func noteStart(of place: URL) throws(FileFailure) {
    try FolderTree.create(note(of: place).deletingLastPathComponent().path)
    try write(start, to: note(of: place))
    session.hasStored = true
  }

  /// Removes a result that may be damaged.
  func dropDamaged(_ place: URL) {
    guard isInStore(place), access(place.path, F_OK) == 0, !isWhole(place) else { return }
    let trash = scratchFolder.appending(path: UUID().uuidString)
    guard (try? FolderTree.create(trash.path)) != nil else { return }
    withTakingLock(LOCK_EX) {
      // Another build may have stored the result again.
      if !isWhole(place) { rename(place.path, trash.appending(path: "result").path) }
    }
    remover(trash.path)
  }

  /// Returns the path of a result's note.
  func note(of place: URL) -> URL {
    notes.appending(path: "\(place.deletingLastPathComponent().lastPathComponent)/\(place.lastPathComponent)")
  }

  private var notes: URL { folder.appending(path: "starts") }

  private func isInStore(_ place: URL) -> Bool {
    place.deletingLastPathComponent().deletingLastPathComponent().path == folder.appending(path: "store").path
  }

  private func isWhole(_ place: URL) -> Bool {
    guard let bytes = try? FolderTree.readFile(note(of: place).path) else { return false }
    let text = String(decoding: bytes, as: UTF8.self)
    if text == Self.synced || text == start && !start.isEmpty { return true }
    // Another machine may use the same cache. While a build runs there, its results count if that build has used them.
    guard let inUse = CacheSession.oldest(in: runningFolder), let lastUse = CacheTime(of: place.path) else {
      return false
    }
    return lastUse >= inUse
  }

  /// Returns the notes of results that were stored in this boot and not yet synced.
  private func unsyncedNotes() throws(FileFailure) -> [URL] {
    var unsynced: [URL] = []
    for kind in try FolderTree.names(in: notes.path) {
      let folder = notes.appending(path: kind)
      for name in try FolderTree.names(in: folder.path) {
        let note = folder.appending(path: name)
        if (try? FolderTree.readFile(note.path)).map({ $0.elementsEqual(start.utf8) }) ?? false {
          unsynced.append(note)
        }
      }
    }
    return unsynced
  }

  /// Writes a note by a rename, so that a reader sees the old content or the new.
  private func write(_ text: String, to note: URL) throws(FileFailure) {
    let temporary = scratchFolder.appending(path: "note-\(UUID().uuidString)").path
    try FolderTree.writeFile(temporary, with: text.utf8)
    guard rename(temporary, note.path) == 0 else {
      let failure = FileFailure.last("write", note.path)
      unlink(temporary)
      throw failure
    }
  }
}
