// swift-tools-version: 6.2
import PackageDescription

// Two executables, and the libraries under them. Arrows only go down; the device executable never reaches a host
// library (YAML, build code, full Foundation), and the shared libraries know neither side. See docs/design.md.

// Executables for devices and sandboxes are linked with the C library and everything else, so that nothing there has to match them. Only the
// linking differs: all products of a build share their objects. Release builds take `--static-swift-stdlib` (see the Makefile).
let staticExecutable = ["-static-executable", "-Xlinker", "--build-id=none"]
let deviceExecutable: [LinkerSetting] = [.unsafeFlags(staticExecutable, .when(configuration: .release))]
let sandboxExecutable: [LinkerSetting] = [.unsafeFlags(staticExecutable)]
// `--icf=all` joins functions that are equal, of which generic code has many.
let hostExecutable: [LinkerSetting] = [
  .unsafeFlags(["-use-ld=lld", "-Xlinker", "--icf=all"], .when(configuration: .release))
]

let package = Package(
  name: "cultivar",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "cultivar", targets: ["cultivar"]),
    .executable(name: "cultivar-device", targets: ["cultivar-device"]),
    .executable(name: "cultivar-sandbox", targets: ["cultivar-sandbox"]),
    .executable(name: "cultivar-installer", targets: ["cultivar-installer"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
    .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
  ],
  targets: [
    // Shared by host and device.
    .target(name: "CLinuxSystem"),
    .target(name: "LinuxSystem", dependencies: ["CLinuxSystem"]),
    .target(name: "PartitionTable"),
    .target(name: "DeviceModel"),
    .target(
      name: "BootFlow",
      dependencies: [
        "DeviceModel", "LinuxSystem", "PartitionTable", .product(name: "Crypto", package: "swift-crypto"),
      ]),
    .target(name: "TaggedFields"),
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    .target(name: "CBlockDigests"),
    .target(
      name: "Bundle",
      dependencies: [
        "CBlockDigests", "CZstd", "LinuxSystem", "TaggedFields", .product(name: "Crypto", package: "swift-crypto"),
      ]),
    .target(name: "NameResolution", dependencies: ["LinuxSystem"]),
    .target(
      name: "BundleDownload",
      dependencies: [
        "Bundle", "LinuxSystem", "NameResolution",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
      ]),
    .target(
      name: "Trust",
      dependencies: [
        "TaggedFields",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "SwiftASN1", package: "swift-asn1"),
        .product(name: "X509", package: "swift-certificates"),
      ]),

    // The device.
    .target(name: "DeviceRecords", dependencies: ["LinuxSystem", "DeviceModel"]),
    .target(name: "DeviceInit", dependencies: ["LinuxSystem", "PartitionTable", "DeviceModel", "DeviceRecords"]),
    .target(
      name: "UpdateEngine",
      dependencies: [
        "BootFlow", "Bundle", "DeviceControl", "DeviceInit", "DeviceModel", "DeviceRecords", "LinuxSystem",
        "PartitionTable", "Trust",
      ]),
    .target(
      name: "UpdateControl",
      dependencies: ["Bundle", "BundleDownload", "DeviceControl", "DeviceModel", "LinuxSystem", "UpdateEngine"]),
    .target(name: "DeviceControl", dependencies: ["LinuxSystem", "DeviceModel"]),
    .target(name: "Supervisor", dependencies: ["LinuxSystem", "DeviceModel"]),
    .target(
      name: "ManagementAPI",
      dependencies: [
        "BundleDownload", "DeviceModel", "LinuxSystem", "DeviceInit", "DeviceRecords", "DeviceControl", "UpdateControl",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "SwiftASN1", package: "swift-asn1"),
        .product(name: "X509", package: "swift-certificates"),
      ]),
    .executableTarget(
      name: "cultivar-device",
      dependencies: [
        "DeviceInit", "Supervisor", "ManagementAPI", "DeviceControl", "DeviceRecords", "DeviceModel", "LinuxSystem",
        "UpdateControl", "UpdateEngine",
      ], linkerSettings: deviceExecutable),

    // The host.
    .target(name: "Spelling"),
    .systemLibrary(name: "CYAML", providers: [.apt(["libyaml-dev"])]),
    .target(name: "Project", dependencies: ["CYAML", "LinuxSystem", "Spelling"]),
    .target(
      name: "HostSystem",
      dependencies: [
        "LinuxSystem",
        .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "SystemPackage", package: "swift-system"),
        .product(name: "Crypto", package: "swift-crypto"),
      ]),
    .target(
      name: "Signing",
      dependencies: [
        "HostSystem", "Trust",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "SwiftASN1", package: "swift-asn1"),
        .product(name: "X509", package: "swift-certificates"),
      ]),
    .target(name: "Lock", dependencies: ["HostSystem"]),
    .target(name: "DebianArchive", dependencies: ["HostSystem", "Lock", "Spelling"]),
    .target(
      name: "BundleMaking",
      dependencies: [
        "BootFlow", "Bundle", "BundleDownload", "CZstd", "DeviceModel", "ExtFileSystem", "FATFileSystem", "HostSystem",
        "PartitionTable", "TaggedFields",
      ]),
    .target(name: "ExecutableFormat"),
    .target(name: "SandboxPlan", dependencies: ["TaggedFields"]),
    .executableTarget(
      name: "cultivar-sandbox", dependencies: ["LinuxSystem", "SandboxPlan"], linkerSettings: sandboxExecutable),
    .target(name: "Sandbox", dependencies: ["HostSystem", "SandboxPlan"]),
    .target(name: "PackageInstallation", dependencies: ["CLinuxSystem", "LinuxSystem", "TaggedFields"]),
    .executableTarget(
      name: "cultivar-installer", dependencies: ["LinuxSystem", "PackageInstallation"],
      linkerSettings: sandboxExecutable),
    .target(name: "SwiftSDK", dependencies: ["DebianArchive", "HostSystem", "Lock", "Sandbox"]),
    .target(name: "Programs", dependencies: ["Project", "HostSystem", "Lock", "Sandbox", "SwiftSDK"]),
    .target(
      name: "RootFilesystem", dependencies: ["HostSystem", "DebianArchive", "ExecutableFormat", "Lock", "Spelling"]),
    .target(name: "ExtFileSystem", dependencies: ["HostSystem"]),
    .target(name: "FATFileSystem"),
    .target(
      name: "BaseImport",
      dependencies: [
        "Bundle", "ExtFileSystem", "FATFileSystem", "RootFilesystem", "Sandbox", "DebianArchive", "HostSystem",
        "LinuxSystem", "PartitionTable",
      ]),
    .target(
      name: "SystemBuild",
      dependencies: [
        "BaseImport", "Sandbox", "DebianArchive", "ExecutableFormat", "Project", "HostSystem", "LinuxSystem", "Lock",
        "PackageInstallation", "RootFilesystem", "SizeReport", "Spelling",
      ]),
    .target(
      name: "DiskImage",
      dependencies: [
        "RootFilesystem", "DebianArchive", "Lock", "BootFlow", "DeviceModel", "PartitionTable", "HostSystem",
      ]),
    .target(name: "SizeReport", dependencies: ["HostSystem"]),
    .target(
      name: "RemoteDevice",
      dependencies: [
        "DeviceModel", "HostSystem",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
      ]),
    .target(
      name: "ImageBuild",
      dependencies: [
        "SizeReport", "Project", "DebianArchive", "ExecutableFormat", "Lock", "Programs", "RootFilesystem", "DiskImage",
        "Bundle", "BundleMaking", "BaseImport", "BootFlow", "DeviceModel", "PartitionTable", "HostSystem",
        "LinuxSystem",
        "Spelling", "SystemBuild", "Trust",
      ]),
    .target(
      name: "Flashing", dependencies: ["DeviceModel", "DiskImage", "HostSystem", "LinuxSystem", "PartitionTable"]),
    .target(
      name: "Emulator",
      dependencies: [
        "HostSystem",
        .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .executableTarget(
      name: "cultivar",
      dependencies: [
        "Bundle", "BundleDownload", "BundleMaking", "DebianArchive", "DeviceModel", "Project", "Programs", "ImageBuild",
        "DiskImage", "Emulator", "Flashing", "HostSystem", "Lock", "RemoteDevice", "Sandbox", "Signing", "SizeReport",
        "Spelling", "SwiftSDK", "Trust",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Subprocess", package: "swift-subprocess"),
      ], linkerSettings: hostExecutable),

    // What a device does with a bundle, alone in an executable that measures itself.
    .executableTarget(
      name: "bundle-meter", dependencies: ["Bundle", "BundleDownload", "LinuxSystem"], path: "Benchmarks/BundleMeter",
      linkerSettings: deviceExecutable),

    // Bytes that anybody may have made, for the decoders of bundles.
    .target(name: "HostileBundles", dependencies: ["Bundle"], path: "Fuzzing/HostileBundles"),
    // The same for the readers of published images.
    .target(
      name: "HostileImages", dependencies: ["ExtFileSystem", "FATFileSystem", "PartitionTable"],
      path: "Fuzzing/HostileImages"),

    // The tests, one target for each library.
    .target(
      name: "TestFixtures",
      dependencies: ["Bundle", "HostSystem", "Trust", .product(name: "Crypto", package: "swift-crypto")],
      path: "Tests/TestFixtures"),
    .target(name: "PowerCuts", dependencies: ["PartitionTable", "TestFixtures"], path: "Tests/PowerCuts"),
    .testTarget(name: "PowerCutsTests", dependencies: ["PowerCuts", "TestFixtures"]),
    .target(
      name: "DeviceFixtures",
      dependencies: ["BootFlow", "DeviceModel", "LinuxSystem", "ManagementAPI", "TestFixtures"],
      path: "Tests/DeviceFixtures"),
    .testTarget(name: "TaggedFieldsTests", dependencies: ["TaggedFields"]),
    .testTarget(
      name: "BundleTests",
      dependencies: ["Bundle", "CBlockDigests", "BundleMaking", "HostileBundles", "LinuxSystem", "TestFixtures"]),
    .testTarget(name: "NameResolutionTests", dependencies: ["NameResolution", "LinuxSystem", "TestFixtures"]),
    .testTarget(
      name: "BundleDownloadTests", dependencies: ["Bundle", "BundleDownload", "BundleMaking", "TestFixtures"]),
    .testTarget(
      name: "UpdateEngineTests",
      dependencies: [
        "BootFlow", "Bundle", "BundleMaking", "DeviceFixtures", "DeviceModel", "DeviceRecords", "LinuxSystem",
        "PartitionTable", "TestFixtures", "Trust", "UpdateControl", "UpdateEngine",
        .product(name: "Crypto", package: "swift-crypto"),
      ]),
    .testTarget(
      name: "TrustTests",
      dependencies: [
        "Trust", "TaggedFields", "TestFixtures",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "SwiftASN1", package: "swift-asn1"),
        .product(name: "X509", package: "swift-certificates"),
      ]),
    .testTarget(name: "SigningTests", dependencies: ["Signing", "Trust", "HostSystem", "TestFixtures"]),
    .testTarget(name: "SpellingTests", dependencies: ["Spelling"]),
    .testTarget(name: "HostSystemTests", dependencies: ["HostSystem", "LinuxSystem", "TestFixtures"]),
    .testTarget(
      name: "PackageInstallationTests", dependencies: ["PackageInstallation", "LinuxSystem", "TestFixtures"]),
    .testTarget(name: "SandboxTests", dependencies: ["Sandbox", "HostSystem", "TestFixtures"]),
    .testTarget(name: "SwiftSDKTests", dependencies: ["SwiftSDK", "HostSystem", "Lock", "TestFixtures"]),
    .testTarget(name: "LockTests", dependencies: ["Lock", "HostSystem", "TestFixtures"]),
    .testTarget(name: "DebianArchiveTests", dependencies: ["DebianArchive", "HostSystem", "Lock", "TestFixtures"]),
    .testTarget(name: "ExecutableFormatTests", dependencies: ["ExecutableFormat", "TestFixtures"]),
    .testTarget(name: "RootFilesystemTests", dependencies: ["RootFilesystem", "HostSystem", "TestFixtures"]),
    .testTarget(
      name: "ExtFileSystemTests", dependencies: ["ExtFileSystem", "HostileImages", "HostSystem", "TestFixtures"]),
    .testTarget(name: "FATFileSystemTests", dependencies: ["FATFileSystem", "TestFixtures"]),
    .testTarget(
      name: "BaseImportTests",
      dependencies: ["BaseImport", "DebianArchive", "Lock", "HostSystem", "PartitionTable", "Sandbox", "TestFixtures"]),
    .testTarget(name: "BootFlowTests", dependencies: ["BootFlow", "DeviceFixtures", "DeviceModel", "TestFixtures"]),
    .testTarget(
      name: "DiskImageTests",
      dependencies: ["DiskImage", "BootFlow", "DeviceModel", "PartitionTable", "HostSystem", "TestFixtures"]),
    .testTarget(name: "SizeReportTests", dependencies: ["SizeReport"]),
    .testTarget(
      name: "FlashingTests",
      dependencies: ["DeviceModel", "Flashing", "DiskImage", "HostSystem", "PartitionTable", "TestFixtures"]),
    .testTarget(name: "ProgramsTests", dependencies: ["Programs", "Project", "HostSystem", "Lock", "TestFixtures"]),
    .testTarget(
      name: "ImageBuildTests",
      dependencies: [
        "ImageBuild", "Project", "DeviceModel", "DiskImage", "RootFilesystem", "HostSystem", "Signing", "TestFixtures",
        "Trust",
      ]),
    .testTarget(
      name: "BuildTests",
      dependencies: [
        "cultivar", "DebianArchive", "HostSystem", "ImageBuild", "Lock", "Programs", "Project", "Sandbox", "SizeReport",
        "SwiftSDK", "SystemBuild", "TestFixtures",
      ], exclude: ["Listings"]),
    .testTarget(name: "SystemBuildTests", dependencies: ["SystemBuild", "HostSystem", "Project", "TestFixtures"]),
    .testTarget(name: "PartitionTableTests", dependencies: ["PartitionTable"]),
    .testTarget(name: "LinuxSystemTests", dependencies: ["LinuxSystem", "TestFixtures"]),
    .testTarget(
      name: "DeviceInitTests",
      dependencies: ["DeviceInit", "DeviceModel", "DeviceRecords", "LinuxSystem", "PartitionTable", "TestFixtures"]),
    .testTarget(name: "DeviceControlTests", dependencies: ["DeviceControl", "DeviceModel"]),
    .testTarget(name: "SupervisorTests", dependencies: ["Supervisor", "DeviceModel", "LinuxSystem", "TestFixtures"]),
    .testTarget(
      name: "ManagementAPITests",
      dependencies: [
        "DeviceControl", "DeviceFixtures", "DeviceModel", "LinuxSystem", "ManagementAPI", "Supervisor", "TestFixtures",
        .product(name: "NIOCore", package: "swift-nio"),
      ]),
    .testTarget(
      name: "RemoteDeviceTests",
      dependencies: ["DeviceFixtures", "DeviceModel", "HostSystem", "ManagementAPI", "RemoteDevice", "TestFixtures"]),
    .testTarget(name: "ProjectTests", dependencies: ["Project", "TestFixtures"]),
    .testTarget(
      name: "CommandLineTests",
      dependencies: ["cultivar", "Bundle", "BundleDownload", "BundleMaking", "LinuxSystem", "TestFixtures"]),
    .testTarget(
      name: "BootTests",
      dependencies: [
        "Bundle", "BundleMaking", "Emulator", "Flashing", "HostSystem", "Project", "ImageBuild", "Lock",
        "PartitionTable", "PowerCuts", "DeviceModel", "RemoteDevice", "TestFixtures", "Trust", "cultivar",
        .product(name: "Crypto", package: "swift-crypto"),
      ]),
  ],
  swiftLanguageModes: [.v6]
)

// It has no `main`: libFuzzer brings its own, and `Scripts/fuzz` both.
if Context.environment["CULTIVAR_FUZZER"] == "1" {
  package.targets.append(
    .executableTarget(
      name: "bundle-fuzzer", dependencies: ["HostileBundles"], path: "Fuzzing/BundleFuzzer",
      swiftSettings: [.unsafeFlags(["-parse-as-library"])]))
  package.targets.append(
    .executableTarget(
      name: "image-fuzzer", dependencies: ["HostileImages"], path: "Fuzzing/ImageFuzzer",
      swiftSettings: [.unsafeFlags(["-parse-as-library"])]))
}
