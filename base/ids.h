#pragma once
// Names of things: container ids and names, random hexadecimal, signals, owners.

#include <string>
#include <string_view>

#include <sys/types.h>

#include "base/json.h"
#include "base/result.h"

namespace berth {

/// `bytes` random bytes as hexadecimal, from getrandom(2).
std::string random_hex(std::size_t bytes);
/// /proc/sys/kernel/random/boot_id, read once: differs after each boot.
const std::string& boot_id();

/// 64 hexadecimal digits. docker: the first 12 are never all decimal, since they become the host name.
class ContainerId {
public:
    static ContainerId make_random();
    static Result<ContainerId> parse(std::string_view text);
    const std::string& str() const { return text_; }
    std::string_view short_id() const { return std::string_view(text_).substr(0, 12); }
    auto operator<=>(const ContainerId&) const = default;

private:
    explicit ContainerId(std::string text) : text_(std::move(text)) {}
    std::string text_;
};

/// [a-zA-Z0-9][a-zA-Z0-9_.-]+ (docker: names of containers, volumes and networks). A leading '/' is dropped.
class ObjectName {
public:
    static Result<ObjectName> parse(std::string_view text);
    const std::string& str() const { return text_; }
    auto operator<=>(const ObjectName&) const = default;

private:
    explicit ObjectName(std::string text) : text_(std::move(text)) {}
    std::string text_;
};

/// A signal by number ("9"), name ("KILL") or full name ("SIGKILL", "SIGRTMIN+3"), any case.
class Signal {
public:
    static Result<Signal> parse(std::string_view text);
    static Signal of(int number) { return Signal(number); }
    int number() const { return number_; }
    /// "SIGKILL"; "SIGRTMIN+n" for the others.
    std::string name() const;
    auto operator<=>(const Signal&) const = default;

private:
    explicit Signal(int number) : number_(number) {}
    int number_;
};

}  // namespace berth
