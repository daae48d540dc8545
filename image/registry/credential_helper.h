#pragma once
// Programs that keep accounts (docker-credential-helpers): docker-credential-NAME get, store or erase, what it is about on its
// input and the answer on its output.

#include <optional>
#include <string>

#include "image/registry/credentials.h"

namespace berth::image {

class CredentialHelper {
public:
    /// `name` as config.json has it: "pass" for docker-credential-pass.
    explicit CredentialHelper(std::string name) : name_(std::move(name)) {}
    std::string program() const { return "docker-credential-" + name_; }
    /// The account under a key (account_key); nothing when the helper has none. Kind::not_found when PATH has no such helper,
    /// Kind::denied with the helper's words when it refuses, Kind::busy when it gives no answer within 30 s.
    Result<std::optional<Credentials>> find(const std::string& key) const;
    Result<void> store(const std::string& key, const Credentials& credentials) const;
    Result<void> erase(const std::string& key) const;

private:
    struct Answer {
        bool is_good = false;
        std::string text;
    };
    Result<Answer> run(const std::string& verb, const std::string& input) const;
    Error refused(const Answer& answer) const;
    std::string name_;
};

}  // namespace berth::image
