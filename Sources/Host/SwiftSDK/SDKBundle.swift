import FoundationEssentials
import HostSystem

/// What tells Swift's package manager of an SDK: an artifact bundle with its description and tools (SE-0387).
struct SDKBundle {
  /// Where the libraries of the target are, in the compiler's root.
  static let sysroot = "/sysroot"
  /// Where the bundle is, in the compiler's root.
  static let folder = "/sdks"

  var architecture: Architecture
  /// Architecture of the compiler.
  var host = Architecture.host
  /// Triple of what is compiled.
  var triple: String

  /// Name of the SDK.
  var name: String { "cultivar-\(architecture.rawValue)" }

  /// The files of the bundle, by their path in the compiler's root.
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
    // Debian's compiler has a vendor of its own in the triple of its host.
    let hosts = ["unknown", "pc"].map { "\(host.machine)-\($0)-linux-gnu" }
    return Info(artifacts: [name: .init(variants: [.init(path: "sdk", supportedTriples: hosts)])])
  }

  private var description: Description {
    // As in the Static Linux SDK, everything is linked statically, without an option of the user's.
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
