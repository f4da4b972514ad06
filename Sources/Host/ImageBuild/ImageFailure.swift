import FoundationEssentials
import HostSystem
import Project
import RaspberryPi

/// An error for an image that cannot be built as the project describes it.
public enum ImageFailure: ExplainedError {
  case noImage(String, available: [String])
  /// The image has not been built yet.
  case notBuilt(String)
  /// A package that should contain a kernel does not.
  case noKernel(String)
  /// A kernel has none of the device trees of a device class.
  case noDeviceTree([String], kernel: String)
  /// The image would not start on the models of its device class.
  case cannotStart([BootRefusal], position: SourcePosition)
  /// Lines of `config.txt` contradict each other, or the firmware would not read them as they are.
  case firmwareSettings([String])
  /// The device executable for the image's architecture is not installed beside the tool.
  case noDeviceExecutable(architecture: Architecture, places: [String])
  /// An executable is for another machine, or is not an executable.
  case wrongExecutable(program: String, path: String, reason: String, position: SourcePosition)
  /// Files need shared libraries, a loader or an interpreter that the image lacks.
  case missingLibraries([MissingLibrary])
  /// The packages of a program do not contain the executable that the project names.
  case noExecutableInPackages(program: String, path: String, similar: [String], position: SourcePosition)
  /// Two users get the same user id.
  case userClash(String, String)
  /// `SOURCE_DATE_EPOCH` is not a valid time.
  case noTime(String)
  /// A file is not a root of trust.
  case noRootOfTrust(String, reason: String, position: SourcePosition)
  /// The root of trust of the devices contains none of the keys that sign releases.
  case signedByStrangers(String, position: SourcePosition)
  /// The time zone is not in the time zone database.
  case unknownTimeZone(String, similar: String?)

  /// A file of the image, and the libraries that it needs.
  public struct MissingLibrary: Sendable, Equatable {
    public var file: String
    /// The part of the build that the file comes from.
    public var origin: String
    /// Names of missing libraries, or the path of a missing loader or interpreter.
    public var missing: [String]
  }

  public var problem: String {
    switch self {
    case .noImage(let name, _): "the project has no image `\(name)`"
    case .notBuilt(let name): "the image `\(name)` has not been built"
    case .noKernel(let package): "the package \(package) contains no kernel"
    case .noDeviceTree(let names, let kernel):
      "\(kernel) has no device tree for the device class: none of \(names.joined(separator: ", "))"
    case .cannotStart(let refusals, let position):
      refusals.map { "\(place(position)): \($0.reason)" }.joined(separator: "\n")
    case .firmwareSettings(let problems): problems.joined(separator: "\n")
    case .noDeviceExecutable(let architecture, let places):
      "cannot find the device executable for \(architecture.title) at \(places.joined(separator: ", "))"
    case .wrongExecutable(let program, let path, let reason, let position):
      "\(place(position)): the program `\(program)` cannot run in this image: \(path) \(reason)"
    case .missingLibraries(let files):
      files.map { file in
        let are = file.missing.count == 1 ? "is" : "are"
        return
          "\(file.file) (\(file.origin)) needs \(file.missing.joined(separator: ", ")), which \(are) not in the image"
      }.joined(separator: "\n")
    case .noExecutableInPackages(let program, let path, _, let position):
      "\(place(position)): the packages of the program `\(program)` have no executable \(path)"
    case .userClash(let first, let second):
      "the users `\(first)` and `\(second)` get the same user id, because user ids are derived from names"
    case .noTime(let text): "SOURCE_DATE_EPOCH is `\(text)`, which is not a number of seconds"
    case .noRootOfTrust(let path, let reason, let position):
      "\(place(position)): \(path) is not a root of trust: \(reason)"
    case .signedByStrangers(let path, let position):
      "\(place(position)): devices with the root of trust \(path) would refuse the bundle: "
        + "it has no key of `release: { sign: … }`"
    case .unknownTimeZone(let name, _): "the time zone database has no `\(name)`"
    }
  }

  public var remedy: String? {
    switch self {
    case .noImage(_, let available): "it has \(available.map { "`\($0)`" }.joined(separator: ", "))"
    case .notBuilt(let name): "build it with `cultivar build \(name)`"
    case .noKernel: "name the kernel's package: `kernel: { package: linux-image-… }`"
    case .noDeviceTree: "choose a kernel for the board, or another device class"
    case .cannotStart(let refusals, _):
      refusals.map(\.hint).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }.joined(separator: "; ")
    case .firmwareSettings: "change `firmware: { config: … }` of the image or of its layers"
    case .noDeviceExecutable: "build it with `make`, or name it with CULTIVAR_DEVICE_EXECUTABLES"
    case .wrongExecutable: "build it for the image's device class, or choose another device class"
    case .missingLibraries: "link the program statically, or take it from Debian packages (`debian: { packages: … }`)"
    case .noExecutableInPackages(_, _, let similar, _):
      similar.isEmpty ? nil : "they have \(similar.joined(separator: ", "))"
    case .userClash: "give one of them another name"
    case .noTime: "set it to the seconds since 1970, or unset it"
    case .noRootOfTrust: "make a root of trust with `cultivar keys root`"
    case .signedByStrangers:
      "sign with a key of that root, or name the root that has the key; `cultivar keys show FILE` shows the ids of keys"
    case .unknownTimeZone(_, let similar): similar.map { "did you mean `\($0)`?" }
    }
  }

  private func place(_ position: SourcePosition) -> String {
    "\(position.file.lastPathComponent):\(position.line):\(position.column)"
  }
}
