#pragma once
// /etc/hosts, /etc/hostname and /etc/resolv.conf of a container: files in its folder that are bind-mounted into it. They
// are written in place, never replaced, since the mount holds the file itself.

#include <string>
#include <vector>

#include "container/engine.h"
#include "network/attach.h"

namespace berth::container {

/// hostname, resolv.conf, and a hosts file without the container's own addresses.
Result<void> write_etc_files(const Definition& definition, const std::string& folder);
/// The name servers after a change of networks: the first with names brings 127.0.0.11, as docker does. A file that was
/// edited in the container stays as it is.
Result<void> follow_networks_in_resolv_conf(const Definition& before, const Definition& after, const std::string& folder);
/// The hosts file again, now that the addresses are known.
Result<void> write_hosts_file(Engine& engine, const Definition& definition, const std::string& folder,
                              const std::vector<network::Endpoint>& endpoints);

}  // namespace berth::container
