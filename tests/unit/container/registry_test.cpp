#include <criterion/criterion.h>

#include "container/registry.h"
#include "tests/unit/support.h"

using namespace berth;
using namespace berth::container;

TestSuite(container_registry, .timeout = 10);

namespace {

struct Place {
    std::string path = support::temporary_folder();
    Registry registry = Registry::open(path + "/root", path + "/run").value();

    std::string add(const std::string& name) {
        const Registry::Draft draft = registry.make_draft().value();
        Record record;
        record.definition.id = draft.id.str();
        record.definition.name = name;
        registry.reserve_name(name, record.id()).value();
        registry.publish(record, draft.folder, Durability::boot).value();
        return record.id();
    }
    std::string resolve_error(const std::string& reference) {
        const auto found = registry.resolve(reference);
        return found.ok() ? "found" : found.error().text();
    }
};

}  // namespace

Test(container_registry, a_container_is_found_by_id_name_and_prefix) {
    Place place;
    const std::string id = place.add("web");
    cr_expect(place.registry.resolve(id).value() == id);
    cr_expect(place.registry.resolve("web").value() == id);
    cr_expect(place.registry.resolve("/web").value() == id);
    cr_expect(place.registry.resolve(id.substr(0, 6)).value() == id);
}

Test(container_registry, what_is_not_there_is_not_found) {
    Place place;
    place.add("web");
    const std::string text = place.resolve_error("db");
    const std::string hostile = place.resolve_error("../web");
    cr_expect_str_eq(text.c_str(), "no such container: db");
    cr_expect_str_eq(hostile.c_str(), "no such container: ../web");
}

Test(container_registry, a_taken_name_names_its_owner) {
    Place place;
    const std::string id = place.add("web");
    const auto taken = place.registry.reserve_name("web", std::string(64, 'a'));
    cr_assert(!taken.ok());
    const std::string text = taken.error().text();
    const std::string expected = cat("the name 'web' is in use by container ", id.substr(0, 12));
    cr_assert_str_eq(text.c_str(), expected.c_str());
}

Test(container_registry, a_name_whose_container_is_gone_can_be_taken) {
    Place place;
    place.registry.reserve_name("web", std::string(64, 'a')).value();
    cr_assert(place.registry.reserve_name("web", std::string(64, 'b')).ok());
}

Test(container_registry, a_removed_container_leaves_nothing) {
    Place place;
    const std::string id = place.add("web");
    const Definition definition = place.registry.load(id).value().definition;
    place.registry.remove(definition).value();
    cr_expect(!support::exists(place.registry.folder_path(id)));
    cr_expect(!support::exists(place.registry.run_folder_path(id)));
    cr_expect(place.registry.reserve_name("web", std::string(64, 'b')).ok());
    cr_expect(place.registry.remove(definition).ok(), "removing again succeeds");
}

Test(container_registry, the_run_lock_is_seen_while_it_is_held) {
    Place place;
    const std::string id = place.add("web");
    cr_expect(!place.registry.is_run_locked(id).value());
    {
        const auto lock = place.registry.try_run_lock(id).value();
        cr_assert(lock.has_value());
        cr_expect(place.registry.is_run_locked(id).value());
        cr_expect(!place.registry.try_run_lock(id).value().has_value());
    }
    cr_expect(!place.registry.is_run_locked(id).value());
}

Test(container_registry, a_half_made_container_is_invisible_and_swept) {
    Place place;
    std::string id;
    {
        const Registry::Draft draft = place.registry.make_draft().value();
        id = draft.id.str();
        place.registry.sweep().value();
        cr_expect(support::exists(place.registry.folder_path(id)), "not while its maker lives");
    }
    const auto loaded = place.registry.load(id);
    cr_expect(!loaded.ok());
    place.registry.sweep().value();
    cr_expect(!support::exists(place.registry.folder_path(id)));
}

Test(container_registry, the_name_of_a_half_made_container_is_its_makers_only_while_that_lives) {
    Place place;
    std::string id;
    {
        const Registry::Draft draft = place.registry.make_draft().value();
        id = draft.id.str();
        place.registry.reserve_name("web", id).value();
        cr_expect(!place.registry.reserve_name("web", std::string(64, 'b')).ok());
    }
    cr_expect(place.registry.reserve_name("web", std::string(64, 'b')).ok());
    cr_expect(!support::exists(place.registry.folder_path(id)));
    cr_expect(!support::exists(place.registry.run_folder_path(id)));
}

Test(container_registry, losses_of_a_log_are_told_before_the_record_has_them) {
    Place place;
    const std::string id = place.add("web");
    RunState run = place.registry.load(id).value().run;
    run.state.status = Status::running;
    run.state.log_lines_dropped = 5;
    place.registry.store_state(id, run, Durability::boot).value();
    place.registry.note_log_losses(id, 12).value();
    cr_expect_eq(place.registry.load(id).value().run.state.log_lines_dropped, 12u);
    run.state.status = Status::exited;
    run.state.log_lines_dropped = 15;
    place.registry.store_state(id, run, Durability::boot).value();
    cr_expect_eq(place.registry.load(id).value().run.state.log_lines_dropped, 15u);
}
