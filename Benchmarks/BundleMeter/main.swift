import Bundle
import HTTPClient
import BundleDownload
import Glibc
import Hashing
import LinuxSystem

/// Installs a bundle's images like a device, in a static executable, and measures the bytes from the network and its
/// own memory and CPU time.
///
/// Usage: bundle-meter BUNDLE FOLDER [NAME=OLD…]. BUNDLE is a file or a URL; signatures are not verified. FOLDER
/// receives a file for each image. If there is a file next to OLD that ends with `.tree` instead of `.img`, it has the
/// root of OLD's hash tree in hexadecimal, as a device has recorded it. Otherwise OLD is read to compute it.
///
/// The result is one line of JSON.
struct Meter {
  /// Returns a line of `/proc/self/status` in KiB.
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
    // Resets the peak to the current memory.
    try FileTree.write("5", to: "/proc/self/clear_refs")
    let idle = memory("VmRSS")
    let place = arguments[1]
    let web = WebAddress.isOne(place) ? HTTPBundleSource(try WebAddress(place)) : nil
    let source: any BundleSource = if let web { web } else { try FileSource(place) }
    let bundle = try SignedBundle(try head(from: source)) { _, _ in }
    var bases: [String: any BlockStorage] = [:]
    var trees: [String: Digest] = [:]
    for argument in arguments.dropFirst(3) {
      let parts = argument.split(separator: "=", maxSplits: 1).map(String.init)
      bases[parts[0]] = try StorageFile(parts[1])
      trees[parts[0]] = FileTree.line(parts[1].dropLast(4) + ".tree").flatMap(Digest.init(hexadecimal:))
    }
    var targets: [String: any BlockStorage] = [:]
    for image in bundle.manifest.images {
      targets[image.name] = try StorageFile(making: "\(arguments[2])/\(image.name).img", size: image.size)
    }
    let checked = try CheckedBundle(bundle, from: source, bases: bases, trees: trees)
    let progress = try BundleInstaller(checked, targets: targets).run()
    let (peak, seconds) = (memory("VmHWM") - idle, cpu())
    print(
      """
      {"fetched": \(web?.fetched ?? progress.fetched), "requests": \(web?.requests ?? 0), "written": \(progress.written), \
      "idleKiB": \(idle), "peakKiBAboveIdle": \(peak), "cpuSeconds": \(seconds)}
      """)
  }

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
