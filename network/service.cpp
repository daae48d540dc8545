#include "network/service.h"

namespace berth::network {

Result<std::unique_ptr<Service>> Service::create() {
    Poller poller = TRY(Poller::create());
    return std::unique_ptr<Service>(new Service(std::move(poller)));
}

Result<void> Service::serve_names(const Fd& netns, DnsServer::Settings settings) {
    if (names_) return names_->set_scope(std::move(settings.scope)), Result<void>();
    names_ = TRY(DnsServer::create(poller_, netns, std::move(settings)));
    return {};
}

Result<void> Service::watch_firewall(std::function<void()> heal) {
    watch_ = TRY(TableWatch::create(poller_, std::move(heal)));
    return {};
}

}  // namespace berth::network
