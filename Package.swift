// swift-tools-version: 6.2
import PackageDescription

// The executables, and the libraries below them. Dependencies only go down: the device executable never depends on a
// host library (YAML, build code, full Foundation), and the shared libraries depend on neither side. See
// docs/design.md.

// Executables for devices and sandboxes are linked statically, including the C library, so they do not depend on the
// libraries there. All products of a build share their objects and differ only in the linking. Release builds use
// `--static-swift-stdlib` (see the Makefile).
let staticExecutable = ["-static-executable", "-Xlinker", "--build-id=none"]
let deviceExecutable: [LinkerSetting] = [.unsafeFlags(staticExecutable, .when(configuration: .release))]
let sandboxExecutable: [LinkerSetting] = [.unsafeFlags(staticExecutable)]
// `--icf=all` merges identical functions, of which generic code has many.
let hostExecutable: [LinkerSetting] = [
  .unsafeFlags(["-use-ld=lld", "-Xlinker", "--icf=all"], .when(configuration: .release))
]

// Code that works on every byte of an image is optimised in debug builds, too: tests spend most of their time there.
let optimised: [SwiftSetting] = [.unsafeFlags(["-O"], .when(configuration: .debug))]
let optimisedC: [CSetting] = [.unsafeFlags(["-O2"], .when(configuration: .debug))]

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
    .target(name: "CLinuxSystem", path: "Sources/Shared/CLinuxSystem", cSettings: optimisedC),
    .target(
      name: "LinuxSystem", dependencies: ["Hexadecimal", "CLinuxSystem"], path: "Sources/Shared/LinuxSystem",
      swiftSettings: optimised),
    .target(name: "Hexadecimal", path: "Sources/Shared/Hexadecimal", swiftSettings: optimised),
    .target(
      name: "Hashing", dependencies: ["Hexadecimal", .product(name: "Crypto", package: "swift-crypto")],
      path: "Sources/Shared/Hashing", swiftSettings: optimised),
    .target(
      name: "PartitionTable", dependencies: ["Hexadecimal"], path: "Sources/Shared/PartitionTable",
      swiftSettings: optimised),
    .target(name: "FATFileSystem", path: "Sources/Shared/FATFileSystem", swiftSettings: optimised),
    .target(name: "DeviceModel", dependencies: ["Hashing"], path: "Sources/Shared/DeviceModel"),
    .target(
      name: "BootFlow",
      dependencies: [
        "Hashing", "DeviceModel", "FATFileSystem", "LinuxSystem", "PartitionTable",
      ], path: "Sources/Shared/BootFlow"),
    .target(name: "TaggedFields", path: "Sources/Shared/TaggedFields", swiftSettings: optimised),
    .target(
      name: "Provisioning",
      dependencies: [
        "Hashing", "Hexadecimal", "DeviceModel", "LinuxSystem", .product(name: "Crypto", package: "swift-crypto"),
      ],
      path: "Sources/Shared/Provisioning"),
    .systemLibrary(
      name: "CZstd", path: "Sources/Shared/CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    .target(name: "CBlockDigests", path: "Sources/Shared/CBlockDigests", cSettings: optimisedC),
    .target(
      name: "Bundle",
      dependencies: [
        "Hashing",
        "CBlockDigests", "CZstd", "LinuxSystem", "TaggedFields",
      ], path: "Sources/Shared/Bundle", swiftSettings: optimised),
    .target(name: "NameResolution", dependencies: ["LinuxSystem"], path: "Sources/Shared/NameResolution"),
    .target(
      name: "HTTPClient",
      dependencies: [
        "Hashing",
        "DeviceModel",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOTLS", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
      ], path: "Sources/Shared/HTTPClient"),
    .target(
      name: "BundleDownload",
      dependencies: [
        "Bundle", "DeviceModel", "HTTPClient", "LinuxSystem", "NameResolution",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
      ], path: "Sources/Shared/BundleDownload"),
    .target(
      name: "Trust",
      dependencies: [
        "Hashing",
        "TaggedFields",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "SwiftASN1", package: "swift-asn1"),
        .product(name: "X509", package: "swift-certificates"),
      ], path: "Sources/Shared/Trust"),

    // The device.
    .target(
      name: "DeviceRecords", dependencies: ["Hexadecimal", "LinuxSystem", "DeviceModel", "Provisioning"],
      path: "Sources/Device/DeviceRecords"),
    .target(name: "DeviceHardware", dependencies: ["LinuxSystem"], path: "Sources/Device/DeviceHardware"),
    .target(name: "JSONLines", dependencies: ["LinuxSystem"], path: "Sources/Device/JSONLines"),
    .target(
      name: "InitClient", dependencies: ["JSONLines", "LinuxSystem", "DeviceModel"], path: "Sources/Device/InitClient"),
    .target(
      name: "DeviceInit",
      dependencies: [
        "Hexadecimal",
        "BootFlow", "LinuxSystem", "PartitionTable", "DeviceHardware", "DeviceModel", "DeviceRecords", "Provisioning",
      ],
      path: "Sources/Device/DeviceInit"),
    .target(
      name: "UpdateEngine",
      dependencies: [
        "Hashing",
        "BootFlow", "Bundle", "DeviceHardware", "DeviceModel", "DeviceRecords", "HTTPClient", "InitClient",
        "LinuxSystem", "PartitionTable", "Trust",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ], path: "Sources/Device/UpdateEngine", swiftSettings: optimised),
    .target(
      name: "UpdateControl",
      dependencies: [
        "Hashing",
        "Bundle", "BundleDownload", "DeviceModel", "HTTPClient", "JSONLines", "LinuxSystem", "UpdateEngine",
      ], path: "Sources/Device/UpdateControl"),
    .target(
      name: "DeviceControl",
      dependencies: [
        "Bundle", "InitClient", "LinuxSystem", "DeviceModel", "UpdateControl", "UpdateEngine",
      ], path: "Sources/Device/DeviceControl"),
    .target(
      name: "Supervisor", dependencies: ["JSONLines", "LinuxSystem", "DeviceModel"], path: "Sources/Device/Supervisor"),
    .target(
      name: "ManagementAPI",
      dependencies: [
        "Hashing",
        "BundleDownload", "DeviceModel", "LinuxSystem", "DeviceRecords", "InitClient", "UpdateControl",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "SwiftASN1", package: "swift-asn1"),
        .product(name: "X509", package: "swift-certificates"),
      ], path: "Sources/Device/ManagementAPI"),
    .executableTarget(
      name: "cultivar-device",
      dependencies: [
        "Hashing",
        "DeviceHardware", "DeviceInit", "InitClient", "Supervisor", "ManagementAPI", "DeviceControl", "DeviceRecords",
        "DeviceModel", "LinuxSystem", "Provisioning",
        "UpdateControl", "UpdateEngine",
      ], path: "Sources/Device/cultivar-device", linkerSettings: deviceExecutable),

    // The host.
    .target(name: "Spelling", path: "Sources/Host/Spelling"),
    .systemLibrary(name: "CYAML", path: "Sources/Host/CYAML", providers: [.apt(["libyaml-dev"])]),
    .target(
      name: "Project",
      dependencies: ["Hashing", "CYAML", "DebianPackages", "DeviceModel", "LinuxSystem", "PartitionTable", "Spelling"],
      path: "Sources/Host/Project"),
    .target(name: "DebianPackages", path: "Sources/Host/DebianPackages"),
    .target(
      name: "HostSystem",
      dependencies: [
        "Hashing",
        "LinuxSystem",
        .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "SystemPackage", package: "swift-system"),
      ], path: "Sources/Host/HostSystem"),
    .target(
      name: "Signing",
      dependencies: [
        "HostSystem", "Trust",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "SwiftASN1", package: "swift-asn1"),
        .product(name: "X509", package: "swift-certificates"),
      ], path: "Sources/Host/Signing"),
    .target(name: "Lock", dependencies: ["Hashing", "HostSystem"], path: "Sources/Host/Lock"),
    .target(
      name: "DebianArchive",
      dependencies: ["Hexadecimal", "Hashing", "DebianPackages", "HostSystem", "Lock", "Spelling"],
      path: "Sources/Host/DebianArchive"),
    .target(
      name: "BundleMaking",
      dependencies: [
        "Hashing",
        "BootFlow", "Bundle", "BundleDownload", "CZstd", "DeviceModel", "ExtFileSystem", "FATFileSystem", "HTTPClient",
        "HostSystem", "PartitionTable", "TaggedFields",
      ], path: "Sources/Host/BundleMaking", swiftSettings: optimised),
    .target(name: "ExecutableFormat", path: "Sources/Host/ExecutableFormat"),
    .target(name: "SandboxPlan", dependencies: ["TaggedFields"], path: "Sources/Host/SandboxPlan"),
    .executableTarget(
      name: "cultivar-sandbox", dependencies: ["LinuxSystem", "SandboxPlan"], path: "Sources/Host/cultivar-sandbox",
      linkerSettings: sandboxExecutable),
    .target(name: "Sandbox", dependencies: ["Hexadecimal", "HostSystem", "SandboxPlan"], path: "Sources/Host/Sandbox"),
    .target(
      name: "PackageInstallation", dependencies: ["CLinuxSystem", "LinuxSystem", "TaggedFields"],
      path: "Sources/Host/PackageInstallation", swiftSettings: optimised),
    .executableTarget(
      name: "cultivar-installer", dependencies: ["LinuxSystem", "PackageInstallation"],
      path: "Sources/Host/cultivar-installer",
      linkerSettings: sandboxExecutable),
    .target(
      name: "SwiftSDK", dependencies: ["Hashing", "DebianArchive", "HostSystem", "Lock", "Sandbox"],
      path: "Sources/Host/SwiftSDK"),
    .target(
      name: "Programs", dependencies: ["Hashing", "Project", "HostSystem", "Lock", "Sandbox", "SwiftSDK"],
      path: "Sources/Host/Programs"),
    .target(
      name: "RootFilesystem",
      dependencies: ["Hexadecimal", "Hashing", "HostSystem", "DebianArchive", "ExecutableFormat", "Lock", "Spelling"],
      path: "Sources/Host/RootFilesystem"),
    .target(
      name: "ExtFileSystem", dependencies: ["Hexadecimal", "HostSystem"], path: "Sources/Host/ExtFileSystem",
      swiftSettings: optimised),
    .target(
      name: "BaseImport",
      dependencies: [
        "Hexadecimal",
        "Hashing",
        "Bundle", "ExtFileSystem", "FATFileSystem", "RootFilesystem", "Sandbox", "DebianArchive", "HostSystem",
        "LinuxSystem", "PartitionTable",
      ], path: "Sources/Host/BaseImport"),
    .target(
      name: "SystemBuild",
      dependencies: [
        "Hashing",
        "BaseImport", "Sandbox", "DebianArchive", "DebianPackages", "ExecutableFormat", "Project", "HostSystem",
        "LinuxSystem", "Lock",
        "PackageInstallation", "RootFilesystem", "SizeReport", "Spelling",
      ], path: "Sources/Host/SystemBuild"),
    .target(
      name: "DiskImage",
      dependencies: [
        "Hexadecimal",
        "Hashing",
        "RootFilesystem", "DebianArchive", "Lock", "BootFlow", "DeviceModel", "PartitionTable", "HostSystem",
      ], path: "Sources/Host/DiskImage", swiftSettings: optimised),
    .target(
      name: "RaspberryPi", dependencies: ["FATFileSystem", "PartitionTable", "Spelling"],
      path: "Sources/Host/RaspberryPi", swiftSettings: optimised),
    .target(name: "PublishedDescriptions", path: "Sources/Host/PublishedDescriptions"),
    .target(name: "SizeReport", dependencies: ["Hashing", "HostSystem"], path: "Sources/Host/SizeReport"),
    .target(
      name: "HostNetwork",
      dependencies: ["HTTPClient", "HostSystem", "LinuxSystem", .product(name: "NIOCore", package: "swift-nio")],
      path: "Sources/Host/HostNetwork"),
    .target(
      name: "RemoteDevice",
      dependencies: [
        "Hexadecimal",
        "Hashing",
        "DeviceModel", "HTTPClient", "HostNetwork", "HostSystem", "LinuxSystem",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
      ], path: "Sources/Host/RemoteDevice"),
    .target(
      name: "ImageBuild",
      dependencies: [
        "Hashing", "Hexadecimal",
        "SizeReport", "Project", "DebianArchive", "ExecutableFormat", "Lock", "Programs", "RootFilesystem", "DiskImage",
        "Bundle", "BundleMaking", "BaseImport", "BootFlow", "DeviceModel", "PartitionTable", "HostSystem",
        "FATFileSystem", "LinuxSystem", "PublishedDescriptions", "RaspberryPi", "Spelling", "SystemBuild", "Trust",
      ], path: "Sources/Host/ImageBuild"),
    .target(
      name: "Flashing",
      dependencies: [
        "Hashing", "DeviceModel", "DiskImage", "HostSystem", "LinuxSystem", "PartitionTable", "Provisioning",
      ],
      path: "Sources/Host/Flashing"),
    .target(
      name: "Emulator",
      dependencies: [
        "HostSystem", "RaspberryPi",
        .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "SystemPackage", package: "swift-system"),
      ], path: "Sources/Host/Emulator"),
    .executableTarget(
      name: "cultivar",
      dependencies: [
        "Hashing",
        "Bundle", "BundleDownload", "BundleMaking", "DebianArchive", "DeviceModel", "Project", "Programs", "ImageBuild",
        "DiskImage", "Emulator", "Flashing", "HTTPClient", "HostNetwork", "HostSystem", "Lock", "Provisioning",
        "PublishedDescriptions", "RaspberryPi", "RemoteDevice",
        "Sandbox", "Signing", "SizeReport",
        "Spelling", "SwiftSDK", "Trust",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Subprocess", package: "swift-subprocess"),
      ], path: "Sources/Host/cultivar", linkerSettings: hostExecutable),

    // The bundle installer of a device, in an executable that measures itself.
    .executableTarget(
      name: "bundle-meter", dependencies: ["Hashing", "Bundle", "BundleDownload", "HTTPClient", "LinuxSystem"],
      path: "Benchmarks/BundleMeter",
      linkerSettings: deviceExecutable),

    // Untrusted input for the decoders of bundles.
    .target(
      name: "HostileBundles", dependencies: ["Hashing", "Bundle"], path: "Fuzzing/HostileBundles",
      swiftSettings: optimised),
    // Untrusted input for the readers of published images.
    .target(
      name: "HostileImages", dependencies: ["ExtFileSystem", "FATFileSystem", "PartitionTable", "RaspberryPi"],
      path: "Fuzzing/HostileImages", swiftSettings: optimised),

    // The tests, one target for each library.
    .target(
      name: "TestFixtures",
      dependencies: [
        "Bundle", "HostSystem", "RaspberryPi", "Trust", .product(name: "Crypto", package: "swift-crypto"),
      ],
      path: "Tests/Fixtures/TestFixtures", swiftSettings: optimised),
    .target(
      name: "PowerCuts", dependencies: ["PartitionTable", "RaspberryPi", "TestFixtures"],
      path: "Tests/Fixtures/PowerCuts",
      swiftSettings: optimised),
    .testTarget(
      name: "PowerCutsTests", dependencies: ["PowerCuts", "TestFixtures"], path: "Tests/Fixtures/PowerCutsTests"),
    .target(
      name: "DeviceFixtures",
      dependencies: [
        "Hashing", "BootFlow", "DeviceModel", "JSONLines", "LinuxSystem", "ManagementAPI", "TestFixtures",
      ],
      path: "Tests/Fixtures/DeviceFixtures", swiftSettings: optimised),
    .testTarget(
      name: "PublishedDescriptionsTests", dependencies: ["PublishedDescriptions"],
      path: "Tests/Host/PublishedDescriptionsTests"),
    .testTarget(
      name: "ProvisioningTests", dependencies: ["Provisioning", "TestFixtures"],
      path: "Tests/Shared/ProvisioningTests"),
    .testTarget(name: "TaggedFieldsTests", dependencies: ["TaggedFields"], path: "Tests/Shared/TaggedFieldsTests"),
    .testTarget(
      name: "BundleTests",
      dependencies: [
        "Hashing", "Bundle", "CBlockDigests", "BundleMaking", "HostileBundles", "LinuxSystem", "TestFixtures",
      ],
      path: "Tests/Shared/BundleTests", swiftSettings: optimised),
    .testTarget(
      name: "NameResolutionTests", dependencies: ["NameResolution", "LinuxSystem", "TestFixtures"],
      path: "Tests/Shared/NameResolutionTests"),
    .testTarget(
      name: "BundleDownloadTests",
      dependencies: ["Hashing", "Bundle", "BundleDownload", "BundleMaking", "TestFixtures"],
      path: "Tests/Shared/BundleDownloadTests", swiftSettings: optimised),
    .testTarget(
      name: "UpdateEngineTests",
      dependencies: [
        "Hashing",
        "BootFlow", "Bundle", "BundleMaking", "DeviceFixtures", "DeviceModel", "DeviceRecords", "LinuxSystem",
        "PartitionTable", "RaspberryPi", "TestFixtures", "Trust", "UpdateControl", "UpdateEngine",
        .product(name: "Crypto", package: "swift-crypto"),
      ], path: "Tests/Device/UpdateEngineTests", swiftSettings: optimised),
    .testTarget(
      name: "TrustTests",
      dependencies: [
        "Trust", "TaggedFields", "TestFixtures",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "SwiftASN1", package: "swift-asn1"),
        .product(name: "X509", package: "swift-certificates"),
      ], path: "Tests/Shared/TrustTests"),
    .testTarget(
      name: "SigningTests", dependencies: ["Signing", "Trust", "HostSystem", "TestFixtures"],
      path: "Tests/Host/SigningTests"),
    .testTarget(name: "SpellingTests", dependencies: ["Spelling"], path: "Tests/Host/SpellingTests"),
    .testTarget(
      name: "HostSystemTests", dependencies: ["Hashing", "HostSystem", "LinuxSystem", "TestFixtures"],
      path: "Tests/Host/HostSystemTests"),
    .testTarget(
      name: "PackageInstallationTests", dependencies: ["PackageInstallation", "LinuxSystem", "TestFixtures"],
      path: "Tests/Host/PackageInstallationTests"),
    .testTarget(
      name: "SandboxTests", dependencies: ["Hashing", "Sandbox", "HostSystem", "TestFixtures"],
      path: "Tests/Host/SandboxTests"),
    .testTarget(
      name: "SwiftSDKTests", dependencies: ["Hashing", "SwiftSDK", "HostSystem", "Lock", "TestFixtures"],
      path: "Tests/Host/SwiftSDKTests"),
    .testTarget(
      name: "LockTests", dependencies: ["Hashing", "Lock", "HostSystem", "TestFixtures"], path: "Tests/Host/LockTests"),
    .testTarget(
      name: "DebianArchiveTests",
      dependencies: ["Hashing", "DebianArchive", "DebianPackages", "HostSystem", "Lock", "TestFixtures"],
      path: "Tests/Host/DebianArchiveTests"),
    .testTarget(
      name: "ExecutableFormatTests", dependencies: ["ExecutableFormat", "TestFixtures"],
      path: "Tests/Host/ExecutableFormatTests"),
    .testTarget(
      name: "RootFilesystemTests", dependencies: ["Hashing", "RootFilesystem", "HostSystem", "TestFixtures"],
      path: "Tests/Host/RootFilesystemTests"),
    .testTarget(
      name: "ExtFileSystemTests", dependencies: ["ExtFileSystem", "HostileImages", "HostSystem", "TestFixtures"],
      path: "Tests/Host/ExtFileSystemTests"),
    .testTarget(
      name: "FATFileSystemTests", dependencies: ["FATFileSystem", "TestFixtures"],
      path: "Tests/Shared/FATFileSystemTests"
    ),
    .testTarget(
      name: "BaseImportTests",
      dependencies: ["BaseImport", "DebianArchive", "Lock", "HostSystem", "PartitionTable", "Sandbox", "TestFixtures"],
      path: "Tests/Host/BaseImportTests"),
    .testTarget(
      name: "BootFlowTests",
      dependencies: [
        "BootFlow", "DeviceFixtures", "DeviceModel", "FATFileSystem", "LinuxSystem", "PowerCuts", "RaspberryPi",
        "TestFixtures",
      ],
      path: "Tests/Shared/BootFlowTests"),
    .testTarget(
      name: "DiskImageTests",
      dependencies: ["DiskImage", "BootFlow", "DeviceModel", "PartitionTable", "HostSystem", "TestFixtures"],
      path: "Tests/Host/DiskImageTests"),
    .testTarget(
      name: "RaspberryPiTests",
      dependencies: ["BootFlow", "DeviceModel", "FATFileSystem", "PartitionTable", "RaspberryPi", "TestFixtures"],
      path: "Tests/Host/RaspberryPiTests"),
    .testTarget(name: "SizeReportTests", dependencies: ["SizeReport"], path: "Tests/Host/SizeReportTests"),
    .testTarget(
      name: "FlashingTests",
      dependencies: [
        "Hashing", "DeviceModel", "Flashing", "DiskImage", "HostSystem", "PartitionTable", "Provisioning",
        "TestFixtures",
      ],
      path: "Tests/Host/FlashingTests"),
    .testTarget(
      name: "ProgramsTests", dependencies: ["Programs", "Project", "HostSystem", "Lock", "TestFixtures"],
      path: "Tests/Host/ProgramsTests"),
    .testTarget(
      name: "ImageBuildTests",
      dependencies: [
        "Hashing",
        "ImageBuild", "Project", "DeviceModel", "DiskImage", "RootFilesystem", "HostSystem", "Signing", "TestFixtures",
        "RaspberryPi", "Trust",
      ], path: "Tests/Host/ImageBuildTests"),
    .testTarget(
      name: "BuildTests",
      dependencies: [
        "Hashing",
        "cultivar", "DebianArchive", "HostSystem", "ImageBuild", "Lock", "Programs", "Project", "Sandbox", "SizeReport",
        "SwiftSDK", "SystemBuild", "TestFixtures",
      ], path: "Tests/Product/BuildTests", exclude: ["Listings"]),
    .testTarget(
      name: "SystemBuildTests",
      dependencies: ["DebianPackages", "SystemBuild", "HostSystem", "Project", "TestFixtures"],
      path: "Tests/Host/SystemBuildTests"),
    .testTarget(
      name: "PartitionTableTests", dependencies: ["PartitionTable"], path: "Tests/Shared/PartitionTableTests"),
    .testTarget(
      name: "LinuxSystemTests", dependencies: ["LinuxSystem", "TestFixtures"], path: "Tests/Shared/LinuxSystemTests"),
    .testTarget(
      name: "DeviceInitTests",
      dependencies: [
        "BootFlow", "DeviceFixtures", "DeviceInit", "DeviceModel", "DeviceRecords", "LinuxSystem", "PartitionTable",
        "Provisioning", "TestFixtures",
      ],
      path: "Tests/Device/DeviceInitTests"),
    .testTarget(
      name: "DeviceHardwareTests", dependencies: ["DeviceHardware"], path: "Tests/Device/DeviceHardwareTests"),
    .testTarget(name: "InitClientTests", dependencies: ["InitClient"], path: "Tests/Device/InitClientTests"),
    .testTarget(name: "DeviceModelTests", dependencies: ["DeviceModel"], path: "Tests/Shared/DeviceModelTests"),
    .testTarget(
      name: "DeviceControlTests", dependencies: ["DeviceControl", "DeviceModel"],
      path: "Tests/Device/DeviceControlTests"),
    .testTarget(
      name: "SupervisorTests", dependencies: ["Supervisor", "DeviceModel", "LinuxSystem", "TestFixtures"],
      path: "Tests/Device/SupervisorTests"),
    .testTarget(
      name: "ManagementAPITests",
      dependencies: [
        "Hashing",
        "DeviceControl", "DeviceFixtures", "DeviceModel", "LinuxSystem", "ManagementAPI", "Supervisor", "TestFixtures",
        .product(name: "NIOCore", package: "swift-nio"),
      ], path: "Tests/Device/ManagementAPITests"),
    .testTarget(
      name: "RemoteDeviceTests",
      dependencies: [
        "Hashing",
        "DeviceFixtures", "DeviceModel", "HostNetwork", "HostSystem", "ManagementAPI", "RemoteDevice", "TestFixtures",
      ], path: "Tests/Host/RemoteDeviceTests"),
    .testTarget(
      name: "HostNetworkTests",
      dependencies: [
        "Hashing",
        "Bundle", "BundleDownload", "DeviceFixtures", "DeviceModel", "HTTPClient", "HostNetwork", "LinuxSystem",
        "ManagementAPI", "RemoteDevice", "TestFixtures",
      ], path: "Tests/Host/HostNetworkTests"),
    .testTarget(
      name: "ProjectTests", dependencies: ["Hashing", "DebianPackages", "DeviceModel", "Project", "TestFixtures"],
      path: "Tests/Host/ProjectTests"),
    .testTarget(
      name: "CommandLineTests",
      dependencies: [
        "cultivar", "Bundle", "BundleDownload", "BundleMaking", "HTTPClient", "LinuxSystem", "TestFixtures",
      ],
      path: "Tests/Host/CommandLineTests"),
    .testTarget(
      name: "BootTests",
      dependencies: [
        "BootFlow", "Bundle", "BundleMaking", "Emulator", "Flashing", "HostSystem", "Project", "ImageBuild", "Lock",
        "PartitionTable", "RaspberryPi", "PowerCuts", "DeviceModel", "RemoteDevice", "TestFixtures", "Trust",
        "cultivar",
        .product(name: "Crypto", package: "swift-crypto"),
      ], path: "Tests/Product/BootTests"),
  ],
  swiftLanguageModes: [.v6]
)

// These targets have no `main`: libFuzzer provides it, and `Scripts/fuzz` builds both.
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
