import FoundationEssentials
import HostSystem

/// The description of an SDK for Swift's package manager: an artifact bundle (SE-0387).
struct SDKBundle {
  /// Folder of the target's libraries in the compiler's root.
  static let sysroot = "/sysroot"
  /// Folder of the bundle in the compiler's root.
  static let folder = "/sdks"

  var architecture: Architecture
  /// Architecture of the compiler.
  var host = Architecture.host
  /// Target triple.
  var triple: String

  var name: String { "cultivar-\(architecture.rawValue)" }

  /// Returns the files of the bundle by their path in the compiler's root.
  func files() throws -> [String: [UInt8]] {
    let place = "\(Self.folder)/\(name).artifactbundle"
    return [
      "\(place)/info.json": try ReadableJSON.encode(info),
      "\(place)/sdk/swift-sdk.json": try ReadableJSON.encode(description),
      "\(place)/sdk/toolset.json": try ReadableJSON.encode(toolset),
    ]
  }

  private struct Info: Encodable {
    struct Artifact: Encodable {
      struct Variant: Encodable {
        var path: String
        var supportedTriples: [String]
      }
      var type = "swiftSDK"
      var version = "1"
      var variants: [Variant]
    }
    var schemaVersion = "1.0"
    var artifacts: [String: Artifact]
  }

  private struct Description: Encodable {
    struct Target: Encodable {
      var sdkRootPath: String
      var swiftResourcesPath: String
      var swiftStaticResourcesPath: String
      var toolsetPaths: [String]
    }
    var schemaVersion = "4.0"
    var targetTriples: [String: Target]
  }

  private struct Toolset: Encodable {
    struct Compiler: Encodable {
      var extraCLIOptions: [String]
    }
    struct Linker: Encodable {
      var path: String
    }
    var schemaVersion = "1.0"
    var rootPath: String
    var swiftCompiler: Compiler
    var linker: Linker
  }

  private var info: Info {
    // Debian's compiler has another vendor in its host triple.
    let hosts = ["unknown", "pc"].map { "\(host.machine)-\($0)-linux-gnu" }
    return Info(artifacts: [name: .init(variants: [.init(path: "sdk", supportedTriples: hosts)])])
  }

  private var description: Description {
    // As with the Static Linux SDK, everything is linked statically by default.
    let resources = "\(Self.sysroot)/usr/lib/swift_static"
    return Description(targetTriples: [
      triple: .init(
        sdkRootPath: Self.sysroot, swiftResourcesPath: resources, swiftStaticResourcesPath: resources,
        toolsetPaths: ["toolset.json"])
    ])
  }

  private var toolset: Toolset {
    Toolset(
      rootPath: SDKContent.tools,
      swiftCompiler: .init(extraCLIOptions: ["-use-ld=lld", "-static-stdlib", "-static-executable"]),
      linker: .init(path: "ld.lld"))
  }
}
