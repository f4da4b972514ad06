import DeviceFixtures
import DeviceModel
import Foundation
import TestFixtures
import Testing

@testable import BootFlow

@Suite("Boot flows")
struct BootFlowTests {
  /// The boot partition of a new image, a boot flow, and its boot loader.
  private struct Device {
    let folder: TemporaryFolder
    let loader: LoaderDouble
    let flow: any BootFlow

    init(_ loader: LoaderDouble) throws {
      self.loader = loader
      folder = try TemporaryFolder()
      let files = BootFolder(folder.path)
      for slot in Slot.allCases {
        try files.create(BootPartition.commandLine(slot), Array(Self.entry(slot).commandLine.utf8))
      }
      try loader.fill(files, with: Self.entry(.a))
      flow = try loader.flow(files)
    }

    static func entry(_ slot: Slot, _ version: String = "1.0") -> BootEntry {
      BootEntry(slot: slot, title: "roof station", version: version, arguments: ["ro", "panic=10"])
    }

    func start(canWrite: Bool = true) throws -> String? {
      try loader.prepareRestart(BootFolder(folder.path))
      return try loader.start(URL(fileURLWithPath: folder.path), canWrite: canWrite)
    }

    /// Returns the names and contents of all files.
    func content() throws -> [String: Data] {
      let root = URL(fileURLWithPath: folder.path)
      var content: [String: Data] = [:]
      for name in try FileManager.default.subpathsOfDirectory(atPath: root.path) {
        content[name] = try? Data(contentsOf: root.appending(path: name))
      }
      return content
    }
  }

  @Test("A new image always starts slot A as its default", arguments: LoaderDouble.allCases)
  func new(loader: LoaderDouble) throws {
    let device = try Device(loader)
    #expect(try device.flow.choice() == BootChoice(standard: .a))
    #expect(try device.start() == "a")
    #expect(try device.start() == "a")
  }

  @Test("A trial starts only once", arguments: LoaderDouble.allCases)
  func trial(loader: LoaderDouble) throws {
    let device = try Device(loader)
    try device.flow.withdraw(.b)
    try device.flow.offer(Device.entry(.b, "2.0"))
    #expect(try device.flow.choice() == BootChoice(standard: .a, trial: .init(.b, isSpent: false)))
    #expect(try device.start() == "b")
    #expect(try device.flow.choice() == BootChoice(standard: .a, trial: .init(.b, isSpent: true)))
    #expect(try device.start() == "a")
    #expect(try device.start() == "a")
  }

  @Test("A committed trial becomes the default", arguments: LoaderDouble.allCases)
  func commit(loader: LoaderDouble) throws {
    let device = try Device(loader)
    try device.flow.offer(Device.entry(.b, "2.0"))
    #expect(try device.start() == "b")
    try device.flow.commit(.b)
    #expect(try device.flow.choice() == BootChoice(standard: .b))
    #expect(try device.start() == "b")
    let once = try device.content()
    try device.flow.commit(.b)
    #expect(try device.content() == once, "committing again changes nothing")
  }

  @Test("A separate trial goes back to the previous slot", arguments: LoaderDouble.allCases)
  func back(loader: LoaderDouble) throws {
    let device = try Device(loader)
    try device.flow.offer(Device.entry(.b, "2.0"))
    _ = try device.start()
    try device.flow.commit(.b)
    let old = try #require(try device.flow.entry(of: .a))
    #expect(old.arguments == ["ro", "panic=10"])
    try device.flow.offer(old)
    #expect(try device.start() == "a")
    #expect(try device.start() == "b", "a way back that is not committed is a trial like any other")
    try device.flow.offer(try #require(try device.flow.entry(of: .a)))
    #expect(try device.start() == "a")
    try device.flow.commit(.a)
    #expect(try device.start() == "a")
  }

  @Test("The default slot cannot be withdrawn or tried; a withdrawn one never starts", arguments: LoaderDouble.allCases)
  func withdraw(loader: LoaderDouble) throws {
    let device = try Device(loader)
    #expect(throws: BootFlowFailure.isStandard(.a)) { try device.flow.withdraw(.a) }
    #expect(throws: BootFlowFailure.isStandard(.a)) { try device.flow.offer(Device.entry(.a)) }
    try device.flow.offer(Device.entry(.b))
    try device.flow.withdraw(.b)
    #expect(try device.flow.choice() == BootChoice(standard: .a))
    #expect(try device.flow.entry(of: .b) == nil)
    #expect(throws: BootFlowFailure.notStartable(.b)) { try device.flow.commit(.b) }
    #expect(try device.start() == "a")
  }

  @Test("Twenty updates from slot to slot leave as many files as two", arguments: LoaderDouble.allCases)
  func many(loader: LoaderDouble) throws {
    let device = try Device(loader)
    var slot = Slot.a
    var counts: Set<Int> = []
    for round in 1...20 {
      slot = slot.other
      try device.flow.withdraw(slot)
      try device.flow.offer(Device.entry(slot, "\(round)"))
      #expect(try device.start() == slot.rawValue)
      try device.flow.commit(slot)
      counts.insert(try device.content().count)
    }
    #expect(counts.count == 1)
  }

  @Test(
    "Leftovers of a power cut or another program are ignored, and do no harm", arguments: LoaderDouble.allCases
  )
  func leftovers(loader: LoaderDouble) throws {
    let device = try Device(loader)
    // An entry that a power cut left empty, a trial's entry that was committed, and files of another program.
    let files = BootFolder(device.folder.path)
    try files.create("\(BootPartition.entries)/cultivar-b-2+1.conf", [])
    try files.create("\(BootPartition.entries)/cultivar-b-x.conf", Array("linux /slots/b/linux\n".utf8))
    for name in BootPartition.grubCommands(.b) + BootPartition.uBootEnvironments(.b) { try files.create(name, []) }
    #expect(try device.flow.choice() == BootChoice(standard: .a))
    try device.flow.offer(Device.entry(.b))
    #expect(try device.flow.choice().next == .b)
  }

  @Test(
    "A damaged copy of the record is ignored, and repaired by the next change",
    arguments: [
      (.grub, ["grub/choice-1.env"]), (.grub, ["grub/choice-1.sha256"]), (.grub, ["grub/choice-2.env"]),
      (.grub, ["grub/choice-1.env", "grub/choice-2.sha256"]), (.uBoot, ["u-boot/choice-1.env"]),
      (.uBoot, ["u-boot/choice-2.env"]), (.uBoot, ["u-boot/choice-1.env", "u-boot/choice-2.env"]),
    ] as [(LoaderDouble, [String])])
  func copies(loader: LoaderDouble, damaged: [String]) throws {
    let device = try Device(loader)
    try device.flow.offer(Device.entry(.b))
    _ = try device.start()
    try device.flow.commit(.b)
    let files = BootFolder(device.folder.path)
    for name in damaged {
      var bytes = try #require(try files.read(name))
      bytes[40] ^= 1
      try files.overwrite(name, bytes)
    }
    // Without either copy the boot loader uses the first slot, which is complete as well.
    let expected = damaged.count == 2 ? "a" : "b"
    #expect(try device.flow.choice().standard?.rawValue == expected)
    #expect(try device.start() == expected)
    try device.flow.commit(.b)
    #expect(try device.start() == "b")
  }

  @Test(
    "With the first entries of both slots damaged, the default still starts, and an update repairs its entry",
    arguments: [LoaderDouble.systemdBoot, .grub, .uBoot], ["", "garbage"])
  func spares(loader: LoaderDouble, damage: String) throws {
    let device = try Device(loader)
    try device.flow.offer(Device.entry(.b, "2.0"))
    _ = try device.start()
    try device.flow.commit(.b)
    let files = BootFolder(device.folder.path)
    let first =
      switch loader {
      case .systemdBoot: ["\(BootPartition.entries)/cultivar-a-1.conf", "\(BootPartition.entries)/cultivar-b-2.conf"]
      case .grub: Slot.allCases.map { BootPartition.grubCommands($0)[0] }
      case .uBoot: Slot.allCases.map { BootPartition.uBootEnvironments($0)[0] }
      case .tryboot: [String]()
      }
    let whole = try files.read(first[1])
    for name in first {
      #expect(try files.read(name) != nil)
      try files.create(name, Array(damage.utf8))
    }
    #expect(try device.start() == "b")
    #expect(try device.flow.choice() == BootChoice(standard: .b))
    #expect(try device.flow.entry(of: .a)?.arguments == ["ro", "panic=10"])
    try device.flow.withdraw(.a)
    #expect(try files.read(first[1]) == whole)
    try device.flow.offer(Device.entry(.a, "3.0"))
    #expect(try device.start() == "a")
    #expect(try device.start() == "b")
  }

  @Test(
    "A boot loader tries nothing if it cannot record the trial, and the next offer repairs its file",
    arguments: [(.grub, "grub/begun.env"), (.uBoot, "u-boot/begun.env")] as [(LoaderDouble, String)])
  func cannotWrite(loader: LoaderDouble, file: String) throws {
    let device = try Device(loader)
    try device.flow.offer(Device.entry(.b))
    #expect(try device.start(canWrite: false) == "a")
    let files = BootFolder(device.folder.path)
    let length = try #require(try files.read(file)).count
    try files.overwrite(file, [UInt8](repeating: 0, count: length))
    #expect(try device.start() == "a")
    #expect(try device.flow.choice().trial == .init(.b, isSpent: true))
    try device.flow.offer(Device.entry(.b))
    #expect(try device.start() == "b")
  }

  @Test("sha256sum accepts the checksum of a record")
  func neutralReaders() throws {
    let device = try Device(.grub)
    try device.flow.offer(Device.entry(.b))
    let verdict = try Judge("sh").run([
      "-c", "cd '\(device.folder.path)' && sed 's, /, ,' grub/choice-2.sha256 | sha256sum --check",
    ])
    #expect(verdict.output.contains("OK"))
  }

  @Test("U-Boot's own tools read its files: fw_printenv the environments, mkimage makes the same script")
  func uBootTools() throws {
    let device = try Device(.uBoot)
    let files = BootFolder(device.folder.path)
    let arguments = ["ro", #"a=\"b c\""#, #"path=C:\x"#]
    try device.flow.offer(BootEntry(slot: .b, title: "", version: "", arguments: arguments))
    func variables(_ file: String) throws -> [Substring] {
      let size = try #require(try files.read(file)).count
      let configuration = try URL(fileURLWithPath: device.folder.path)
        .writing("\(files.absolute(file)) 0x0 0x\(String(size, radix: 16))\n", to: "fw_env.config")
      return try Judge("fw_printenv").run(["-c", configuration.path]).output.split(separator: "\n")
    }
    #expect(
      try Set(variables("u-boot/choice-1.env")) == ["cultivar_number=1", "cultivar_standard=a", "cultivar_trial=b"])
    #expect(
      try variables(BootPartition.uBootEnvironments(.b)[0]).map { $0.replacing("\\\\", with: "\\") }
        == ["cultivar_arguments=\(arguments.joined(separator: " ")) cultivar.slot=b cultivar.loader=u-boot"])
    let script = try URL(fileURLWithPath: device.folder.path).writing(UBoot.script, to: "script")
    let image = files.absolute("script.img")
    _ = try Judge("mkimage").run(
      ["-A", "arm64", "-O", "linux", "-T", "script", "-C", "none", "-n", "Cultivar", "-d", script.path, image],
      environment: ["SOURCE_DATE_EPOCH": "0"])
    #expect(try files.read(BootPartition.uBootScript) == Array(Data(contentsOf: URL(fileURLWithPath: image))))
  }
}
