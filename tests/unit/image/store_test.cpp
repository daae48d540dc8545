#include "image/store.h"

#include <criterion/criterion.h>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/ids.h"
#include "image/archive.h"
#include "image/views.h"
#include "tests/unit/image/tar_bytes.h"
#include "tests/unit/support.h"

using namespace berth;
using namespace berth::image;
namespace tar = tar_bytes;

TestSuite(image_store, .timeout = 60);

namespace {

Store new_store() { return Store::open(support::temporary_folder() + "/store").value(); }

ImageId import(const Store& store, const std::string& members, const std::string& name = "") {
    const std::string path = support::write_file(support::temporary_folder() + "/a.tar", members + tar::end());
    const Fd file = sys::open(path, O_RDONLY).value();
    ImportRequest request;
    if (!name.empty()) request.name = Reference::parse_tagged(name).value();
    request.message = members.substr(0, members.find('\0'));
    return import_image(store, file, request).value();
}

/// An image of one layer with one file, on top of another one's layers.
ImageId build(const Store& store, const Lease& lease, const std::string& file, const std::optional<ImageId>& base = {}) {
    Staging staging = store.make_staging().value();
    support::write_file(staging.fs_path() + "/" + file, file);
    // The same bytes at any time: only the content tells layers apart.
    const timespec times[2] = {{1000, 0}, {1000, 0}};
    ::utimensat(AT_FDCWD, (staging.fs_path() + "/" + file).c_str(), times, 0);
    std::vector<LayerRef> layers;
    ImageConfig config = make_image_config();
    if (base) {
        const Image below = store.load(*base).value();
        layers = store.layers_of(below.record).value();
        config.history = below.config.history;
    }
    layers.push_back(store.publish_layer(lease, std::move(staging)).value());
    HistoryEntry entry;
    entry.created = now();
    entry.created_by = file;
    append_history(config, entry);
    return store.write_image(lease, config, layers, base).value();
}

void tag(const Store& store, const ImageId& id, const std::string& name) { store.tag(id, Reference::parse_tagged(name).value()).value(); }

std::string removal_text(const Result<Removal>& removed) {
    if (!removed.ok()) return removed.error().text();
    std::string out;
    for (const Reference& name : removed.value().untagged) out += cat("Untagged ", name.str(), "\n");
    for (const ImageId& id : removed.value().deleted) out += cat("Deleted ", id.short_id(), "\n");
    out += cat(removed.value().deleted_layers.size(), " layers");
    return out;
}
Result<Removal> remove(const Store& store, const std::string& text, Store::Force force = Store::Force::no, const std::vector<ImageUse>& uses = {}) {
    return store.remove(text, force, Store::Parents::prune, uses);
}

bool has_layers(const Store& store) {
    const std::string path = store.root() + "/layers";
    return ::system(cat("test -n \"$(find ", path, " -mindepth 2 -maxdepth 2)\"").c_str()) == 0;
}

void expect_text(const std::string& have, const std::string& want) { cr_expect_str_eq(have.c_str(), want.c_str()); }

}  // namespace

Test(image_store, opens_twice_and_refuses_a_newer_format) {
    const Store store = new_store();
    cr_expect(Store::open(store.root()).ok());
    support::write_file(store.root() + "/format.json", R"({"version": 2})");
    const Result<Store> newer = Store::open(store.root());
    cr_assert(!newer.ok());
    expect_text(newer.error().text(), cat("image store ", store.root(), ": made by a newer berth"));
}

Test(image_store, an_imported_archive_is_one_layer_with_the_archives_digest) {
    const Store store = new_store();
    const std::string members = tar::folder("d/") + tar::file("d/f", "hello");
    const ImageId id = import(store, members, "a");
    const Image image = store.load(id).value();
    cr_assert_eq(image.config.rootfs.diff_ids.size(), 1u);
    expect_text(image.config.rootfs.diff_ids[0].str(), Digest::of_bytes(members + tar::end()).str());
    cr_expect_eq(image.record.size, 5);
    expect_text(store.resolve("a").value().str(), id.str());
}

Test(image_store, a_layer_gives_its_archive_back_byte_for_byte) {
    const Store store = new_store();
    // What a canonical writer would not write so: order, a replaced file, a folder that becomes a link, odd fields, junk behind.
    // And a name that is no UTF-8.
    const std::string members = tar::file("z", "1") + tar::file("z", "22") + tar::folder("d/") + tar::file("d/x", "333") + tar::symlink("d", "z") +
                                tar::hard_link("h", "z") + tar::file("z", "4444") + tar::file("%41\xff", "one") + tar::file("%41\xff", "two");
    const ImageId id = import(store, members);
    const Image image = store.load(id).value();
    const Fd layer = store.open_layer(image.record.layers[0]).value();
    DigestSink sink;
    cr_assert(write_layer_tar(layer, sink).ok());
    expect_text(sink.finish().str(), image.config.rootfs.diff_ids[0].str());
}

Test(image_store, publishing_renames_and_copies_nothing) {
    support::needs_root();
    const Store store = new_store();
    const Lease lease = store.make_lease().value();
    Staging staging = store.make_staging().value();
    const std::string path = support::write_file(staging.fs_path() + "/f", "x");
    struct stat before {}, after {};
    ::stat(path.c_str(), &before);
    const LayerRef layer = store.publish_layer(lease, std::move(staging)).value();
    ::stat(cat(store.layer_folders({layer.key}).value()[0], "/f").c_str(), &after);
    cr_expect_eq(before.st_ino, after.st_ino);
    cr_expect_eq(layer.size, 1);
}

Test(image_store, equal_content_is_one_layer) {
    const Store store = new_store();
    const Lease lease = store.make_lease().value();
    const ImageId one = build(store, lease, "f"), two = build(store, lease, "f");
    cr_expect(store.load_record(one).value().layers == store.load_record(two).value().layers);
}

Test(image_store, a_layer_without_changes_is_empty) {
    const Store store = new_store();
    const Lease lease = store.make_lease().value();
    const LayerRef layer = store.publish_layer(lease, store.make_staging().value()).value();
    cr_expect(layer.is_empty);
    // The one that every engine knows.
    expect_text(layer.diff_id.str(), "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef");
}

Test(image_store, ids_resolve_by_unique_prefix_and_names_come_first) {
    const Store store = new_store();
    const Lease lease = store.make_lease().value();
    std::vector<ImageId> ids;
    for (int i = 0; i < 17; ++i) ids.push_back(build(store, lease, cat("file", i)));
    const ImageId& id = ids[0];
    expect_text(store.resolve(id.str()).value().str(), id.str());
    expect_text(store.resolve(id.hex().substr(0, 20)).value().str(), id.str());
    expect_text(store.resolve(id.str().substr(0, 25)).value().str(), id.str());
    std::string ambiguous;
    for (std::size_t i = 0; i < ids.size() && ambiguous.empty(); ++i)
        for (std::size_t k = 0; k < i; ++k)
            if (ids[i].hex()[0] == ids[k].hex()[0]) ambiguous = ids[i].hex().substr(0, 1);
    const Result<ImageId> refused = store.resolve(ambiguous);
    cr_assert(!refused.ok());
    cr_expect(refused.error().text().starts_with(cat("image id '", ambiguous, "' is ambiguous: it begins ")));
    tag(store, ids[3], std::string(id.hex().substr(0, 12)));
    expect_text(store.resolve(id.hex().substr(0, 12)).value().str(), ids[3].str());
}

Test(image_store, unknown_images_are_named_as_docker_names_them) {
    const Store store = new_store();
    expect_text(store.resolve("nosuch").error().text(), "No such image: nosuch:latest");
    expect_text(store.resolve("me/app:1").error().text(), "No such image: me/app:1");
    expect_text(store.resolve("Upper/Case").error().text(), "reference 'Upper/Case': repository name must be lower case, found 'C'");
}

Test(image_store, tagging_moves_a_name) {
    const Store store = new_store();
    const Lease lease = store.make_lease().value();
    const ImageId one = build(store, lease, "1"), two = build(store, lease, "2");
    const Reference name = Reference::parse_tagged("x").value();
    cr_expect(!store.tag(one, name).value().has_value());
    const auto before = store.tag(two, name).value();
    cr_assert(before.has_value());
    expect_text(before->str(), one.str());
    cr_expect(!store.tag(two, name).value().has_value());
}

Test(image_store, removing_a_name_keeps_the_image_that_has_others) {
    const Store store = new_store();
    const ImageId id = import(store, tar::file("f", "x"), "a:1");
    tag(store, id, "a:2");
    expect_text(removal_text(remove(store, "a:1")), "Untagged a:1\n0 layers");
    expect_text(removal_text(remove(store, "a:2")), cat("Untagged a:2\nDeleted ", id.short_id(), "\n1 layers"));
    cr_expect(!has_layers(store));
}

Test(image_store, removing_an_id_with_several_names_must_be_forced) {
    const Store store = new_store();
    const ImageId id = import(store, tar::file("f", "x"), "a:1");
    tag(store, id, "b:1");
    const std::string digits(id.hex().substr(0, 12));
    expect_text(removal_text(remove(store, digits)), cat("conflict: unable to delete ", digits, " (must be forced) - image is referenced in multiple repositories"));
    expect_text(removal_text(remove(store, digits, Store::Force::yes)), cat("Untagged a:1\nUntagged b:1\nDeleted ", digits, "\n1 layers"));
}

Test(image_store, images_of_containers_are_protected) {
    const Store store = new_store();
    const ImageId id = import(store, tar::file("f", "x"), "a:1");
    const std::string digits(id.hex().substr(0, 12));
    std::vector<ImageUse> uses{{"0123456789abcdef", "web", id.str(), store.load_record(id).value().layers, false}};
    expect_text(removal_text(remove(store, "a:1", Store::Force::no, uses)),
                cat("conflict: unable to remove repository reference \"a:1\" (must force) - container 0123456789ab is using its referenced image ", digits));
    expect_text(removal_text(remove(store, digits, Store::Force::no, uses)),
                cat("conflict: unable to delete ", digits, " (must be forced) - image is being used by stopped container 0123456789ab"));
    uses[0].is_running = true;
    expect_text(removal_text(remove(store, digits, Store::Force::yes, uses)),
                cat("conflict: unable to delete ", digits, " (cannot be forced) - image is being used by running container 0123456789ab"));
    uses[0].is_running = false;
    // Forced, the image goes; the layers stay for the container.
    expect_text(removal_text(remove(store, "a:1", Store::Force::yes, uses)), cat("Untagged a:1\nDeleted ", digits, "\n0 layers"));
    cr_expect(store.layer_folders(uses[0].layers).ok());
    cr_expect_gt(store.sweep({}).value(), 0);
    cr_expect(!has_layers(store));
}

Test(image_store, a_child_keeps_the_layers_of_its_base) {
    const Store store = new_store();
    const Lease lease = store.make_lease().value();
    const ImageId base = build(store, lease, "base");
    tag(store, base, "base");
    const ImageId child = build(store, lease, "child", base);
    tag(store, child, "child");
    expect_text(removal_text(remove(store, "base")), cat("Untagged base:latest\nDeleted ", base.short_id(), "\n0 layers"));
    cr_expect(store.layer_folders(store.load_record(child).value().layers).ok());
}

Test(image_store, a_base_without_name_goes_with_its_last_child) {
    const Store store = new_store();
    ImageId base = import(store, tar::file("b", "x"), "base"), child = base;
    {
        const Lease lease = store.make_lease().value();
        child = build(store, lease, "child", base);
        tag(store, child, "child");
        const ImageId other = build(store, lease, "other");
        tag(store, other, "base");
    }
    expect_text(removal_text(remove(store, "child")), cat("Untagged child:latest\nDeleted ", child.short_id(), "\nDeleted ", base.short_id(), "\n2 layers"));
}

Test(image_store, prune_takes_images_without_name) {
    const Store store = new_store();
    const ImageId old = import(store, tar::file("f", "1"), "a");
    const ImageId kept = import(store, tar::file("f", "2"), "a");
    const Removal removed = store.prune({}, {}).value();
    cr_assert_eq(removed.deleted.size(), 1u);
    expect_text(removed.deleted[0].str(), old.str());
    cr_expect(store.load(kept).ok());
    Store::PruneOptions all;
    all.all = true;
    all.dry_run = true;
    cr_expect_eq(store.prune(all, {}).value().deleted.size(), 1u);
    cr_expect(store.load(kept).ok());
}

Test(image_store, a_lease_protects_what_has_no_image_yet) {
    const Store store = new_store();
    std::string key;
    {
        const Lease lease = store.make_lease().value();
        Staging staging = store.make_staging().value();
        support::write_file(staging.fs_path() + "/f", "x");
        key = store.publish_layer(lease, std::move(staging)).value().key;
        store.sweep({}).value();
        cr_expect(store.open_layer(key).ok());
    }
    store.sweep({}).value();
    cr_expect(!store.open_layer(key).ok());
}

Test(image_store, what_a_killed_process_left_is_swept) {
    const Store store = new_store();
    const std::string said = support::in_child([&]() -> std::string {
        const Lease lease = store.make_lease().value();
        const Staging staging = store.make_staging().value();
        support::write_file(staging.fs_path() + "/f", "x");
        ::kill(::getpid(), SIGKILL);
        return "";
    });
    expect_text(said, "killed by signal 9");
    const Lease lease = store.make_lease().value();
    for (const char* part : {"tmp", "trash"}) cr_expect(::system(cat("test -z \"$(ls ", store.root(), "/", part, ")\"").c_str()) == 0);
}

Test(image_store, a_layer_of_another_boot_is_used_when_it_is_whole) {
    const Store store = new_store();
    const Lease lease = store.make_lease().value();
    Staging staging = store.make_staging().value();
    support::write_file(staging.fs_path() + "/f", "good");
    const LayerRef layer = store.publish_layer(lease, std::move(staging)).value();
    const std::string folder = cat(store.root(), "/layers/", layer.key.substr(0, 2), "/", layer.key);
    std::string meta = support::read_file(folder + "/meta.json");
    meta.replace(meta.find(boot_id()), boot_id().size(), "another-boot");
    support::write_file(folder + "/meta.json", meta);
    cr_expect(store.pin(lease, layer.key).value());
    cr_expect(support::exists(folder + "/synced"));
}

Test(image_store, a_layer_that_a_power_cut_damaged_is_not_used) {
    const Store store = new_store();
    const Lease lease = store.make_lease().value();
    Staging staging = store.make_staging().value();
    support::write_file(staging.fs_path() + "/f", "good");
    const LayerRef layer = store.publish_layer(lease, std::move(staging)).value();
    const std::string folder = cat(store.root(), "/layers/", layer.key.substr(0, 2), "/", layer.key);
    std::string meta = support::read_file(folder + "/meta.json");
    meta.replace(meta.find(boot_id()), boot_id().size(), "another-boot");
    support::write_file(folder + "/meta.json", meta);
    support::write_file(folder + "/fs/f", "");
    const auto folders = store.layer_folders({layer.key});
    cr_assert(!folders.ok());
    expect_text(folders.error().text(), cat("layer ", layer.key, " is missing or was damaged by a power cut"));
    cr_expect(!store.open_layer(layer.key).ok());
}

Test(image_store, settling_marks_layers_as_written) {
    const Store store = new_store();
    const Lease lease = store.make_lease().value();
    Staging staging = store.make_staging().value();
    support::write_file(staging.fs_path() + "/f", "x");
    const LayerRef layer = store.publish_layer(lease, std::move(staging)).value();
    const std::string marker = cat(store.root(), "/layers/", layer.key.substr(0, 2), "/", layer.key, "/synced");
    cr_expect(!support::exists(marker));
    cr_assert(store.settle().ok());
    cr_expect(support::exists(marker));
}

Test(image_store, the_build_cache_finds_what_it_was_given_and_keeps_its_layers) {
    const Store store = new_store();
    const Digest key = Digest::of_bytes("RUN true");
    std::string layer;
    {
        const Lease lease = store.make_lease().value();
        Staging staging = store.make_staging().value();
        support::write_file(staging.fs_path() + "/f", "x");
        layer = store.publish_layer(lease, std::move(staging)).value().key;
        cr_expect(!store.find_cached(lease, key).value().has_value());
        cr_assert(store.store_cached(key, {layer}, Json("value")).ok());
    }
    store.sweep({}).value();
    {
        const Lease lease = store.make_lease().value();
        const auto found = store.find_cached(lease, key).value();
        cr_assert(found.has_value());
        cr_expect(found->value == Json("value"));
        cr_expect_eq(store.list_cache().value().size(), 1u);
        cr_expect_eq(store.list_cache().value()[0].size, 1);
    }
    cr_expect_eq(store.prune_cache([](const Store::CacheListed&) { return true; }, {}).value(), 1);
    cr_expect(!store.open_layer(layer).ok());
}

Test(image_store, a_damaged_record_hides_only_itself) {
    const Store store = new_store();
    import(store, tar::file("f", "1"), "a");
    const ImageId other = import(store, tar::file("f", "2"), "b");
    support::write_file(cat(store.root(), "/images/", other.hex(), ".json"), "{");
    support::write_file(store.root() + "/refs/junk.json", "");
    cr_expect_eq(store.list().value().size(), 1u);
    CheckOptions options;
    options.repair = true;
    cr_expect_eq(check_store(store, options, {}).value().problems.size(), 3u);
    cr_expect_eq(check_store(store, options, {}).value().problems.size(), 0u);
}

Test(image_store, a_deep_check_finds_a_changed_file) {
    const Store store = new_store();
    const ImageId id = import(store, tar::file("f", "hello"), "a");
    support::write_file(store.layer_folders(store.load_record(id).value().layers).value()[0] + "/f", "HELLO");
    CheckOptions options;
    cr_expect(check_store(store, options, {}).value().problems.empty());
    options.deep = true;
    cr_expect_eq(check_store(store, options, {}).value().problems.size(), 2u);
}

Test(image_store, history_names_the_parents_rows) {
    const Store store = new_store();
    const Lease lease = store.make_lease().value();
    const ImageId base = build(store, lease, "base");
    const ImageId child = build(store, lease, "child", base);
    const std::vector<HistoryRow> rows = image_history(store, child).value();
    cr_assert_eq(rows.size(), 2u);
    cr_expect(rows[0].id == child && rows[1].id == base);
    cr_expect(rows[0].created_by == "child" && rows[0].size == 5 && rows[1].size == 4);
}

Test(image_store, filters_choose_images) {
    const Store store = new_store();
    import(store, tar::file("f", "1"), "a:1");
    import(store, tar::file("f", "2"), "b:1");
    import(store, tar::file("f", "3"), "b:1");
    const auto names = [&](ImageFilters filters) {
        std::string out;
        for (const ImageRow& row : list_images(store, filters).value()) out += row.name ? row.name->str() + " " : "<none> ";
        return out;
    };
    expect_text(names({}), "b:1 <none> a:1 ");
    expect_text(names({{{"dangling", "true"}}, "", false}), "<none> ");
    expect_text(names({{{"reference", "a*"}}, "", false}), "a:1 ");
    expect_text(names({{{"before", "b:1"}, {"dangling", "false"}}, "", false}), "a:1 ");
    expect_text(names({{{"since", "a:1"}}, "", false}), "b:1 <none> ");
    expect_text(names({{}, "b", false}), "b:1 ");
    const auto unknown = list_images(store, {{{"colour", "red"}}, "", false});
    cr_assert(!unknown.ok());
    expect_text(unknown.error().text(), "filter 'colour': unknown");
}

Test(image_store, the_list_from_the_index_is_the_list) {
    const Store store = new_store();
    const auto text = [&] {
        std::string out;
        for (const Store::Listed& image : store.list().value()) {
            out += cat(image.id.str(), " ", image.record.size, " ", moment_text(image.record.created), " ", image.has_children ? "parent" : "");
            for (const std::string& layer : image.record.layers) out += " " + layer;
            for (const auto* list : {&image.names, &image.digests})
                for (const Reference& name : *list) out += " " + name.full();
            for (const auto& [key, value] : image.record.labels) out += cat(" ", key, "=", value);
            out += "\n";
        }
        return out;
    };
    const Lease lease = store.make_lease().value();
    ImageConfig config = make_image_config();
    config.config.labels = {{"a b", "tab\tand\nline"}, {"c", ""}};
    const ImageId first = store.write_image(lease, config, {}).value();
    for (int i = 0; i < 40; ++i) {
        config.comment = cat(i);
        tag(store, store.write_image(lease, config, {}, first).value(), cat("im", i, ":t"));
    }
    store.tag(first, Reference::parse("im@sha256:" + std::string(64, 'a')).value()).value();
    const std::string before = text();
    ::usleep(100'000);
    cr_expect(text() == before);
    cr_assert(support::exists(store.root() + "/images.index"));
    cr_expect(text() == before);
    tag(store, first, "another");
    cr_expect(text().find("docker.io/library/another:latest") != std::string::npos);
    support::write_file(store.root() + "/images.index", support::read_file(store.root() + "/images.index").substr(0, 300));
    cr_expect(text().find("docker.io/library/another:latest") != std::string::npos);
}

Test(image_store, saved_images_load_elsewhere_with_the_same_id) {
    const Store store = new_store(), other = new_store();
    const ImageId id = import(store, tar::file("f", "1"), "a:1");
    const std::string path = support::temporary_folder() + "/saved.tar";
    {
        const Fd out = sys::open(path, O_WRONLY | O_CREAT, 0600).value();
        cr_assert(save_images(store, {"a:1"}, out).ok());
    }
    const Fd in = sys::open(path, O_RDONLY).value();
    const std::vector<Loaded> loaded = load_images(other, in).value();
    cr_assert_eq(loaded.size(), 1u);
    cr_expect(loaded[0].id == id);
    expect_text(loaded[0].names[0].str(), "a:1");
    cr_expect(other.resolve("a:1").value() == id);
}

Test(image_store, squashing_leaves_one_layer_that_shows_the_same) {
    support::needs_root();
    const Store store = new_store();
    const Lease lease = store.make_lease().value();
    const ImageId base = build(store, lease, "one");
    Staging staging = store.make_staging().value();
    ::mknod((staging.fs_path() + "/one").c_str(), S_IFCHR, 0);
    support::write_file(staging.fs_path() + "/two", "2");
    std::vector<LayerRef> layers = store.layers_of(store.load_record(base).value()).value();
    layers.push_back(store.publish_layer(lease, std::move(staging)).value());
    const ImageId top = store.write_image(lease, make_image_config(), layers, base).value();
    const ImageId flat = squash_image(store, lease, top, {}).value();
    const std::vector<std::string> keys = store.load_record(flat).value().layers;
    cr_assert_eq(keys.size(), 1u);
    const std::string folder = store.layer_folders(keys).value()[0];
    cr_expect(!support::exists(folder + "/one"));
    expect_text(support::read_file(folder + "/two"), "2");
}
