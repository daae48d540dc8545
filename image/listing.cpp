// `images` and its filters: list_images and prune_filter of views.h.

#include <algorithm>

#include "image/views.h"

namespace berth::image {
namespace {

using Test = std::function<bool(const Store::Listed&)>;
using Terms = std::vector<std::pair<std::string, std::string>>;

/// "key" or "key=value".
bool has_label(const std::map<std::string, std::string>& labels, std::string_view term) {
    const std::size_t equals = term.find('=');
    const auto found = labels.find(std::string(term.substr(0, equals)));
    return found != labels.end() && (equals == term.npos || found->second == term.substr(equals + 1));
}

/// docker's "until": a moment, seconds since 1970, or how long ago.
Result<Moment> parse_until(std::string_view text) {
    if (const Result<Duration> ago = parse_duration(text); ago.ok()) return Moment{now().nanoseconds - ago.value().nanoseconds};
    if (!text.empty() && text.find_first_not_of("0123456789") == text.npos && text.size() < 12) {
        std::int64_t seconds = 0;
        for (const char digit : text) seconds = seconds * 10 + (digit - '0');
        return Moment{seconds * 1'000'000'000};
    }
    return TRY(parse_moment(text), "filter until=", text);
}

Result<bool> parse_flag(std::string_view key, std::string_view value) {
    if (value == "true" || value == "1") return true;
    if (value == "false" || value == "0") return false;
    return Error(Kind::invalid, cat("filter ", key, "=", value, ": is neither true nor false"));
}

Result<Moment> creation_of(const Store& store, const std::string& name) {
    const ImageId id = TRY(store.resolve(name));
    const ImageRecord record = TRY(store.load_record(id));
    return record.created;
}

Result<Test> make_test(const Store& store, const std::string& key, const std::string& value) {
    if (key == "dangling") {
        const bool wanted = TRY(parse_flag(key, value));
        return Test([wanted](const Store::Listed& image) { return image.names.empty() == wanted; });
    }
    if (key == "label") return Test([value](const Store::Listed& image) { return has_label(image.record.labels, value); });
    if (key == "label!") return Test([value](const Store::Listed& image) { return !has_label(image.record.labels, value); });
    if (key == "before" || key == "since") {
        const Moment limit = TRY(creation_of(store, value));
        const bool is_before = key == "before";
        return Test([limit, is_before](const Store::Listed& image) {
            return is_before ? image.record.created < limit : image.record.created > limit;
        });
    }
    if (key == "until") {
        const Moment limit = TRY(parse_until(value));
        return Test([limit](const Store::Listed& image) { return image.record.created < limit; });
    }
    return Error(Kind::invalid, cat("filter '", key, "': unknown")).with_hint("known are before, dangling, label, label!, reference, since and until");
}

bool matches_any(const Reference& name, const std::vector<std::string>& patterns) {
    return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& p) { return reference_matches(name, p); });
}

std::string digest_in(const Store::Listed& image, const Reference& name) {
    for (const Reference& digest : image.digests)
        if (digest.name() == name.name()) return digest.digest();
    return {};
}

/// Rows of one image: its tags, and repositories that have it by digest only.
void append_rows(const Store::Listed& image, const std::vector<std::string>& patterns, std::vector<ImageRow>& rows) {
    ImageRow row{image.id, {}, {}, image.record.created, image.record.size, image.record.labels};
    const auto add = [&](const Reference& name) {
        if (!patterns.empty() && !matches_any(name, patterns)) return;
        row.name = name;
        row.digest = digest_in(image, name);
        rows.push_back(row);
    };
    for (const Reference& name : image.names) add(name);
    for (const Reference& digest : image.digests)
        if (std::none_of(image.names.begin(), image.names.end(), [&](const Reference& n) { return n.name() == digest.name(); })) add(digest);
    if (image.names.empty() && image.digests.empty() && patterns.empty()) rows.push_back(std::move(row));
}

/// `images NAME`: a pattern as written; a full name as people see it.
std::string name_pattern(const std::string& name) {
    const Result<Reference> reference = Reference::parse(name);
    return reference.ok() ? reference.value().str() : name;
}

/// Tests of one key are or-ed, save those of labels.
class FilterSet {
public:
    Result<void> add(const Store& store, const std::string& key, const std::string& value) {
        Test test = TRY(make_test(store, key, value));
        const bool is_label = key == "label" || key == "label!";
        groups_[is_label ? cat(key, " ", groups_.size()) : key].push_back(std::move(test));
        return {};
    }
    bool accepts(const Store::Listed& image) const {
        return std::all_of(groups_.begin(), groups_.end(), [&](const auto& group) {
            return std::any_of(group.second.begin(), group.second.end(), [&](const Test& test) { return test(image); });
        });
    }

private:
    std::map<std::string, std::vector<Test>> groups_;
};

}  // namespace

Result<std::vector<ImageRow>> list_images(const Store& store, const ImageFilters& filters) {
    FilterSet tests;
    std::vector<std::string> patterns;
    bool wants_dangling = false;
    for (const auto& [key, value] : filters.terms) {
        if (key == "dangling" && value == "true") wants_dangling = true;
        if (key == "reference") patterns.push_back(value);
        else TRY(tests.add(store, key, value));
    }
    if (!filters.name.empty()) patterns.push_back(name_pattern(filters.name));

    std::vector<ImageRow> rows;
    const std::vector<Store::Listed> images = TRY(store.list());
    for (const Store::Listed& image : images) {
        // Without a name but with children: a step on the way to another image, or its replaced base.
        const bool is_intermediate = image.names.empty() && image.digests.empty() && image.has_children;
        if (is_intermediate && (!filters.all || wants_dangling)) continue;
        if (tests.accepts(image)) append_rows(image, patterns, rows);
    }
    return rows;
}

Result<std::function<bool(const Store::Listed&)>> prune_filter(const Terms& terms) {
    std::vector<Test> tests;
    for (const auto& [key, value] : terms) {
        if (key == "label") {
            tests.push_back([term = value](const Store::Listed& image) { return has_label(image.record.labels, term); });
        } else if (key == "label!") {
            tests.push_back([term = value](const Store::Listed& image) { return !has_label(image.record.labels, term); });
        } else if (key == "until") {
            const Moment limit = TRY(parse_until(value));
            tests.push_back([limit](const Store::Listed& image) { return image.record.created < limit; });
        } else if (key != "dangling") {
            return Error(Kind::invalid, cat("filter '", key, "': unknown")).with_hint("known are dangling, label, label! and until");
        }
    }
    return Test([tests = std::move(tests)](const Store::Listed& image) {
        return std::all_of(tests.begin(), tests.end(), [&](const Test& test) { return test(image); });
    });
}

}  // namespace berth::image
