#include "container/record.h"

#include <charconv>

namespace berth::container {

namespace {

struct Word {
    Status status;
    std::string_view text;
};
constexpr Word words[] = {
    {Status::created, "created"},   {Status::running, "running"},   {Status::paused, "paused"}, {Status::restarting, "restarting"},
    {Status::exited, "exited"},     {Status::removing, "removing"}, {Status::dead, "dead"},
};

}  // namespace

std::string_view status_word(Status status) {
    for (const Word& word : words)
        if (word.status == status) return word.text;
    bug("status without a word");
}

Result<RestartPolicy> parse_restart_policy(std::string_view text) {
    const std::size_t colon = text.find(':');
    RestartPolicy policy{std::string(text.substr(0, colon)), 0};
    if (policy.name.empty()) policy.name = "no";
    const bool known = policy.name == "no" || policy.name == "always" || policy.name == "unless-stopped" ||
                       policy.name == "on-failure";
    if (!known)
        return Error(Kind::invalid, cat("restart policy '", text, "': unknown policy '", policy.name, "'"))
            .with_hint("use one of no, always, unless-stopped, on-failure, on-failure:N");
    if (colon == std::string_view::npos) return policy;
    if (policy.name != "on-failure")
        return Error(Kind::invalid, cat("restart policy '", text, "': only on-failure takes a maximum retry count"));
    const std::string_view count = text.substr(colon + 1);
    const auto [end, code] = std::from_chars(count.data(), count.data() + count.size(), policy.maximum_retry_count);
    if (code != std::errc() || end != count.data() + count.size() || policy.maximum_retry_count < 0)
        return Error(Kind::invalid, cat("restart policy '", text, "': maximum retry count must be a number, 0 or more"));
    return policy;
}

}  // namespace berth::container

namespace berth {

Result<container::Status> JsonText<container::Status>::parse(std::string_view text) {
    for (const container::Word& word : container::words)
        if (word.text == text) return word.status;
    return Error(Kind::invalid, cat("unknown status '", text, "'"));
}

}  // namespace berth
