import DeviceModel
import DiskImage
import Project

// The fields by which an image differs from another one, written out one by one: a field that a type gets later, or a moved
// line of the project file, must not change the build id of an image that stays the same.

extension DeviceClass {
  /// The device class's part of an image's identity.
  var identity: [String] {
    ["device \(name)", "architecture \(architecture.rawValue)", "kernel \(kernelPackage)"]
      + kernelArguments.map { "argument \($0)" } + bootModules.map { "boot module \($0)" }
      + modules.map { "module \($0)" }
      + (board.map { ["U-Boot \($0.uBoot)"] + $0.models.map { "model \($0.rawValue)" } } ?? [])
  }
}

extension KernelDefinition {
  /// The kernel's part of an image's identity. The kernel of a file is part of it by its content.
  var identity: [String] {
    var fields: [String]
    switch source {
    case .debian(let package, let suite):
      fields = [package.map { "package \($0)" }, suite.map { "suite \($0)" }].compactMap(\.self)
    case .path: fields = ["file"]
    }
    fields += modules.map { "module \($0.value)" } + arguments.map { "argument \($0)" }
    fields.append(compressesInitialRAM ? "compressed" : "plain")
    return fields
  }
}

extension ReleaseDefinition {
  /// The release's part of what its bundles depend on. The signing keys are part of it by their ids.
  var identity: [String] {
    ["epoch \(epoch)", "data schema \(dataSchema)"]
      + [
        minimumVersion.map { "from \($0)" }, expires.map { "expires \($0)" }, notes.map { "notes \($0)" },
      ].compactMap(\.self)
  }
}

extension ImageIdentity {
  /// The fields of the identity, the build id included.
  var fields: [String] { [project, image, deviceClass, version, build] }
}
