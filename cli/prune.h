#pragma once
// What the prune commands share: their filters, the question before, and the report after.

#include <string>

#include "cli/listing.h"
#include "cli/session.h"
#include "container/prune.h"
#include "image/store.h"

namespace berth::cli {

struct PruneOptions {
    bool force = false, all = false, dry_run = false, volumes = false;
    std::optional<std::int64_t> keep;
    Words filters;
};
void describe_prune(Parser& parser, PruneOptions& options);

/// until, label, label!= as containers, volumes and networks understand them; other keys are refused by name.
Result<container::PruneFilter> make_prune_filter(const FilterTerms& terms);
/// "WARNING! This will remove …" and the question. True when the work may begin (docker: -f skips it; no is status 0).
bool may_prune(const PruneOptions& options, std::string_view warning);
/// "Total reclaimed space: 12.3MB"; with --dry-run what it would be.
std::string reclaimed_text(const PruneOptions& options, std::uint64_t bytes);

/// The lines of rmi and image prune: names taken away, ids deleted.
std::string removal_text(const image::Removal& removal, std::string_view untagged, std::string_view deleted);

/// Removes images; the report's text and freed bytes.
Result<std::pair<std::string, std::uint64_t>> prune_images(container::Engine& engine, const PruneOptions& options,
                                                           const FilterTerms& terms);

}  // namespace berth::cli
