#include <criterion/criterion.h>

#include <sys/stat.h>

#include "container/volumes.h"
#include "tests/unit/support.h"

using namespace berth;
using namespace berth::container;

TestSuite(container_volumes, .timeout = 10);

namespace {

Volumes new_volumes() { return Volumes::open(support::temporary_folder()).value(); }

}  // namespace

Test(container_volumes, a_volume_is_made_once) {
    const Volumes volumes = new_volumes();
    const Volume first = volumes.create({.name = "data", .labels = {{"k", "v"}}}).value();
    const Volume again = volumes.create({.name = "data"}).value();
    cr_expect(first.created_at == again.created_at);
    cr_expect_str_eq(again.labels.at("k").c_str(), "v");
    struct stat status;
    cr_assert_eq(stat(again.mountpoint.c_str(), &status), 0);
    cr_expect_eq(status.st_mode & 07777, 0755u);
}

Test(container_volumes, one_without_a_name_is_anonymous) {
    const Volumes volumes = new_volumes();
    const Volume volume = volumes.create({}).value();
    cr_expect_eq(volume.name.size(), 64u);
    cr_expect(volumes.get(volume.name).value().is_anonymous());
}

Test(container_volumes, the_list_is_sorted) {
    const Volumes volumes = new_volumes();
    for (const char* name : {"zz", "aa", "mm"}) cr_assert(volumes.create({.name = name}).ok());
    const auto list = volumes.list().value();
    cr_assert_eq(list.size(), 3u);
    cr_expect_str_eq(list[0].name.c_str(), "aa");
    cr_expect_str_eq(list[2].name.c_str(), "zz");
}

Test(container_volumes, bad_names_drivers_and_options_are_refused) {
    const Volumes volumes = new_volumes();
    const std::string name = volumes.create({.name = "../x"}).error().text();
    cr_expect_str_eq(name.c_str(), "invalid volume name '../x'");
    const std::string driver = volumes.create({.name = "ab", .driver = "nfs"}).error().text();
    cr_expect_str_eq(driver.c_str(), "volume driver 'nfs' is not available; only 'local' is");
    const std::string option = volumes.create({.name = "ab", .options = {{"size", "1"}}}).error().text();
    cr_expect_str_eq(option.c_str(), "unknown option 'size' of volume driver 'local'");
}

Test(container_volumes, other_options_for_a_volume_that_is_there_are_refused) {
    const Volumes volumes = new_volumes();
    cr_assert(volumes.create({.name = "data"}).ok());
    const auto again = volumes.create({.name = "data", .options = {{"type", "none"}, {"device", "/srv"}, {"o", "bind"}}});
    cr_assert(!again.ok());
    cr_expect_str_eq(again.error().text().c_str(), "volume 'data' is there already, with other options");
}

Test(container_volumes, removal_takes_the_data_and_is_repeatable) {
    const Volumes volumes = new_volumes();
    const Volume volume = volumes.create({.name = "data"}).value();
    support::write_file(volume.mountpoint + "/a/b", "text");
    cr_expect_eq(volumes.size_bytes(volume).value(), 4);
    cr_expect(volumes.remove("data").ok());
    cr_expect(volumes.remove("data").ok());
    cr_expect(!support::exists(volume.mountpoint));
    const std::string text = volumes.get("data").error().text();
    cr_expect_str_eq(text.c_str(), "no such volume: data");
}

Test(container_volumes, what_an_interrupted_command_left_is_no_volume_and_is_swept) {
    const std::string root = support::temporary_folder();
    const Volumes volumes = Volumes::open(root).value();
    support::write_file(root + "/volumes/.new-1234/_data/x", "x");
    support::write_file(root + "/volumes/.gone-1234/_data/x", "x");
    cr_expect_eq(volumes.list().value().size(), 0u);
    cr_expect(volumes.sweep().ok());
    cr_expect(!support::exists(root + "/volumes/.new-1234"));
    cr_expect(!support::exists(root + "/volumes/.gone-1234"));
}

Test(container_volumes, the_file_says_nothing_of_where_the_store_is) {
    const std::string root = support::temporary_folder();
    const Volumes volumes = Volumes::open(root).value();
    cr_assert(volumes.create({.name = "data"}).ok());
    const Json document = parse_json(support::read_file(root + "/volumes/data/volume.json")).value();
    cr_expect(document.find("Name") != nullptr);
    cr_expect(document.find("Mountpoint") == nullptr);
    cr_expect(from_json<Volume>(document).value().driver == "local");
}
