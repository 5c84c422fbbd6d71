#include "conformance/bent_store.hpp"

#include <map>
#include <memory>
#include <utility>

namespace conformance {

namespace {

using storage::commit_result;
using storage::condition;
using storage::operation;
using storage::record;
using storage::revision;
using storage::transaction;
using database_ptr = std::shared_ptr<std::shared_ptr<memory_database>>;

// A bend that may look into the database of the running check.
bend with_database(const std::function<void(bend&, database_ptr)>& fill) {
    bend how;
    const auto database = std::make_shared<std::shared_ptr<memory_database>>();
    how.begins = [database](std::shared_ptr<memory_database> of_check) {
        *database = std::move(of_check);
    };
    fill(how, database);
    return how;
}

bend got(std::function<void(std::optional<record>&, std::size_t)> change) {
    bend how;
    how.got = std::move(change);
    return how;
}

bend committing(std::function<transaction(const transaction&)> change) {
    bend how;
    how.committing = std::move(change);
    return how;
}

bend commit(awaitable<commit_result> (*instead)(storage::metadata_store&, transaction)) {
    bend how;
    how.commit = instead;
    return how;
}

bend committed(std::function<void(const transaction&, commit_result&, std::size_t)> change) {
    bend how;
    how.committed = std::move(change);
    return how;
}

// Drops the conditions for which the function says so, as if they held.
bend conditions(std::function<bool(const condition&, const std::optional<record>&)> ignored) {
    return with_database([ignored](bend& how, const database_ptr& database) {
        how.committing = [ignored, database](const transaction& change) {
            auto keep = [&](condition& each) {
                return !ignored(each, present(**database, each.key));
            };
            return edited(change, keep, keep_operation);
        };
    });
}

transaction cut_at_nul(const transaction& change) {
    auto cut = [](operation& each) {
        each.value = each.value.c_str();
        return true;
    };
    return edited(change, keep_condition, cut);
}

transaction without_third_write(const transaction& change) {
    std::size_t count = 0;
    auto first_two = [&count](operation&) { return ++count <= 2; };
    return edited(change, keep_condition, first_two);
}

awaitable<commit_result> one_by_one(storage::metadata_store& store, transaction change) {
    const auto operations = change.operations();
    auto none = [](operation&) { return false; };
    transaction tests = edited(change, keep_condition, none);
    commit_result result = co_await store.commit(std::move(tests));
    for (std::size_t index = 0; result && index < operations.size(); ++index) {
        std::size_t at = 0;
        auto only = [&at, index](operation&) { return at++ == index; };
        auto nothing = [](condition&) { return false; };
        transaction part = edited(change, nothing, only);
        result = co_await store.commit(std::move(part));
    }
    co_return result;
}

awaitable<commit_result> removes_what_is_not_there(storage::metadata_store& store,
                                                   transaction change) {
    for (const auto& each : change.operations()) {
        if (each.what != operation::kind::remove) continue;
        auto read = store.get(each.key);
        const std::optional<record> found = co_await std::move(read);
        if (found) continue;
        transaction create;
        create.put(each.key, "");
        co_await store.commit(std::move(create));
    }
    co_return co_await store.commit(std::move(change));
}

awaitable<commit_result> writes_although_rejected(storage::metadata_store& store,
                                                  transaction change) {
    auto nothing = [](condition&) { return false; };
    transaction blind = edited(change, nothing, keep_operation);
    const commit_result result = co_await store.commit(std::move(change));
    if (!result) co_await store.commit(std::move(blind));
    co_return result;
}

awaitable<commit_result> sees_its_own_writes(storage::metadata_store& store, transaction change) {
    commit_result rejected;
    for (const auto& each : change.operations()) {
        for (const auto& test : change.conditions()) {
            if (test.key == each.key) rejected.failed.assign(1, 0);
        }
    }
    if (!rejected.failed.empty()) co_return rejected;
    co_return co_await store.commit(std::move(change));
}

bend drops_equal_puts() {
    return with_database([](bend& how, const database_ptr& database) {
        how.committing = [database](const transaction& change) {
            auto differs = [&](operation& each) {
                const auto now = present(**database, each.key);
                return !now || each.what != operation::kind::put || now->value != each.value;
            };
            return edited(change, keep_condition, differs);
        };
    });
}

bend remembers_former_life() {
    const auto first = std::make_shared<std::map<std::string, revision>>();
    bend how;
    how.begins = [first](const std::shared_ptr<memory_database>&) { first->clear(); };
    how.committed = [first](const transaction& change, commit_result& result, std::size_t) {
        for (const auto& each : change.operations()) first->emplace(each.key, result.at);
    };
    how.got = [first](std::optional<record>& found, std::size_t) {
        if (found) found->created = first->at(found->key);
    };
    return how;
}

bend never_forgets_first_value() {
    const auto cache = std::make_shared<std::map<std::string, record>>();
    bend how;
    how.begins = [cache](const std::shared_ptr<memory_database>&) { cache->clear(); };
    how.got = [cache](std::optional<record>& found, std::size_t) {
        if (found) found = cache->emplace(found->key, *found).first->second;
    };
    return how;
}

bool absent_if_empty(const condition& test, const std::optional<record>& now) {
    return test.what == condition::kind::absent && now && now->value.empty();
}
bool any_life(const condition& test, const std::optional<record>& now) {
    return test.what == condition::kind::created_at && now.has_value();
}
bool any_earlier_write(const condition& test, const std::optional<record>& now) {
    return test.what == condition::kind::modified_at && now && now->modified >= test.expected;
}
bool zero_means_anything(const condition& test, const std::optional<record>&) {
    return test.what != condition::kind::created_at && !test.expected && test.key == "key";
}

}  // namespace

std::vector<broken> broken_values() {
    std::vector<broken> all;
    all.push_back({"get_of_missing_is_nothing", got([](auto& found, std::size_t) {
                       if (!found) found.emplace();
                   })});
    all.push_back({"put_is_read_back", never_forgets_first_value()});
    all.push_back({"any_bytes_are_kept", committing(cut_at_nul)});
    all.push_back({"empty_value_is_a_value", got([](auto& found, std::size_t) {
                       if (found && found->value.empty()) found.reset();
                   })});
    all.push_back({"record_tells_its_life", got([](auto& found, std::size_t) {
                       if (found) found->created = found->modified;
                   })});
    all.push_back({"removal_ends_a_life", remembers_former_life()});
    all.push_back({"revisions_increase",
                   committed([](auto&, auto& result, std::size_t) { --result.at.value; })});
    all.push_back({"equal_put_is_a_write", drops_equal_puts()});
    all.push_back({"transaction_has_one_revision", commit(one_by_one)});
    all.push_back({"transaction_writes_all", committing(without_third_write)});
    all.push_back({"remove_of_missing_changes_nothing", commit(removes_what_is_not_there)});
    all.push_back({"empty_transaction_only_evaluates",
                   committed([](const auto& change, auto& result, std::size_t) {
                       if (!change.operations().empty()) return;
                       result.what = commit_result::decision::committed;
                   })});
    all.push_back({"condition_absent", conditions(absent_if_empty)});
    all.push_back({"condition_created_at", conditions(any_life)});
    all.push_back({"condition_modified_at", conditions(any_earlier_write)});
    all.push_back({"condition_modified_at_zero_is_absent", conditions(zero_means_anything)});
    all.push_back({"rejected_changes_nothing", commit(writes_although_rejected)});
    all.push_back(
        {"all_failed_conditions_are_reported", committed([](auto&, auto& result, std::size_t) {
             if (result.failed.size() > 1) result.failed.resize(1);
         })});
    all.push_back(
        {"rejected_tells_the_current_revision", committed([](auto&, auto& result, std::size_t) {
             if (!result) result.at = revision();
         })});
    all.push_back({"conditions_come_before_writes", commit(sees_its_own_writes)});
    return all;
}

}  // namespace conformance
