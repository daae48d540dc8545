#pragma once
// Inside image/ only: the list of images in one file, since reading a thousand small ones takes longer than a command may.
// It is never the truth: it counts only while refs/ and images/ have the times they had when it was made, and whoever finds
// it stale reads the records and makes a new one.

#include <optional>
#include <string>
#include <vector>

#include "image/store.h"

namespace berth::image {

/// When refs/ and images/ were changed last; as text.
Result<std::string> index_stamp(const Store& store);
/// The list, when there is one for this stamp.
std::optional<std::vector<Store::Listed>> load_index(const Store& store, const std::string& stamp);
/// Keeps the list for the next command, if it is long enough to be worth it and no change can have escaped the stamp.
void store_index(const Store& store, const std::string& stamp, const std::vector<Store::Listed>& list);

}  // namespace berth::image
