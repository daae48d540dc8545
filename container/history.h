#pragma once
// The history's events (events.h) in docker's words, for whoever does what they tell of. docker sends two more kinds that are
// not here: those of a health probe's process (three each time), and the mounting that `cp` needs, since nothing is mounted
// for it.

#include <cstdint>
#include <string>
#include <vector>

#include "container/events.h"
#include "container/record.h"

namespace berth::image {
class ImageId;
class Reference;
class Store;
struct Removal;
}
namespace berth::network {
struct Network;
}

namespace berth::container {

class Engine;

/// Appends them as one piece, with the present time. What cannot be written is left out: an action is worth more than its
/// event. `root` is berth's root folder.
void note(const std::string& root, std::vector<Event> events);

/// With the container's labels, image and name beside `attributes`, which no label can replace.
Event container_event(const Record& record, std::string action, TextMap attributes = {});
Event volume_event(const std::string& volume, std::string action, TextMap attributes = {});
Event network_event(const network::Network& network, std::string action);
/// `type` is container, image, network, volume or builder.
Event prune_event(std::string type, std::uint64_t reclaimed_bytes);

/// What a run begins with: connect of its networks, mount of its volumes, start. What it ends with: die with these attributes,
/// disconnect, unmount. The record's endpoints are those of the run.
std::vector<Event> start_events(Engine& engine, const Record& record);
std::vector<Event> end_events(Engine& engine, const Record& record, TextMap die_attributes);
/// connect or disconnect of one network.
Event endpoint_event(Engine& engine, const Record& record, const network::Endpoint& endpoint, std::string action);

/// tag, untag, delete, import, load, save: the image's id is the actor, `name` what docker puts beside its labels; for all
/// but tag that is the id again.
Event image_event(const image::Store& store, const image::ImageId& id, std::string action, std::string name = {});
/// pull, push: the name is the actor, docker's registry knows no id.
Event transfer_event(const image::Store& store, const image::Reference& name, std::string action);

/// An image as it was called before a removal: names and labels are gone afterwards.
struct NamedImage {
    std::string id;
    std::vector<std::string> names;
    TextMap labels;
};
std::vector<NamedImage> named_images(const image::Store& store);
/// untag for each name and delete for each image that went.
std::vector<Event> removal_events(const std::vector<NamedImage>& before, const image::Removal& removal);

}  // namespace berth::container
