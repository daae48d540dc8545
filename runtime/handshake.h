#pragma once
// The parent's side of the conversation with a child that walks a plan (the diagram stands in plan.h).

#include <optional>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/plan_builder.h"

namespace berth::runtime {

struct Heard {
    Message message;
    std::optional<Fd> descriptor;
};

class Handshake {
public:
    /// Makes the pair; the child's end has a number above those that its program gets.
    static Result<Handshake> create();
    const Fd& child_end() const { return child_; }
    const Fd& parent_end() const { return parent_; }
    /// After the clone: only the child holds its end now.
    void close_child_end() { child_.reset(); }
    void hang_up() { parent_.reset(); }

    /// The next message; nothing at end of file.
    Result<std::optional<Heard>> hear() const;
    Result<void> say_go() const;

private:
    Fd parent_;
    Fd child_;
};

/// The one line for a failed step, and its kind: not_found and denied only where the program itself is meant.
Error error_of_failure(const Message& failure, const Plan& plan);

}  // namespace berth::runtime
