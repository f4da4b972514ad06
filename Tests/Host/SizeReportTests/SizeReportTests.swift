import Foundation
import Testing

@testable import SizeReport

@Suite("Size reports")
struct SizeReportTests {
  private let listing = ContentsListing(
    image: "box",
    entries: [
      .init(path: "/usr/bin/curl", size: 300, origin: "package curl"),
      .init(path: "/usr/lib/x86_64/libcurl.so", size: 500, origin: "package libcurl4"),
      .init(path: "/usr/lib/x86_64/libz.so", size: 100, origin: "package zlib1g"),
      .init(path: "/etc/a<b>", size: 100, origin: "the project's files"),
      .init(path: "/etc/empty", size: 0, origin: "the project's files"),
    ])

  @Test("Sums are by origin and by folder, the largest first")
  func sums() {
    let report = SizeReport(listing, depth: 2, limit: 2)
    #expect(report.size == 1000 && report.files == 5)
    #expect(report.origins.map(\.name).prefix(2) == ["package libcurl4", "package curl"])
    #expect(report.origins.reduce(0) { $0 + $1.size } == 1000)
    #expect(report.folders.map(\.name) == ["/usr/lib", "/usr/bin", "/etc"])
    #expect(report.folders.map(\.size) == [600, 300, 100])
    #expect(report.largest.map(\.name) == ["/usr/lib/x86_64/libcurl.so", "/usr/bin/curl"])
  }

  @Test("The text has a bar for each row, and the size of omitted rows")
  func text() {
    let text = SizeReport(listing, depth: 1, limit: 1).text(limit: 1) { "\($0) B" }
    #expect(
      text == """
        box: 1000 B in 5 files

        By origin
               500 B   50 %  ████████████████████  package libcurl4
               500 B  in 3 more

        By folder
               900 B   90 %  ████████████████████  /usr
               100 B  in 1 more

        Largest files
               500 B   50 %  ████████████████████  /usr/lib/x86_64/libcurl.so
        """)
  }

  @Test("Each part of a treemap has its share of the area, inside the whole and without overlaps")
  func squarified() {
    let sizes: [Double] = [600, 300, 200, 100, 60, 3, 1]
    let whole = Area(x: 10, y: 20, width: 600, height: 400)
    let areas = Squarified.divide(sizes, into: whole)

    #expect(areas.count == sizes.count)
    let scale = 600.0 * 400 / sizes.reduce(0, +)
    for (size, area) in zip(sizes, areas) {
      #expect(abs(area.width * area.height - size * scale) < 0.01)
      #expect(area.x >= 9.99 && area.y >= 19.99 && area.x + area.width <= 610.01 && area.y + area.height <= 420.01)
      #expect(max(area.width / area.height, area.height / area.width) < 8)
    }
    for (index, first) in areas.enumerated() {
      for second in areas.dropFirst(index + 1) {
        let width = min(first.x + first.width, second.x + second.width) - max(first.x, second.x)
        let height = min(first.y + first.height, second.y + second.height) - max(first.y, second.y)
        #expect(width < 0.01 || height < 0.01)
      }
    }
    #expect(Squarified.divide([], into: whole).isEmpty)
  }

  @Test("The page is self-contained: no scripts, no external resources, escaped names")
  func page() {
    let html = TreemapPage(listing) { "\($0) B" }.html
    #expect(!html.contains("<script") && !html.contains("http"))
    #expect(html.contains("/etc/a&lt;b&gt;: 100 B, the project's files"))
    #expect(html.contains("prefers-color-scheme: dark"))
    #expect(html.contains("/usr/lib/x86_64: 600 B"))
    #expect(html == TreemapPage(listing) { "\($0) B" }.html)
  }
}
