#include <criterion/criterion.h>

#include "container/history.h"
#include "image/store.h"
#include "network/networks.h"
#include "tests/unit/support.h"

using namespace berth;
using namespace berth::container;

TestSuite(container_history, .timeout = 20);

namespace {

Record web() {
    Record record;
    record.definition.id = std::string(64, 'a');
    record.definition.name = "web";
    record.definition.config.image = "nginx:1";
    record.definition.config.labels = {{"tier", "front"}, {"name", "forged"}, {"exitCode", "0"}};
    return record;
}

std::string text_of(const Event& event) {
    std::string text = cat(event.type, " ", event.action, " ", event.actor.id.substr(0, 3));
    for (const auto& [key, value] : event.actor.attributes) text += cat(" ", key, "=", value);
    return text;
}

}  // namespace

Test(container_history, a_label_replaces_no_attribute) {
    EXPECT_TEXT(text_of(container_event(web(), "die", {{"exitCode", "3"}})),
                "container die aaa exitCode=3 image=nginx:1 name=web tier=front");
}

Test(container_history, a_volume_is_its_name) {
    EXPECT_TEXT(text_of(volume_event("data", "create")), "volume create dat driver=local");
}

Test(container_history, a_network_is_its_id) {
    network::Network network;
    network.name = "back";
    network.id = std::string(64, 'b');
    network.driver = "macvlan";
    EXPECT_TEXT(text_of(network_event(network, "create")), "network create bbb name=back type=macvlan");
}

Test(container_history, pruning_has_no_actor_but_a_sum) {
    EXPECT_TEXT(text_of(prune_event("image", 42)), "image prune  reclaimed=42");
}

Test(container_history, a_removal_tells_of_the_images_its_names_belonged_to) {
    const std::string id = cat("sha256:", std::string(64, 'c'));
    const std::vector<NamedImage> before = {{cat("sha256:", std::string(64, 'd')), {"docker.io/library/other:1"}, {}},
                                            {id, {"docker.io/library/app:1", "docker.io/library/app:2"}, {{"k", "v"}}}};
    image::Removal removal;
    removal.untagged.push_back(image::Reference::parse_tagged("app:2").value());
    removal.untagged.push_back(image::Reference::parse_tagged("unknown").value());
    removal.deleted.push_back(image::ImageId::parse(id).value());
    std::string all;
    for (const Event& event : removal_events(before, removal)) all += cat(event.action, " ", event.actor.id.substr(7, 3), " ", event.actor.attributes.at("k"), "\n");
    EXPECT_TEXT(all, "untag ccc v\ndelete ccc v\n");
}

Test(container_history, several_events_are_one_piece_with_one_time) {
    const std::string folder = support::temporary_folder();
    note(folder, {volume_event("a", "create"), volume_event("b", "create")});
    std::vector<Event> seen;
    const auto log = EventLog::open(folder).value();
    const EventQuery query{.since = Moment{1}, .until = now(), .filter = {}};
    cr_assert(log.read(query, [&](const Event& event) -> Result<bool> { return seen.push_back(event), true; }).ok());
    cr_assert_eq(seen.size(), 2u);
    cr_expect_eq(seen[0].time.nanoseconds, seen[1].time.nanoseconds);
    EXPECT_TEXT(cat(seen[0].actor.id, seen[1].actor.id), "ab");
}

Test(container_history, what_cannot_be_written_is_left_out) {
    const std::string folder = support::temporary_folder();
    support::write_file(folder + "/file", "");
    note(folder + "/file", {volume_event("a", "create")});
    cr_expect(!support::exists(folder + "/file/events.log"));
}
