/// A page with two treemaps of an image, by folder and by origin. It is a single file without scripts, for any browser.
public struct TreemapPage {
  private let listing: ContentsListing
  private let format: (Int64) -> String

  private static let width = 1200.0
  private static let height = 700.0
  /// Height of a folder's title.
  private static let title = 16.0
  /// Minimum side length of a rectangle that is drawn.
  private static let smallest = 1.5
  /// Approximate width of a label's character.
  private static let character = 6.6

  /// - Parameter size: Formats a number of bytes.
  public init(_ listing: ContentsListing, size: @escaping (Int64) -> String) {
    self.listing = listing
    format = size
  }

  /// A folder with everything below it, or a file.
  private final class Node {
    let name: String
    let path: String
    var size: Int64 = 0
    var origin = ""
    var children: [String: Node] = [:]

    init(name: String, path: String) {
      self.name = name
      self.path = path
    }

    func add(_ parts: ArraySlice<String>, size: Int64, origin: String) {
      self.size += size
      guard let first = parts.first else {
        self.origin = origin
        return
      }
      let child = children[first] ?? Node(name: first, path: path == "/" ? "/\(first)" : "\(path)/\(first)")
      children[first] = child
      child.add(parts.dropFirst(), size: size, origin: origin)
    }
  }

  /// The page as HTML.
  public var html: String {
    let byFolder = Node(name: "/", path: "/")
    let byOrigin = Node(name: listing.image, path: "")
    for file in listing.files where file.size > 0 {
      let parts = file.path.split(separator: "/").map(String.init)
      byFolder.add(parts[...], size: file.size, origin: file.origin)
      byOrigin.add([file.origin] + parts, size: file.size, origin: file.origin)
    }
    let name = Self.escaped(listing.image)
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>\(name): what is large</title>
      <style>
      :root { color-scheme: light dark; --paper: #fff; --ink: #1b1d21; --line: #fff; --c: 45%; --l: 80%; --f: 90%; }
      @media (prefers-color-scheme: dark) {
        :root { --paper: #15171a; --ink: #e9eaec; --line: #15171a; --c: 30%; --l: 30%; --f: 20%; }
      }
      body { margin: 1.5rem; background: var(--paper); color: var(--ink); font: 15px/1.4 system-ui, sans-serif; }
      h1 { font-size: 1.2rem; margin: 0 0 .6rem; }
      svg { width: 100%; height: auto; display: none; margin-top: .8rem; }
      rect { fill: hsl(var(--h, 0) var(--c) var(--l)); stroke: var(--line); stroke-width: .7; }
      rect.folder { fill: hsl(220 8% var(--f)); }
      rect:hover { stroke: var(--ink); }
      text { fill: var(--ink); font-size: 11px; pointer-events: none; }
      label { margin-right: 1rem; cursor: pointer; }
      #folder:checked ~ .folders, #origin:checked ~ .origins { display: block; }
      </style>
      </head>
      <body>
      <h1>\(name): \(format(listing.size)) in \(listing.files.count) files</h1>
      <input type="radio" name="view" id="folder" checked><label for="folder">by folder</label>
      <input type="radio" name="view" id="origin"><label for="origin">by origin</label>
      \(drawing(byFolder, class: "folders"))
      \(drawing(byOrigin, class: "origins"))
      </body>
      </html>

      """
  }

  private func drawing(_ root: Node, class name: String) -> String {
    var parts: [String] = []
    draw(root, in: Area(x: 0, y: 0, width: Self.width, height: Self.height), into: &parts)
    let box = "0 0 \(Int(Self.width)) \(Int(Self.height))"
    return "<svg class=\"\(name)\" viewBox=\"\(box)\" role=\"img\">\n\(parts.joined(separator: "\n"))\n</svg>"
  }

  private func draw(_ node: Node, in area: Area, into parts: inout [String]) {
    guard area.width >= Self.smallest, area.height >= Self.smallest else { return }
    // Draw a folder that contains only another folder as one rectangle with it.
    if node.children.count == 1, let only = node.children.values.first, !only.children.isEmpty {
      return draw(only, in: area, into: &parts)
    }
    let isFolder = !node.children.isEmpty
    let full = "\(node.path.isEmpty ? node.name : node.path): \(format(node.size))"
    let label = isFolder ? node.path.isEmpty ? node.name : node.path : node.name
    let about = isFolder || node.origin.isEmpty ? full : "\(full), \(node.origin)"
    let style = isFolder ? "class=\"folder\"" : "style=\"--h:\(Self.hue(node.origin))\""
    parts.append(
      "<rect \(style) \(Self.place(area))><title>\(Self.escaped(about))</title></rect>")
    let fits = Int((area.width - 6) / Self.character)
    if area.height >= 13, fits >= 4 {
      let shown = label.count <= fits ? label : "…" + label.suffix(fits - 1)
      parts.append(
        "<text x=\"\(Self.number(area.x + 3))\" y=\"\(Self.number(area.y + 11.5))\">\(Self.escaped(shown))</text>")
    }
    guard isFolder else { return }
    let hasTitle = area.height > 40 && area.width > 40
    let top = hasTitle ? Self.title : 1
    let inner = Area(
      x: area.x + 1.5, y: area.y + top, width: max(0, area.width - 3), height: max(0, area.height - top - 1.5))
    let children = node.children.values.sorted { ($1.size, $0.name) < ($0.size, $1.name) }
    for (child, place) in zip(children, Squarified.divide(children.map { Double($0.size) }, into: inner)) {
      draw(child, in: place, into: &parts)
    }
  }

  private static func place(_ area: Area) -> String {
    "x=\"\(number(area.x))\" y=\"\(number(area.y))\" width=\"\(number(area.width))\" height=\"\(number(area.height))\""
  }

  private static func number(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
  }

  /// The hue for an origin in degrees, the same in every page.
  private static func hue(_ origin: String) -> Int {
    // FNV-1a gives similar names different hues.
    Int(origin.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 } % 360)
  }

  private static func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
      .replacing("\"", with: "&quot;")
  }
}
