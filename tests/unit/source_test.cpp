#include <doctest/doctest.h>

#include "interpreter/base/source.h"

using namespace bfl;

TEST_CASE("a position is found by line and byte column") {
  Sources sources;
  const auto index = sources.add("a.bfl", "one\ntwo\r\n\nfour");
  const SourceFile& file = sources.file(index);
  CHECK(file.line_count() == 4);
  CHECK(file.position(0).line == 1);
  CHECK(file.position(3).column == 4);
  CHECK(file.position(4).line == 2);
  CHECK(file.position(4).column == 1);
  CHECK(file.position(10).line == 4);
  CHECK(file.position(14).column == 5);
}

TEST_CASE("a position past the end is the end") {
  const SourceFile file("a.bfl", "ab");
  CHECK(file.position(99).line == 1);
  CHECK(file.position(99).column == 3);
}

TEST_CASE("a line comes without its line end") {
  const SourceFile file("a.bfl", "one\ntwo\r\n\nfour");
  CHECK(file.line(1) == "one");
  CHECK(file.line(2) == "two");
  CHECK(file.line(3).empty());
  CHECK(file.line(4) == "four");
  CHECK(file.line(0).empty());
  CHECK(file.line(5).empty());
}

TEST_CASE("an empty file has one empty line") {
  const SourceFile file("a.bfl", "");
  CHECK(file.line_count() == 1);
  CHECK(file.line(1).empty());
  CHECK(file.position(0).column == 1);
}

TEST_CASE("a text does not move when other files are added") {
  Sources sources;
  const auto first = sources.add("a.bfl", "x");
  const char* before = sources.file(first).text().data();
  for (int i = 0; i < 100; ++i) sources.add("b.bfl", "y");
  CHECK(sources.file(first).text().data() == before);
}

TEST_CASE("a slice outside of the sources is empty") {
  Sources sources;
  sources.add("a.bfl", "hello");
  CHECK(sources.slice({1, 3, 0}) == "el");
  CHECK(sources.slice({9, 12, 0}).empty());
  CHECK(sources.slice({3, 1, 0}).empty());
  CHECK(sources.slice({0, 1, 7}).empty());
}
