import Bundle
import BundleDownload
import Glibc
import LinuxSystem

/// Installs a bundle's images as a device does, in a static executable, and measures itself: what came over the network, its own memory and CPU.
///
/// Usage: bundle-meter BUNDLE FOLDER [NAME=OLD…]. BUNDLE is a file or an URL; signatures are not judged. FOLDER gets a file for each image, and
/// beside it what is noted of it, `.blocks` in place of `.img`. Where OLD has such a file beside it, it is used.
/// The result is one line of JSON.
struct Meter {
  /// A line of `/proc/self/status` in KiB.
  private static func memory(_ name: String) -> Int {
    let lines = ((try? FileTree.read("/proc/self/status")).map { String(decoding: $0, as: UTF8.self) } ?? "").split(
      separator: "\n")
    let words = lines.first { $0.hasPrefix(name + ":") }?.split { $0 == " " || $0 == "\t" } ?? []
    return words.count > 1 ? Int(words[1]) ?? 0 : 0
  }

  private static func cpu() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  static func run(_ arguments: [String]) throws {
    // The highest mark begins at what the process has now.
    try FileTree.write("5", to: "/proc/self/clear_refs")
    let idle = memory("VmRSS")
    let place = arguments[1]
    let web = WebAddress.isOne(place) ? HTTPBundleSource(try WebAddress(place)) : nil
    let source: any BundleSource = if let web { web } else { try FileSource(place) }
    let bundle = try SignedBundle(try head(from: source)) { _, _ in }
    var bases: [String: any BlockStorage] = [:]
    var (notes, newNotes): ([String: BlockNotes], [String: BlockNotes]) = ([:], [:])
    for argument in arguments.dropFirst(3) {
      let parts = argument.split(separator: "=", maxSplits: 1).map(String.init)
      bases[parts[0]] = try StorageFile(parts[1])
      notes[parts[0]] = (try? StorageFile(notesPath(parts[1]))).map { BlockNotes(in: $0) }
    }
    var targets: [String: any BlockStorage] = [:]
    for image in bundle.manifest.images {
      let place = "\(arguments[2])/\(image.name).img"
      targets[image.name] = try StorageFile(making: place, size: image.size)
      newNotes[image.name] = BlockNotes(
        in: try StorageFile(making: notesPath(place), size: BlockNotes.length(for: image.size)))
    }
    let progress = try BundleInstaller(
      bundle, from: source, bases: bases, notes: notes, targets: targets, newNotes: newNotes
    ).run()
    let (peak, seconds) = (memory("VmHWM") - idle, cpu())
    print(
      """
      {"fetched": \(web?.fetched ?? progress.fetched), "requests": \(web?.requests ?? 0), "written": \(progress.written), \
      "idleKiB": \(idle), "peakKiBAboveIdle": \(peak), "cpuSeconds": \(seconds)}
      """)
  }

  private static func notesPath(_ image: String) -> String { image.dropLast(4) + ".blocks" }

  private static func head(from source: some BundleSource) throws -> BundleHead { try BundleHead(from: source) }
}

guard CommandLine.arguments.count >= 3 else {
  print("usage: bundle-meter BUNDLE FOLDER [NAME=OLD...]")
  exit(2)
}
do { try Meter.run(CommandLine.arguments) } catch {
  print("bundle-meter: \(error)")
  exit(1)
}
