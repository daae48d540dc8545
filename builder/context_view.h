#pragma once
// The build context as RUN --mount=type=bind sees it: the user's folder with what .dockerignore excludes hidden, without
// copying anything.

#include "base/root.h"
#include "builder/ignore.h"
#include "image/store.h"

namespace berth::builder {

/// An overlay of the folder under a layer of whiteouts, which is made in `mask` (keep it while the view is used).
Result<Fd> open_context_view(const Root& folder, const IgnoreMatcher& ignored, image::Staging& mask);

}  // namespace berth::builder
