#pragma once
// Every command's description: each tells a Parser what it takes and returns what it does. The table that names them is
// in commands.cpp.

#include <memory>

#include "cli/session.h"

namespace berth::cli {

Action define_run(Parser& parser);
Action define_exec(Parser& parser);
Action define_create(Parser& parser);
Action define_start(Parser& parser);
Action define_stop(Parser& parser);
Action define_restart(Parser& parser);
Action define_kill(Parser& parser);
Action define_pause(Parser& parser);
Action define_unpause(Parser& parser);
Action define_rm(Parser& parser);
Action define_attach(Parser& parser);
Action define_healthcheck(Parser& parser);
Action define_wait(Parser& parser);
Action define_ps(Parser& parser);
Action define_logs(Parser& parser);
Action define_inspect(Parser& parser);
Action define_container_inspect(Parser& parser);
Action define_top(Parser& parser);
Action define_stats(Parser& parser);
Action define_port(Parser& parser);
Action define_diff(Parser& parser);
Action define_cp(Parser& parser);
Action define_commit(Parser& parser);
Action define_export(Parser& parser);
Action define_rename(Parser& parser);
Action define_update(Parser& parser);
Action define_container_prune(Parser& parser);
Action define_images(Parser& parser);
Action define_build(Parser& parser);
Action define_tag(Parser& parser);
Action define_image_rename(Parser& parser);
Action define_rmi(Parser& parser);
Action define_history(Parser& parser);
Action define_import(Parser& parser);
Action define_save(Parser& parser);
Action define_load(Parser& parser);
Action define_image_inspect(Parser& parser);
Action define_pull(Parser& parser);
Action define_push(Parser& parser);
Action define_login(Parser& parser);
Action define_logout(Parser& parser);
Action define_search(Parser& parser);
Action define_manifest_inspect(Parser& parser);
Action define_image_prune(Parser& parser);
Action define_network_ls(Parser& parser);
Action define_network_create(Parser& parser);
Action define_network_inspect(Parser& parser);
Action define_network_rm(Parser& parser);
Action define_network_connect(Parser& parser);
Action define_network_disconnect(Parser& parser);
Action define_network_prune(Parser& parser);
Action define_volume_ls(Parser& parser);
Action define_volume_create(Parser& parser);
Action define_volume_inspect(Parser& parser);
Action define_volume_rm(Parser& parser);
Action define_volume_prune(Parser& parser);
Action define_volume_export(Parser& parser);
Action define_volume_import(Parser& parser);
Action define_events(Parser& parser);
Action define_system_df(Parser& parser);
Action define_system_prune(Parser& parser);
Action define_system_check(Parser& parser);
Action define_builder_du(Parser& parser);
Action define_builder_prune(Parser& parser);
Action define_builder_shell(Parser& parser);
Action define_info(Parser& parser);
Action define_version(Parser& parser);
Action define_completion(Parser& parser);
Action define_config_show(Parser& parser);
Action define_config_check(Parser& parser);
Action define_container_clone(Parser& parser);
Action define_dash(Parser& parser);
Action define_complete(Parser& parser);
Action define_man(Parser& parser);

}  // namespace berth::cli
