import Foundation

@testable import Project

/// The validator of the Python package `jsonschema`, which is independent of Cultivar.
enum JSONSchemaValidator {
  /// True if the validator is installed.
  static let isInstalled = (try? run("import jsonschema", input: "")) != nil

  private static let script = """
    import json, sys, jsonschema
    question = json.load(sys.stdin)
    jsonschema.Draft202012Validator.check_schema(question["schema"])
    validator = jsonschema.Draft202012Validator(question["schema"])
    json.dump([validator.is_valid(instance) for instance in question["instances"]], sys.stdout)
    """

  /// Checks a schema against its metaschema, and then values against the schema.
  ///
  /// - Returns: For each value, true if it is valid.
  static func validate(_ instances: [JSONValue], against schema: JSONValue) throws -> [Bool] {
    let question: JSONValue = ["schema": schema, "instances": .array(instances)]
    return try JSONDecoder().decode([Bool].self, from: run(script, input: question.compact))
  }

  private struct Failure: Error {
    var status: Int32
  }

  private static func run(_ script: String, input: String) throws -> Data {
    try withTemporaryFolder { folder in
      let question = folder.appending(path: "question.json")
      try Data(input.utf8).write(to: question)
      let process = Process()
      let output = Pipe()
      process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      process.arguments = ["python3", "-c", script]
      process.standardInput = try FileHandle(forReadingFrom: question)
      process.standardOutput = output
      try process.run()
      let answer = try output.fileHandleForReading.readToEnd() ?? Data()
      process.waitUntilExit()
      guard process.terminationStatus == 0 else { throw Failure(status: process.terminationStatus) }
      return answer
    }
  }
}
