/// `kernel:` of an image.
enum KernelFormat {
  private static let package = OptionalKey(
    "package", Shape.debianPackage, "Debian package with the kernel. Left out: the device class's own.",
    example: "linux-image-amd64")
  private static let suite = OptionalKey(
    "suite", Shape.debianSuite, "Debian suite of the package. Left out: the project's.", example: "trixie")
  private static let path = OptionalKey(
    "path", Shape.existingFile, "A kernel of your own, instead of a package.", example: "./bzImage")
  private static let modulesFolder = OptionalKey(
    "modulesFolder", Shape.existingFolder, "The modules that belong to the kernel at `path`.",
    example: "./lib/modules/6.12.1")
  private static let modules = DefaultedKey(
    "modules", Shape<[Located<String>]>.list(of: Shape.kernelModule.located), default: [],
    "Modules that the image is to hold in addition to the device class's; those that they depend on come along.",
    example: ["usbhid"])
  private static let arguments = DefaultedKey(
    "arguments", Shape<[String]>.list(of: .kernelArgument), default: [],
    "Further parts of the kernel command line.", example: ["quiet"])
  private static let initrd = DefaultedKey(
    "initrd", Shape<String>.choice(["compressed", "plain"], "a way to store it"), default: "compressed",
    "How the initial RAM file system is stored. `plain` takes about three times the room on the boot partition, all of it read at each start; "
      + "bundles that update a kernel are smaller.",
    example: "plain")

  /// The kernel.
  static let shape = Shape<KernelDefinition>.object(
    "kernel", about: "Kernel and kernel modules of an image.",
    keys: [package, suite, path, modulesFolder, modules, arguments, initrd],
    rules: [.atMostOne(of: path, package), .atMostOne(of: path, suite), .needs(modulesFolder, oneOf: path)]
  ) { fields, _ in
    let source: KernelSource =
      if let kernel = fields[path] {
        .path(kernel: kernel, modules: fields[modulesFolder])
      } else {
        .debian(package: fields[package], suite: fields[suite])
      }
    return KernelDefinition(
      position: fields.position, source: source, modules: fields[modules], arguments: fields[arguments],
      compressesInitialRAM: fields[initrd] == "compressed", suitePosition: fields.position(of: suite))
  }
}
