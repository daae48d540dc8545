#pragma once
// An ordered job as a table: each stage has a purpose, what it does and what undoes it. When a stage fails, those before
// it are undone in reverse order; an undo that fails is added to the error, and the others still run.

#include <span>

#include "base/result.h"

namespace berth {

template <class Subject>
struct Stage {
    std::string_view purpose;
    Result<void> (*apply)(Subject&);
    Result<void> (*undo)(Subject&);
};

template <class Subject>
Result<void> nothing_to_undo(Subject&) {
    return {};
}

/// Undoes the first `count` stages of the table, last first; the first failure is returned, none stops the others.
template <class Subject>
Result<void> undo_stages(std::span<const Stage<Subject>> stages, std::size_t count, Subject& subject) {
    Result<void> first;
    while (count-- > 0)
        if (auto undone = stages[count].undo(subject); !undone.ok() && first.ok())
            first = std::move(undone).error().context("undo ", stages[count].purpose);
    return first;
}

template <class Subject>
Result<void> run_stages(std::span<const Stage<Subject>> stages, Subject& subject) {
    for (std::size_t i = 0; i < stages.size(); ++i) {
        auto done = stages[i].apply(subject);
        if (done.ok()) continue;
        Error failure = std::move(done).error().context(stages[i].purpose);
        if (auto undone = undo_stages(stages, i, subject); !undone.ok())
            return Error(failure.kind(), cat(failure.text(), "; ", undone.error().text())).with_hint(failure.hint());
        return failure;
    }
    return {};
}

}  // namespace berth
