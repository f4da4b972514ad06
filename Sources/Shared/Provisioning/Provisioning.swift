/// The values for the first start, from all files on the boot partition that can have some.
public struct Provisioning: Sendable, Equatable {
  /// The names of the files. A value of an earlier file has precedence.
  public static let fileNames = [
    FirstBootValues.fileName, PreseedReader.fileName, CloudInitReader.userData, NetworkConfigReader.fileName,
    CloudInitReader.metaData,
  ]
  /// Maximum size of a file in bytes.
  public static let sizeLimit = FirstBootValues.sizeLimit

  /// The values.
  public private(set) var values = FirstBootValues()
  /// Names of files that have to be removed from the boot partition, because they may contain secrets.
  ///
  /// Raspberry Pi Imager's files are always removed. `cultivar.conf` is removed if it has a secret: without one, it stays,
  /// so that a device whose data partition is made again takes the values once more.
  public private(set) var files: [String] = []
  /// The result of reading the files.
  public private(set) var report = ProvisioningReport()

  /// True if a file cannot be parsed. Its values are not taken, and the files should be read again at the next start.
  public var isIncomplete: Bool { report.files.contains { $0.failure != nil } }

  /// Reads the files.
  ///
  /// - Parameters:
  ///   - contents: The files that are there, by name.
  ///   - random: 16 random bytes, for the salt of a password's hash.
  public init(_ contents: [String: [UInt8]], random: [UInt8]) {
    let salt = PasswordHash.salt(from: random)
    for name in Self.fileNames {
      guard let bytes = contents[name] else { continue }
      var collector: ValueCollector
      switch name {
      case _ where bytes.count > Self.sizeLimit:
        collector = ValueCollector(file: name)
        collector.fail("it is larger than \(Self.sizeLimit) bytes")
      case FirstBootValues.fileName: collector = Self.readOwnFile(bytes)
      case PreseedReader.fileName: collector = PreseedReader.read(bytes, salt: salt)
      case CloudInitReader.userData: collector = CloudInitReader.readUserData(bytes, salt: salt)
      case NetworkConfigReader.fileName: collector = NetworkConfigReader.read(bytes)
      default: collector = CloudInitReader.readMetaData(bytes)
      }
      if name != FirstBootValues.fileName || collector.values.hasSecrets { files.append(name) }
      for key in values.fill(from: collector.values) {
        collector.cannot(key.rawValue, "an earlier file has a value for it")
      }
      report.files.append(collector.report)
    }
  }

  /// Reads `cultivar.conf`, of which every line must be valid.
  private static func readOwnFile(_ bytes: [UInt8]) -> ValueCollector {
    var collector = ValueCollector(file: FirstBootValues.fileName)
    do throws(FirstBootValues.Refusal) {
      let values = try FirstBootValues(bytes)
      for key in values.keys {
        for value in values.all(key) { collector.take(value, for: key, named: key.rawValue) }
      }
    } catch {
      // The name may be part of a secret that was wrapped.
      if case .unknownKey(let name) = error {
        collector.fail("there is no key `\(ValueCollector.shown(name))`")
      } else {
        collector.fail("\(error)")
      }
    }
    return collector
  }
}
