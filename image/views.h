#pragma once
// What `images`, `image inspect`, `history`, `system df` and `image tree` show, as data: the cli formats it.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "image/store.h"

namespace berth::image {

/// One row of `images`: an image under one name. An image without one is one row without reference; one that only a digest
/// names has a reference without tag.
struct ImageRow {
    ImageId id;
    std::optional<Reference> name;
    std::string digest;  ///< of the manifest under which this repository has it, "" when unknown
    Moment created;
    std::int64_t size = 0;
    std::map<std::string, std::string> labels;
};
/// Filters as docker's: same key or-ed, different keys and-ed, label and-ed. Unknown keys are Kind::invalid.
struct ImageFilters {
    std::vector<std::pair<std::string, std::string>> terms;  ///< {"dangling", "true"}, {"reference", "a*"}, …
    std::string name;                                        ///< `images NAME[:TAG]`, "" for all
    bool all = false;
};
Result<std::vector<ImageRow>> list_images(const Store& store, const ImageFilters& filters);
/// The `is_wanted` of Store::prune from `until`, `label` and `label!` (dangling is PruneOptions.all).
Result<std::function<bool(const Store::Listed&)>> prune_filter(
    const std::vector<std::pair<std::string, std::string>>& terms);

/// docker image inspect: the document.
Result<Json> inspect_image(const Store& store, const ImageId& id);

/// One row of `history`, newest first.
struct HistoryRow {
    std::optional<ImageId> id;  ///< the image's own for the first row, else "<missing>"
    std::optional<Moment> created;
    std::string created_by;
    std::int64_t size = 0;
    std::string comment;
    std::vector<Reference> names;
};
Result<std::vector<HistoryRow>> image_history(const Store& store, const ImageId& id);

/// Numbers of `system df`: layers shared by images are counted once in total.
struct ImageUsage {
    ImageId id;
    std::vector<Reference> names;
    Moment created;
    std::int64_t size = 0;
    std::int64_t shared = 0;
    std::int64_t unique = 0;
    std::int64_t containers = 0;
};
struct StoreUsage {
    std::vector<ImageUsage> images;
    std::int64_t total = 0;        ///< bytes of all layers that images have
    std::int64_t reclaimable = 0;  ///< bytes that go when images without container go
    std::int64_t active = 0;       ///< images with a container
    std::vector<Store::CacheListed> cache;
    std::int64_t cache_total = 0;  ///< bytes of layers that only the build cache has
};
Result<StoreUsage> store_usage(const Store& store, const std::vector<ImageUse>& uses);

/// `system check`: everything that is wrong, one line each; with repair what can be put right is.
struct CheckOptions {
    bool deep = false;  ///< read every layer and compare digests
    bool repair = false;
};
struct CheckReport {
    std::int64_t images = 0;
    std::int64_t layers = 0;
    std::vector<std::string> problems;
    std::vector<std::string> repairs;
};
Result<CheckReport> check_store(const Store& store, const CheckOptions& options, const std::vector<ImageUse>& uses);

}  // namespace berth::image
