import TaggedFields

/// The input of `cultivar-sandbox`: the sandbox to make and the program to run in it.
public struct SandboxPlan: Equatable, Sendable {
  /// The root file system of a program.
  public enum Place: UInt8, Sendable {
    /// The tree.
    case inside
    /// The host's file system, read-only. The tree is at ``treePath``.
    case beside
  }

  /// A file or folder of the host that is visible in the sandbox.
  public struct Binding: Equatable, Sendable {
    /// Absolute path on the host.
    public var source: String
    /// Absolute path in the sandbox. If the tree stores changes, it must be below `/run` or `/tmp`, so that the mount
    /// point does not stay in the tree.
    public var path: String
    /// True if the program can write to it.
    public var isWritable: Bool

    public init(source: String, path: String, isWritable: Bool) {
      self.source = source
      self.path = path
      self.isWritable = isWritable
    }
  }

  /// An emulator for programs of another architecture.
  public struct Emulator: Equatable, Sendable {
    /// Absolute path on the host.
    public var program: String
    /// The line that registers it with the kernel (`binfmt_misc`).
    public var registration: String

    public init(program: String, registration: String) {
      self.program = program
      self.registration = registration
    }
  }

  /// Programs of the host's architecture that replace those of the tree, in the same versions.
  public struct Twins: Equatable, Sendable {
    /// Absolute path of the unpacked root file system that contains the programs.
    public var tree: String
    /// The files and folders that the programs need: the loader and the library folder.
    public var support: [Twin]
    /// Folders of the support files that appear empty.
    public var hidden: [String]
    /// The programs. A program is ignored if its path in the tree is missing or a link.
    public var programs: [Twin]

    public init(tree: String, support: [Twin], hidden: [String] = [], programs: [Twin]) {
      self.tree = tree
      self.support = support
      self.hidden = hidden
      self.programs = programs
    }
  }

  /// A file or folder of the native programs' tree that is mounted over another one.
  public struct Twin: Equatable, Sendable {
    /// Absolute path in the tree of the native programs.
    public var twin: String
    /// Absolute path in the tree.
    public var path: String

    public init(twin: String, path: String) {
      self.twin = twin
      self.path = path
    }
  }

  /// A range of IDs that maps a user namespace to the host (`user_namespaces(7)`).
  public struct IDRange: Equatable, Sendable {
    /// First ID in the namespace.
    public var inner: UInt32
    /// First ID on the host.
    public var outer: UInt32
    public var count: UInt32

    public init(inner: UInt32, outer: UInt32, count: UInt32) {
      self.inner = inner
      self.outer = outer
      self.count = count
    }
  }

  /// Path of the tree for a program that runs ``Place/beside`` it.
  public static let treePath = "/run/cultivar/root"
  /// Path of the script in the sandbox.
  public static let scriptPath = "/run/cultivar/script"
  /// Path of the emulator in the sandbox.
  public static let emulatorPath = "/run/cultivar/emulator"
  /// Exit status of `cultivar-sandbox` if the sandbox cannot be made.
  public static let failureStatus: Int32 = 125

  /// Folder of the sandbox's own files, on the file system of the layers.
  ///
  /// The writer of the plan makes its subfolders `lower`, `upper`, `work` and `new`. `lower/0`, `lower/1`, … are links
  /// to the layers, the topmost first.
  public var work: String
  public var layers: Int
  /// The root file system of the program.
  public var place: Place
  /// True if the program can use the host's network.
  public var usesNetwork = false
  /// True if the program gets the caller's standard input; otherwise its input is empty.
  public var keepsInput = false
  /// True if the program gets a pseudoterminal, to which `cultivar-sandbox` passes the caller's input.
  public var hasTerminal = false
  /// Working directory of the program in the sandbox.
  public var folder = "/"
  /// Text for `/bin/sh -eu`.
  public var script: String
  /// Files and folders of the host that are visible to the program.
  public var bindings: [Binding] = []
  /// The emulator for the tree's programs; `nil` for none.
  public var emulator: Emulator?
  /// Native programs that replace those of the tree; `nil` for none.
  public var twins: Twins?
  /// User IDs for a caller other than root; empty for root.
  public var users: [IDRange] = []
  /// Group IDs for a caller other than root; empty for root.
  public var groups: [IDRange] = []

  public init(work: String, layers: Int, place: Place, script: String) {
    self.work = work
    self.layers = layers
    self.place = place
    self.script = script
  }
}

extension SandboxPlan {
  private enum Tag {
    static let work: UInt16 = 1
    static let layers: UInt16 = 2
    static let place: UInt16 = 3
    static let usesNetwork: UInt16 = 4
    static let keepsInput: UInt16 = 5
    static let folder: UInt16 = 6
    static let script: UInt16 = 7
    static let bindings: UInt16 = 8
    static let emulator: UInt16 = 9
    static let twinTree: UInt16 = 10
    static let support: UInt16 = 11
    static let hidden: UInt16 = 12
    static let programs: UInt16 = 13
    static let users: UInt16 = 14
    static let groups: UInt16 = 15
    static let hasTerminal: UInt16 = 16
  }

  /// The plan as tagged fields.
  public var bytes: [UInt8] {
    var writer = FieldWriter()
    writer.add(Tag.work, text: work)
    writer.add(Tag.layers, number: UInt32(layers))
    writer.add(Tag.place, number: place.rawValue)
    writer.add(Tag.usesNetwork, number: UInt8(usesNetwork ? 1 : 0))
    writer.add(Tag.keepsInput, number: UInt8(keepsInput ? 1 : 0))
    writer.add(Tag.folder, text: folder)
    writer.add(Tag.script, text: script)
    writer.add(Tag.bindings, list: bindings.flatMap { [$0.isWritable ? "rw" : "ro", $0.source, $0.path] })
    writer.add(Tag.emulator, list: emulator.map { [$0.program, $0.registration] } ?? [])
    writer.add(Tag.twinTree, list: twins.map { [$0.tree] } ?? [])
    writer.add(Tag.support, list: (twins?.support ?? []).flatMap { [$0.twin, $0.path] })
    writer.add(Tag.hidden, list: twins?.hidden ?? [])
    writer.add(Tag.programs, list: (twins?.programs ?? []).flatMap { [$0.twin, $0.path] })
    writer.add(Tag.users, list: users.flatMap { ["\($0.inner)", "\($0.outer)", "\($0.count)"] })
    writer.add(Tag.groups, list: groups.flatMap { ["\($0.inner)", "\($0.outer)", "\($0.count)"] })
    writer.add(Tag.hasTerminal, number: UInt8(hasTerminal ? 1 : 0))
    return writer.bytes
  }

  /// Parses ``bytes``.
  ///
  /// - Throws: `FieldFailure`.
  public init(_ bytes: [UInt8]) throws(FieldFailure) {
    var reader = try FieldReader(bytes[...], of: "the plan of a sandbox")
    func ranges(_ tag: UInt16, _ name: String) throws(FieldFailure) -> [IDRange] {
      var ranges: [IDRange] = []
      for row in try reader.rows(tag, name, of: 3) {
        guard let inner = UInt32(row[0]), let outer = UInt32(row[1]), let count = UInt32(row[2]) else {
          throw FieldFailure("the plan of a sandbox: \(name) are not numbers")
        }
        ranges.append(IDRange(inner: inner, outer: outer, count: count))
      }
      return ranges
    }
    work = try reader.anyText(Tag.work, "the folder")
    layers = Int(try reader.number(Tag.layers, "the number of layers") as UInt32)
    guard let place = Place(rawValue: try reader.number(Tag.place, "the place")) else {
      throw FieldFailure("the plan of a sandbox has a place that this version does not know")
    }
    self.place = place
    usesNetwork = try reader.number(Tag.usesNetwork, "the use of the network") as UInt8 != 0
    keepsInput = try reader.number(Tag.keepsInput, "the use of standard input") as UInt8 != 0
    folder = try reader.anyText(Tag.folder, "the working folder")
    script = try reader.anyText(Tag.script, "the script")
    bindings = try reader.rows(Tag.bindings, "the bindings", of: 3).map {
      Binding(source: $0[1], path: $0[2], isWritable: $0[0] == "rw")
    }
    emulator = try reader.rows(Tag.emulator, "the emulator", of: 2).first.map {
      Emulator(program: $0[0], registration: $0[1])
    }
    let tree = try reader.list(Tag.twinTree, "the tree of native programs").first
    let support = try reader.rows(Tag.support, "the support files", of: 2).map { Twin(twin: $0[0], path: $0[1]) }
    let hidden = try reader.list(Tag.hidden, "the hidden folders")
    let programs = try reader.rows(Tag.programs, "the native programs", of: 2).map { Twin(twin: $0[0], path: $0[1]) }
    twins = tree.map { Twins(tree: $0, support: support, hidden: hidden, programs: programs) }
    users = try ranges(Tag.users, "the users")
    groups = try ranges(Tag.groups, "the groups")
    hasTerminal = try reader.number(Tag.hasTerminal, "the terminal") as UInt8 != 0
    try reader.finish()
  }
}
