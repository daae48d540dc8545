#pragma once
// Result<T> and Error: how every berth function below cli/ says that it could not do its work. Nothing throws.
// An Error is one line made on the way up: each level puts in front what the level below cannot know (TRY), and the
// text stays what a user reads: "run web: attach networks: publish 8080/tcp: Address already in use".

#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <utility>

#include "base/cat.h"

namespace berth {

/// What sort of failure it is. Code branches on this or on code(), never on text.
enum class Kind { invalid, not_found, exists, wrong_state, denied, unsupported, corrupt, busy, system, internal };

class [[nodiscard]] Error {
public:
    /// A failure found by berth itself. `text`: lower case, no full stop, user's words in single quotes.
    Error(Kind kind, std::string text, std::source_location where = std::source_location::current());

    /// A failed system call: `call` names it or its object, `code` is the errno. Kind follows from the errno.
    static Error of_errno(int code, std::string_view call, std::source_location where = std::source_location::current());

    Kind kind() const { return body_->kind; }
    /// The errno at the bottom of the chain, 0 when no system call was involved.
    int code() const { return body_->code; }
    const std::string& text() const { return body_->text; }
    /// What the user can do next; empty when there is nothing useful to say.
    const std::string& hint() const { return body_->hint; }
    std::source_location where() const { return body_->where; }

    /// Puts "parts: " in front of the text.
    template <class... Parts>
    Error context(const Parts&... parts) && {
        body_->text = cat(parts..., ": ", body_->text);
        return std::move(*this);
    }
    /// Adds a hint; one that stands already is nearer to the cause and stays.
    Error with_hint(std::string hint) &&;
    Error with_kind(Kind kind) &&;

private:
    struct Body {
        Kind kind;
        int code;
        std::string text;
        std::string hint;
        std::source_location where;
    };
    // One pointer, so that a Result is small and the success path never touches strings.
    std::unique_ptr<Body> body_;
};

/// Prints the broken invariant and aborts. Never for what a user, a file or the kernel can cause.
[[noreturn]] void bug(std::string_view what, std::source_location where = std::source_location::current());

template <class T>
class [[nodiscard]] Result {
public:
    Result(T value) : value_(std::move(value)) {}
    Result(Error error) : error_(std::move(error)) {}

    bool ok() const { return value_.has_value(); }
    explicit operator bool() const { return ok(); }

    T& value() & { return check(), *value_; }
    const T& value() const& { return check(), *value_; }
    T value() && { return check(), std::move(*value_); }
    const Error& error() const& { return *error_; }
    Error error() && { return std::move(*error_); }

    T value_or(T other) && { return ok() ? std::move(*value_) : std::move(other); }

private:
    void check() const {
        if (!ok()) bug(error_->text(), error_->where());
    }
    std::optional<T> value_;
    std::optional<Error> error_;
};

template <>
class [[nodiscard]] Result<void> {
public:
    Result() = default;
    Result(Error error) : error_(std::move(error)) {}

    bool ok() const { return !error_.has_value(); }
    explicit operator bool() const { return ok(); }
    void value() const {
        if (!ok()) bug(error_->text(), error_->where());
    }
    const Error& error() const& { return *error_; }
    Error error() && { return std::move(*error_); }

private:
    std::optional<Error> error_;
};

/// Drops a result on purpose; `why` is for the reader.
template <class T>
void ignore(const Result<T>&, std::string_view) {}

}  // namespace berth

/// Yields the value of `expression`, or returns its error from the enclosing function with the further arguments in front.
#define TRY(expression, ...)                                                            \
    __extension__({                                                                     \
        auto try_result = (expression);                                                 \
        if (!try_result.ok()) [[unlikely]]                                              \
            return std::move(try_result).error() __VA_OPT__(.context(__VA_ARGS__));     \
        std::move(try_result).value();                                                  \
    })
