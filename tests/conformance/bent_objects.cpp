#include "conformance/bent_objects.hpp"

namespace conformance {

namespace {

using namespace reeve::storage;
using reeve::awaitable;
using how_ptr = std::shared_ptr<const object_bend>;
using inner_ptr = std::shared_ptr<object_store>;
using maybe_version = std::optional<object_version>;

// Every call is a static coroutine that owns what it uses: the store may be destroyed meanwhile.
class bent_objects final : public object_store {
public:
    bent_objects(how_ptr how, inner_ptr inner) : how_(std::move(how)), inner_(std::move(inner)) {}

    object_capabilities capabilities() const noexcept override {
        auto can = inner_->capabilities();
        if (how_->capabilities) how_->capabilities(can);
        return can;
    }
    object_limits limits() const noexcept override {
        auto most = inner_->limits();
        if (how_->limits) how_->limits(most);
        return most;
    }
    awaitable<object_version> put(std::string key, std::string bytes) override {
        rename(key);
        if (how_->putting) how_->putting(bytes);
        if (how_->put) return how_->put(*inner_, std::move(key), std::move(bytes));
        return inner_->put(std::move(key), std::move(bytes));
    }
    awaitable<maybe_version> put_if_absent(std::string key, std::string bytes) override {
        rename(key);
        if (how_->if_absent) return how_->if_absent(*inner_, std::move(key), std::move(bytes));
        return inner_->put_if_absent(std::move(key), std::move(bytes));
    }
    awaitable<maybe_version> put_if_match(std::string key, std::string bytes,
                                          object_version expected) override {
        rename(key);
        if (how_->if_match) {
            return how_->if_match(*inner_, std::move(key), std::move(bytes), std::move(expected));
        }
        return inner_->put_if_match(std::move(key), std::move(bytes), std::move(expected));
    }
    awaitable<std::optional<object>> get(std::string key, byte_range range) override {
        rename(key);
        if (how_->get) return how_->get(*inner_, std::move(key));
        return get_of(how_, inner_, std::move(key), range);
    }
    awaitable<std::optional<object_meta>> head(std::string key) override {
        rename(key);
        return inner_->head(std::move(key));
    }
    awaitable<void> remove(std::string key) override {
        rename(key);
        if (how_->remove) return how_->remove(*inner_, std::move(key));
        return inner_->remove(std::move(key));
    }
    awaitable<std::vector<remove_result>> remove_many(std::vector<std::string> keys) override {
        return remove_many_of(how_, inner_, std::move(keys));
    }
    awaitable<object_page> list(std::string prefix, std::string after, std::size_t limit) override {
        if (how_->listing) how_->listing(prefix, after, limit);
        return list_of(how_, inner_, std::move(prefix), std::move(after), limit);
    }
    awaitable<reeve::core::wall_time> server_time() override { return time_of(how_, inner_); }

private:
    void rename(std::string& key) const {
        if (how_->naming) how_->naming(key);
    }
    static awaitable<std::optional<object>> get_of(how_ptr how, inner_ptr inner, std::string key,
                                                   byte_range range) {
        const byte_range asked = range;
        if (how->getting) how->getting(range);
        auto call = inner->get(std::move(key), range);
        std::optional<object> found = co_await std::move(call);
        if (how->got) how->got(found, asked);
        co_return found;
    }
    static awaitable<std::vector<remove_result>> remove_many_of(how_ptr how, inner_ptr inner,
                                                                std::vector<std::string> keys) {
        auto call = inner->remove_many(std::move(keys));
        std::vector<remove_result> answers = co_await std::move(call);
        if (how->removed_many) how->removed_many(answers);
        co_return answers;
    }
    static awaitable<object_page> list_of(how_ptr how, inner_ptr inner, std::string prefix,
                                          std::string after, std::size_t limit) {
        auto call = inner->list(std::move(prefix), std::move(after), limit);
        object_page part = co_await std::move(call);
        if (how->listed) how->listed(part);
        co_return part;
    }
    static awaitable<reeve::core::wall_time> time_of(how_ptr how, inner_ptr inner) {
        auto call = inner->server_time();
        reeve::core::wall_time now = co_await std::move(call);
        if (how->time) how->time(now);
        co_return now;
    }

    how_ptr how_;
    inner_ptr inner_;
};

}  // namespace

void bent_object_factory::fresh_bucket() {
    reeve::backends::memory_bucket_options options;
    if (how_->lacks_conditions) {
        options.capabilities.put_if_absent = false;
        options.capabilities.put_if_match = false;
    }
    bucket = std::make_shared<reeve::backends::memory_bucket>(options);
}

void bent_object_factory::reset() {
    fresh_bucket();
    handles_ = 0;
    if (how_->begins) how_->begins();
}

reeve::awaitable<std::unique_ptr<reeve::storage::object_store>> bent_object_factory::open(
    reeve::core::runtime&) {
    if (how_->forgets_on_open && handles_++ > 0) fresh_bucket();
    auto inner = std::make_shared<reeve::backends::memory_object_store>(bucket);
    co_return std::make_unique<bent_objects>(how_, std::move(inner));
}

}  // namespace conformance
