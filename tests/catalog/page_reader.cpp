#include "catalog/page_reader.hpp"

#include "catalog/faulty_store.hpp"
#include "catalog/support.hpp"

#include <fmt/format.h>

#include <string>
#include <vector>

using namespace reeve;
using catalog::page_reader;

namespace {

constexpr std::size_t page_size = 10;

struct library : support::world {
    explicit library(std::size_t books) {
        for (std::size_t index = 0; index < books; ++index) {
            put(fmt::format("book/{:03}", index), "text");
        }
    }
    static storage::key_range shelf() { return storage::key_range::prefix("book/"); }

    support::faulty_store counted{store};
};

awaitable<std::vector<std::string>> read_all(page_reader& reader) {
    std::vector<std::string> keys;
    for (;;) {
        const auto page = co_await reader.next();
        if (!page) co_return keys;
        for (const auto& one : page->records) keys.push_back(one.key);
    }
}

}  // namespace

TEST_CASE("every record of the range is read once, in order, whatever the number of pages") {
    for (const std::size_t books : {0U, 1U, 9U, 10U, 11U, 30U, 31U}) {
        library all(books);
        page_reader reader(all.strand, all.counted, library::shelf(), page_size);
        const auto keys = all.run(read_all(reader));
        INFO(books << " records");
        REQUIRE(keys.size() == books);
        for (std::size_t index = 0; index < books; ++index) {
            CHECK(keys[index] == fmt::format("book/{:03}", index));
        }
        // After the end it stays at the end, and the store is not asked again.
        const std::size_t asked = all.counted.lists;
        CHECK(all.run(read_all(reader)).empty());
        CHECK(all.counted.lists == asked);
    }
}

TEST_CASE("while a page is worked on, the store has been asked for the next, and for no more") {
    library all(35);
    page_reader reader(all.strand, all.counted, library::shelf(), page_size);
    const auto first = all.run(reader.next());
    REQUIRE(first->records.size() == page_size);
    all.settle();
    CHECK(all.counted.lists == 2);
    (void)all.run(reader.next());
    all.settle();
    CHECK(all.counted.lists == 3);
}

TEST_CASE("a page that cannot be read is the failure of the call that asks for it") {
    library all(15);
    page_reader reader(all.strand, all.counted, library::shelf(), page_size);
    all.settle();  // the first page is there
    all.counted.list_failure = errc::unavailable;
    CHECK(all.run(reader.next())->records.size() == page_size);
    CHECK(all.failure_of(reader.next()) == errc::unavailable);
}

TEST_CASE("a reader may be destroyed while the store reads") {
    library all(15);
    {
        page_reader reader(all.strand, all.counted, library::shelf(), page_size);
        (void)all.run(reader.next());
    }
    all.settle();
    CHECK(all.counted.lists <= 2);
}
