// pull, push, login, logout, search: images and accounts of registries (docker: the same).

#include <unistd.h>

#include "base/file.h"
#include "cli/cmds.h"
#include "cli/listing.h"
#include "cli/provide_image.h"
#include "cli/terminal.h"
#include "cli/texts.h"
#include "cli/transfer_progress.h"
#include "image/registry.h"

namespace berth::cli {
namespace {

using image::Reference;

void describe_access(Parser& p, image::RegistryAccess& access, bool& verify) {
    p.text("--authfile", access.auth_file, "FILE", "Where accounts are kept (default ~/.docker/config.json)", Values::file);
    p.flag("--tls-verify", verify, "Want https with a known certificate (default true)");
}

struct PullCommand {
    PullWishes wishes;
    bool all_tags = false, verify = true;
};

Result<int> pull(Session& session, PullCommand& options, const std::string& text) {
    options.wishes.access.is_insecure = !options.verify;
    options.wishes.descriptor = STDOUT_FILENO;
    const image::Store* store = TRY(session.images());
    const Reference given = TRY(Reference::parse(text));
    if (options.all_tags) {
        if (!given.tag().empty() || !given.digest().empty()) return Error(Kind::invalid, "tag can't be used with --all-tags/-a");
        for (const std::string& tag : TRY(image::list_remote_tags(*store, given, options.wishes.access)))
            TRY(pull_image(*store, given.with_tag(tag), options.wishes));
        print_line(given.name());
        return 0;
    }
    const Reference name = given.with_default_tag();
    if (given.tag().empty() && given.digest().empty() && !options.wishes.quiet) print_line("Using default tag: latest");
    TRY(pull_image(*store, name, options.wishes));
    print_line(name.full());
    return 0;
}

struct PushCommand {
    image::RegistryAccess access;
    bool all_tags = false, quiet = false, verify = true;
    std::string platform;
};

Result<void> push_one(const image::Store& store, const PushCommand& options, const Reference& name) {
    TRY(push_image(store, name, {options.access, options.quiet, STDOUT_FILENO}));
    if (options.quiet) print_line(name.full());
    return {};
}

Result<int> push(Session& session, PushCommand& options, const std::string& text) {
    options.access.is_insecure = !options.verify;
    container::Engine* engine = TRY(session.engine());
    const image::Store* store = TRY(engine->images());
    const Reference given = TRY(Reference::parse(text));
    if (!given.digest().empty()) return Error(Kind::invalid, "cannot push a digest reference");
    if (!options.all_tags) {
        const Reference name = given.with_default_tag();
        if (!TRY(store->find(name))) return no_such_image(*engine, name.str());
        if (given.tag().empty() && !options.quiet) print_line("Using default tag: latest");
        TRY(push_one(*store, options, name));
        return 0;
    }
    int count = 0;
    for (const auto& listed : TRY(store->list()))
        for (const Reference& name : listed.names)
            if (name.name() == given.name() && !name.tag().empty()) {
                TRY(push_one(*store, options, name));
                ++count;
            }
    if (count == 0) return no_such_image(*engine, given.str());
    return 0;
}

struct LoginCommand {
    image::RegistryAccess access;
    std::string user, password;
    bool from_stdin = false, verify = true;
};

Result<std::string> ask_user() {
    if (!is_terminal(STDIN_FILENO))
        return Error(Kind::invalid, "cannot ask for a user name: standard input is not a terminal")
            .with_hint("use --username and --password-stdin");
    tell("Username: ");
    std::string user;
    for (char c = 0; ::read(STDIN_FILENO, &c, 1) == 1 && c != '\n';) user += c;
    if (user.empty()) return Error(Kind::invalid, "a user name is needed");
    return user;
}

Result<int> login(Session& session, LoginCommand& options, const std::string& server) {
    if (options.from_stdin && !options.password.empty())
        return Error(Kind::invalid, "--password and --password-stdin contradict each other");
    if (options.from_stdin && options.user.empty()) return Error(Kind::invalid, "must provide --username with --password-stdin");
    if (!options.password.empty()) tell("WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n");
    options.access.is_insecure = !options.verify;
    if (options.user.empty()) options.user = TRY(ask_user());
    if (options.from_stdin) {
        const Fd input(::dup(STDIN_FILENO));
        options.password = TRY(read_all(input, 1u << 20), "--password-stdin");
        while (options.password.ends_with('\n') || options.password.ends_with('\r')) options.password.pop_back();
    }
    if (options.password.empty()) options.password = TRY(read_secret("Password: "));
    if (options.password.empty()) return Error(Kind::invalid, "a password is needed");
    const image::Store* store = TRY(session.images());
    const std::string where = TRY(image::login(*store, server, options.user, options.password, options.access));
    tell(cat("The account is kept in ", where, "\n"));
    print_line("Login Succeeded");
    return 0;
}

struct ManifestCommand {
    image::RegistryAccess access;
    bool insecure = false, verify = true;
};

Result<int> inspect_manifest(Session& session, ManifestCommand& options, const std::string& text) {
    options.access.is_insecure = options.insecure || !options.verify;
    const image::Store* store = TRY(session.images());
    const Reference name = TRY(Reference::parse(text));
    const std::string manifest = TRY(image::inspect_remote(*store, name.with_default_tag(), options.access));
    print_line(json_text(TRY(parse_json(manifest)), JsonStyle::indented));
    return 0;
}

struct SearchCommand {
    image::RegistryAccess access;
    std::optional<std::int64_t> limit;
    Words filters;
    bool no_trunc = false, verify = true;
    std::string format;
};

Result<bool> is_wanted(const image::SearchRow& row, const FilterTerms& terms) {
    for (const auto& [key, value] : terms) {
        if (key == "stars") {
            if (row.stars < TRY(parse_integer(value), "--filter stars")) return false;
        } else if (key == "is-official") {
            if (row.is_official != TRY(parse_boolean(value), "--filter is-official")) return false;
        } else if (row.is_automated != TRY(parse_boolean(value), "--filter is-automated")) {
            return false;
        }
    }
    return true;
}

Result<int> search(Session& session, SearchCommand& options, const std::string& term) {
    options.access.is_insecure = !options.verify;
    const std::int64_t limit = options.limit.value_or(25);
    if (limit < 1 || limit > 100) return Error(Kind::invalid, cat("--limit ", limit, ": must be from 1 to 100"));
    const FilterTerms terms = TRY(parse_filters(options.filters));
    TRY(require_keys(terms, "stars|is-official|is-automated", "search"));
    const image::Store* store = TRY(session.images());
    std::vector<Json> rows;
    for (const image::SearchRow& row : TRY(image::search_images(*store, term, limit, options.access))) {
        if (!TRY(is_wanted(row, terms))) continue;
        rows.push_back(make_row({{"Name", row.name},
                                 {"Description", options.no_trunc ? row.description : shortened(row.description, 45)},
                                 {"StarCount", cat(row.stars)},
                                 {"IsOfficial", row.is_official ? "[OK]" : ""},
                                 {"IsAutomated", row.is_automated ? "[OK]" : ""}}));
    }
    ListingOptions listing;
    listing.format = options.format;
    listing.columns = {{"Name", "NAME"}, {"Description", "DESCRIPTION"}, {"StarCount", "STARS"}, {"IsOfficial", "OFFICIAL"}};
    TRY(print_listing(listing, rows));
    return 0;
}

}  // namespace

Action define_pull(Parser& p) {
    const auto options = std::make_shared<PullCommand>();
    p.usage("NAME[:TAG|@DIGEST]", 1, 1, Values::image);
    p.flag("-a,--all-tags", options->all_tags, "All tags of the repository");
    p.flag("-q,--quiet", options->wishes.quiet, "Print the image's name only");
    p.text("--platform", options->wishes.platform, "OS/ARCH", "Platform to pull (default: this machine's)");
    describe_access(p, options->wishes.access, options->verify);
    p.ignored("--disable-content-trust", "", "digests are always verified");
    p.example("berth pull debian:12", "from docker's hub");
    p.example("berth pull registry.example.org/team/app@sha256:…", "exactly this one");
    p.see_also("push, run, images, login");
    return [options](Session& session, const Words& arguments) { return pull(session, *options, arguments[0]); };
}

Action define_push(Parser& p) {
    const auto options = std::make_shared<PushCommand>();
    p.usage("NAME[:TAG]", 1, 1, Values::image);
    p.flag("-a,--all-tags", options->all_tags, "All tags of the repository");
    p.flag("-q,--quiet", options->quiet, "Print the image's name only");
    p.text("--platform", options->platform, "OS/ARCH", "Platform to push; there is one");
    p.last_is_hidden();
    describe_access(p, options->access, options->verify);
    p.ignored("--disable-content-trust", "", "nothing is signed");
    p.example("berth tag app localhost:5000/app && berth push localhost:5000/app", "to a registry of your own");
    p.see_also("pull, tag, login");
    return [options](Session& session, const Words& arguments) { return push(session, *options, arguments[0]); };
}

Action define_manifest_inspect(Parser& p) {
    const auto options = std::make_shared<ManifestCommand>();
    p.usage("NAME[:TAG|@DIGEST]", 1, 1, Values::image);
    p.flag("--insecure", options->insecure, "Also without https or with an unknown certificate (as --tls-verify=false)");
    describe_access(p, options->access, options->verify);
    p.about("Prints what a registry has under a name: the manifest of an image, or the index of an image for several platforms. "
            "Nothing is fetched into the store.");
    p.example("berth manifest inspect debian:12 | jq -r '.manifests[].platform.architecture'", "for which machines there is one");
    p.see_also("pull, image inspect");
    return [options](Session& session, const Words& arguments) { return inspect_manifest(session, *options, arguments[0]); };
}

Action define_login(Parser& p) {
    const auto options = std::make_shared<LoginCommand>();
    p.usage("[SERVER]", 0, 1);
    p.text("-u,--username", options->user, "NAME", "User name");
    p.text("-p,--password", options->password, "PASSWORD", "Password; seen by other users in the process list");
    p.flag("--password-stdin", options->from_stdin, "Read the password from stdin");
    describe_access(p, options->access, options->verify);
    p.about("Keeps an account for a registry (docker's hub when none is named) once the registry has accepted it: with the "
            "credential helper that the file names for it (credHelpers, credsStore), else in the file.");
    p.example("pass show registry | berth login -u me --password-stdin registry.example.org", "without showing the password");
    p.see_also("logout, pull, push");
    return [options](Session& session, const Words& arguments) {
        return login(session, *options, arguments.empty() ? "" : arguments[0]);
    };
}

Action define_logout(Parser& p) {
    struct Options {
        image::RegistryAccess access;
        bool verify = true;
    };
    const auto options = std::make_shared<Options>();
    p.usage("[SERVER]", 0, 1);
    p.text("--authfile", options->access.auth_file, "FILE", "Where accounts are kept", Values::file);
    p.see_also("login");
    return [options](Session&, const Words& arguments) -> Result<int> {
        const std::string server = arguments.empty() ? "" : arguments[0];
        const std::string shown = server.empty() ? "https://index.docker.io/v1/" : server;
        const bool was_known = TRY(image::logout(server, options->access));
        print_line(was_known ? cat("Removing login credentials for ", shown) : cat("Not logged in to ", shown));
        return 0;
    };
}

Action define_search(Parser& p) {
    const auto options = std::make_shared<SearchCommand>();
    p.usage("TERM", 1, 1);
    describe_filters(p, "-f,--filter", options->filters, "Show some: stars=N, is-official=true, is-automated=true");
    describe_format(p, options->format);
    p.parsed<std::int64_t>("--limit", options->limit, parse_integer, "NUMBER", "At most so many (default 25)");
    p.flag("--no-trunc", options->no_trunc, "Show descriptions in full");
    describe_access(p, options->access, options->verify);
    p.see_also("pull");
    return [options](Session& session, const Words& arguments) { return search(session, *options, arguments[0]); };
}

}  // namespace berth::cli
