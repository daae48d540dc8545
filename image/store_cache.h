#pragma once
// One entry of the builder's cache taken away by its key; the rest of the cache is store.h's.

#include "image/store.h"

namespace berth::image {

/// Removes the entry, if there is one; its layers go with the next sweep.
Result<void> drop_cached(const Store& store, const Digest& key);

}  // namespace berth::image
