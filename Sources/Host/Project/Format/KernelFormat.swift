/// `kernel:` of an image.
enum KernelFormat {
  private static let package = OptionalKey(
    "package", Shape.debianPackage, "Debian package with the kernel. Default: that of the device class.",
    example: "linux-image-amd64")
  private static let suite = OptionalKey(
    "suite", Shape.debianSuite, "Debian suite of the package. Default: that of the project.", example: "trixie")
  private static let path = OptionalKey(
    "path", Shape.existingFile, "Kernel file to use instead of a package.", example: "./bzImage")
  private static let modulesFolder = OptionalKey(
    "modulesFolder", Shape.existingFolder, "Folder with the modules of the kernel at `path`.",
    example: "./lib/modules/6.12.1")
  private static let modules = DefaultedKey(
    "modules", Shape<[Located<String>]>.list(of: Shape.kernelModule.located), default: [],
    "Kernel modules to include in addition to those of the device class. Their dependencies are included too.",
    example: ["usbhid"])
  private static let arguments = DefaultedKey(
    "arguments", Shape<[String]>.list(of: .kernelArgument), default: [],
    "Additional parts of the kernel command line.", example: ["quiet"])
  private static let initrd = DefaultedKey(
    "initrd", Shape<String>.choice(["compressed", "plain"], "a storage format"), default: "compressed",
    """
    Storage of the initial RAM file system. `plain` takes about three times the space on the boot partition, and each \
    boot reads all of it. With `plain`, bundles that update a kernel are smaller.
    """,
    example: "plain")

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
