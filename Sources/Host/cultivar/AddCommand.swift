import ArgumentParser
import FoundationEssentials
import Project

/// `cultivar add`: adds a program to the project file.
struct AddCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "add", abstract: "Add a program to an image of the project.",
    discussion: """
      SOURCE is one of:
        FOLDER[%PRODUCT]               a Swift, Cargo or Go package
        GIT-URL%PRODUCT                a package in a git repository
        FILE                           a prebuilt executable
        crate:NAME[@VERSION][%BINARY]  a Cargo package of the registry
        go:PATH@VERSION                a Go package of the module proxy
        debian:PACKAGE[%PATH]          an executable of a Debian package

      PRODUCT is a Swift product, a Cargo binary, or a Go package in its module (./cmd/tool). Package.swift, \
      Cargo.toml or go.mod in FOLDER sets the language. GIT-URL needs --swift, --cargo or --go, and --tag, --branch or \
      --revision. The default PATH in a Debian package is /usr/bin/PACKAGE.

      The comments and the layout of the project file do not change.
      """)

  @OptionGroup var options: ProjectOptions

  @Argument(help: "Source of the program.")
  var source: String

  @Option(help: "Image to add the program to. Needed if the project has several images.")
  var image: String?

  @Option(help: "Name of the program. Default: the name of the product, package or file.")
  var name: String?

  @Flag(help: "Language of a package in a git repository.")
  var language: PackageLanguage?

  @Option(help: "Tag of the git repository.")
  var tag: String?

  @Option(help: "Branch of the git repository.")
  var branch: String?

  @Option(help: "Commit of the git repository: its full id.")
  var revision: String?

  func validate() throws {
    guard [tag, branch, revision].compactMap(\.self).count <= 1 else {
      throw ValidationError("--tag, --branch and --revision cannot be combined")
    }
  }

  func run() async throws {
    try ProjectReporting.run {
      let file = try options.file()
      let request = ProgramSourceRequest(
        text: source, language: language,
        reference: tag.map(GitReference.tag) ?? branch.map(GitReference.branch) ?? revision.map(GitReference.revision),
        currentFolder: .currentFolder)
      let added: ProgramAddition.Added
      do {
        added = try ProgramAddition(file: file).add(request, name: name, to: image)
      } catch let problems as ProjectProblems {
        ProjectReporting.show(problems.diagnostics)
        throw ProjectFailure("nothing was added: \(ProjectReader.fileName) would then have the problems above")
      }
      print(
        "added the program '\(added.program.name)' to the image '\(added.image)', line \(added.program.position.line)")
    }
  }
}

extension PackageLanguage: EnumerableFlag {}
