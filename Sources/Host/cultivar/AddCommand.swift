import ArgumentParser
import FoundationEssentials
import Project

/// `cultivar add`: adds a program to the project file.
struct AddCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "add", abstract: "Add a program to an image of the project.",
    discussion: """
      SOURCE is one of:
        FOLDER[%PRODUCT]        a Swift, Cargo or Go package; Package.swift, Cargo.toml or go.mod tells which
        GIT-URL%PRODUCT         a package in a git repository: with --swift, --cargo or --go, and --tag, --branch or
                                --revision
        FILE                    a prebuilt executable
        crate:NAME[@VERSION][%BINARY]
                                a Cargo package of the registry
        go:PATH@VERSION         a Go package of the module proxy
        debian:PACKAGE[%PATH]   an executable of a Debian package; /usr/bin/PACKAGE where no path is given

      PRODUCT is a Swift product, a Cargo binary, or a Go package in its module (./cmd/tool). Comments and layout of the
      project file stay as they are.
      """)

  @OptionGroup var options: ProjectOptions

  @Argument(help: "Where the program comes from.")
  var source: String

  @Option(help: "Image that gets the program. Needed where the project has several.")
  var image: String?

  @Option(help: "Name of the program. Left out: the product's, package's or file's.")
  var name: String?

  @Flag(help: "Language of a package in a git repository.")
  var language: PackageLanguage?

  @Option(help: "Tag of the git repository.")
  var tag: String?

  @Option(help: "Branch of the git repository.")
  var branch: String?

  @Option(help: "Commit of the git repository, by its full id.")
  var revision: String?

  func validate() throws {
    guard [tag, branch, revision].compactMap(\.self).count <= 1 else {
      throw ValidationError("--tag, --branch and --revision exclude each other")
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
        throw ProjectFailure("nothing was added: \(ProjectReader.fileName) would have these problems")
      }
      print(
        "added the program '\(added.program.name)' to the image '\(added.image)', line \(added.program.position.line)")
    }
  }
}

extension PackageLanguage: EnumerableFlag {}
