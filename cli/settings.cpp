// The door to toml++ (header-only, without exceptions).

#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include "cli/settings.h"

#include <algorithm>
#include <cstdlib>

#include "base/file.h"
#include "cli/texts.h"

namespace berth::cli {
namespace {

Result<std::string> value_text(const toml::node& node) {
    if (const auto* text = node.as_string()) return text->get();
    if (const auto* whole = node.as_integer()) return cat(whole->get());
    if (const auto* boolean = node.as_boolean()) return std::string(boolean->get() ? "true" : "false");
    if (const auto* number = node.as_floating_point()) {
        char digits[40];
        return std::string(digits, std::to_chars(digits, digits + sizeof digits, number->get()).ptr);
    }
    return Error(Kind::invalid, "expected a text, a number, true or false, or a list of these");
}

std::string home_config() {
    if (const char* folder = std::getenv("XDG_CONFIG_HOME"); folder != nullptr && *folder == '/')
        return cat(folder, "/berth/berth.toml");
    const char* home = std::getenv("HOME");
    return home != nullptr && *home == '/' ? cat(home, "/.config/berth/berth.toml") : "";
}

std::vector<std::string> file_names() {
    if (const char* only = std::getenv("BERTH_CONFIG"); only != nullptr)
        return *only == '\0' ? std::vector<std::string>{} : std::vector<std::string>{only};
    std::vector<std::string> names{"/etc/berth/berth.toml"};
    if (const auto folder = sys::open("/etc/berth/berth.toml.d", O_RDONLY | O_DIRECTORY); folder.ok())
        if (const auto listed = list_folder(folder.value()); listed.ok())
            for (const std::string& name : listed.value())
                if (name.ends_with(".toml")) names.push_back(cat("/etc/berth/berth.toml.d/", name));
    if (std::string own = home_config(); !own.empty()) names.push_back(std::move(own));
    return names;
}

}  // namespace

Result<Settings> Settings::parse(const std::string& path, std::string_view text) {
    Settings out;
    toml::parse_result parsed = toml::parse(text, path);
    if (!parsed) {
        const toml::parse_error& error = parsed.error();
        return Error(Kind::invalid, cat(path, ":", error.source().begin.line, ": ", error.description()));
    }
    for (const auto& [section, content] : parsed.table()) {
        const std::string origin = cat(path, ":", content.source().begin.line);
        const toml::table* table = content.as_table();
        if (table == nullptr)
            return Error(Kind::invalid, cat(origin, ": '", section.str(), "' stands outside of a table"))
                .with_hint("write it below [berth] or below the name of a command");
        for (const auto& [key, node] : *table) {
            Setting setting{std::string(section.str()), std::string(key.str()), {}, cat(path, ":", node.source().begin.line)};
            if (const toml::array* list = node.as_array()) {
                for (const toml::node& element : *list)
                    setting.values.push_back(TRY(value_text(element), setting.origin, ": ", setting.key));
            } else {
                setting.values.push_back(TRY(value_text(node), setting.origin, ": ", setting.key));
            }
            out.all_.push_back(std::move(setting));
        }
    }
    return out;
}

Result<Settings> Settings::load() {
    Settings out;
    for (const std::string& name : file_names()) {
        const auto text = read_file(name, 1u << 20);
        if (!text.ok() && text.error().code() != ENOENT && text.error().code() != ENOTDIR)
            return Error(text.error().kind(), text.error().text());
        out.files_.emplace_back(name, text.ok());
        if (!text.ok()) continue;
        Settings one = TRY(parse(name, text.value()));
        out.all_.insert(out.all_.end(), one.all_.begin(), one.all_.end());
    }
    return out;
}

Result<void> Settings::apply(std::string_view command, const Parser& parser) const {
    std::string section(command);
    std::ranges::replace(section, ' ', '-');
    for (const Setting& setting : all_) {
        if (setting.section != section) continue;
        const Option* option = parser.find_long(setting.key);
        if (option == nullptr) {
            std::vector<std::string> names;
            for (const Option& known : parser.options()) names.emplace_back(known.long_name());
            Error error(Kind::invalid, cat(setting.origin, ": '", setting.key, "' is no option of ", command));
            const std::string near = nearest_word(setting.key, names);
            return near.empty() ? std::move(error) : std::move(error).with_hint(cat("did you mean '", near, "'?"));
        }
        for (const std::string& value : setting.values) TRY(option->set(value), setting.origin, ": ", setting.key);
    }
    return {};
}

}  // namespace berth::cli
