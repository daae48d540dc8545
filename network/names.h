#pragma once
// What a container's names mean: the tables of the networks that it is on, and its own links. Pure but for reading the
// tables, which is done anew for each question: a peer that came a moment ago is found, and nothing is kept in memory.

#include <string>
#include <utility>
#include <vector>

#include "network/dns_wire.h"

namespace berth::network {

struct NameScope {
    struct Source {
        std::string network;  ///< name
        std::string path;     ///< its table
    };
    std::vector<Source> sources;
    /// --link: alias -> name of the target.
    std::vector<std::pair<std::string, std::string>> links;
    /// Questions about other names go to the servers of the host; not when all networks are internal.
    bool forwards = true;
};

struct LoadedScope {
    struct Table {
        std::string network;
        std::string text;
    };
    std::vector<Table> tables;
    std::vector<std::pair<std::string, std::string>> links;
    bool forwards = true;
};
LoadedScope load_scope(const NameScope& scope);

/// The answer, or nothing when the question goes to another server. `turn` rotates the addresses of a name that several
/// containers have, so that clients which take the first spread over all.
std::optional<dns::Message> answer_locally(const LoadedScope& scope, dns::Bytes question, const dns::Query& query,
                                           dns::Transport transport, unsigned turn);

}  // namespace berth::network
