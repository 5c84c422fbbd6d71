#include "backends/etcd/records.hpp"
#include "storage/printable.hpp"

#include <limits>

namespace reeve::backends::etcd {

namespace {

// Numbers, tags and lengths of a record on the wire, at most.
constexpr std::size_t record_bytes = 64;

storage::revision revision_from(const header& head) {
    return storage::revision(static_cast<std::uint64_t>(head.revision));
}

// Only the header matters, and etcd answers it in order with the commits.
awaitable<answer<range_response>> ask_revision(store_ptr store, std::string key, std::int64_t at) {
    range_request question(std::move(key), "");
    question.count_only = true;
    question.revision = at;
    co_return co_await perform(store->session, std::move(question), effect::none);
}

// A page that was much smaller than it may be: the next may hold more records than was learnt.
void allow_more(session& s, std::size_t asked, const std::vector<storage::record>& page) {
    if (s.page_records != asked) return;
    std::size_t bytes = 0;
    for (const auto& each : page) bytes += each.key.size() + each.value.size() + record_bytes;
    if (bytes < s.options.response_bytes_max / 4) s.page_records = 2 * asked;
}

bool lies_in(const wire_range& asked, const std::string& key) {
    if (asked.end.empty()) return key == asked.key;
    return key >= asked.key && (asked.end == std::string(1, '\0') || key < asked.end);
}

}  // namespace

void adopt(const key_space& keys, const wire_range& asked, std::vector<storage::record>& records) {
    const std::string* before = nullptr;
    for (auto& each : records) {
        const bool ordered = before == nullptr || *before < each.key;
        if (!ordered || !lies_in(asked, each.key)) {
            throw error(errc::corrupt, "etcd: read: the answer holds " +
                                           storage::printable(each.key) + " in the wrong place");
        }
        before = &each.key;
    }
    for (auto& each : records) keys.strip(each.key);
}

awaitable<std::optional<storage::record>> get_from(store_ptr store, std::string key) {
    std::optional<storage::record> found;
    if (key.empty()) co_return found;  // no record can have it
    wire_range asked;
    asked.key = store->keys.outer(key);
    range_request question(asked.key, "");
    auto got = co_await perform(store->session, std::move(question), effect::none);
    if (got.refusal) throw_refusal("get", *got.refusal, got.why);
    adopt(store->keys, asked, got.what.records);
    if (!got.what.records.empty()) found = std::move(got.what.records.front());
    co_return found;
}

awaitable<storage::page> list_from(store_ptr store, storage::key_range range, std::size_t limit) {
    if (limit == 0) throw error(errc::invalid_argument, "list with a limit of 0, at least 1");
    storage::page result;
    const wire_range asked = store->keys.outer(range);
    if (asked.empty) {
        result.at = co_await revision_of(store, asked.key);
        co_return result;
    }
    const session_ptr s = store->session;
    std::size_t most = std::min(limit, store->limits.page_records_max);
    most = std::min(most, s->page_records);
    for (;;) {
        range_request question(asked.key, asked.end);
        question.limit = static_cast<std::int64_t>(most);
        auto got = co_await perform(s, std::move(question), effect::none);
        if (got.refusal && got.why.what == verdict::kind::answer_size && most > 1) {
            most /= 2;
            s->page_records = most;
            continue;
        }
        if (got.refusal) throw_refusal("list", *got.refusal, got.why);
        adopt(store->keys, asked, got.what.records);
        result.records = std::move(got.what.records);
        result.at = revision_from(got.what.head);
        if (!got.what.more) co_return result;
        allow_more(*s, most, result.records);
        if (result.records.empty()) {
            throw error(errc::corrupt, "etcd: list: an empty page, and more to come");
        }
        result.resume_at = result.records.back().key + '\0';
        co_return result;
    }
}

awaitable<storage::revision> revision_of(store_ptr store, std::string key) {
    const auto got = co_await ask_revision(store, std::move(key), 0);
    if (got.refusal) throw_refusal("read", *got.refusal, got.why);
    co_return revision_from(got.what.head);
}

awaitable<bool> history_is_kept(store_ptr store, std::string key, storage::revision from) {
    if (from.value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        co_return true;  // it will never happen
    }
    const auto at = static_cast<std::int64_t>(from.value);
    const auto got = co_await ask_revision(store, std::move(key), at);
    if (!got.refusal) co_return true;
    if (got.why.code == errc::compacted) co_return false;
    if (got.why.code == errc::not_found) co_return true;  // the future
    throw_refusal("watch", *got.refusal, got.why);
}

std::string trouble_of(const store_core& store) {
    std::string all;
    for (const auto& each : store.session->members) {
        if (each.flaw.empty()) continue;
        if (!all.empty()) all += "; ";
        all += each.endpoint + ": " + each.flaw;
    }
    return all;
}

awaitable<std::uint64_t> cluster_of(store_ptr store) {
    const session_ptr s = store->session;
    if (s->cluster == 0) {
        const auto deadline = s->strand->now() + s->options.request_patience;
        co_await fit_member(s, deadline);
    }
    if (s->cluster == 0) {  // the greeting was refused
        std::string key = store->keys.some_key();
        co_await revision_of(store, std::move(key));
    }
    co_return s->cluster;
}

}  // namespace reeve::backends::etcd
