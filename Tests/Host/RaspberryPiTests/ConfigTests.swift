import RaspberryPi
import Testing

@Suite("config.txt, cmdline.txt and autoboot.txt")
struct ConfigTests {
  private func compose(_ parts: ConfigPart...) -> ConfigComposition { ConfigComposition(parts) }

  @Test("A line is read up to its 98th character")
  func cut() {
    let text = ConfigText(Array("key=\(String(repeating: "v", count: 200))\nother=1\n".utf8))

    #expect(text.lines.map(\.isCut) == [true, false])
    #expect(text.lines.first?.content == .setting(key: "key", value: String(repeating: "v", count: 94)))
  }

  @Test(
    "Lines are read as the firmware reads them",
    arguments: [
      ("# comment", nil), ("   ", nil), ("a=b", .setting(key: "a", value: "b")),
      ("  dtparam=i2c=on \r", .setting(key: "dtparam", value: "i2c=on")),
      ("initramfs a.img,b.img 0x00800000", .initialRAM(files: ["a.img", "b.img"], address: "0x00800000")),
      ("initramfs a.img", .initialRAM(files: ["a.img"], address: "followkernel")),
      ("include extra.txt", .include("extra.txt")), ("[pi4]", .filter("pi4")), ("[pi4", .unknown("[pi4")),
      ("words", .unknown("words")),
    ] as [(String, ConfigText.Content?)])
  func lines(line: String, content: ConfigText.Content?) {
    #expect(ConfigText(Array(line.utf8)).lines.map(\.content) == (content.map { [$0] } ?? []))
  }

  @Test(
    "Known filters are recognised in any case, and unknown ones are not",
    arguments: [
      ("all", true), ("Pi4", true), ("pi3+", true), ("pi02", true), ("cm4s", true), ("board-type=0x14", true),
      ("tryboot", true), ("none", true), ("EDID=DEL-U2422H", true), ("0x12345678", true), ("gpio4=1", true),
      ("HDMI:1", true), ("partition=3", true), ("boot_count<3", true), ("boot_arg1&0x1=1", true), ("pi6", false),
      ("gpio4", false), ("gpio99=1", false), ("HDMI:2", false), ("EDID=", false), ("boot_count", false), ("", false),
      ("boot_arg1&1", false), ("board-type=x", false),
    ])
  func filters(text: String, isKnown: Bool) {
    #expect((ConfigFilter(text) != nil) == isKnown)
  }

  @Test("A filter replaces the one of the same kind, adds to others, and [all] removes them")
  func conditions() {
    var condition = ConfigCondition()
    func holds(_ model: Model, tryboot: Bool = false) -> Bool { condition.holds(on: model, tryboot: tryboot) }
    condition.apply("pi4")
    #expect(holds(.pi4) && holds(.pi400) && !holds(.pi5))
    condition.apply("pi5")
    #expect(!holds(.pi4) && holds(.pi5))
    condition.apply("tryboot")
    #expect(!holds(.pi5) && holds(.pi5, tryboot: true) && !holds(.pi4, tryboot: true))
    condition.apply("all")
    #expect(holds(.pi3))
    condition.apply("new-model")
    condition.apply("pi3")
    #expect(!holds(.pi3), "an unknown filter is false until [all]")
    condition.apply("all")
    #expect(holds(.pi3))
    condition.apply("none")
    #expect(Model.allCases.allSatisfy { !holds($0) })
  }

  @Test("Each model sees the filters of the documentation's table")
  func models() {
    for (filter, models) in [
      ("pi3", [.pi3, .pi3Plus, .computeModule3]), ("pi3+", [.pi3Plus]), ("pi0", [.zero2W]), ("pi02", [.zero2W]),
      ("pi4", [.pi4, .pi400, .computeModule4]), ("pi400", [.pi400]), ("cm4", [.computeModule4]),
      ("pi5", [.pi5, .pi500, .computeModule5]), ("cm5", [.computeModule5]), ("board-type=0x11", [.pi4]), ("pi2", []),
    ] as [(String, [Model])] {
      var condition = ConfigCondition()
      condition.apply(filter)
      #expect(Model.allCases.filter { condition.holds(on: $0, tryboot: false) } == models, "\(filter)")
    }
  }

  @Test("Parts are composed in order, and a group's filters do not reach the next one")
  func compositions() {
    let composition = compose(
      ConfigPart(origin: "device class", lines: ["arm_64bit=1", "# a comment", "enable_uart=1"]),
      ConfigPart(origin: "layer i2c", filters: ["pi4"], lines: ["dtparam=i2c_arm=on"]),
      ConfigPart(origin: "project", lines: ["dtoverlay=disable-bt"]))

    #expect(composition.problems == [])
    #expect(
      composition.text == """
        # Written by Cultivar. An update replaces this file.
        arm_64bit=1
        enable_uart=1

        [all]
        [pi4]
        dtparam=i2c_arm=on

        [all]
        dtoverlay=disable-bt

        """)
    #expect(composition.lines.map(\.origin) == ["device class", "device class", "layer i2c", "project"])
  }

  @Test(
    "A line that the firmware would not read as it is meant is refused, with its origin and the remedy",
    arguments: [
      (["key=\(String(repeating: "v", count: 95))"], [], "99 characters"), (["[pi4]"], [], "a filter is not a line"),
      (["initramfs=a.img followkernel"], [], "initramfs takes no"), (["words"], [], "neither"),
      (["a=1\nb=2"], [], "not printable"), (["=1"], [], "the key is missing"),
      (["include \(String(repeating: "n", count: 65))"], [], "more than 64"),
      (["initramfs \(String(repeating: "n", count: 65)) followkernel"], [], "more than 64"), (["a=1"], ["pie4"], "pi"),
    ] as [([String], [String], String)])
  func refusals(lines: [String], filters: [String], reason: String) {
    let problems = compose(ConfigPart(origin: "layer x", filters: filters, lines: lines)).problems

    #expect(problems.count == 1)
    #expect(problems.first?.description.contains(reason) == true, "\(problems)")
    #expect(problems.first?.origin == "layer x")
  }

  @Test("A part that silently undoes an earlier one is refused, unless it says so")
  func undone() {
    let base = ConfigPart(origin: "device class", lines: ["gpu_mem=64"])
    let later = ConfigPart(origin: "layer kiosk", lines: ["gpu_mem=256"])
    let problem = compose(base, later).problems.first
    #expect(problem?.origin == "layer kiosk")
    #expect(problem?.reason == "it undoes ‘gpu_mem=64’ of device class")

    var open = later
    open.overrides = ["gpu_mem"]
    let composition = compose(base, open)
    #expect(composition.problems == [])
    #expect(composition.lines.map(\.replacedBy) == ["layer kiosk", nil])
  }

  @Test("A part for fewer models, the same value again, and keys that accumulate undo nothing")
  func refined() {
    #expect(
      compose(
        ConfigPart(origin: "a", lines: ["gpu_mem=64", "dtoverlay=one", "dtparam=spi=on", "arm_64bit=1"]),
        ConfigPart(origin: "b", filters: ["pi4"], lines: ["gpu_mem=128"]),
        ConfigPart(origin: "c", filters: ["pi3"], lines: ["gpu_mem=96"]),
        ConfigPart(origin: "d", lines: ["dtoverlay=two", "dtparam=spi=off", "arm_64bit=1"])
      ).problems == [])
    #expect(
      compose(
        ConfigPart(origin: "a", filters: ["cm4"], lines: ["gpu_mem=64"]),
        ConfigPart(origin: "b", filters: ["pi4"], lines: ["gpu_mem=128"])
      ).problems.map(\.origin) == ["b"], "every cm4 is a pi4")
    #expect(
      compose(
        ConfigPart(origin: "a", filters: ["gpio4=1"], lines: ["gpu_mem=64"]),
        ConfigPart(origin: "b", filters: ["gpio5=1"], lines: ["gpu_mem=128"])
      ).problems == [])
  }

  @Test("cmdline.txt is one line of at most 2047 characters")
  func commandLines() throws {
    #expect(CommandLineText(Array("a \"b c\"  d\nignored".utf8)).parameters == ["a", "\"b c\"", "d"])
    #expect(CommandLineText(Array("a \"b c".utf8)).parameters == ["a", "\"b c"])
    #expect(try CommandLineText(["ro", "quiet"]).bytes() == Array("ro quiet\n".utf8))
    #expect(throws: ConfigProblem.self) { try CommandLineText(["a\nb"]).bytes() }
    #expect(throws: ConfigProblem.self) { try CommandLineText([String(repeating: "a", count: 2048)]).bytes() }
  }

  @Test("autoboot.txt has a default partition and one for a trial, and reads back")
  func autoboot() {
    let text = AutobootText(partition: 2, trialPartition: 3)
    #expect(text.text == "[all]\ntryboot_a_b=1\nboot_partition=2\n[tryboot]\nboot_partition=3\n[all]\n")
    #expect(AutobootText(Array(text.text.utf8)) == text)
    #expect(AutobootText([]) == AutobootText(partition: 0, isPartitionTrial: false))
    #expect(AutobootText.problems(of: Array(text.text.utf8)) == [])
  }

  @Test("autoboot.txt is read up to its 512th byte, and knows three filters")
  func autobootLimits() {
    let padding = Array((0..<8).map { _ in String(repeating: "#", count: 63) }.joined(separator: "\n").utf8)
    let long = padding + Array("\nboot_partition=2\n".utf8)
    #expect(AutobootText(long).partition == 0)
    #expect(AutobootText.problems(of: long).map(\.line) == ["\(long.count) bytes"])
    let filtered = Array("[none]\nboot_partition=5\n[pi4]\nboot_partition=4\n[all]\nboot_partition=3\n".utf8)
    #expect(AutobootText(filtered).partition == 3)
    #expect(AutobootText.problems(of: filtered).map(\.line) == ["[pi4]"])
  }
}
