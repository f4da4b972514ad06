// swift-tools-version: 6.0
import PackageDescription

let package = Package(
  name: "web",
  products: [.executable(name: "web", targets: ["web"])],
  targets: [.executableTarget(name: "web")],
  swiftLanguageModes: [.v6]
)
