import ArgumentParser
import DeviceModel
import DiskImage
import Flashing
import FoundationEssentials
import Glibc
import HostSystem
import ImageBuild
import Provisioning

/// `cultivar flash`: writes an image to a disk.
struct FlashCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "flash", abstract: "Write an image to an SD card, a USB stick, or another disk.",
    discussion: """
      Without DEVICE, lists the removable disks. IMAGE is the name of an image that was built, or a raw image file. If \
      there is a block map beside it (FILE.bmap), only the blocks in the map are written. The command reads the \
      written blocks back and compares them.

      Values for the first boot, with --set: \(FirstBootValues.Key.allCases.map(\.rawValue).joined(separator: ", ")). \
      KEY=@FILE takes the value from a file; \
      \(FirstBootValues.Key.allCases.filter(\.isSecret).map(\.rawValue).joined(separator: " and ")) must come from a file.
      """)

  @OptionGroup var options: ProjectOptions

  @Argument(help: "Name of an image, or an image file.")
  var image: String?

  @Argument(help: "Disk to write to, such as /dev/sdb, or a file with the size of a disk.")
  var device: String?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp("Set a value for the first boot. May be repeated.", valueName: "key=value"))
  var settings: [String] = []

  @Flag(name: [.short, .long], help: "Do not ask for confirmation.")
  var yes = false

  @Flag(help: "Allow a disk that is neither removable nor on USB.")
  var fixedDisk = false

  @Flag(name: [.short, .long], help: "Print only problems.")
  var quiet = false

  @Flag(help: "Write the list of disks as JSON to standard output.")
  var json = false

  @Option(help: ArgumentHelp("Folder of the artefacts. Default: build/.", valueName: "folder"))
  var output: String?

  func run() async throws {
    try await CommandErrors.shown(interrupted: "interrupted; the disk does not boot now") {
      guard let image, let device else { return try list() }
      let disks = Disks()
      let disk = try disks.disk(at: device)
      guard disk.uses.isEmpty else { throw FlashFailure.inUse(disk.path, uses: disk.uses) }
      guard disk.isRemovable || fixedDisk else { throw FlashFailure.fixed(disk.path) }
      let values = try FirstBootFile.values(settings)
      let tools = values.isEmpty ? nil : try await ImageTools.find(options)
      let file = try imageFile(image)
      let mapFile = "\(file).bmap"
      let map =
        access(mapFile, F_OK) == 0
        ? try BlockMap(text: String(decoding: FolderTree.readFile(mapFile), as: UTF8.self), path: mapFile)
        : try BlockMap(wholeImage: file)
      try disk.check(forImageOf: map.imageSize)
      try confirm(disk)
      let line = FlashProgress(isShown: !quiet && isatty(STDERR_FILENO) == 1)
      defer { line.end() }
      try FlashWriter(image: file, map: map, target: disk.path).run(progress: line.show)
      if let tools { try await FirstBootFile.write(values, to: disk.path) { tools.command($0, $1, to: $2) } }
      line.end()
      if !quiet { print("\(disk.path) is written and verified; you can remove it now") }
    }
  }

  private func list() throws {
    let disks = Disks().removable()
    if json {
      try ReadableJSON.print(disks)
      return
    }
    guard !disks.isEmpty else { return print("there is no removable disk: insert an SD card or a USB stick") }
    for disk in disks {
      let uses = disk.uses.isEmpty ? "" : "  (\(disk.uses.joined(separator: ", ")))"
      print("\(disk.path)  \(ByteSize(bytes: disk.size))  \(disk.model)\(uses)")
    }
  }

  /// Returns the path of the raw image: the given file if it exists, otherwise the project's built image.
  private func imageFile(_ image: String) throws -> String {
    if access(image, F_OK) == 0, image.contains("/") || image.hasSuffix(".img") { return image }
    let artefacts = try ProjectArtefacts(options).folder(of: image, in: output)
    guard access(artefacts.image.path, F_OK) == 0 else { throw ImageFailure.notBuilt(image) }
    return artefacts.image.path
  }

  private func confirm(_ disk: Disk) throws {
    if yes { return }
    guard isatty(STDIN_FILENO) == 1 else { throw FlashFailure.notConfirmed }
    let model = disk.model.isEmpty ? "" : ", \(disk.model)"
    print(
      "All data on \(disk.path) (\(ByteSize(bytes: disk.size))\(model)) will be lost. Write to it? [y/N] ",
      terminator: "")
    fflush(nil)
    // Nothing is written yet that needs a cleanup, and cancelling the task would not interrupt `readLine`.
    signal(SIGINT, SIG_DFL)
    defer { signal(SIGINT, SIG_IGN) }
    guard ["y", "yes"].contains(readLine()?.lowercased()) else { throw FlashFailure.notConfirmed }
  }
}

/// A line on the terminal that shows the progress.
private final class FlashProgress {
  private let isShown: Bool
  private let start = ContinuousClock.now
  private var last: ContinuousClock.Instant?

  init(isShown: Bool) {
    self.isShown = isShown
  }

  func show(_ phase: FlashWriter.Phase, _ done: Int64, _ total: Int64) {
    let now = ContinuousClock.now
    guard isShown, total > 0, done == total || last.map({ now - $0 > .milliseconds(200) }) ?? true else { return }
    last = now
    let text =
      "\r\u{1b}[K\(phase.rawValue): \(done * 100 / total) %, \(ByteSize(bytes: done)) of \(ByteSize(bytes: total))"
    StandardError.write(text)
  }

  func end() {
    if last != nil { StandardError.write("\r\u{1b}[K") }
    last = nil
  }
}
