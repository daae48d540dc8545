#pragma once
// JSON: a small value tree over yajl, and field lists that read and write a struct with one text.
//
//   template <class Io> void fields(Io& io, Probe& p) {
//       io.required("Test", p.test);       // reading: must be there; writing: always there
//       io.optional("Interval", p.interval);  // reading: may be absent or null; writing: left out when equal to T{}
//   }
//   Result<Probe> probe = from_json<Probe>(TRY(parse_json(text)));
//   std::string text = json_text(to_json(probe));
//
// Members may be bool, integers, double, std::string, Json, std::optional<T> (null or absent when empty), std::vector<T>,
// std::map<std::string, T>, std::pair lists are not; a type with JsonText<T> (digests, ids, enumerations) is a string.
// Unknown members are ignored. Errors carry the path: "linux.namespaces[2].type: unknown namespace 'foo'".

#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace berth {

class Json {
public:
    using Array = std::vector<Json>;
    /// In the order of the document: templates and inspect print it that way.
    using Object = std::vector<std::pair<std::string, Json>>;

    Json() = default;
    Json(std::nullptr_t) {}
    Json(bool value) : value_(value) {}
    template <std::integral Number>
        requires(!std::same_as<Number, bool>)
    Json(Number value) {
        if (std::in_range<std::int64_t>(value)) value_ = static_cast<std::int64_t>(value);
        else value_ = static_cast<std::uint64_t>(value);
    }
    Json(double value) : value_(value) {}
    Json(std::string value) : value_(std::move(value)) {}
    Json(std::string_view value) : value_(std::string(value)) {}
    Json(const char* value) : value_(std::string(value)) {}
    Json(Array value) : value_(std::move(value)) {}
    Json(Object value) : value_(std::move(value)) {}

    bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
    const bool* boolean() const { return std::get_if<bool>(&value_); }
    const std::int64_t* integer() const { return std::get_if<std::int64_t>(&value_); }
    /// A whole number above the range of integer(), such as 18446744073709551615.
    const std::uint64_t* large() const { return std::get_if<std::uint64_t>(&value_); }
    const double* number() const { return std::get_if<double>(&value_); }
    const std::string* string() const { return std::get_if<std::string>(&value_); }
    const Array* array() const { return std::get_if<Array>(&value_); }
    const Object* object() const { return std::get_if<Object>(&value_); }
    Array* array() { return std::get_if<Array>(&value_); }
    Object* object() { return std::get_if<Object>(&value_); }

    /// The member, or nullptr when this is no object or has no such member.
    const Json* find(std::string_view name) const;
    /// Sets or replaces a member; a null value becomes an object first.
    void set(std::string_view name, Json value);
    void push_back(Json value);

    bool operator==(const Json&) const = default;

private:
    std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string, Array, Object> value_;
};

/// Parses one document. Refused: more than `limit` bytes, nesting over 64, members named twice, invalid UTF-8, anything
/// behind the value.
Result<Json> parse_json(std::string_view text, std::size_t limit = 64u << 20);

enum class JsonStyle { compact, indented };
/// Compact has no spaces; indented uses four, as docker inspect. < > & stay as they are. Bytes that are no UTF-8 become
/// U+FFFD one by one, as Go writes them: what is written can be read again.
std::string json_text(const Json& value, JsonStyle style = JsonStyle::compact);

/// Specialise for types written as a string: static Result<T> parse(std::string_view), static std::string text(const T&).
template <class T>
struct JsonText;

namespace json_detail {

template <class T>
concept HasText = requires(const T& value, std::string_view text) {
    { JsonText<T>::text(value) } -> std::convertible_to<std::string>;
    { JsonText<T>::parse(text) } -> std::same_as<Result<T>>;
};

/// "expected a string, found a number"
Error wrong_type(std::string_view wanted, const Json& found);

class Reader;
class Writer;

template <class T>
concept Structure = requires(T& value, Reader& io) { fields(io, value); };

inline Result<void> read(const Json& from, Json& into) { return into = from, Result<void>(); }
Result<void> read(const Json& from, bool& into);
Result<void> read(const Json& from, double& into);
Result<void> read(const Json& from, std::string& into);
/// The number when it lies in low...high; above INT64_MAX as its 64 bits.
Result<std::int64_t> read_integer(const Json& from, std::int64_t low, std::uint64_t high);

template <std::integral Number>
    requires(!std::same_as<Number, bool>)
Result<void> read(const Json& from, Number& into) {
    using Limits = std::numeric_limits<Number>;
    const std::int64_t value = TRY(read_integer(from, static_cast<std::int64_t>(Limits::min()),
                                                static_cast<std::uint64_t>(Limits::max())));
    into = static_cast<Number>(value);
    return {};
}
/// Hands the parsed value to `take`: digests and ids have no empty value that could be filled in place.
template <class T>
Result<void> read_text(const Json& from, auto take) {
    if (from.string() == nullptr) return wrong_type("a string", from);
    Result<T> parsed = JsonText<T>::parse(*from.string());
    if (!parsed.ok()) return std::move(parsed).error();
    take(std::move(parsed).value());
    return {};
}
template <HasText T>
Result<void> read(const Json& from, T& into) {
    return read_text<T>(from, [&](T value) { into = std::move(value); });
}
template <Structure T>
Result<void> read(const Json& from, T& into);
template <class T>
Result<void> read(const Json& from, std::optional<T>& into);
template <class T>
Result<void> read(const Json& from, std::vector<T>& into);
template <class T>
Result<void> read(const Json& from, std::map<std::string, T>& into);

/// Puts "name" in front of a path that may already stand in the error: "linux" + "seccomp.x" or "[2]".
Error at_member(Error error, std::string_view name);
Error at_index(Error error, std::size_t index);

class Reader {
public:
    static constexpr bool reads = true;
    explicit Reader(const Json& from) : from_(from) {}
    template <class T>
    void required(std::string_view name, T& into) {
        if (error_) return;
        const Json* member = from_.find(name);
        if (member == nullptr) error_ = at_member(Error(Kind::invalid, "is missing"), name);
        else take(name, *member, into);
    }
    template <class T>
    void optional(std::string_view name, T& into) {
        if (error_) return;
        const Json* member = from_.find(name);
        if (member != nullptr && !member->is_null()) take(name, *member, into);
    }
    std::optional<Error> error() && { return std::move(error_); }

private:
    template <class T>
    void take(std::string_view name, const Json& member, T& into) {
        if (auto done = read(member, into); !done.ok()) error_ = at_member(std::move(done).error(), name);
    }
    const Json& from_;
    std::optional<Error> error_;
};

template <Structure T>
Result<void> read(const Json& from, T& into) {
    if (from.object() == nullptr) return wrong_type("an object", from);
    Reader reader(from);
    fields(reader, into);
    if (auto error = std::move(reader).error()) return std::move(*error);
    return {};
}
template <class T>
Result<void> read(const Json& from, std::optional<T>& into) {
    if (from.is_null()) return into.reset(), Result<void>();
    if constexpr (HasText<T>) return read_text<T>(from, [&](T value) { into.emplace(std::move(value)); });
    else return read(from, into.emplace());
}
template <class T>
Result<void> read(const Json& from, std::vector<T>& into) {
    into.clear();
    if (from.is_null()) return {};  // Go writes an empty slice as null.
    if (from.array() == nullptr) return wrong_type("an array", from);
    into.reserve(from.array()->size());
    for (std::size_t i = 0; i < from.array()->size(); ++i) {
        const Json& member = (*from.array())[i];
        Result<void> done;
        if constexpr (HasText<T>) {
            done = read_text<T>(member, [&](T value) { into.push_back(std::move(value)); });
        } else {
            T element{};
            done = read(member, element);
            into.push_back(std::move(element));
        }
        if (!done.ok()) return at_index(std::move(done).error(), i);
    }
    return {};
}
template <class T>
Result<void> read(const Json& from, std::map<std::string, T>& into) {
    into.clear();
    if (from.is_null()) return {};
    if (from.object() == nullptr) return wrong_type("an object", from);
    for (const auto& [name, member] : *from.object())
        if (auto done = read(member, into[name]); !done.ok()) return at_member(std::move(done).error(), name);
    return {};
}

inline Json write(const Json& value) { return value; }
inline Json write(bool value) { return value; }
inline Json write(double value) { return value; }
inline Json write(const std::string& value) { return value; }
template <std::integral Number>
    requires(!std::same_as<Number, bool>)
Json write(Number value) {
    return value;
}
template <HasText T>
Json write(const T& value) {
    return JsonText<T>::text(value);
}
template <Structure T>
Json write(const T& value);
template <class T>
Json write(const std::optional<T>& value);
template <class T>
Json write(const std::vector<T>& value);
template <class T>
Json write(const std::map<std::string, T>& value);

template <class T>
bool is_default(const T& value) {
    if constexpr (std::equality_comparable<T> && std::default_initializable<T>) return value == T{};
    else return false;
}

class Writer {
public:
    static constexpr bool reads = false;
    template <class T>
    void required(std::string_view name, const T& value) {
        out_.emplace_back(std::string(name), write(value));
    }
    template <class T>
    void optional(std::string_view name, const T& value) {
        if (!is_default(value)) required(name, value);
    }
    Json take() && { return Json(std::move(out_)); }

private:
    Json::Object out_;
};

template <Structure T>
Json write(const T& value) {
    Writer writer;
    // One field list serves both ways; the writer only reads through the reference.
    fields(writer, const_cast<T&>(value));
    return std::move(writer).take();
}
template <class T>
Json write(const std::optional<T>& value) {
    return value ? write(*value) : Json();
}
template <class T>
Json write(const std::vector<T>& value) {
    Json::Array out;
    out.reserve(value.size());
    for (const T& element : value) out.push_back(write(element));
    return out;
}
template <class T>
Json write(const std::map<std::string, T>& value) {
    Json::Object out;
    for (const auto& [name, member] : value) out.emplace_back(name, write(member));
    return out;
}

}  // namespace json_detail

/// The struct, by its field list. Kind::invalid with the path of the member that does not fit.
template <class T>
Result<T> from_json(const Json& value) {
    T out{};
    TRY(json_detail::read(value, out));
    return out;
}

template <class T>
Json to_json(const T& value) {
    return json_detail::write(value);
}

}  // namespace berth
