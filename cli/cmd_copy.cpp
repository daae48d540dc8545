// cp, diff, commit: files in and out of containers, and what changed in them (docker: the same).

#include <fcntl.h>
#include <unistd.h>

#include "builder/build.h"
#include "cli/cmds.h"
#include "cli/listing.h"
#include "cli/texts.h"
#include "container/commit.h"
#include "container/copy.h"
#include "container/diff.h"
#include "image/reference.h"

namespace berth::cli {
namespace {

using Place = container::CopyPlace;

struct CopyCommand {
    bool archive = false, follow_link = false, quiet = false, between = false;
};

// On a terminal: how much is copied so far, and a summary. docker: nothing at all otherwise.
constexpr std::string_view clear_line = "\r\x1b[K";
void show_progress(std::uint64_t bytes) {
    pass_on(STDERR_FILENO, cat(clear_line, "Copying: ", decimal_size(static_cast<std::int64_t>(bytes))));
}

Result<container::CopySummary> copy_between(container::Engine& engine, const Place& from, const Place& to,
                                            const container::CopyOptions& options) {
    const container::Record source = TRY(container::find(engine, from.container));
    const container::Record target = TRY(container::find(engine, to.container));
    return container::copy_across(engine, source, from.path, target, to.path, options);
}

Result<container::CopySummary> copy(container::Engine& engine, const Place& from, const Place& to,
                                    const container::CopyOptions& options) {
    if (from.kind == Place::Kind::container && to.kind == Place::Kind::container) return copy_between(engine, from, to, options);
    if (from.kind == Place::Kind::container) {
        const container::Record record = TRY(container::find(engine, from.container));
        if (to.kind == Place::Kind::host) return container::copy_out(engine, record, from.path, to.path, options);
        return container::copy_archive_out(engine, record, from.path, Fd(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)), options);
    }
    if (to.kind == Place::Kind::container) {
        const container::Record record = TRY(container::find(engine, to.container));
        if (from.kind == Place::Kind::host) return container::copy_in(engine, record, from.path, to.path, options);
        return container::copy_archive_in(engine, record, Fd(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)), to.path, options);
    }
    return Error(Kind::invalid, "one of the two must be a container's path")
        .with_hint("such as 'berth cp web:/etc/hosts .' or 'berth cp ./conf web:/etc/conf'");
}

Result<int> cp(Session& session, const CopyCommand& command, const Words& arguments) {
    const Place from = container::parse_copy_place(arguments[0]);
    const Place to = container::parse_copy_place(arguments[1]);
    const bool is_between = from.kind == Place::Kind::container && to.kind == Place::Kind::container;
    if (is_between && !command.between)
        return Error(Kind::invalid, "copying between containers is not supported")
            .with_hint("docker refuses it, so berth wants to be told: berth cp --between SOURCE TARGET");
    for (const Place* place : {&from, &to})
        if (place->kind == Place::Kind::container && place->path.empty())
            return Error(Kind::invalid, cat("'", place->container, ":': the path in the container is missing"))
                .with_hint(cat("its root is ", place->container, ":/"));
    container::CopyOptions options;
    options.archive = command.archive;
    options.follow_link = command.follow_link;
    const bool shows =
        !command.quiet && is_terminal(STDERR_FILENO) && from.kind != Place::Kind::stream && to.kind != Place::Kind::stream;
    if (shows) options.progress = show_progress;
    container::Engine* engine = TRY(session.engine());
    const container::CopySummary summary = TRY(copy(*engine, from, to, options));
    if (shows) {
        pass_on(STDERR_FILENO, clear_line);
        tell(cat("Successfully copied ", decimal_size(static_cast<std::int64_t>(summary.bytes)), " (", summary.entries,
                 summary.entries == 1 ? " entry" : " entries", ") to ", arguments[1], "\n"));
    }
    return 0;
}

struct CommitCommand {
    container::CommitOptions commit;
    Words changes;
    bool pause = true;
};

Result<int> commit(Session& session, const CommitCommand& command, const Words& arguments) {
    container::CommitOptions options;
    options.author = command.commit.author;
    options.comment = command.commit.comment;
    options.squash = command.commit.squash;
    options.pause = command.pause;
    if (arguments.size() > 1) {
        TRY(image::Reference::parse_tagged(arguments[1]));
        options.reference = arguments[1];
    }
    options.edit = [&](image::RunConfig& config) { return builder::apply_changes(config, command.changes); };
    container::Engine* engine = TRY(session.engine());
    const container::Record record = TRY(container::find(*engine, arguments[0]));
    print_line(TRY(container::commit(*engine, record, options)).str());
    return 0;
}

}  // namespace

Action define_cp(Parser& p) {
    const auto options = std::make_shared<CopyCommand>();
    p.usage("SOURCE|- TARGET|-", 2, 2, Values::container_path);
    p.later_arguments_are(Values::container_path);
    p.flag("-a,--archive", options->archive, "Keep owners");
    p.flag("-L,--follow-link", options->follow_link, "Copy what a link points to instead of the link");
    p.flag("-q,--quiet", options->quiet, "Show no progress");
    p.flag("--between", options->between, "Allow both to be containers");
    p.about(
        "Copies files between a container and the host, between two containers, or as a tar stream (-). A container's path is "
        "written CONTAINER:PATH; the container may be stopped. A folder whose name ends in /. stands for its contents.");
    p.example("berth cp web:/etc/nginx/nginx.conf .", "out");
    p.example("berth cp ./site/. web:/usr/share/nginx/html", "in: the contents of a folder");
    p.example("berth cp db:/var/log - | tar tf -", "as a stream");
    p.see_also("diff, export, commit");
    return [options](Session& session, const Words& arguments) { return cp(session, *options, arguments); };
}

Action define_diff(Parser& p) {
    const auto format = std::make_shared<std::string>();
    p.usage("CONTAINER", 1, 1, Values::container);
    describe_format(p, *format);
    p.about("Shows what a container changed of its image: A added, C changed, D deleted. Volumes are not shown.");
    p.see_also("commit, export");
    return [format](Session& session, const Words& arguments) -> Result<int> {
        container::Engine* engine = TRY(session.engine());
        std::vector<Json> rows;
        std::string plain;
        const container::Record record = TRY(container::find(*engine, arguments[0]));
        for (const container::Change& change : TRY(container::diff(*engine, record))) {
            const std::string_view kind = change.kind == container::ChangeKind::added     ? "A"
                                          : change.kind == container::ChangeKind::deleted ? "D"
                                                                                          : "C";
            if (format->empty())
                plain += cat(kind, " ", change.path, "\n");
            else
                rows.push_back(make_row({{"Path", change.path}, {"Type", kind}}));
        }
        if (format->empty()) return print(plain), 0;
        ListingOptions listing;
        listing.format = *format;
        listing.columns = {{"Type", "CHANGE TYPE"}, {"Path", "PATH"}};
        TRY(print_listing(listing, rows));
        return 0;
    };
}

Action define_commit(Parser& p) {
    const auto options = std::make_shared<CommitCommand>();
    p.usage("CONTAINER [NAME[:TAG]]", 1, 2, Values::container);
    p.text("-a,--author", options->commit.author, "NAME", "Author of the image");
    p.text("-m,--message", options->commit.comment, "TEXT", "What changed, for history");
    p.list("-c,--change", options->changes, "INSTRUCTION", "Apply a Dockerfile instruction: CMD, ENTRYPOINT, ENV, EXPOSE, …");
    p.flag("-p,--pause", options->pause, "Freeze the container meanwhile (default true)");
    p.flag("--squash", options->commit.squash, "One layer of everything instead of one more");
    p.about("Makes an image of what a container changed, without its volumes, and prints its id.");
    p.example("berth commit -m 'install curl' -a 'Me <me@example.org>' work tools:1", "keep what you did by hand");
    p.see_also("diff, build, history");
    return [options](Session& session, const Words& arguments) { return commit(session, *options, arguments); };
}

}  // namespace berth::cli
